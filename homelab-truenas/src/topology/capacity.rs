//! What fits on a vdev, in ZFS's own arithmetic.
//!
//! From `vdev_raidz_asize`, `vdev_draid_asize` and `spa_get_slop_space` of OpenZFS 2.3: sectors of 4 KiB (TrueNAS makes every pool
//! with ashift 12), usable room told for blocks of 128 KiB, as `zfs list` does. Real pools hold one or two percent less or more:
//! metaslabs are rounded, and other record sizes waste more or less. It is good for sizing and for refusing what cannot fit.
use super::{Layout, Role};
use homelab_core::units::Size;

const SECTOR: u64 = 4096;
/// The block that ZFS tells sizes for.
const BLOCK: u64 = 128 << 10;
/// Labels at both ends, and the boot block (`VDEV_LABEL_START_SIZE`, `VDEV_LABEL_END_SIZE`), rounded up with the partition's alignment.
const OVERHEAD: u64 = 6 << 20;
/// A disk's room is given out in pieces of this size on disks of more than a few hundred GiB.
const METASLAB: u64 = 1 << 34;
/// One part in 32 of a pool is kept back, but not more than this.
const SLOP_SHIFT: u32 = 5;
const SLOP_LEAST: u64 = 128 << 20;
const SLOP_MOST: u64 = 128 << 30;

/// How many bytes on disk a block of data takes on a vdev of this layout and width.
#[must_use]
pub const fn allocated(layout: Layout, width: usize, block: Size) -> Size {
    let sectors = block.as_bytes().div_ceil(SECTOR);
    let width = width as u64;
    let taken = match layout {
        Layout::Stripe => sectors,
        // Told as one copy: the room of a mirror is that of one disk.
        Layout::Mirror => sectors,
        Layout::Raidz(parity) => {
            let parity = parity as u64;
            let data = if width > parity { width - parity } else { 1 };
            let all = sectors + sectors.div_ceil(data) * parity;
            all.next_multiple_of(parity + 1)
        }
        Layout::Draid { parity, data, .. } => {
            let data = if data == 0 { 1 } else { data as u64 };
            sectors.div_ceil(data) * (data + parity as u64)
        }
    };
    Size::bytes(taken * SECTOR)
}

/// The room of one vdev, given the size of its smallest disk, before what ZFS keeps back.
#[must_use]
pub const fn room(layout: Layout, width: usize, smallest: Size) -> Size {
    let disk = smallest.as_bytes().saturating_sub(OVERHEAD);
    let disk = if disk > 16 * METASLAB { disk / METASLAB * METASLAB } else { disk / SECTOR * SECTOR };
    let raw = match layout {
        Layout::Mirror => disk,
        Layout::Draid { spares, .. } => disk * (width as u64).saturating_sub(spares as u64),
        Layout::Stripe | Layout::Raidz(_) => disk * width as u64,
    };
    let per_block = allocated(layout, width, Size::bytes(BLOCK)).as_bytes();
    Size::bytes((raw as u128 * BLOCK as u128 / per_block as u128) as u64)
}

/// The usable room of a pool: its data vdevs, each with its smallest disk, less what ZFS keeps back for itself.
#[must_use]
pub fn usable(vdevs: impl IntoIterator<Item = (Role, Layout, usize, Size)>) -> Size {
    let data = vdevs.into_iter().filter(|(role, ..)| *role == Role::Data);
    let all: u64 = data.map(|(_, layout, width, smallest)| room(layout, width, smallest).as_bytes()).sum();
    let slop = (all >> SLOP_SHIFT).clamp(SLOP_LEAST, SLOP_MOST);
    Size::bytes(all.saturating_sub(slop))
}

/// A size as a person says it, with one digit after the point: `21.4 TiB`.
#[must_use]
pub fn about(size: Size) -> String {
    let bytes = size.as_bytes() as f64;
    let units = [("TiB", 1u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)];
    let (unit, one) = units.into_iter().find(|(_, one)| size.as_bytes() >= *one).unwrap_or(("KiB", 1 << 10));
    format!("{:.1} {unit}", bytes / one as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::units::SizeUnits;
    use proptest::prelude::*;

    fn tib(size: Size) -> f64 {
        size.as_bytes() as f64 / (1u64 << 40) as f64
    }

    #[test]
    fn the_reference_pools_hold_what_calculators_of_zfs_say() {
        let bulk = usable([(Role::Data, Layout::Raidz(2), 5, 8.tb()), (Role::Log, Layout::Mirror, 2, 200.gb())]);
        assert!((21.3..21.6).contains(&tib(bulk)), "{bulk:?}");
        let fast = usable((0..4).map(|_| (Role::Data, Layout::Raidz(2), 6, 900.gb())));
        assert!((12.6..12.9).contains(&tib(fast)), "{fast:?}");
    }

    #[test]
    fn padding_is_counted() {
        // Four disks of RAIDZ2: 32 sectors of data and as many of parity, and 64 is no multiple of three.
        assert_eq!(allocated(Layout::Raidz(2), 4, 128.kib()), (66 * 4).kib());
        // A block of one sector costs as much as a mirror of three.
        assert_eq!(allocated(Layout::Raidz(2), 6, 4.kib()), 12.kib());
        assert_eq!(about(usable([(Role::Data, Layout::Mirror, 2, 4.tb())])), "3.5 TiB");
    }

    proptest! {
        #[test]
        fn a_vdev_holds_no_more_than_the_disks_that_may_not_fail(
            parity in 1..=3u8, more in 0..20usize, gb in 20..20_000u64,
        ) {
            let layout = Layout::Raidz(parity);
            let width = layout.least() + more;
            let held = room(layout, width, gb.gb()).as_bytes();
            prop_assert!(held <= gb.gb().as_bytes() * (width - layout.may_fail(width)) as u64);
            prop_assert!(held * 3 > gb.gb().as_bytes(), "and not absurdly little");
        }

        #[test]
        fn more_disks_and_larger_ones_hold_more(parity in 1..=3u8, more in 0..20usize, gb in 20..20_000u64) {
            let layout = Layout::Raidz(parity);
            let width = layout.least() + more;
            prop_assert!(room(layout, width, gb.gb()) <= room(layout, width, (gb + 1).gb()));
            prop_assert!(room(layout, width, gb.gb()) < room(layout, width + 1, gb.gb()));
            let one = usable([(Role::Data, layout, width, gb.gb())]);
            let two = usable([(Role::Data, layout, width, gb.gb()), (Role::Data, layout, width, gb.gb())]);
            prop_assert!(one < two);
        }

        #[test]
        fn what_only_serves_the_pool_adds_no_room(gb in 20..20_000u64) {
            let data = (Role::Data, Layout::Mirror, 2, gb.gb());
            let with = [Role::Log, Role::Cache, Role::Spare, Role::Special, Role::Dedup].map(|r| (r, Layout::Mirror, 2, gb.gb()));
            prop_assert_eq!(usable([data]), usable([data].into_iter().chain(with)));
        }
    }
}
