//! `/cluster/...`
mod backup;
mod config;
mod ha;
mod mapping;
mod options;
mod replication;
mod resources;

use super::super::answer::Answer;
use super::super::call::Call;
use super::{firewall, named, nodes};
use serde_json::json;

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let path = key.split_once(' ').map_or("", |(_, path)| path);
    match path.split('/').nth(2).unwrap_or_default() {
        "" => Some(Ok(named("name", INDEX))),
        "resources" => Some(resources::list(call)),
        "status" => Some(resources::status(call)),
        "nextid" => Some(resources::next_id(call)),
        "tasks" => Some(nodes::cluster_tasks(call)),
        "log" if key.starts_with("GET") => Some(Ok(json!([]).into())),
        "options" => options::route(call, key),
        "mapping" => mapping::route(call, key),
        "ha" => ha::route(call, key),
        "backup" => backup::route(call, key),
        "replication" => replication::route(call, key),
        "firewall" => firewall::route(call, key),
        "config" => config::route(call, key),
        _ => None,
    }
}

const INDEX: &[&str] = &[
    "acme",
    "backup",
    "backup-info",
    "ceph",
    "config",
    "firewall",
    "ha",
    "jobs",
    "log",
    "mapping",
    "metrics",
    "nextid",
    "notifications",
    "options",
    "replication",
    "resources",
    "sdn",
    "status",
    "tasks",
];
