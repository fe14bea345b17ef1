//! Hardware mappings: devices by a name that tokens may use.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::handlers::named;
use crate::sim::world::{Mapping, UsbDevice, World};
use crate::sim::{quirks, random};
use serde_json::{Map, Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let mut parts = path.trim_start_matches("/cluster/mapping").trim_start_matches('/').split('/');
    let kind = parts.next().unwrap_or_default().to_owned();
    let one = parts.next().is_some();
    if kind.is_empty() {
        return Some(Ok(named("name", &["pci", "usb", "dir"])));
    }
    Some(match (method, one) {
        ("GET", false) => list(call, &kind),
        ("POST", false) => create(call, &kind),
        ("GET", true) => read(call, &kind),
        ("PUT", true) => update(call, &kind),
        ("DELETE", true) => delete(call, &kind),
        _ => return None,
    })
}

/// All mappings of a kind share one digest (pve-notes section 14).
fn digest(call: &Call<'_>, kind: &str) -> String {
    random::digest(&format!("{kind}{:?}", call.world.mappings.get(kind)))
}

fn missing(id: &str) -> Fail {
    Fail::die(format!("mapping '{id}' not found"))
}

fn fields(mapping: &Mapping) -> Map<String, Value> {
    let mut map: Map<String, Value> = mapping
        .options
        .iter()
        .map(|(key, text)| {
            let number = text.parse::<i64>().ok().filter(|_| key != "description");
            (key.clone(), number.map_or_else(|| json!(text), |number| json!(number)))
        })
        .collect();
    map.insert("map".to_owned(), json!(mapping.map));
    map
}

fn list(call: &mut Call<'_>, kind: &str) -> Answer {
    let digest = digest(call, kind);
    let node = call.args.get("check-node").map(str::to_owned);
    let here = call.world.entry_node();
    if let Some(wrong) = node.as_deref().filter(|node| *node != "localhost" && !call.world.nodes.contains_key(*node)) {
        return Err(Fail::die(format!("wrong node to check - {wrong} != {here}")));
    }
    let mut rows: Vec<Value> = Vec::new();
    for (id, mapping) in call.world.mappings.get(kind).into_iter().flatten() {
        let path = format!("/mapping/{kind}/{id}");
        if call.need_any(&path, &["Mapping.Use", "Mapping.Modify", "Mapping.Audit"]).is_err() {
            continue;
        }
        let mut map = fields(mapping);
        map.insert("id".to_owned(), json!(id));
        map.insert("type".to_owned(), json!(kind));
        map.insert("digest".to_owned(), json!(digest));
        if let Some(node) = &node {
            map.insert("checks".to_owned(), checks(call.world, kind, node, mapping));
        }
        rows.push(Value::Object(map));
    }
    Ok(json!(rows).into())
}

fn checks(world: &World, kind: &str, node: &str, mapping: &Mapping) -> Value {
    let here = format!("node={node}");
    let entry = mapping.map.iter().find(|entry| entry.split(',').any(|part| part == here));
    let problem = match entry {
        None => Some(("warning", format!("No mapping for node {node}."))),
        Some(_) if kind == "dir" => None,
        Some(entry) if kind == "usb" => {
            let key = |name: &str| entry.split(',').find_map(|part| part.strip_prefix(&format!("{name}=")));
            let device = key("path").or_else(|| key("id")).unwrap_or_default();
            let fits =
                |one: &UsbDevice| key("id") == Some(one.id.as_str()) && key("path").is_none_or(|path| path == one.port);
            let there = world.nodes.get(node).is_some_and(|node| node.usb.iter().any(fits));
            (!there).then(|| ("error", format!("Invalid configuration: usb device '{device}' not found\n")))
        }
        Some(entry) => {
            world.mapping_problem(node, entry).map(|text| ("error", format!("Invalid configuration: {text}\n")))
        }
    };
    match problem {
        Some((severity, message)) => json!([{"severity": severity, "message": message}]),
        None => json!([]),
    }
}

/// What a kind is called when something fails.
fn called(kind: &str) -> &'static str {
    if kind == "dir" { "directory mapping" } else { "hardware mapping" }
}

/// Directories are looked at when they are mapped, on the node that is asked. Any absolute path is taken to be there.
fn check_dirs(kind: &str, map: &[String]) -> Result<(), Fail> {
    if kind != "dir" {
        return Ok(());
    }
    let node = |entry: &String| entry.split(',').find_map(|part| part.strip_prefix("node=").map(str::to_owned));
    let nodes: Vec<String> = map.iter().filter_map(node).collect();
    for name in &nodes {
        let times = nodes.iter().filter(|other| *other == name).count();
        if times > 1 {
            return Err(Fail::die(format!("Node '{name}' is specified {times} times.")));
        }
    }
    Ok(())
}

fn create(call: &mut Call<'_>, kind: &str) -> Answer {
    let id = call.args.text("id").to_owned();
    let mapping = Mapping { options: call.args.texts(&["id", "map"]), map: call.args.all("map").to_vec() };
    check_dirs(kind, &mapping.map)?;
    let all = call.world.mappings.entry(kind.to_owned()).or_default();
    if all.contains_key(&id) {
        return Err(Fail::die(format!("create {} failed: {kind} ID '{id}' already defined", called(kind))));
    }
    all.insert(id, mapping);
    Reply::done()
}

fn read(call: &mut Call<'_>, kind: &str) -> Answer {
    let id = call.args.text("id");
    let digest = digest(call, kind);
    let mapping = call.world.mappings.get(kind).and_then(|all| all.get(id)).ok_or_else(|| missing(id))?;
    let mut map = fields(mapping);
    map.insert("type".to_owned(), json!(kind));
    map.insert("digest".to_owned(), json!(digest));
    Ok(Value::Object(map).into())
}

fn update(call: &mut Call<'_>, kind: &str) -> Answer {
    change(call, kind).map_err(|fail| Fail::die(format!("update {} failed: {}", called(kind), fail.text())))?;
    Reply::done()
}

fn change(call: &mut Call<'_>, kind: &str) -> Result<(), Fail> {
    let id = call.args.text("id").to_owned();
    if call.args.get("digest").is_some_and(|given| given != digest(call, kind)) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let set = call.args.texts(&["id", "map", "delete", "digest"]);
    let map = call.args.all("map").to_vec();
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let mapping = call.world.mappings.get_mut(kind).and_then(|all| all.get_mut(&id));
    let mapping = mapping.ok_or_else(|| Fail::die(format!("{kind} ID '{id}' does not exist")))?;
    // The whole entry is judged again, so what it needs must be told again.
    if map.is_empty() {
        return Err(Fail::die("missing value for required option 'map'"));
    }
    check_dirs(kind, &map)?;
    let optional: &[&str] =
        if kind == "pci" { &["description", "mdev", "live-migration-capable"] } else { &["description"] };
    for key in delete {
        if key == "map" {
            return Err(Fail::die("unable to delete required option 'map'"));
        }
        if !optional.contains(&key.as_str()) {
            return Err(Fail::die(format!("no such option '{key}'")));
        }
        if set.contains_key(&key) {
            return Err(Fail::die(format!("cannot set and delete property '{key}' at the same time!")));
        }
        mapping.options.remove(&key);
    }
    mapping.options.extend(set);
    mapping.map = map;
    Ok(())
}

/// Deleting what is not there is fine (recorded).
fn delete(call: &mut Call<'_>, kind: &str) -> Answer {
    let id = call.args.text("id").to_owned();
    if let Some(all) = call.world.mappings.get_mut(kind) {
        all.remove(&id);
    }
    Reply::done()
}

impl World {
    /// What is wrong with a mapping's entry for a node: compared with the devices that are there.
    pub(crate) fn mapping_problem(&self, node: &str, entry: &str) -> Option<String> {
        let key = |name: &str| entry.split(',').find_map(|part| part.strip_prefix(&format!("{name}=")));
        let path = key("path").unwrap_or_default().split(';').next().unwrap_or_default();
        let devices = &self.nodes.get(node)?.pci;
        let full = |path: &str| if path.contains('.') { path.to_owned() } else { format!("{path}.0") };
        let Some(device) = devices.iter().find(|device| device.path == full(path)) else {
            return Some(format!("pci device '{path}' not found"));
        };
        if key("id").is_some_and(|id| !id.eq_ignore_ascii_case(&device.id)) {
            let found = key("id").unwrap_or_default();
            return Some(format!("'id' does not match for '{path}' ({} != {found})", device.id));
        }
        match (key("subsystem-id"), &device.subsystem) {
            (None, Some(_)) => Some(format!("missing expected property 'subsystem-id' for device '{path}'")),
            (Some(given), Some(real)) if given != real => {
                Some(format!("'subsystem-id' does not match for '{path}' ({real} != {given})"))
            }
            _ => None,
        }
    }
}
