//! What can be wrong with a simulated cluster, other than a single call.
use super::super::answer::Fail;
use super::World;
use crate::http::Method;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Troubles that last until they are taken back. Set with [`Sim::trouble`](crate::sim::Sim::trouble).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// Too few nodes are up: reading works, and nothing of the cluster's configuration can be changed.
    pub no_quorum: bool,
    /// Nodes that cannot be reached: calls that the entry node passes on to them end with 595.
    pub offline: BTreeSet<String>,
    /// Storages whose lock somebody holds: volumes are neither made nor freed on them.
    pub locked_storages: BTreeSet<String>,
    /// Servers of network storages are out of reach: such a storage cannot be defined, unless it is switched off or
    /// meant for other nodes. So it is in [`World::parity`].
    pub storage_network_down: bool,
    /// How many seconds calls take, by the beginning of `METHOD /path`. What takes longer than 30 s is answered with
    /// 596, and takes effect all the same.
    pub slow: BTreeMap<String, u64>,
}

/// The proxy gives up on a node's answer after so many seconds.
pub(crate) const PATIENCE: u64 = 30;

impl Trouble {
    /// How many milliseconds a call takes, if it was made slow.
    pub(crate) fn delay(&self, method: Method, path: &str) -> Option<u64> {
        let call = format!("{} {path}", method.as_str());
        self.slow.iter().find(|(begin, _)| call.starts_with(begin.as_str())).map(|(_, seconds)| seconds * 1000)
    }
}

/// Calls that ask for a quorum before anything else.
const ASKS: &[&str] = &[
    "POST /nodes/{node}/qemu",
    "POST /nodes/{node}/qemu/{vmid}/status/start",
    "POST /nodes/{node}/qemu/{vmid}/clone",
    "POST /nodes/{node}/qemu/{vmid}/migrate",
    "POST /nodes/{node}/lxc",
    "POST /nodes/{node}/lxc/{vmid}/status/start",
    "POST /nodes/{node}/lxc/{vmid}/clone",
    "POST /nodes/{node}/lxc/{vmid}/migrate",
    "POST /nodes/{node}/migrateall",
    "POST /cluster/ha/resources",
    "POST /cluster/ha/groups",
];

/// Locks of the cluster's file system, by the beginning of the path; some calls say what failed.
const LOCKS: &[(&str, &str)] = &[
    ("/access/domains", "file-domains_cfg"),
    ("/access/tfa", "file-priv_tfa_cfg"),
    ("/access/ticket", ""),
    ("/access/vncticket", ""),
    ("/access/password", ""),
    ("/access", "file-user_cfg"),
    ("/pools", "file-user_cfg"),
    ("/storage", "file-storage_cfg"),
    ("/cluster/options", "file-datacenter_cfg"),
    ("/cluster/backup", "file-jobs_cfg"),
    ("/cluster/replication", "file-replication_cfg"),
    ("/cluster/ha", "domain-ha"),
    ("/cluster/firewall", "firewall-cluster"),
    ("/cluster/mapping", "domain-hardware-mapping"),
];

impl World {
    /// Refuses what a cluster without quorum cannot do.
    pub(crate) fn check_quorum(&self, method: Method, template: &str, vmid: &str) -> Result<(), Fail> {
        if method == Method::Get || self.is_quorate() {
            return Ok(());
        }
        let call = format!("{} {template}", method.as_str());
        if ASKS.contains(&call.as_str()) {
            return Err(Fail::die("cluster not ready - no quorum?"));
        }
        if let Some((begin, lock)) = LOCKS.iter().find(|(begin, _)| template.starts_with(begin)) {
            if lock.is_empty() {
                return Ok(());
            }
            let what = failing(method, begin, template);
            return Err(Fail::die(format!("{what}cfs-lock '{lock}' error: no quorum!")));
        }
        let guest = template.strip_prefix("/nodes/{node}/").unwrap_or_default();
        let config = guest.ends_with("/config") || guest.ends_with("/unlink") || guest.ends_with("/resize");
        if config && (guest.starts_with("qemu/") || guest.starts_with("lxc/")) {
            let folder = if guest.starts_with("qemu/") { "qemu-server" } else { "lxc" };
            let path = format!("/etc/pve/nodes/{}/{folder}/{vmid}.conf.tmp.{}", self.entry_node(), 4_242);
            return Err(Fail::die(format!("unable to open file '{path}' - Permission denied")));
        }
        Ok(())
    }
}

/// The words before a lock's own.
fn failing(method: Method, begin: &str, template: &str) -> String {
    let verb = match method {
        Method::Post => "create",
        Method::Put => "update",
        _ => "delete",
    };
    let thing = match (begin, template.split('/').nth(2)) {
        ("/access", Some("users")) if !template.contains("/token") => "user",
        ("/access", Some("groups")) => "group",
        ("/access", Some("roles")) => "role",
        ("/access", Some("acl")) => return "ACL update failed: ".to_owned(),
        ("/pools", _) => "pool",
        ("/storage", _) => "storage",
        _ => return String::new(),
    };
    format!("{verb} {thing} failed: ")
}
