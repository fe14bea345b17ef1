//! A disk, by what does not change about it.
use crate::Nas;
use homelab_core::Site;
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// What a disk is found by. Kernel names (`sdb`) move between boots and are looked up just before they are used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskName {
    /// The serial number, as on its label.
    Serial(String),
    /// The place: the number of the enclosure and of its slot, as the web interface shows them.
    Slot {
        /// The enclosure.
        enclosure: u32,
        /// The slot in it.
        slot: u32,
    },
}

impl fmt::Display for DiskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskName::Serial(serial) => f.write_str(serial),
            DiskName::Slot { enclosure, slot } => write!(f, "enclosure {enclosure} slot {slot}"),
        }
    }
}

impl FromStr for DiskName {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.strip_prefix("enclosure ").and_then(|rest| rest.split_once(" slot "));
        let place = place.and_then(|(enclosure, slot)| Some((enclosure.parse().ok()?, slot.parse().ok()?)));
        Ok(match place {
            Some((enclosure, slot)) => DiskName::Slot { enclosure, slot },
            None => DiskName::Serial(text.to_owned()),
        })
    }
}

impl Serialize for DiskName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A disk of a NAS. Neither `Copy` nor `Clone`: it is moved into one vdev, or into none.
///
/// ```compile_fail,E0382
/// # use homelab_core::Site;
/// # use homelab_truenas::{Nas, Pool, topology::NasDisks};
/// # const NAS: Site<Nas> = Site::named("nas");
/// let [a, b, c] = NAS.disks(["A", "B", "C"]);
/// Pool::named("one").on(NAS).mirror([a, b]).mirror([b, c]); // error: use of moved value: `b`
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Disk {
    pub(crate) name: DiskName,
    pub(crate) site: &'static str,
}

/// The disks of a NAS, named on its site: `NAS.disks(["ZA1", "ZA2"])`.
pub trait NasDisks {
    /// Disks by their serial numbers.
    fn disks<const N: usize>(self, serials: [&str; N]) -> [Disk; N];
    /// Disks by their slots in an enclosure, which the NAS has to know (`disk.details` shows it).
    fn slots<const N: usize>(self, enclosure: u32, slots: [u32; N]) -> [Disk; N];
}

impl NasDisks for Site<Nas> {
    fn disks<const N: usize>(self, serials: [&str; N]) -> [Disk; N] {
        serials.map(|serial| Disk { name: DiskName::Serial(serial.to_owned()), site: self.name() })
    }
    fn slots<const N: usize>(self, enclosure: u32, slots: [u32; N]) -> [Disk; N] {
        slots.map(|slot| Disk { name: DiskName::Slot { enclosure, slot }, site: self.name() })
    }
}

/// Disks in rows of equal width: `rows::<6, 4, 24>(disks)` are four vdevs of six.
#[must_use]
pub fn rows<const WIDTH: usize, const ROWS: usize, const N: usize>(disks: [Disk; N]) -> [[Disk; WIDTH]; ROWS] {
    const { assert!(WIDTH * ROWS == N, "this many rows of this width need another number of disks") };
    let mut disks = disks.into_iter();
    std::array::from_fn(|_| {
        std::array::from_fn(|_| disks.next().unwrap_or_else(|| unreachable!("the compiler has counted them")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_read_back_as_it_was_printed() {
        for name in [
            DiskName::Serial("ZA1".into()),
            DiskName::Slot { enclosure: 1, slot: 7 },
            DiskName::Serial("enclosure".into()),
        ] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn rows_keep_the_order_of_the_disks() {
        let disks = Site::<Nas>::named("nas").disks(["A", "B", "C", "D"]);
        let [[a, _], [c, _]] = rows::<2, 2, 4>(disks);
        assert_eq!((a.name.to_string(), c.name.to_string()), ("A".into(), "C".into()));
    }
}
