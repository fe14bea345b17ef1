//! `/nodes/...`
mod appliances;
mod bulk;
mod config;
mod content;
mod hardware;
mod info;
mod lxc;
mod network;
mod power;
mod qemu;
mod services;
pub(super) mod snapshot;
mod storage;
mod tasks;

pub(super) use info::{cluster_tasks, row as node_row};
pub(super) use storage::figures as storage_figures;

use super::super::answer::Answer;
use super::super::call::Call;
use super::{firewall, subdirs};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let rest = key.split_once(' ').map_or("", |(_, path)| path);
    if rest.contains("/firewall") {
        return firewall::route(call, key);
    }
    match rest.split('/').nth(3).unwrap_or_default() {
        "qemu" => qemu::route(call, key),
        "lxc" => lxc::route(call, key),
        "storage" => storage::route(call, key),
        "tasks" => tasks::route(call, key),
        "network" => network::route(call, key),
        "config" => config::route(call, key),
        "hardware" => hardware::route(call, key),
        "" if key == "GET /nodes/{node}" => Some(Ok(subdirs(INDEX))),
        _ => info::route(call, key),
    }
}

const INDEX: &[&str] = &[
    "aplinfo",
    "apt",
    "capabilities",
    "ceph",
    "certificates",
    "config",
    "disks",
    "dns",
    "firewall",
    "hardware",
    "hosts",
    "journal",
    "lxc",
    "migrateall",
    "netstat",
    "network",
    "qemu",
    "query-url-metadata",
    "replication",
    "report",
    "rrd",
    "rrddata",
    "scan",
    "sdn",
    "services",
    "spiceshell",
    "startall",
    "status",
    "stopall",
    "storage",
    "subscription",
    "suspendall",
    "syslog",
    "tasks",
    "termproxy",
    "time",
    "version",
    "vncshell",
    "vzdump",
    "wakeonlan",
];
