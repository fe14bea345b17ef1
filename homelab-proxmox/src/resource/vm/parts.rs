//! Disks and network devices as they are declared.
use homelab_core::{
    Field,
    units::{HostAddr, Mac, Size, Vlan},
};
use serde::{Serialize, Serializer};
use std::net::IpAddr;

/// A disk of a guest: a size, and what else is said of it. A plain size is a disk too: `.disk(50.gib())`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Disk {
    pub(super) size: Size,
    pub(super) storage: Option<&'static str>,
    ssd: Option<bool>,
    discard: Option<bool>,
    iothread: Option<bool>,
    backup: Option<bool>,
    pub(super) data: Option<bool>,
}

impl Disk {
    /// A disk of this size. It can grow later, never shrink.
    #[must_use]
    pub const fn of(size: Size) -> Disk {
        Disk { size, storage: None, ssd: None, discard: None, iothread: None, backup: None, data: None }
    }

    /// On this storage. Without it a new disk is on the node's usual one, and one that is there stays where it is.
    #[must_use]
    pub const fn on(mut self, storage: &'static str) -> Disk {
        self.storage = Some(storage);
        self
    }

    /// Seen as a solid-state disk by the guest.
    #[must_use]
    pub const fn ssd(mut self, on: bool) -> Disk {
        self.ssd = Some(on);
        self
    }

    /// Whether space that the guest frees is given back to the storage (TRIM).
    #[must_use]
    pub const fn discard(mut self, on: bool) -> Disk {
        self.discard = Some(on);
        self
    }

    /// Whether it has an I/O thread of its own.
    #[must_use]
    pub const fn iothread(mut self, on: bool) -> Disk {
        self.iothread = Some(on);
        self
    }

    /// Whether backups take it.
    #[must_use]
    pub const fn backup(mut self, on: bool) -> Disk {
        self.backup = Some(on);
        self
    }

    /// The declared options, each with the one that is there.
    pub(super) fn options(&self) -> [(&'static str, Option<bool>); 4] {
        [("ssd", self.ssd), ("discard", self.discard), ("iothread", self.iothread), ("backup", self.backup)]
    }
}

impl From<Size> for Disk {
    fn from(size: Size) -> Disk {
        Disk::of(size)
    }
}

/// A network device of a guest.
#[derive(Clone, Copy, Debug)]
pub struct Nic {
    pub(in crate::resource) host: Option<HostAddr>,
    pub(in crate::resource) bridge: Option<&'static str>,
    pub(in crate::resource) vlan: Field<Vlan>,
    pub(in crate::resource) mac: Option<Mac>,
    pub(in crate::resource) mtu: Option<u32>,
    pub(in crate::resource) firewall: Option<bool>,
    pub(in crate::resource) dhcp: bool,
}

impl Nic {
    /// A device in the network of this address, tagged as that is. The address is claimed for this guest; where cloud-init
    /// sets the guest up it is given to the device, elsewhere the system inside has to take it.
    #[must_use]
    pub fn at(host: HostAddr) -> Nic {
        Nic { host: Some(host), vlan: host.vlan().map_or(Field::Cleared, Field::Set), ..Nic::untagged() }
    }

    /// A device without a VLAN tag, with an address by DHCP where cloud-init sets the guest up.
    #[must_use]
    pub fn untagged() -> Nic {
        Nic { host: None, bridge: None, vlan: Field::Cleared, mac: None, mtu: None, firewall: None, dhcp: true }
    }

    /// The same in this VLAN.
    #[must_use]
    pub fn vlan(mut self, tag: Vlan) -> Nic {
        self.vlan = Field::Set(tag);
        self
    }

    /// On this bridge of the node, if not its usual one.
    #[must_use]
    pub fn bridge(mut self, bridge: &'static str) -> Nic {
        self.bridge = Some(bridge);
        self
    }

    /// With this hardware address. Without it a new guest gets one that is derived from its lab and name, so that made anew
    /// it keeps its DHCP lease.
    #[must_use]
    pub fn mac(mut self, mac: Mac) -> Nic {
        self.mac = Some(mac);
        self
    }

    /// With this MTU in bytes, 576 to 65520; 1 takes over the bridge's.
    #[must_use]
    pub fn mtu(mut self, mtu: u32) -> Nic {
        self.mtu = Some(mtu);
        self
    }

    /// Whether Proxmox VE's firewall filters here.
    #[must_use]
    pub fn firewall(mut self, on: bool) -> Nic {
        self.firewall = Some(on);
        self
    }
}

/// A device as it stands in the specification.
#[derive(Clone, Debug, Serialize)]
pub(in crate::resource) struct NicSpec {
    pub(in crate::resource) bridge: &'static str,
    pub(in crate::resource) vlan: Field<Vlan>,
    pub(in crate::resource) mac: Option<Mac>,
    pub(in crate::resource) mtu: Option<u32>,
    pub(in crate::resource) firewall: Option<bool>,
    pub(in crate::resource) address: Option<Address>,
    pub(in crate::resource) gateway: Field<IpAddr>,
    #[serde(skip)]
    pub(in crate::resource) host: Option<HostAddr>,
}

impl NicSpec {
    /// The n-th device of a guest. Only the first has a way out, or there would be two.
    pub(in crate::resource) fn of(nic: Nic, index: u16, bridge: &'static str, cloud_init: bool) -> NicSpec {
        let Nic { host, vlan, mac, mtu, firewall, dhcp, .. } = nic;
        let address = match host {
            Some(host) => Some(Address::Fixed(host)),
            None => dhcp.then_some(Address::Dhcp),
        };
        let gateway = match host.and_then(|host| host.gateway()) {
            _ if !cloud_init => Field::Unmanaged,
            Some(gateway) if index == 0 => Field::Set(gateway),
            _ => Field::Cleared,
        };
        let address = address.filter(|_| cloud_init);
        NicSpec { bridge: nic.bridge.unwrap_or(bridge), vlan, mac, mtu, firewall, address, gateway, host }
    }
}

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resource) enum Address {
    Dhcp,
    Fixed(HostAddr),
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Address::Dhcp => s.serialize_str("dhcp"),
            Address::Fixed(host) => host.serialize(s),
        }
    }
}

/// The key of a network device: `net0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resource) struct NetKey(pub(in crate::resource) u16);

impl Serialize for NetKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("net{}", self.0))
    }
}
