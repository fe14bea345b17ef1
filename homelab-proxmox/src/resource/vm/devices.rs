//! Devices of the node that a VM gets: declared, observed, and what differs.
use super::{Spec, Vm, VmState};
use crate::{
    api::qemu::{HostPci, QemuConfig, Usb as UsbConfig},
    resource::{
        changes::Edits,
        firmware::{Firmware, FirmwareKind, Setup},
        passthrough::{Pci, Usb},
    },
};
use homelab_core::{Field, Output};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// The key of a PCI device: `hostpci0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostPciKey(pub(super) u16);

impl Serialize for HostPciKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("hostpci{}", self.0))
    }
}

/// The key of a USB device: `usb0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UsbKey(pub(super) u16);

impl Serialize for UsbKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("usb{}", self.0))
    }
}

/// A PCI device as it is declared. A mapping is made under its own name, so that is known although it stands here as an output.
#[derive(Clone, Debug, Serialize)]
pub(super) struct HostPciSpec {
    mapping: Output<String>,
    pcie: bool,
    #[serde(skip)]
    name: String,
}

/// A USB device as it is declared.
#[derive(Clone, Debug, Serialize)]
pub(super) struct UsbSpec {
    mapping: Output<String>,
    #[serde(skip)]
    name: String,
}

/// A PCI device of the node that a VM has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostPciState {
    /// The name of its mapping; nothing if root gave it by its place.
    pub mapping: Option<String>,
    /// Whether the guest sees it on a PCIe bus.
    pub pcie: bool,
}

/// A USB device of the node that a VM has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsbState {
    /// The name of its mapping; nothing if root gave it by its port.
    pub mapping: Option<String>,
}

impl<F: Firmware, C: Setup> Vm<F, C> {
    /// PCI devices of its node, in order: `hostpci0` and so on. Each is moved into this guest, so no other can have it. With UEFI the
    /// guest sees them on a PCIe bus. It cannot be moved to another node while it runs, and keeps all of its memory.
    #[must_use]
    pub fn passthrough(mut self, devices: impl IntoIterator<Item = Pci>) -> Self {
        let pcie = F::IS == FirmwareKind::Uefi;
        for device in devices {
            let key = HostPciKey(self.spec.hostpci.len() as u16);
            self.spec.hostpci.insert(key, Field::Set(HostPciSpec { mapping: device.id, pcie, name: device.name }));
        }
        self
    }

    /// Without the next PCI device: what is there is taken away.
    #[must_use]
    pub fn no_passthrough(mut self) -> Self {
        self.spec.hostpci.insert(HostPciKey(self.spec.hostpci.len() as u16), Field::Cleared);
        self
    }

    /// USB devices of its node, in order: `usb0` and so on.
    #[must_use]
    pub fn usb(mut self, devices: impl IntoIterator<Item = Usb>) -> Self {
        for device in devices {
            let key = UsbKey(self.spec.usb.len() as u16);
            self.spec.usb.insert(key, Field::Set(UsbSpec { mapping: device.id, name: device.name }));
        }
        self
    }

    /// Without the next USB device: what is there is taken away.
    #[must_use]
    pub fn no_usb(mut self) -> Self {
        self.spec.usb.insert(UsbKey(self.spec.usb.len() as u16), Field::Cleared);
        self
    }
}

impl Spec {
    /// What is passed to it, by name.
    pub(super) fn devices(&self) -> impl Iterator<Item = &str> {
        let pci = self.hostpci.values().filter_map(Field::as_set).map(|device| device.name.as_str());
        pci.chain(self.usb.values().filter_map(Field::as_set).map(|device| device.name.as_str()))
    }

    pub(super) fn device_edits(&self, config: &QemuConfig, edits: &mut Edits) {
        for (HostPciKey(number), wanted) in &self.hostpci {
            let (key, is) = (format!("hostpci{number}"), config.hostpci.get(number));
            match wanted {
                Field::Set(wanted) => {
                    let device = is.cloned().unwrap_or_default();
                    let pcie = device.pcie.unwrap_or(false);
                    if device.mapping.as_ref() != Some(&wanted.name) || pcie != wanted.pcie {
                        let (mapping, pcie) = (Some(wanted.name.clone()), wanted.pcie.then_some(true));
                        edits.put(format!("hostpci.{key}"), key, HostPci { host: None, mapping, pcie, ..device });
                    }
                }
                Field::Cleared if is.is_some() => edits.drop(format!("hostpci.{key}"), key),
                Field::Cleared | Field::Unmanaged => {}
            }
        }
        for (UsbKey(number), wanted) in &self.usb {
            let (key, is) = (format!("usb{number}"), config.usb.get(number));
            match wanted {
                Field::Set(wanted) if is.and_then(|usb| usb.mapping.as_ref()) != Some(&wanted.name) => {
                    let (device, mapping) = (is.cloned().unwrap_or_default(), Some(wanted.name.clone()));
                    edits.put(format!("usb.{key}"), key, UsbConfig { host: None, mapping, ..device });
                }
                Field::Cleared if is.is_some() => edits.drop(format!("usb.{key}"), key),
                _ => {}
            }
        }
    }
}

impl VmState {
    /// Whether it has devices of its node.
    pub(super) fn has_devices(&self) -> bool {
        !self.hostpci.is_empty() || !self.usb.is_empty()
    }
}

pub(super) fn hostpci(config: &QemuConfig) -> BTreeMap<HostPciKey, HostPciState> {
    let state = |(number, device): (&u16, &HostPci)| {
        let state = HostPciState { mapping: device.mapping.clone(), pcie: device.pcie.unwrap_or(false) };
        (HostPciKey(*number), state)
    };
    config.hostpci.iter().map(state).collect()
}

pub(super) fn usb(config: &QemuConfig) -> BTreeMap<UsbKey, UsbState> {
    let state = |(number, device): (&u16, &UsbConfig)| (UsbKey(*number), UsbState { mapping: device.mapping.clone() });
    config.usb.iter().map(state).collect()
}
