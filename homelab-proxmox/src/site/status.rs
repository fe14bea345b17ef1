//! `status` of a cluster.
use super::verbs::{node_path, too_old};
use crate::{
    Pve,
    api::{FromScalar, Guest, GuestKind},
    client::Params,
    resource::is_unfinished,
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

/// Lines of words in columns: the words of a column begin under each other.
fn table(title: [&str; 4], rows: &[[String; 4]]) -> Vec<String> {
    let title = title.map(str::to_owned);
    let all: Vec<&[String; 4]> = std::iter::once(&title).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |row: &&[String; 4]| {
        let [a, b, c, d] = *row;
        format!("{a:0$}  {b:1$}  {c:2$}  {d}", widths[0], widths[1], widths[2]).trim_end().to_owned()
    };
    if rows.is_empty() { vec![] } else { all.iter().map(line).collect() }
}

/// What was found, for people and for programs.
#[derive(Default)]
struct Found {
    rows: Vec<[String; 4]>,
    values: Vec<Value>,
    wrong: Vec<String>,
}

/// The nodes, each with what of its memory can be had, and all together.
async fn nodes(pve: &Pve) -> Result<Found, Failure> {
    let (mut found, mut free, mut all, mut threads) = (Found::default(), 0, 0, 0);
    for (node, online) in pve.resources().await?.nodes() {
        if !online {
            found.rows.push([node.to_owned(), "does not answer".to_owned(), String::new(), String::new()]);
            found.wrong.push(format!("node {node} does not answer"));
            found.values.push(json!({"node": node, "online": false}));
            continue;
        }
        let status = pve.get(&node_path(node, "/status"), Params::new()).await?;
        let days = status.get("uptime").and_then(u64::from_scalar).unwrap_or(0) / (24 * 3600);
        let version = status.get("pveversion").and_then(String::from_scalar).unwrap_or_default();
        let version = version.split('/').nth(1).unwrap_or("?").to_owned();
        let memory = available(&status);
        let shown = memory.map_or("not told".to_owned(), |(free, all)| format!("{} of {}", size(free), size(all)));
        threads += status.get("cpuinfo").and_then(|cpu| cpu.get("cpus")).and_then(u64::from_scalar).unwrap_or(0);
        free += memory.map_or(0, |(free, _)| free);
        all += memory.map_or(0, |(_, all)| all);
        let unfinished = is_unfinished(pve, node).await?;
        found.values.push(json!({
            "node": node, "online": true, "version": version, "available": memory.map(|m| m.0), "restart_unfinished": unfinished,
        }));
        let up = if unfinished { ", its restart is to be finished by a deploy" } else { "" };
        found.rows.push([node.to_owned(), version, format!("up {days} days{up}"), shown]);
    }
    if found.rows.len() > 1 {
        let memory = format!("{} of {}", size(free), size(all));
        found.rows.push(["all".to_owned(), String::new(), format!("{threads} threads"), memory]);
    }
    Ok(found)
}

/// The guests, and for which of them a restart is due.
async fn all_guests(pve: &Pve) -> Result<Found, Failure> {
    let mut found = Found::default();
    for Seen { guest, name, state } in guests(pve).await? {
        let due = match guest.kind {
            _ if state != "running" => false,
            GuestKind::Qemu => !pve.pending(&guest.node, guest.vmid).await?.is_empty(),
            GuestKind::Lxc => container_waits(pve, &guest).await?,
        };
        found
            .values
            .push(json!({"vmid": guest.vmid, "name": name, "node": guest.node, "status": state, "restart_due": due}));
        let state = if due { format!("{state}, a restart is due") } else { state };
        found.rows.push([guest.vmid.to_string(), name, guest.node, state]);
    }
    Ok(found)
}

/// Whether a container has changes that it takes only when it is started again.
async fn container_waits(pve: &Pve, guest: &Guest) -> Result<bool, Failure> {
    let pending = pve.get(&node_path(&guest.node, &format!("/lxc/{}/pending", guest.vmid)), Params::new()).await?;
    let waits = |row: &Value| row.get("pending").is_some() || row.get("delete").is_some();
    Ok(pending.as_array().into_iter().flatten().any(waits))
}

async fn storages(pve: &Pve) -> Result<Found, Failure> {
    let mut found = Found::default();
    for row in pve.resources().await?.others().filter(|row| row.get("type").is_some_and(|kind| kind == "storage")) {
        let (used, all) = (number(row, "disk"), number(row, "maxdisk"));
        let Some(percent) = (used * 100).checked_div(all) else { continue };
        let (storage, node) = (text(row, "storage"), text(row, "node"));
        if percent >= FULL {
            found.wrong.push(format!("storage {storage} on {node} is {percent}% full"));
        }
        let free = format!("{} of {}", size(all - used.min(all)), size(all));
        found.values.push(json!({"storage": storage, "node": node, "used": used, "size": all}));
        found.rows.push([storage, node, format!("{percent}% used"), free]);
    }
    Ok(found)
}

pub(super) async fn status(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let (nodes, guests, storages) = (nodes(pve).await?, all_guests(pve).await?, storages(pve).await?);
    let age = words.secrets().age(&super::TOKEN_SECRET);
    let days = age.map(|age| age.as_secs() / (24 * 3600));
    let mut lines = table(["NODE", "VERSION", "", "MEMORY AVAILABLE"], &nodes.rows);
    for part in [
        table(["GUEST", "NAME", "NODE", "STATE"], &guests.rows),
        table(["STORAGE", "NODE", "", "FREE"], &storages.rows),
        days.map(|days| format!("token: {days} days old")).into_iter().collect(),
    ] {
        if !part.is_empty() {
            lines.push(String::new());
            lines.extend(part);
        }
    }
    let wrong = nodes.wrong.into_iter().chain(storages.wrong).chain(age.and_then(too_old)).collect();
    let value = json!({
        "nodes": nodes.values, "guests": guests.values, "storages": storages.values, "token_days": days,
    });
    Ok(Said { lines, value, wrong, ..Said::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_more_than_ninety_days_is_told_with_what_renews_it() {
        let days = |days: u64| too_old(std::time::Duration::from_secs(days * 24 * 3600));
        assert_eq!(days(90), None);
        assert_eq!(days(91).unwrap(), "the token is 91 days old: `token rotate` makes a new one");
    }

    #[test]
    fn the_words_of_a_column_begin_under_each_other() {
        let row = |words: [&str; 4]| words.map(str::to_owned);
        let rows = [row(["201", "newservice-server", "grogu", "running"]), row(["1000", "nas", "din", ""])];
        assert_eq!(
            table(["GUEST", "NAME", "NODE", "STATE"], &rows),
            [
                "GUEST  NAME               NODE   STATE",
                "201    newservice-server  grogu  running",
                "1000   nas                din",
            ]
        );
        assert!(table(["GUEST", "NAME", "NODE", "STATE"], &[]).is_empty());
    }
}
