//! One node of the cluster.
use super::Firewall;
use super::guest::Texts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
        }
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
