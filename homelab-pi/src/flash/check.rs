//! Everything that forbids writing a device.
use super::Device;
use std::fmt;

/// The sizes between which something is likely a card, in bytes: 4 to 256 GB, with some room for how vendors count.
const CARD: std::ops::RangeInclusive<u64> = 3_500_000_000..=260_000_000_000;

/// What may be written all the same, because somebody said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Devices of any size.
    pub any_size: bool,
    /// Devices with no hardware behind them: loop devices.
    pub virtual_too: bool,
}

/// Why a device is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is a part of a disk.
    Partition {
        /// The disk.
        of: String,
    },
    /// It is built in.
    NotRemovable,
    /// There is no hardware behind it.
    Virtual,
    /// It cannot be written.
    ReadOnly,
    /// There is no card in the slot.
    Empty,
    /// Nobody makes such cards.
    StrangeSize(u64),
    /// The image does not fit.
    TooSmall {
        /// Bytes that are there.
        has: u64,
        /// Bytes that are needed.
        needs: u64,
    },
    /// The running system stands on it.
    System(String),
    /// Something is mounted from it.
    Mounted(String),
    /// Something else uses it.
    Held(String),
}

impl Refusal {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Refusal::Partition { of } => format!("a card is written as a whole: {of}"),
            Refusal::NotRemovable => {
                "cards are in a slot or on USB; `lsblk -o NAME,SIZE,MODEL,TRAN` shows which is which".into()
            }
            Refusal::Virtual => "a loop device is written with `--virtual`".into(),
            Refusal::ReadOnly => "SD cards have a lock at their side".into(),
            Refusal::Empty => "put a card into the slot".into(),
            Refusal::StrangeSize(_) => "if this is the card after all, say `--any-size`".into(),
            Refusal::TooSmall { .. } => "take a larger card".into(),
            Refusal::System(_) => "this is the disk that you are working on".into(),
            Refusal::Mounted(at) => format!("unmount it first, if nothing on it is needed: `umount {at}`"),
            Refusal::Held(_) => {
                "deactivate what uses it (`vgchange -an`, `mdadm --stop`, `zpool export`, `swapoff`)".into()
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = |bytes: &u64| bytes / 1_000_000;
        match self {
            Refusal::Partition { of } => write!(f, "it is a partition of {of}"),
            Refusal::NotRemovable => write!(f, "it cannot be taken out, so it is no card"),
            Refusal::Virtual => write!(f, "there is no hardware behind it"),
            Refusal::ReadOnly => write!(f, "it is read-only"),
            Refusal::Empty => write!(f, "there is no card in it"),
            Refusal::StrangeSize(bytes) => write!(f, "it has {} MB, which is no card's size", mb(bytes)),
            Refusal::TooSmall { has, needs } => write!(f, "it has {} MB, and the image needs {}", mb(has), mb(needs)),
            Refusal::System(at) => write!(f, "the running system stands on it: {at}"),
            Refusal::Mounted(at) => write!(f, "it is mounted at {at}"),
            Refusal::Held(by) => write!(f, "it is in use: {by}"),
        }
    }
}

/// Everything that forbids writing an image of so many bytes to a device; nothing if it may be.
#[must_use]
pub fn check(device: &Device, needs: u64, limits: Limits) -> Vec<Refusal> {
    let mut all = vec![];
    all.extend(device.part_of.clone().map(|of| Refusal::Partition { of }));
    let systems = device.mounts.iter().filter(|m| m.is_the_systems());
    all.extend(systems.map(|m| Refusal::System(m.at.clone())));
    let mounted = device.mounts.iter().filter(|m| !m.is_the_systems() && !m.is_a_desktops());
    all.extend(mounted.map(|m| Refusal::Mounted(m.at.clone())));
    all.extend(device.holders.iter().cloned().map(Refusal::Held));
    let mut when = |holds: bool, refusal: Refusal| all.extend(holds.then_some(refusal));
    when(device.is_virtual && !limits.virtual_too, Refusal::Virtual);
    when(!device.is_virtual && !device.is_removable, Refusal::NotRemovable);
    when(device.is_read_only, Refusal::ReadOnly);
    when(device.size == 0, Refusal::Empty);
    let strange = device.size > 0 && !CARD.contains(&device.size) && !limits.any_size;
    when(strange, Refusal::StrangeSize(device.size));
    when(device.size > 0 && device.size < needs, Refusal::TooSmall { has: device.size, needs });
    all
}
