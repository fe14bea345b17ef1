//! `status` of a cluster.
use super::verbs::{node_path, too_old};
use crate::{
    Pve,
    api::{FromScalar, Guest, GuestKind},
    client::Params,
};
use homelab_core::{Failure, Said, Words, units::Size};
use serde_json::{Map, Value, json};

/// How many percent of a storage may be used before it is told.
const FULL: u64 = 90;

fn number(row: &Map<String, Value>, key: &str) -> u64 {
    row.get(key).and_then(u64::from_scalar).unwrap_or(0)
}

fn text(row: &Map<String, Value>, key: &str) -> String {
    row.get(key).and_then(String::from_scalar).unwrap_or_default()
}

/// A size that people read: whole GiB where there are any.
fn size(bytes: u64) -> Size {
    Size::bytes(if bytes >= 1 << 30 { bytes >> 30 << 30 } else { bytes })
}

/// A guest as its node sees it: the listing of the cluster knows the name and the state of a new one only after some seconds.
pub(super) struct Seen {
    pub(super) guest: Guest,
    pub(super) name: String,
    pub(super) state: String,
}

impl Seen {
    pub(super) fn is_running(&self) -> bool {
        self.state == "running"
    }
}

/// All guests but templates, by number. What is on a node that does not answer is `unknown`.
pub(super) async fn guests(pve: &Pve) -> Result<Vec<Seen>, Failure> {
    let resources = pve.resources().await?;
    let up = |node: &str| resources.nodes().any(|(name, online)| online && name == node);
    let mut seen = vec![];
    for guest in resources.guests() {
        let kind = match guest.kind {
            GuestKind::Qemu => "qemu",
            GuestKind::Lxc => "lxc",
        };
        let status = match up(&guest.node) {
            true => {
                let path = node_path(&guest.node, &format!("/{kind}/{}/status/current", guest.vmid));
                pve.get(&path, Params::new()).await?
            }
            false => Value::Null,
        };
        let text = |key: &str| status.get(key).and_then(String::from_scalar);
        if guest.template == Some(true) || text("template").is_some_and(|text| text == "1") {
            continue;
        }
        let name = text("name").or_else(|| guest.name.clone()).unwrap_or_else(|| guest.vmid.to_string());
        seen.push(Seen { guest: guest.clone(), name, state: text("status").unwrap_or_else(|| "unknown".to_owned()) });
    }
    Ok(seen)
}

/// What of a node's memory can be had. Proxmox VE 9 says it; 8 counts buffers and caches, which Linux gives back, as free.
fn available(status: &Value) -> Option<(u64, u64)> {
    let memory = status.get("memory")?;
    let number = |key: &str| memory.get(key).and_then(u64::from_scalar);
    Some((number("available").or_else(|| number("free"))?, number("total")?))
}

pub(super) async fn status(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let resources = pve.resources().await?;
    let (mut lines, mut wrong) = (vec![], vec![]);
    let (mut nodes, mut guests) = (vec![], vec![]);
    for (node, online) in resources.nodes() {
        if !online {
            lines.push(format!("node {node}: does not answer"));
            wrong.push(format!("node {node} does not answer"));
            nodes.push(json!({"node": node, "online": false}));
            continue;
        }
        let status = pve.get(&node_path(node, "/status"), Params::new()).await?;
        let days = status.get("uptime").and_then(u64::from_scalar).unwrap_or(0) / (24 * 3600);
        let version = status.get("pveversion").and_then(String::from_scalar).unwrap_or_default();
        let version = version.split('/').nth(1).unwrap_or("?").to_owned();
        let memory = available(&status);
        let shown = memory.map_or("of memory nothing is told".to_owned(), |(free, all)| {
            format!("{} of {} memory available", size(free), size(all))
        });
        lines.push(format!("node {node}: {version}, up {days} days, {shown}"));
        nodes.push(json!({"node": node, "online": true, "version": version, "available": memory.map(|m| m.0)}));
    }
    for Seen { guest, name, state } in self::guests(pve).await? {
        let due = match guest.kind {
            GuestKind::Qemu if state == "running" => !pve.pending(&guest.node, guest.vmid).await?.is_empty(),
            _ => false,
        };
        let restart = if due { ", a restart is due" } else { "" };
        lines.push(format!("guest {} {name} on {}: {state}{restart}", guest.vmid, guest.node));
        guests.push(json!({"vmid": guest.vmid, "name": name, "node": guest.node, "status": state, "restart_due": due}));
    }
    for row in resources.others().filter(|row| row.get("type").is_some_and(|kind| kind == "storage")) {
        let (used, all) = (number(row, "disk"), number(row, "maxdisk"));
        if all == 0 {
            continue;
        }
        let (storage, percent) = (format!("{} on {}", text(row, "storage"), text(row, "node")), used * 100 / all);
        lines.push(format!("storage {storage}: {} free of {}", size(all - used.min(all)), size(all)));
        if percent >= FULL {
            wrong.push(format!("storage {storage} is {percent}% full"));
        }
    }
    let age = words.secrets().age(&super::TOKEN_SECRET);
    if let Some(age) = age {
        lines.push(format!("token: {} days old", age.as_secs() / (24 * 3600)));
        wrong.extend(too_old(age));
    }
    let value = json!({"nodes": nodes, "guests": guests, "token_days": age.map(|age| age.as_secs() / (24 * 3600))});
    Ok(Said { lines, value, wrong, ..Said::default() })
}
