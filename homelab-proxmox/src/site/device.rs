//! Devices of nodes as the sandbox simulates them: what a lab can pass to its guests there.
use homelab_core::units::Size;

/// A PCI device of a node.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) slot: String,
    pub(super) id: String,
    pub(super) group: u32,
    pub(super) name: String,
    pub(super) class: String,
    pub(super) drives: Vec<Drive>,
}

/// A disk behind a controller.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Its serial number.
    pub serial: String,
    /// Its model.
    pub model: String,
    /// Its size.
    pub size: Size,
    /// Whether it spins.
    pub rotational: bool,
    /// On how many paths it shows: two in a shelf with two cables.
    pub paths: u32,
}

impl Device {
    /// A SAS controller in this slot (`0000:03:00.0`), of this vendor and device (`1000:0097`), in this IOMMU group.
    pub fn controller(slot: impl Into<String>, id: impl Into<String>, group: u32, name: impl Into<String>) -> Device {
        let (slot, id, name) = (slot.into(), id.into(), name.into());
        Device { slot, id, group, name, class: "0x010700".to_owned(), drives: vec![] }
    }

    /// A display adapter.
    pub fn display(slot: impl Into<String>, id: impl Into<String>, group: u32, name: impl Into<String>) -> Device {
        Device { class: "0x030000".to_owned(), ..Device::controller(slot, id, group, name) }
    }

    /// With these disks behind it.
    #[must_use]
    pub fn drives(mut self, drives: impl IntoIterator<Item = Drive>) -> Device {
        self.drives.extend(drives);
        self
    }
}
