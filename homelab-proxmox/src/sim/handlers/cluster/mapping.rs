//! Hardware mappings: devices by a name that tokens may use.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::handlers::named;
use crate::sim::world::{Mapping, World};
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
            map.insert("checks".to_owned(), checks(call.world, node, mapping));
        }
        rows.push(Value::Object(map));
    }
    Ok(json!(rows).into())
}

fn checks(world: &World, node: &str, mapping: &Mapping) -> Value {
    let here = format!("node={node}");
    let entry = mapping.map.iter().find(|entry| entry.split(',').any(|part| part == here));
    let problem = match entry {
        None => Some(("warning", format!("No mapping for node {node}."))),
        Some(entry) => {
            world.mapping_problem(node, entry).map(|text| ("error", format!("Invalid configuration: {text}\n")))
        }
    };
    match problem {
        Some((severity, message)) => json!([{"severity": severity, "message": message}]),
        None => json!([]),
    }
}

fn create(call: &mut Call<'_>, kind: &str) -> Answer {
    let id = call.args.text("id").to_owned();
    let mapping = Mapping { options: call.args.texts(&["id", "map"]), map: call.args.all("map").to_vec() };
    let all = call.world.mappings.entry(kind.to_owned()).or_default();
    if all.contains_key(&id) {
        let what = match kind {
            "pci" => "pci ID",
            "usb" => "usb ID",
            _ => "dir ID",
        };
        return Err(Fail::die(format!("create hardware mapping failed: {what} '{id}' already defined")));
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
    let id = call.args.text("id").to_owned();
    if call.args.get("digest").is_some_and(|given| given != digest(call, kind)) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let set = call.args.texts(&["id", "map", "delete", "digest"]);
    let map = call.args.all("map").to_vec();
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let mapping = call.world.mappings.get_mut(kind).and_then(|all| all.get_mut(&id));
    let mapping = mapping.ok_or_else(|| Fail::die(format!("{kind} mapping '{id}' does not exist")))?;
    for key in delete {
        mapping.options.remove(&key);
    }
    mapping.options.extend(set);
    if !map.is_empty() {
        mapping.map = map;
    }
    Reply::done()
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
