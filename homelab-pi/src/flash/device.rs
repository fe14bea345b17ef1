//! A block device, as it is seen before it is written.
use std::{fmt, path::PathBuf};

/// A device with all that speaks for and against writing it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The file that is written: `/dev/sdb`, `/dev/rdisk4`.
    pub path: PathBuf,
    /// What it calls itself: `SD Card Reader`.
    pub model: String,
    /// Its serial number; empty if it has none.
    pub serial: String,
    /// Bytes.
    pub size: u64,
    /// The disk that it is a part of, if it is not a whole one.
    pub part_of: Option<String>,
    /// Whether it can be taken out: it says so, or hangs on USB or in a card slot.
    pub is_removable: bool,
    /// Whether there is no hardware behind it: a loop device, a RAM disk.
    pub is_virtual: bool,
    /// Whether it cannot be written.
    pub is_read_only: bool,
    /// Where it, or anything on it, is mounted.
    pub mounts: Vec<Mount>,
    /// What else uses it: `LVM volume dm-0`, `swap`.
    pub holders: Vec<String>,
    /// The kernel's number of this very insertion, where it counts them.
    pub insertion: Option<u64>,
}

/// A place where a part of a device is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What.
    pub device: String,
    /// Where.
    pub at: String,
}

impl Mount {
    /// Whether a desktop puts cards there by itself, so that it may simply be unmounted.
    #[must_use]
    pub fn is_a_desktops(&self) -> bool {
        ["/media/", "/run/media/", "/Volumes/"].iter().any(|dir| self.at.starts_with(dir))
    }

    /// Whether the running system stands on it.
    #[must_use]
    pub fn is_the_systems(&self) -> bool {
        const DIRS: [&str; 8] = ["/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/home", "/var", "/nix"];
        DIRS.contains(&self.at.as_str()) || self.at.starts_with("/System/Volumes")
    }
}

impl Device {
    /// What a person must type to have it written: long enough to look at it, short enough to do it.
    #[must_use]
    pub fn phrase(&self) -> String {
        let id = if self.serial.is_empty() { self.path.display().to_string() } else { self.serial.clone() };
        printable(&format!("erase {id}"))
    }

    /// Whether this is still the device that was looked at.
    #[must_use]
    pub fn is_same(&self, other: &Device) -> bool {
        (&self.path, &self.serial, &self.model, self.size, self.insertion)
            == (&other.path, &other.serial, &other.model, other.size, other.insertion)
    }
}

/// In one line: `/dev/sdb, 31.9 GB, SD Card Reader, serial 0123`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.size / 100_000_000;
        write!(f, "{}, {}.{} GB", self.path.display(), tenths / 10, tenths % 10)?;
        if !self.model.is_empty() {
            write!(f, ", {}", printable(&self.model))?;
        }
        if !self.serial.is_empty() {
            write!(f, ", serial {}", printable(&self.serial))?;
        }
        Ok(())
    }
}

/// A name that a device gives itself may hold anything, also what turns the direction of the text around.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
