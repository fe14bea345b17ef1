//! The disks of a NAS as `disk.details` tells of them, found by serial number or place.
use crate::{NasReader, topology::DiskName};
use homelab_core::{Failure, units::Size};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// One disk, or one path to it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    /// The kernel's name, until the next boot.
    pub(super) name: String,
    #[serde(default)]
    pub(super) serial: Option<String>,
    #[serde(default)]
    pub(super) lunid: Option<String>,
    #[serde(default)]
    pub(super) identifier: Option<String>,
    #[serde(default)]
    pub(super) size: Option<u64>,
    #[serde(default)]
    pub(super) imported_zpool: Option<String>,
    #[serde(default)]
    pub(super) exported_zpool: Option<String>,
    #[serde(default)]
    pub(super) partitions: Vec<serde_json::Value>,
    #[serde(default)]
    enclosure: Option<Enclosure>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Enclosure {
    #[serde(alias = "drive_bay_number")]
    slot: Option<u32>,
    number: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    used: Vec<Found>,
    unused: Vec<Found>,
}

/// All disks of a NAS.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(Vec<Found>);

/// Why a disk cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) what: String,
    pub(super) hint: String,
}

fn trouble(what: String, hint: impl Into<String>) -> Trouble {
    Trouble { what, hint: hint.into() }
}

impl Found {
    pub(super) fn size(&self) -> Size {
        Size::bytes(self.size.unwrap_or_default())
    }

    /// By serial number, as a state tells of it.
    pub(super) fn called(&self) -> DiskName {
        match self.serial.as_deref().map(str::trim).filter(|serial| !serial.is_empty()) {
            Some(serial) => DiskName::Serial(serial.to_owned()),
            None => DiskName::Serial(format!("{} without a serial number", self.name)),
        }
    }

    fn is(&self, name: &DiskName) -> bool {
        match name {
            DiskName::Serial(serial) => self.serial.as_deref().map(str::trim) == Some(serial.trim()),
            DiskName::Slot { enclosure, slot } => {
                self.enclosure.is_some_and(|at| at.number == Some(*enclosure) && at.slot == Some(*slot))
            }
        }
    }

    /// What `pool.replace` wants. An identifier that is made of the kernel's name is none.
    pub(super) fn identity(&self) -> Option<&str> {
        self.identifier.as_deref().filter(|id| !id.starts_with("{devicename}"))
    }
}

impl Shelf {
    /// Asked once a look; `None` while there is no NAS.
    pub(super) async fn read(nas: &NasReader) -> Result<Option<Shelf>, Failure> {
        let params = vec![json!({"join_partitions": true, "type": "BOTH"})];
        let details = nas.once::<Details>("disk.details", params).await?;
        Ok(details.map(|details| Shelf(details.used.iter().chain(&details.unused).cloned().collect())))
    }

    /// The disk of this name. A disk that shows on several paths is one disk: the same serial number and the same logical unit.
    pub(super) fn find(&self, name: &DiskName) -> Result<&Found, Trouble> {
        let mut paths: Vec<&Found> = self.0.iter().filter(|found| found.is(name)).collect();
        paths.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        let Some(first) = paths.first().copied() else {
            let free: Vec<String> = self.free().map(|disk| disk.called().to_string()).collect();
            let seen = if free.is_empty() {
                "it sees no free disk at all".into()
            } else {
                format!("free are {}", free.join(", "))
            };
            return Err(trouble(
                format!("the NAS does not see disk {name}"),
                format!("{seen}; is the controller passed through to its guest, and the shelf switched on?"),
            ));
        };
        let units: BTreeSet<_> = paths.iter().map(|path| path.lunid.as_deref()).collect();
        if paths.len() > 1 && (units.len() > 1 || units.contains(&None)) {
            let names: Vec<&str> = paths.iter().map(|path| path.name.as_str()).collect();
            return Err(trouble(
                format!("several disks are called {name}: {}", names.join(", ")),
                "give each virtual disk a `serial=` of its own, or name it by its slot",
            ));
        }
        // Whichever path the pool uses already is the disk.
        Ok(paths.iter().find(|path| path.imported_zpool.is_some()).copied().unwrap_or(first))
    }

    /// Whether a disk shows on several paths.
    pub(super) fn has_paths(&self, disk: &Found) -> bool {
        disk.lunid.is_some()
            && self.0.iter().filter(|other| other.serial == disk.serial && other.lunid == disk.lunid).count() > 1
    }

    /// The disk of this name, if nothing is on it.
    pub(super) fn blank(&self, name: &DiskName) -> Result<&Found, Trouble> {
        let disk = self.find(name)?;
        let named = match name {
            DiskName::Serial(_) => format!("disk {name} ({})", disk.name),
            DiskName::Slot { .. } => format!("the disk in {name} ({}, {})", disk.called(), disk.name),
        };
        match (&disk.imported_zpool, &disk.exported_zpool) {
            (Some(pool), _) if pool == "boot-pool" || pool == "freenas-boot" => Err(trouble(
                format!("{named} is what the NAS starts from"),
                "take another disk; the boot disk never holds data",
            )),
            (Some(pool), _) => Err(trouble(format!("{named} is in pool {pool}"), "take another disk")),
            (None, Some(pool)) => Err(trouble(
                format!("{named} holds the exported pool {pool}"),
                "import that pool by its guid with `.import(guid)` to keep what is on it; if it may go, wipe the disk by hand",
            )),
            (None, None) if !disk.partitions.is_empty() => Err(trouble(
                format!("{named} has {} partitions on it", disk.partitions.len()),
                "look at what they hold; if it may go, wipe the disk by hand (Storage, Disks, Wipe)",
            )),
            _ if disk.serial.as_deref().is_none_or(str::is_empty)
                || disk.identifier.is_some() && disk.identity().is_none() =>
            {
                Err(trouble(
                    format!("{named} has no serial number and could be another one after the next start"),
                    "give the virtual disk a `serial=` on the host",
                ))
            }
            _ => Ok(disk),
        }
    }

    /// The disks that hold an exported pool of this name.
    pub(super) fn exported(&self, pool: &str) -> impl Iterator<Item = &Found> {
        self.0.iter().filter(move |disk| disk.imported_zpool.is_none() && disk.exported_zpool.as_deref() == Some(pool))
    }

    fn free(&self) -> impl Iterator<Item = &Found> {
        self.0.iter().filter(|disk| disk.imported_zpool.is_none() && disk.exported_zpool.is_none())
    }

    /// The disk with this kernel name, called as it was declared, or by its serial number.
    pub(super) fn called(&self, kernel: &str, declared: &[&DiskName]) -> DiskName {
        let Some(found) = self.0.iter().find(|found| found.name == kernel) else {
            return DiskName::Serial(kernel.to_owned());
        };
        let declared = declared.iter().find(|name| found.is(name));
        declared.map_or_else(|| found.called(), |name| (*name).clone())
    }
}
