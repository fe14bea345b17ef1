//! The state of a simulated cluster: plain data, saved as it is.
mod access;
mod build;
mod cables;
mod cluster;
mod guest;
mod network;
mod node;
mod storage;
mod trouble;
mod volname;

pub(crate) use access::{Access, Group, Identity, Token, User};
pub use build::StorageKind;
pub(crate) use cluster::Apart;
pub(crate) use guest::{Guest, Installer, Login, Os, Run, Snapshot, Texts, is_volume_key};
pub use node::NodeSpec;
pub(crate) use node::{Node, PciDevice, UsbDevice};
pub use storage::{Firmware, Image};
pub(crate) use storage::{Medium, Volume, format_size, parse_size};
pub(crate) use trouble::PATIENCE;
pub use trouble::Trouble;
pub(crate) use volname::is_storage_id;

use super::answer::Fail;
use super::pace::Pace;
use super::tasks::Task;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which Proxmox VE is simulated: its parameters, privileges and wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// 8.4.21, the one that was recorded.
    V8_4,
    /// 9.2, as its schema and sources describe it.
    V9_2,
}

impl Release {
    /// What `GET /version` calls it.
    pub(crate) fn version(self) -> (&'static str, &'static str) {
        match self {
            Release::V8_4 => ("8.4", "8.4.21"),
            Release::V9_2 => ("9.2", "9.2.3"),
        }
    }

    /// Whether something younger than 8.4 (`since`) or gone since (`until`) is there.
    pub(crate) fn has(self, since: Option<&str>, until: Option<&str>) -> bool {
        match self {
            Release::V8_4 => since.is_none(),
            Release::V9_2 => until.is_none(),
        }
    }
}

/// A group of guests and storages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    pub(crate) vms: Vec<u32>,
    pub(crate) storage: Vec<String>,
}

/// A hardware mapping: its entries, one a node, and other options.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub(crate) options: Texts,
    pub(crate) map: Vec<String>,
}

/// The rules, sets and options of one firewall: the cluster's, a node's or a guest's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewall {
    pub(crate) options: Texts,
    pub(crate) rules: Vec<Texts>,
    pub(crate) groups: BTreeMap<String, RuleGroup>,
    pub(crate) aliases: BTreeMap<String, Texts>,
    pub(crate) ipsets: BTreeMap<String, IpSet>,
}

/// A security group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RuleGroup {
    pub(crate) comment: Option<String>,
    pub(crate) rules: Vec<Texts>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct IpSet {
    pub(crate) comment: Option<String>,
    pub(crate) entries: Vec<Texts>,
}

/// High availability: groups, resources and (9.x) rules, each a bag of options.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ha {
    pub(crate) groups: BTreeMap<String, Texts>,
    pub(crate) resources: BTreeMap<String, Texts>,
    pub(crate) rules: BTreeMap<String, Texts>,
}

/// Everything that a simulated cluster remembers. Built with [`World::cluster`] or [`World::parity`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) release: Release,
    pub(crate) pace: Pace,
    pub(crate) cluster: Option<String>,
    pub(crate) seed: u64,
    pub(crate) drawn: u64,
    pub(crate) now: u64,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) storages: BTreeMap<String, Texts>,
    pub(crate) capacity: BTreeMap<String, u64>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) web: BTreeMap<String, Image>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) access: Access,
    pub(crate) pools: BTreeMap<String, Pool>,
    pub(crate) mappings: BTreeMap<String, BTreeMap<String, Mapping>>,
    pub(crate) options: Texts,
    pub(crate) firewall: Firewall,
    /// Firewalls of guests, by id: the files are there without a guest too.
    #[serde(default)]
    pub(crate) guest_firewalls: BTreeMap<u32, Firewall>,
    pub(crate) ha: Ha,
    pub(crate) jobs: BTreeMap<String, Texts>,
    #[serde(default)]
    pub(crate) replications: BTreeMap<String, Texts>,
    /// When a worker of the API last read the guests' figures for a listing of pools, in milliseconds.
    pub(crate) figures_read: u64,
    /// The index of templates for containers: their files.
    #[serde(default = "build::catalog")]
    pub(crate) appliances: Vec<String>,
    /// What is wrong at the moment.
    #[serde(default)]
    pub(crate) trouble: Trouble,
    /// Nodes that stand alone, and that no call of the cluster's API knows.
    #[serde(default)]
    pub(crate) apart: BTreeMap<String, Apart>,
    /// The addresses by which the nodes of the cluster talk to each other, in the order of their links.
    #[serde(default)]
    pub(crate) links: BTreeMap<String, Vec<String>>,
    /// The machine that has a vote too.
    #[serde(default)]
    pub(crate) qdevice: Option<String>,
}

impl World {
    /// The prefix of new MACs, from the datacenter's options.
    pub(crate) fn mac_prefix(&self) -> String {
        self.options.get("mac_prefix").map_or("BC:24:11", String::as_str).trim_end_matches(':').to_uppercase()
    }

    /// The node, or the error of a name that cannot be looked up.
    pub(crate) fn node(&self, name: &str) -> Result<&Node, Fail> {
        self.nodes.get(name).ok_or_else(|| unknown_node(name))
    }

    /// The node, to change it.
    pub(crate) fn node_mut(&mut self, name: &str) -> Result<&mut Node, Fail> {
        self.nodes.get_mut(name).ok_or_else(|| unknown_node(name))
    }

    /// The node that an API connection ends at: the first.
    pub(crate) fn entry_node(&self) -> &str {
        self.nodes.keys().next().map_or("pve", String::as_str)
    }

    /// Whether a node answers.
    pub(crate) fn is_online(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(|node| node.online && node.booted <= self.now)
            && !self.trouble.offline.contains(name)
    }

    /// Whether calls get to a node: it answers, and its network does not keep them out.
    pub(crate) fn is_reached(&self, name: &str) -> bool {
        let cut_off = |node: &Node| !node.addresses.is_empty() && node.reachable().is_empty();
        self.is_online(name) && !self.nodes.get(name).is_some_and(cut_off)
    }

    /// Whole seconds since 1970.
    pub(crate) fn seconds(&self) -> u64 {
        self.now / 1000
    }
}

/// What the API says of a node's name that nobody knows (recorded in base-paths).
fn unknown_node(name: &str) -> Fail {
    Fail::die(format!(
        "hostname lookup '{name}' failed - failed to get address info for: {name}: Name or service not known"
    ))
}
