//! One node of the cluster.
use super::Firewall;
use super::guest::Texts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The hardware of a simulated node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Logical processors.
    pub cores: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Root file system in bytes.
    pub disk: u64,
}

impl Default for NodeSpec {
    fn default() -> NodeSpec {
        NodeSpec { cores: 16, memory: 64 << 30, disk: 100 << 30 }
    }
}

/// A PCI device that a guest could be given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PciDevice {
    /// `0000:01:00.0`
    pub(crate) path: String,
    /// Vendor and device, `1000:0097`.
    pub(crate) id: String,
    pub(crate) subsystem: Option<String>,
    pub(crate) iommu_group: i64,
    pub(crate) name: String,
    /// `0x010700` is a SAS controller.
    #[serde(default = "sas")]
    pub(crate) class: String,
    /// The disks behind it.
    #[serde(default)]
    pub(crate) disks: Vec<homelab_core::sim::Disk>,
}

fn sas() -> String {
    "0x010700".to_owned()
}

/// A USB device that is plugged in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UsbDevice {
    /// Bus and port, `1-2.1`.
    pub(crate) port: String,
    /// Vendor and product, `10c4:ea60`.
    pub(crate) id: String,
    pub(crate) serial: Option<String>,
    pub(crate) name: String,
}

/// A node: its hardware and what is configured on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) online: bool,
    /// The version of control groups that it runs.
    pub(crate) cgroup: u8,
    /// When it booted, in milliseconds.
    pub(crate) booted: u64,
    /// Interfaces as they are.
    pub(crate) network: BTreeMap<String, Texts>,
    /// Bridges that exist at run time only, without a configuration.
    pub(crate) bare_bridges: Vec<String>,
    /// Interfaces as staged, not yet applied.
    pub(crate) staged: Option<BTreeMap<String, Texts>>,
    pub(crate) config: Texts,
    pub(crate) dns: Texts,
    pub(crate) timezone: String,
    /// The hosts file, once it was written.
    #[serde(default)]
    pub(crate) hosts: Option<String>,
    pub(crate) pci: Vec<PciDevice>,
    #[serde(default)]
    pub(crate) usb: Vec<UsbDevice>,
    pub(crate) firewall: Firewall,
    /// Where its machine answers, if there is one in the simulated network.
    #[serde(default)]
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether it can be cut off: it is reached by its interfaces then, and not in any case.
    #[serde(default)]
    pub(crate) cabled: bool,
    /// Ports without a cable.
    #[serde(default)]
    pub(crate) unplugged: Vec<String>,
    /// What was written to its machine's `/etc/network/interfaces` last.
    #[serde(default)]
    pub(crate) written: Option<String>,
    /// Whether its IOMMU is off until the kernel is told otherwise.
    #[serde(default)]
    pub(crate) iommu_off: bool,
}

impl Node {
    /// A node that is up, with one bridge.
    pub(crate) fn new(spec: NodeSpec) -> Node {
        let mut network = BTreeMap::new();
        network.insert("vmbr0".to_owned(), bridge());
        Node {
            spec,
            online: true,
            cgroup: 2,
            booted: 0,
            network,
            bare_bridges: Vec::new(),
            staged: None,
            config: Texts::new(),
            dns: Texts::from([("dns1".to_owned(), "192.0.2.53".to_owned())]),
            timezone: "Etc/UTC".to_owned(),
            hosts: None,
            pci: Vec::new(),
            usb: Vec::new(),
            firewall: Firewall::default(),
            addresses: Vec::new(),
            cabled: false,
            unplugged: Vec::new(),
            written: None,
            iommu_off: false,
        }
    }

    /// The addresses that it answers at: those of interfaces that stand on a port with a cable.
    pub(crate) fn reachable(&self) -> Vec<IpAddr> {
        let has = |address: &IpAddr| {
            self.network.iter().any(|(name, options)| {
                let own = options.get("cidr").and_then(|cidr| cidr.split('/').next()?.parse::<IpAddr>().ok());
                own.as_ref() == Some(address) && self.leads_out(name, 4)
            })
        };
        self.addresses.iter().copied().filter(|address| !self.cabled || has(address)).collect()
    }

    /// Whether an interface stands on a port with a cable; no more than so many others are between them.
    fn leads_out(&self, name: &str, most: u8) -> bool {
        let Some(options) = self.network.get(name).filter(|_| most > 0) else { return false };
        let listed = ["bridge_ports", "slaves"].into_iter().filter_map(|key| options.get(key));
        let mut below: Vec<&str> = listed.flat_map(|list| list.split_whitespace()).collect();
        below.extend(name.split_once('.').map(|(device, _)| device));
        if options.get("type").is_some_and(|kind| kind == "eth") && below.is_empty() {
            return !self.unplugged.iter().any(|port| port == name);
        }
        below.into_iter().any(|port| self.leads_out(port, most - 1))
    }

    /// Whether guests can be plugged into a bridge of that name.
    pub(crate) fn has_bridge(&self, name: &str) -> bool {
        self.network.contains_key(name) || self.bare_bridges.iter().any(|bare| bare == name)
    }

    /// The interfaces that a reader sees: the staged ones, if any.
    pub(crate) fn interfaces(&self) -> &BTreeMap<String, Texts> {
        self.staged.as_ref().unwrap_or(&self.network)
    }
}

/// The options of a bridge without ports.
pub(crate) fn bridge() -> Texts {
    [("type", "bridge"), ("autostart", "1"), ("bridge_fd", "0"), ("bridge_ports", ""), ("bridge_stp", "off")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
