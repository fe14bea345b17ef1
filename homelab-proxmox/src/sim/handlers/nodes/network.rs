//! `/nodes/{node}/network`: interfaces, staged until they are applied.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::{Node, Texts};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let one = path.ends_with("{iface}");
    Some(match (method, one) {
        ("GET", false) => list(call),
        ("POST", false) => create(call),
        ("PUT", false) => apply(call),
        ("DELETE", false) => revert(call),
        ("GET", true) => read(call),
        ("PUT", true) => update(call),
        ("DELETE", true) => remove(call),
        _ => return None,
    })
}

/// An interface as it is shown: what it is not given is derived.
fn shown(node: &Node, name: &str, options: &Texts) -> Map<String, Value> {
    let mut map = Map::new();
    let cidr = options.get("cidr").map(String::as_str).unwrap_or_default();
    let cidr6 = options.get("cidr6").map(String::as_str).unwrap_or_default();
    for (key, value) in options {
        let numeric = matches!(key.as_str(), "autostart" | "bridge_vlan_aware");
        match value.parse::<u64>() {
            Ok(number) if numeric => map.insert(key.clone(), json!(number)),
            _ if key.starts_with("comments") => map.insert(key.clone(), json!(format!("{}\n", value.trim_end()))),
            _ => map.insert(key.clone(), json!(value)),
        };
    }
    for (text, address, mask, method) in
        [(cidr, "address", "netmask", "method"), (cidr6, "address6", "netmask6", "method6")]
    {
        let given = text.split_once('/');
        map.insert(method.to_owned(), json!(if given.is_some() { "static" } else { "manual" }));
        if let Some((ip, bits)) = given {
            map.insert(address.to_owned(), json!(ip));
            map.insert(mask.to_owned(), json!(bits));
        }
    }
    if options.get("bridge_vlan_aware").map(String::as_str) == Some("1") {
        map.entry("bridge_vids").or_insert(json!("2-4094"));
    }
    let mut families = vec!["inet"];
    if !cidr6.is_empty() {
        families.push("inet6");
    }
    map.insert("families".to_owned(), json!(families));
    if node.network.contains_key(name) {
        map.insert("active".to_owned(), json!(1));
    }
    let place = node.interfaces().keys().position(|key| key == name).unwrap_or_default();
    map.insert("priority".to_owned(), json!(place + 3));
    map
}

/// The text that stands beside the data while something is staged (pve-notes section 10).
fn changes(node: &Node) -> Option<String> {
    let staged = node.staged.as_ref().filter(|staged| **staged != node.network)?;
    let mut text = "--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n".to_owned();
    for (sign, from, other) in [('-', &node.network, staged), ('+', staged, &node.network)] {
        for (name, options) in from.iter().filter(|(name, options)| other.get(*name) != Some(options)) {
            text.push_str(&format!("{sign}iface {name} inet\n"));
            for (key, value) in options {
                text.push_str(&format!("{sign}\t{key} {value}\n"));
            }
        }
    }
    Some(text)
}

fn list(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    let wanted = call.args.get("type");
    let rows: Vec<Value> = node
        .interfaces()
        .iter()
        .filter(|(_, options)| {
            let kind = options.get("type").map(String::as_str).unwrap_or_default();
            match wanted {
                None => true,
                Some("any_bridge" | "any_local_bridge") => matches!(kind, "bridge" | "OVSBridge"),
                Some("include_sdn") => true,
                Some(wanted) => kind == wanted,
            }
        })
        .map(|(name, options)| {
            let mut map = shown(node, name, options);
            map.insert("iface".to_owned(), json!(name));
            Value::Object(map)
        })
        .collect();
    let reply = Reply::from(json!(rows));
    Ok(match changes(node) {
        Some(text) => reply.beside("changes", json!(text)),
        None => reply,
    })
}

fn read(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    let name = call.args.text("iface");
    let options = node.interfaces().get(name).ok_or_else(missing)?;
    Ok(Value::Object(shown(node, name, options)).into())
}

fn missing() -> Fail {
    Fail::param("iface", "interface does not exist")
}

fn staged(node: &mut Node) -> &mut BTreeMap<String, Texts> {
    let current = node.network.clone();
    node.staged.get_or_insert(current)
}

/// Options as they are kept; an address and mask become a CIDR.
fn options(call: &Call<'_>) -> Texts {
    let mut options = call.args.texts(&["node", "iface", "delete"]);
    for (address, mask, cidr) in [("address", "netmask", "cidr"), ("address6", "netmask6", "cidr6")] {
        if let (Some(ip), Some(bits)) = (options.remove(address), options.remove(mask)) {
            let bits = bits.parse::<std::net::Ipv4Addr>().map_or(bits, |mask| u32::from(mask).count_ones().to_string());
            options.entry(cidr.to_owned()).or_insert(format!("{ip}/{bits}"));
        }
    }
    options
}

fn create(call: &mut Call<'_>) -> Answer {
    let mut options = options(call);
    let name = call.args.text("iface").to_owned();
    if options.get("type").map(String::as_str) == Some("bridge") {
        for (key, value) in [("bridge_fd", "0"), ("bridge_stp", "off"), ("bridge_ports", "")] {
            options.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let node = call.world.node_mut(&call.node())?;
    if node.interfaces().contains_key(&name) {
        return Err(Fail::param("iface", "interface already exists"));
    }
    if let Some(cidr) = options.get("cidr")
        && let Some((other, _)) = node.interfaces().iter().find(|(_, other)| other.get("cidr") == Some(cidr))
    {
        return Err(Fail::param("address", format!("address already in use on '{other}'")));
    }
    staged(node).insert(name, options);
    Reply::done()
}

/// What is not named stays (pve-notes section 10).
fn update(call: &mut Call<'_>) -> Answer {
    let (new, name) = (options(call), call.args.text("iface").to_owned());
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let node = call.world.node_mut(&call.node())?;
    if !node.interfaces().contains_key(&name) {
        return Err(missing());
    }
    if let Some(options) = staged(node).get_mut(&name) {
        for key in &delete {
            options.remove(key);
        }
        options.extend(new);
    }
    Reply::done()
}

fn remove(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("iface").to_owned();
    let node = call.world.node_mut(&call.node())?;
    if !node.interfaces().contains_key(&name) {
        return Err(missing());
    }
    staged(node).remove(&name);
    Reply::done()
}

fn revert(call: &mut Call<'_>) -> Answer {
    call.world.node_mut(&call.node())?.staged = None;
    Reply::done()
}

fn apply(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    Ok(call.start(&node, "srvreload", "networking", Locks::none(), Job::ReloadNetwork { node: node.clone() }).into())
}
