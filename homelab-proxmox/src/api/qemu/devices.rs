//! Devices that are passed to a guest or emulated for it: `hostpciN`, `usbN`, `serialN`, `vga`, and its `cpu`.
use crate::api::property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// A PCI device of the node given to the guest: `mapping=h330,pcie=1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostPci {
    /// The address on the node. Only root may set it: tokens use `mapping` (pve-notes section 3).
    pub host: Option<String>,
    /// The name of a mapping of the cluster. One that does not exist is accepted, and the guest's start fails.
    pub mapping: Option<String>,
    /// Whether the guest sees it on a PCIe bus, which needs machine `q35`. Absent: no.
    pub pcie: Option<bool>,
    /// Whether the device's ROM is visible. Absent: yes.
    pub rombar: Option<bool>,
    /// Whether it is the guest's main display. Absent: no.
    pub x_vga: Option<bool>,
    /// The type of a mediated device.
    pub mdev: Option<String>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl ConfigString for HostPci {
    fn canonical(&self) -> Self {
        HostPci {
            pcie: unless(&false, self.pcie),
            rombar: unless(&true, self.rombar),
            x_vga: unless(&false, self.x_vga),
            ..self.clone()
        }
    }
}

impl Display for HostPci {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::new();
        if let Some(host) = &self.host {
            printer = printer.first(host);
        }
        printer
            .set("mapping", self.mapping.as_ref())
            .flag("pcie", self.pcie)
            .flag("rombar", self.rombar)
            .flag("x-vga", self.x_vga)
            .set("mdev", self.mdev.as_ref())
            .print(&self.other, to)
    }
}

impl FromStr for HostPci {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("PCI device", text, "host")?;
        Ok(HostPci {
            host: options.take("host"),
            mapping: options.take("mapping"),
            pcie: options.flag("pcie")?,
            rombar: options.flag("rombar")?,
            x_vga: options.flag("x-vga")?,
            mdev: options.take("mdev"),
            other: options.other(),
        })
    }
}

/// A USB device given to the guest: `mapping=stick,usb3=1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usb {
    /// `spice`, or a vendor and product or a port of the node, which only root may set.
    pub host: Option<String>,
    /// The name of a mapping of the cluster.
    pub mapping: Option<String>,
    /// Whether it is attached to a USB 3 controller. Absent: no.
    pub usb3: Option<bool>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl ConfigString for Usb {
    fn canonical(&self) -> Self {
        Usb { usb3: unless(&false, self.usb3), ..self.clone() }
    }
}

impl Display for Usb {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::new();
        if let Some(host) = &self.host {
            printer = printer.first(host);
        }
        printer.set("mapping", self.mapping.as_ref()).flag("usb3", self.usb3).print(&self.other, to)
    }
}

impl FromStr for Usb {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("USB device", text, "host")?;
        Ok(Usb {
            host: options.take("host"),
            mapping: options.take("mapping"),
            usb3: options.flag("usb3")?,
            other: options.other(),
        })
    }
}

/// A serial port of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serial {
    /// A socket on the node: the console of the web interface and `qm terminal`.
    Socket,
    /// A real port of the node (`/dev/ttyS0`), which only root may set.
    Port(String),
}

impl ConfigString for Serial {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Serial {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Serial::Socket => to.write_str("socket"),
            Serial::Port(port) => to.write_str(port),
        }
    }
}

impl FromStr for Serial {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "socket" => Ok(Serial::Socket),
            _ if text.starts_with("/dev/") && !text.contains(',') => Ok(Serial::Port(text.to_owned())),
            _ => Err(ConfigError::new("serial port", text, "write it as socket or /dev/NAME")),
        }
    }
}

/// The display: `std`, `virtio`, `qxl`, `serial0`, `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vga {
    /// The kind. Absent: `std`.
    pub kind: Option<String>,
    /// Its memory in MiB, 4 to 512.
    pub memory: Option<u32>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl ConfigString for Vga {
    fn canonical(&self) -> Self {
        Vga { kind: unless("std", self.kind.clone()), ..self.clone() }
    }
}

impl Display for Vga {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::new();
        if let Some(kind) = &self.kind {
            printer = printer.first(kind);
        }
        printer.set("memory", self.memory).print(&self.other, to)
    }
}

impl FromStr for Vga {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("display", text, "type")?;
        Ok(Vga { kind: options.take("type"), memory: options.parsed("memory")?, other: options.other() })
    }
}

/// The processor that the guest sees: `host`, `x86-64-v2-AES,flags=+aes;-pcid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// The model. Absent: `kvm64`.
    pub kind: Option<String>,
    /// Flags added and taken away: `+aes;-pcid`.
    pub flags: Option<String>,
    /// Whether the guest is kept from seeing that it is one. Absent: no.
    pub hidden: Option<bool>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl Cpu {
    /// The model `kind` as it is.
    pub fn kind(kind: impl Into<String>) -> Self {
        Cpu { kind: Some(kind.into()), ..Cpu::default() }
    }
}

impl ConfigString for Cpu {
    fn canonical(&self) -> Self {
        Cpu { kind: unless("kvm64", self.kind.clone()), hidden: unless(&false, self.hidden), ..self.clone() }
    }
}

impl Display for Cpu {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::new();
        if let Some(kind) = &self.kind {
            printer = printer.first(kind);
        }
        printer.set("flags", self.flags.as_ref()).flag("hidden", self.hidden).print(&self.other, to)
    }
}

impl FromStr for Cpu {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("processor", text, "cputype")?;
        Ok(Cpu {
            kind: options.take("cputype"),
            flags: options.take("flags"),
            hidden: options.flag("hidden")?,
            other: options.other(),
        })
    }
}
as_text!(HostPci, Usb, Serial, Vga, Cpu);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_compared_by_meaning() {
        let pci = |text: &str| text.parse::<HostPci>().unwrap();
        assert!(pci("mapping=h330,pcie=1,rombar=1").same(&pci("mapping=h330,pcie=on")));
        assert!(pci("host=0000:01:00.0").same(&pci("0000:01:00.0")));
        assert!("type=std".parse::<Vga>().unwrap().same(&Vga::default()));
        assert!("cputype=host".parse::<Cpu>().unwrap().same(&Cpu::kind("host")));
        assert!("host=spice,usb3=0".parse::<Usb>().unwrap().same(&"spice".parse().unwrap()));
        assert!("console".parse::<Serial>().is_err());
    }
}
