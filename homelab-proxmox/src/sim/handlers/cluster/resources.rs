//! What the cluster has: resources, status, the next free id.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::{guests, nodes};
use serde_json::{Value, json};

/// GET /cluster/resources
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let wanted = call.args.get("type");
    let has = |kind: &str| wanted.is_none_or(|wanted| wanted == kind);
    let world = &*call.world;
    let mut rows: Vec<Value> = Vec::new();
    if wanted.is_none() {
        for (id, _) in world.pools.iter().filter(|(id, _)| call.may(&format!("/pool/{id}"), "Pool.Audit")) {
            rows.push(json!({"id": format!("/pool/{id}"), "type": "pool", "pool": id}));
        }
    }
    if has("vm") {
        for guest in world.guests.values() {
            if !call.may(&format!("/vms/{}", guest.vmid), "VM.Audit") {
                continue;
            }
            let mut row = guests::resource(world, guest, world.now);
            if let Some(pool) = world.pool_of(guest.vmid) {
                row["pool"] = json!(pool);
            }
            rows.push(row);
        }
    }
    if has("node") {
        for name in world.nodes.keys() {
            let mut row = nodes::node_row(call, name);
            row["cgroup-mode"] = json!(world.nodes[name].cgroup);
            rows.push(row);
        }
    }
    if has("storage") {
        for id in world.storages.keys() {
            if call.need_any(&format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"]).is_err() {
                continue;
            }
            for name in world.nodes.keys().filter(|name| world.storage_usable(id, name).is_ok()) {
                rows.push(storage(call, name, id));
            }
        }
    }
    if has("sdn") {
        for name in world.nodes.keys() {
            if call.need_any("/sdn/zones/localnetwork", &["SDN.Audit", "SDN.Use", "SDN.Allocate"]).is_ok() {
                rows.push(json!({"id": format!("sdn/{name}/localnetwork"), "type": "sdn", "node": name,
                    "sdn": "localnetwork", "status": "ok"}));
            }
        }
    }
    Ok(json!(rows).into())
}

fn storage(call: &Call<'_>, node: &str, id: &str) -> Value {
    let figures = nodes::storage_figures(call.world, node, id);
    let online = call.world.is_online(node);
    let mut row = json!({
        "id": format!("storage/{node}/{id}"), "type": "storage", "node": node, "storage": id,
        "plugintype": figures["type"], "content": figures["content"], "shared": figures["shared"],
        "status": if online { "available" } else { "unknown" },
    });
    if online {
        row["maxdisk"] = figures["total"].clone();
        row["disk"] = figures["used"].clone();
    }
    row
}

/// GET /cluster/status
pub(super) fn status(call: &mut Call<'_>) -> Answer {
    let world = &*call.world;
    let mut rows: Vec<Value> = Vec::new();
    if let Some(name) = &world.cluster {
        rows.push(json!({"id": "cluster", "type": "cluster", "name": name, "nodes": world.nodes.len(),
            "quorate": u8::from(world.is_quorate()), "version": 2}));
    }
    for (place, name) in world.nodes.keys().enumerate() {
        let number = if world.cluster.is_some() { place + 1 } else { 0 };
        rows.push(json!({
            "id": format!("node/{name}"), "type": "node", "name": name, "online": u8::from(world.is_online(name)), "level": "",
            "local": u8::from(name == world.entry_node()), "nodeid": number, "ip": world.link_of(name),
        }));
    }
    Ok(json!(rows).into())
}

/// GET /cluster/nextid: the lowest free id, as text. It reserves nothing (pve-notes section 7).
pub(super) fn next_id(call: &mut Call<'_>) -> Answer {
    if let Some(vmid) = call.args.get("vmid") {
        return match call.world.guests.get(&call.vmid()) {
            None => Ok(json!(vmid).into()),
            Some(guest) => {
                let kind = if guest.lxc { "CT" } else { "VM" };
                Err(Fail::param("vmid", format!("{kind} {vmid} already exists")))
            }
        };
    }
    let range = call.world.options.get("next-id").cloned().unwrap_or_default();
    let bound = |key: &str, default: u32| -> u32 {
        let prefix = format!("{key}=");
        range.split(',').find_map(|part| part.strip_prefix(&prefix)?.parse().ok()).unwrap_or(default)
    };
    let (lower, upper) = (bound("lower", 100), bound("upper", 1_000_000));
    match (lower..upper).find(|vmid| !call.world.guests.contains_key(vmid)) {
        Some(vmid) => Ok(json!(vmid.to_string()).into()),
        None => Err(Fail::die(format!("unable to get any free VMID in range [{lower}, {upper}]"))),
    }
}
