//! What is alike for virtual machines and containers: showing configurations, figures, pending changes.
use super::super::props;
use super::super::quirks;
use super::super::schema::SCHEMA;
use super::super::world::{Guest, Release, Texts, World, parse_size};
use crate::http::Method;
use serde_json::{Map, Value, json};

/// A value with the JSON type that the API gives it: integers and booleans are numbers, all else is text.
pub(super) fn typed(release: Release, lxc: bool, key: &str, value: &str) -> Value {
    let template = if lxc { "/nodes/{node}/lxc" } else { "/nodes/{node}/qemu" };
    let numeric = key == "snaptime"
        || SCHEMA
            .param_of(release, Method::Post, template, key)
            .is_some_and(|prop| matches!(prop.kind(), "integer" | "boolean"));
    match value.parse::<i64>() {
        Ok(number) if numeric => json!(number),
        _ => json!(value),
    }
}

/// A password is never shown.
fn shown(release: Release, lxc: bool, key: &str, value: &str) -> Value {
    match key {
        "cipassword" => json!("**********"),
        // A container's description ends in a line break, a virtual machine's never does (recorded).
        "description" if lxc && !value.ends_with('\n') => json!(format!("{value}\n")),
        _ => typed(release, lxc, key, value),
    }
}

/// The configuration as JSON, with or without what is pending.
pub(super) fn config(world: &World, guest: &Guest, current: bool) -> Value {
    let mut texts = guest.config.clone();
    if !current {
        for key in guest.deleting.keys() {
            texts.remove(key);
        }
        texts.extend(guest.pending.clone());
    }
    let mut map = texts_to_json(world, guest, &texts);
    map.insert("digest".to_owned(), json!(guest.digest()));
    Value::Object(map)
}

/// Options as JSON.
pub(super) fn texts_to_json(world: &World, guest: &Guest, texts: &Texts) -> Map<String, Value> {
    texts.iter().map(|(key, value)| (key.clone(), shown(world.release, guest.lxc, key, value))).collect()
}

/// The list of `pending`: each option with its value, what it becomes, and whether it goes.
pub(super) fn pending(world: &World, guest: &Guest) -> Value {
    let mut rows = Vec::new();
    let mut keys: Vec<&String> = guest.config.keys().chain(guest.pending.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let mut row = json!({ "key": key });
        if let Some(value) = guest.config.get(key) {
            row["value"] = shown(world.release, guest.lxc, key, value);
        }
        if let Some(value) = guest.pending.get(key) {
            row["pending"] = shown(world.release, guest.lxc, key, value);
        }
        if let Some(force) = guest.deleting.get(key) {
            row["delete"] = json!(if *force { 2 } else { 1 });
        }
        rows.push(row);
    }
    rows.push(json!({"key": "digest", "value": guest.digest()}));
    json!(rows)
}

fn number(guest: &Guest, key: &str, default: u64) -> u64 {
    guest.get(key).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
}

/// Processors.
pub(super) fn cpus(world: &World, guest: &Guest) -> u64 {
    if guest.lxc {
        let node = world.nodes.get(&guest.node).map_or(1, |node| u64::from(node.spec.cores));
        return number(guest, "cores", node);
    }
    let all = number(guest, "sockets", 1) * number(guest, "cores", 1);
    let limit = number(guest, "vcpus", all);
    limit.min(all)
}

/// Memory in bytes.
pub(super) fn memory(guest: &Guest) -> u64 {
    let text = guest.get("memory").unwrap_or("512");
    let text = text.split(',').next().unwrap_or_default().trim_start_matches("current=");
    text.parse::<u64>().unwrap_or(512) << 20
}

/// The size of the disk that it boots, in bytes.
pub(super) fn boot_disk(guest: &Guest) -> u64 {
    let size = |value: &str| value.split(',').find_map(|part| part.strip_prefix("size=")).and_then(parse_size);
    if guest.lxc {
        return guest.get("rootfs").and_then(size).unwrap_or_default();
    }
    let order = guest.get("boot").and_then(|boot| boot.strip_prefix("order=")).unwrap_or_default();
    let is_disk = |device: &&str| ["scsi", "virtio", "sata", "ide"].iter().any(|bus| device.starts_with(bus));
    order
        .split(';')
        .filter(is_disk)
        .filter_map(|device| guest.get(device))
        .find(|value| !value.contains("media=cdrom"))
        .and_then(size)
        .unwrap_or_default()
}

/// The figures that listings and `status/current` share.
pub(super) fn figures(world: &World, guest: &Guest) -> Value {
    let run = guest.run.as_ref();
    let up = run.map_or(0, |run| (world.now - run.since.min(world.now)) / 1000);
    let busy = u64::from(run.is_some());
    let mut value = json!({
        "vmid": guest.vmid, "name": guest.name(), "status": if run.is_some() { "running" } else { "stopped" },
        "cpus": cpus(world, guest), "maxmem": memory(guest), "maxdisk": boot_disk(guest), "uptime": up,
        "cpu": if run.is_some() { json!(0.01) } else { json!(0) }, "mem": busy * memory(guest) / 2, "disk": 0,
        "netin": busy * up * 100, "netout": busy * up * 50,
    });
    if guest.lxc {
        let swap = number(guest, "swap", 512) << 20;
        value["type"] = json!("lxc");
        value["maxswap"] = json!(swap);
        value["swap"] = json!(0);
        value["diskread"] = json!(0);
        value["diskwrite"] = json!(0);
    } else if guest.config.keys().any(|key| key.starts_with("serial")) {
        value["serial"] = json!(1);
    }
    if let Some(run) = run {
        value["pid"] = json!(run.pid);
    }
    if guest.is_template() {
        value["template"] = json!(1);
    }
    for key in ["tags", "lock"] {
        if let Some(text) = guest.get(key) {
            value[key] = json!(text);
        }
    }
    value
}

/// Whether the status daemon has already seen a guest.
pub(super) fn is_seen(guest: &Guest, at: u64) -> bool {
    at >= guest.made / quirks::FIGURES_EVERY * quirks::FIGURES_EVERY + quirks::FIGURES_EVERY
}

/// A row of `/cluster/resources` and of pools. A guest that is too young shows as unknown (pve-notes section 14);
/// `at` is when the worker read its figures.
pub(super) fn resource(world: &World, guest: &Guest, at: u64) -> Value {
    let mut row = json!({
        "id": format!("{}/{}", guest.kind(), guest.vmid), "type": guest.kind(), "node": guest.node, "vmid": guest.vmid,
    });
    let node_up = !world.nodes.contains_key(&guest.node) || world.is_online(&guest.node);
    if !is_seen(guest, at) || !node_up {
        row["status"] = json!("unknown");
    } else {
        let figures = figures(world, guest);
        for key in ["name", "status", "maxmem", "maxdisk", "uptime", "cpu", "mem", "disk", "netin", "netout", "tags"] {
            if let Some(value) = figures.get(key) {
                row[key] = value.clone();
            }
        }
        row["maxcpu"] = figures["cpus"].clone();
        row["template"] = json!(u8::from(guest.is_template()));
        row["diskread"] = json!(0);
        row["diskwrite"] = json!(0);
        if let Some(lock) = guest.get("lock") {
            row["lock"] = json!(lock);
        }
    }
    let sid = format!("{}:{}", if guest.lxc { "ct" } else { "vm" }, guest.vmid);
    if let Some(resource) = world.ha.resources.get(&sid) {
        row["hastate"] = json!(resource.get("state").map_or("started", String::as_str));
    }
    row
}

/// `ha` of `status/current`.
pub(super) fn ha(world: &World, guest: &Guest) -> Value {
    let sid = format!("{}:{}", if guest.lxc { "ct" } else { "vm" }, guest.vmid);
    match world.ha.resources.get(&sid) {
        Some(options) => {
            let mut value = json!({"managed": 1, "state": options.get("state").map_or("started", String::as_str)});
            if let Some(group) = options.get("group") {
                value["group"] = json!(group);
            }
            value
        }
        None => json!({"managed": 0}),
    }
}

/// Whether the agent is switched on.
pub(super) fn has_agent(world: &World, guest: &Guest) -> bool {
    guest.get("agent").is_some_and(|text| {
        props::keys(world.release, false, "agent", text).get("enabled").map(String::as_str) == Some("1")
    })
}
