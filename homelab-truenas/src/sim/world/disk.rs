//! Disks: what they are, and what their names are at the moment.
use super::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A disk to be put into a simulated NAS.
#[derive(Clone, Debug)]
pub struct DiskSpec {
    /// Its serial number; without one it has no identity.
    pub serial: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Its model.
    pub model: String,
    /// Whether it turns.
    pub rotates: bool,
    /// Another path to the disk of this serial: multipath.
    pub lunid: Option<String>,
    /// Enclosure and slot.
    pub slot: Option<(u32, u32)>,
    /// A pool that was on it before and is not imported here.
    pub foreign_pool: Option<String>,
    /// Whether it has partitions of something else.
    pub partitions: bool,
}

impl DiskSpec {
    /// A hard disk of this serial and size.
    pub fn new(serial: impl Into<String>, size: u64) -> DiskSpec {
        DiskSpec {
            serial: Some(serial.into()),
            size,
            model: "WDC WD80EFZX".into(),
            rotates: true,
            lunid: None,
            slot: None,
            foreign_pool: None,
            partitions: false,
        }
    }

    /// A solid state disk of this serial and size.
    pub fn ssd(serial: impl Into<String>, size: u64) -> DiskSpec {
        DiskSpec { model: "INTEL SSDPEKNW".into(), rotates: false, ..DiskSpec::new(serial, size) }
    }

    /// One without a serial number, as virtual disks have it.
    #[must_use]
    pub fn virtual_disk(size: u64) -> DiskSpec {
        DiskSpec { serial: None, model: "QEMU HARDDISK".into(), ..DiskSpec::new("", size) }
    }

    /// The same with another path to it: two disks of one serial and lun are one.
    #[must_use]
    pub fn lun(mut self, lunid: impl Into<String>) -> DiskSpec {
        self.lunid = Some(lunid.into());
        self
    }

    /// The same in a slot of an enclosure.
    #[must_use]
    pub fn slot(mut self, enclosure: u32, slot: u32) -> DiskSpec {
        self.slot = Some((enclosure, slot));
        self
    }

    /// The same with a pool on it that was exported elsewhere.
    #[must_use]
    pub fn foreign(mut self, pool: impl Into<String>) -> DiskSpec {
        self.foreign_pool = Some(pool.into());
        self
    }

    /// The same with partitions on it.
    #[must_use]
    pub fn partitioned(mut self) -> DiskSpec {
        self.partitions = true;
        self
    }
}

/// What is on a disk that no pool of this NAS uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::sim) struct Foreign {
    pub(in crate::sim) pool: Option<String>,
    pub(in crate::sim) partitions: bool,
}

/// A disk in the NAS.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Disk {
    /// What it is known by in the simulator, whatever its name.
    pub(in crate::sim) hw: String,
    /// Its name since the last boot: `sda`.
    pub(in crate::sim) name: String,
    pub(in crate::sim) serial: Option<String>,
    pub(in crate::sim) lunid: Option<String>,
    pub(in crate::sim) size: u64,
    pub(in crate::sim) model: String,
    pub(in crate::sim) rotates: bool,
    pub(in crate::sim) slot: Option<(u32, u32)>,
    pub(in crate::sim) foreign: Foreign,
    pub(in crate::sim) is_boot: bool,
    /// Whether it is still in its slot.
    pub(in crate::sim) present: bool,
    pub(in crate::sim) description: String,
    /// Whether it passed the last test of itself, if it has had one.
    #[serde(default)]
    pub(in crate::sim) passed: Option<bool>,
}

impl Disk {
    pub(super) fn boot() -> Disk {
        let spec = DiskSpec { model: "QEMU HARDDISK".into(), ..DiskSpec::ssd("boot-0", 32 << 30) };
        Disk { is_boot: true, ..Disk::of(spec, 0) }
    }

    pub(in crate::sim) fn of(spec: DiskSpec, number: usize) -> Disk {
        Disk {
            hw: format!("hw-{number}"),
            name: name(number),
            serial: spec.serial,
            lunid: spec.lunid,
            size: spec.size,
            model: spec.model,
            rotates: spec.rotates,
            slot: spec.slot,
            foreign: Foreign { pool: spec.foreign_pool, partitions: spec.partitions },
            is_boot: false,
            present: true,
            description: String::new(),
            passed: None,
        }
    }

    /// What the NAS stores as its identity. Without a serial it is only the name, which is none (notes section 6).
    pub(in crate::sim) fn identifier(&self) -> String {
        match (&self.serial, &self.lunid) {
            (Some(serial), Some(lun)) => format!("{{serial_lunid}}{serial}_{lun}"),
            (Some(serial), None) => format!("{{serial}}{serial}"),
            (None, _) => format!("{{devicename}}{}", self.name),
        }
    }
}

impl World {
    /// The same after the disk of this serial has tested itself, with this outcome.
    #[must_use]
    pub fn tested(mut self, serial: &str, passed: bool) -> World {
        for disk in self.disks.iter_mut().filter(|disk| disk.serial.as_deref() == Some(serial)) {
            disk.passed = Some(passed);
        }
        self
    }

    /// Puts disks in and takes those out that are not among them; the boot disk stays. One on two paths shows twice (notes section 6).
    pub(in crate::sim) fn plug(&mut self, disks: &[homelab_core::sim::Disk]) {
        let mut slots = BTreeSet::new();
        for disk in disks {
            for path in 0..disk.paths.max(1) {
                let hw = format!("{}/{path}", disk.serial);
                slots.insert(hw.clone());
                if let Some(known) = self.disks.iter_mut().find(|known| known.hw == hw) {
                    (known.present, known.size) = (true, disk.size);
                    continue;
                }
                let slot = disk.slot.as_ref().map(|(enclosure, slot)| (enclosure.parse().unwrap_or(0), *slot));
                let spec = DiskSpec {
                    serial: Some(disk.serial.clone()).filter(|serial| !serial.is_empty()),
                    size: disk.size,
                    model: disk.model.clone(),
                    rotates: disk.rotational,
                    lunid: (disk.paths > 1).then(|| format!("5000{}", disk.serial)),
                    slot,
                    foreign_pool: None,
                    partitions: false,
                };
                let number = self.disks.len();
                self.disks.push(Disk { hw, ..Disk::of(spec, number) });
            }
        }
        let is_plugged = |disk: &Disk| disk.hw.contains('/');
        for disk in self.disks.iter_mut().filter(|disk| is_plugged(disk)) {
            disk.present = slots.contains(&disk.hw);
        }
    }
}

/// `sda` to `sdz`, `sdaa` and so on.
fn name(number: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
    match number / 26 {
        0 => format!("sd{}", letter(number)),
        high => format!("sd{}{}", letter(high - 1), letter(number)),
    }
}

/// Names move between boots with the order in which controllers answer (notes section 6).
pub(super) fn rename_all(disks: &mut [Disk]) {
    let count = disks.len();
    disks.iter_mut().enumerate().for_each(|(n, disk)| disk.name = name((n + 1) % count));
}
