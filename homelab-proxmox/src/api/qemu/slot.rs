//! Where a disk is attached: the bus and the place on it.
use crate::api::property::{ConfigError, as_text};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The kinds of places for a volume in a QEMU guest's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bus {
    /// `ide0` to `ide3`.
    Ide,
    /// `sata0` to `sata5`.
    Sata,
    /// `scsi0` to `scsi30`.
    Scsi,
    /// `virtio0` to `virtio15`.
    Virtio,
    /// `efidisk0`: the firmware's variables.
    Efidisk,
    /// `tpmstate0`: the TPM's state.
    Tpmstate,
    /// `unused0` to `unused255`: volumes that belong to the guest and are attached nowhere.
    Unused,
}

impl Bus {
    /// Every bus that has slots for disks and CD drives.
    pub const DRIVES: [Bus; 4] = [Bus::Ide, Bus::Sata, Bus::Scsi, Bus::Virtio];
    const ALL: [Bus; 7] = [Bus::Ide, Bus::Sata, Bus::Scsi, Bus::Virtio, Bus::Efidisk, Bus::Tpmstate, Bus::Unused];

    /// The name as the configuration writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Bus::Ide => "ide",
            Bus::Sata => "sata",
            Bus::Scsi => "scsi",
            Bus::Virtio => "virtio",
            Bus::Efidisk => "efidisk",
            Bus::Tpmstate => "tpmstate",
            Bus::Unused => "unused",
        }
    }

    /// How many places there are (pve-notes section 8; `unused` by the schema).
    #[must_use]
    pub const fn places(self) -> u16 {
        match self {
            Bus::Ide => 4,
            Bus::Sata => 6,
            Bus::Scsi => 31,
            Bus::Virtio => 16,
            Bus::Efidisk | Bus::Tpmstate => 1,
            Bus::Unused => 256,
        }
    }
}

/// One place for a volume: `scsi0`, `ide2`, `efidisk0`, `unused1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    bus: Bus,
    place: u16,
}

impl Slot {
    /// The firmware variables' disk.
    pub const EFIDISK: Slot = Slot { bus: Bus::Efidisk, place: 0 };
    /// The TPM's state.
    pub const TPMSTATE: Slot = Slot { bus: Bus::Tpmstate, place: 0 };

    /// The slot `place` of `bus`, or nothing if the bus has fewer.
    #[must_use]
    pub const fn of(bus: Bus, place: u16) -> Option<Slot> {
        if place < bus.places() { Some(Slot { bus, place }) } else { None }
    }

    /// `scsi0` to `scsi30`.
    ///
    /// # Panics
    /// If there is no such slot; in a `const` the compiler says so.
    #[must_use]
    pub const fn scsi(place: u16) -> Slot {
        Slot::known(Bus::Scsi, place)
    }

    /// `virtio0` to `virtio15`.
    ///
    /// # Panics
    /// If there is no such slot; in a `const` the compiler says so.
    #[must_use]
    pub const fn virtio(place: u16) -> Slot {
        Slot::known(Bus::Virtio, place)
    }

    /// `sata0` to `sata5`.
    ///
    /// # Panics
    /// If there is no such slot; in a `const` the compiler says so.
    #[must_use]
    pub const fn sata(place: u16) -> Slot {
        Slot::known(Bus::Sata, place)
    }

    /// `ide0` to `ide3`.
    ///
    /// # Panics
    /// If there is no such slot; in a `const` the compiler says so.
    #[must_use]
    pub const fn ide(place: u16) -> Slot {
        Slot::known(Bus::Ide, place)
    }

    const fn known(bus: Bus, place: u16) -> Slot {
        match Slot::of(bus, place) {
            Some(slot) => slot,
            None => panic!("there is no such disk slot: ide0-3, sata0-5, scsi0-30, virtio0-15"),
        }
    }

    /// The bus.
    #[must_use]
    pub const fn bus(self) -> Bus {
        self.bus
    }

    /// The place on the bus, from 0.
    #[must_use]
    pub const fn place(self) -> u16 {
        self.place
    }

    /// Whether a disk or CD drive can be here (and not only firmware, TPM or detached volumes).
    #[must_use]
    pub const fn is_drive(self) -> bool {
        matches!(self.bus, Bus::Ide | Bus::Sata | Bus::Scsi | Bus::Virtio)
    }
}

impl Display for Slot {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}{}", self.bus.name(), self.place)
    }
}

impl FromStr for Slot {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Bus::ALL
            .into_iter()
            .find_map(|bus| Slot::of(bus, index(text, bus.name())?))
            .ok_or_else(|| ConfigError::new("disk slot", text, "there are ide0-3, sata0-5, scsi0-30, virtio0-15"))
    }
}
as_text!(Slot);

/// The number after `name` in a key such as `net0`, or nothing if the key is another one (`numa` is not `numa0`).
pub(crate) fn index(key: &str, name: &str) -> Option<u16> {
    let digits = key.strip_prefix(name)?;
    let plain = digits == "0" || !digits.starts_with('0');
    if plain && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_there_is_prints_and_parses() {
        for bus in Bus::ALL {
            for place in 0..bus.places() {
                let slot = Slot::of(bus, place).unwrap();
                assert_eq!(slot.to_string().parse::<Slot>().unwrap(), slot);
            }
            assert_eq!(Slot::of(bus, bus.places()), None);
        }
    }

    #[test]
    fn slots_beyond_the_bus_are_refused() {
        for text in ["scsi31", "ide4", "sata6", "virtio16", "scsi", "scsi00", "scsi-1", "floppy0", "efidisk1"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}
