//! High availability: groups, resources and rules.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::handlers::named;
use crate::sim::quirks;
use crate::sim::random;
use crate::sim::world::{Release, Texts};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    if key.contains("/resources")
        && let Some(vmid) = call.args.get("sid").and_then(|sid| sid.parse::<u32>().ok())
        && !call.world.guests.contains_key(&vmid)
    {
        let text = format!("unable do detect SID from VMID - VM/CT {vmid} does not exist");
        return Some(Err(Fail::die(text)));
    }
    if call.world.release == Release::V9_2
        && let Some(fail) = migrated(call, key)
    {
        return Some(Err(fail));
    }
    Some(match key {
        "GET /cluster/ha" => Ok(named("id", &["groups", "resources", "status"])),
        "GET /cluster/ha/status" => Ok(named("name", &["current", "manager_status"])),
        "GET /cluster/ha/status/current" => {
            let quorate = u8::from(call.world.is_quorate());
            let status = if quorate == 1 { "OK" } else { "No quorum on node!" };
            Ok(json!([{
                "id": "quorum", "type": "quorum", "status": status, "quorate": quorate,
                "node": call.world.entry_node(),
            }])
            .into())
        }
        "POST /cluster/ha/resources/{sid}/migrate" | "POST /cluster/ha/resources/{sid}/relocate" => ask(call),
        "GET /cluster/ha/groups" => list(call, Kind::Group),
        "POST /cluster/ha/groups" => create_group(call),
        "GET /cluster/ha/groups/{group}" => read(call, Kind::Group),
        "PUT /cluster/ha/groups/{group}" => update(call, Kind::Group),
        "DELETE /cluster/ha/groups/{group}" => delete_group(call),
        "GET /cluster/ha/resources" => list(call, Kind::Resource),
        "POST /cluster/ha/resources" => create_resource(call),
        "GET /cluster/ha/resources/{sid}" => read(call, Kind::Resource),
        "PUT /cluster/ha/resources/{sid}" => update(call, Kind::Resource),
        "DELETE /cluster/ha/resources/{sid}" => delete_resource(call),
        "GET /cluster/ha/rules" => list(call, Kind::Rule),
        "POST /cluster/ha/rules" => create_rule(call),
        "GET /cluster/ha/rules/{rule}" => read(call, Kind::Rule),
        "PUT /cluster/ha/rules/{rule}" => update(call, Kind::Rule),
        "DELETE /cluster/ha/rules/{rule}" => delete_rule(call),
        _ => return None,
    })
}

/// What release 9 says of groups, which it made rules of.
fn migrated(call: &Call<'_>, key: &str) -> Option<Fail> {
    let why = "ha groups have been migrated to rules";
    if key.contains("/resources") && call.args.has("group") {
        return Some(Fail::die(format!("invalid parameter 'group': {why}")));
    }
    let (method, path) = key.split_once(' ')?;
    let what = match (method, path) {
        ("GET", "/cluster/ha/groups") => "index groups",
        ("POST", "/cluster/ha/groups") => "create group",
        ("GET", "/cluster/ha/groups/{group}") => "read group",
        ("PUT", "/cluster/ha/groups/{group}") => "update group",
        ("DELETE", "/cluster/ha/groups/{group}") => "delete group",
        _ => return None,
    };
    Some(Fail::die(format!("cannot {what}: {why}")))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Group,
    Resource,
    Rule,
}

impl Kind {
    fn key(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::Resource => "sid",
            Kind::Rule => "rule",
        }
    }

    fn id(self, call: &Call<'_>) -> String {
        let id = call.args.text(self.key());
        if self == Kind::Resource { sid(call, id) } else { id.to_owned() }
    }
}

/// A bare id is a virtual machine's, or a container's when there is one.
fn sid(call: &Call<'_>, id: &str) -> String {
    match id.parse::<u32>() {
        Ok(vmid) if call.world.guests.get(&vmid).is_some_and(|guest| guest.lxc) => format!("ct:{id}"),
        Ok(_) => format!("vm:{id}"),
        Err(_) => id.to_owned(),
    }
}

fn all<'c>(call: &'c mut Call<'_>, kind: Kind) -> &'c mut BTreeMap<String, Texts> {
    match kind {
        Kind::Group => &mut call.world.ha.groups,
        Kind::Resource => &mut call.world.ha.resources,
        Kind::Rule => &mut call.world.ha.rules,
    }
}

fn row(kind: Kind, id: &str, options: &Texts, digest: &str) -> Value {
    let mut map: Map<String, Value> = options
        .iter()
        .map(|(key, text)| {
            let number = text.parse::<i64>().ok().filter(|_| !matches!(key.as_str(), "comment" | "nodes"));
            (key.clone(), number.map_or_else(|| json!(text), |number| json!(number)))
        })
        .collect();
    map.insert(kind.key().to_owned(), json!(id));
    map.insert("digest".to_owned(), json!(digest));
    let name = match kind {
        Kind::Group => "group",
        Kind::Resource => id.split(':').next().unwrap_or("vm"),
        Kind::Rule => "node-affinity",
    };
    map.entry("type").or_insert(json!(name));
    Value::Object(map)
}

fn list(call: &mut Call<'_>, kind: Kind) -> Answer {
    let all = all(call, kind);
    let digest = random::digest(&format!("{all:?}"));
    let rows: Vec<Value> = all.iter().map(|(id, options)| row(kind, id, options, &digest)).collect();
    Ok(json!(rows).into())
}

fn read(call: &mut Call<'_>, kind: Kind) -> Answer {
    let id = kind.id(call);
    let all = all(call, kind);
    let digest = random::digest(&format!("{all:?}"));
    match all.get(&id) {
        Some(options) => Ok(row(kind, &id, options, &digest).into()),
        None if kind == Kind::Group => Err(Fail::die(format!("no such ha group '{id}'"))),
        None if kind == Kind::Rule => Err(Fail::die(format!("no such ha rule '{id}'"))),
        None => Err(Fail::die(format!("no such resource '{id}'"))),
    }
}

fn update(call: &mut Call<'_>, kind: Kind) -> Answer {
    if kind == Kind::Resource
        && let Some(group) = call.args.get("group").filter(|group| !call.world.ha.groups.contains_key(*group))
    {
        return Err(Fail::die(format!("HA group '{group}' does not exist")));
    }
    let (what, failed) = match kind {
        Kind::Group => ("ha group", "update ha group failed"),
        Kind::Resource => ("resource", "update resources config failed"),
        Kind::Rule => ("ha rule", "update ha rule failed"),
    };
    change(call, kind, what).map_err(|fail| Fail::die(format!("{failed}: {}", fail.text())))?;
    Reply::done()
}

fn change(call: &mut Call<'_>, kind: Kind, what: &str) -> Result<(), Fail> {
    let id = kind.id(call);
    let set = call.args.texts(&[kind.key(), "type", "delete", "digest"]);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let digest = call.args.get("digest").map(str::to_owned);
    let all = all(call, kind);
    if digest.is_some_and(|digest| digest != random::digest(&format!("{all:?}"))) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let options = all.get_mut(&id).ok_or_else(|| Fail::die(format!("no such {what} '{id}'")))?;
    let known: &[&str] = match kind {
        Kind::Group => &["comment", "nodes", "nofailback", "restricted"],
        Kind::Resource => &["comment", "group", "max_relocate", "max_restart", "state"],
        Kind::Rule => &["affinity", "comment", "disable", "strict"],
    };
    options.extend(set);
    for key in delete {
        if !known.contains(&key.as_str()) {
            return Err(Fail::die(format!("no such option '{key}'")));
        }
        if key == "nodes" {
            return Err(Fail::die(format!("unable to delete required option '{key}'")));
        }
        options.remove(&key);
    }
    Ok(())
}

fn create_group(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("group").to_owned();
    let options = call.args.texts(&["group", "type"]);
    if call.world.ha.groups.contains_key(&id) {
        return Err(Fail::die(format!("create ha group failed: ha group ID '{id}' already defined")));
    }
    call.world.ha.groups.insert(id, options);
    Reply::done()
}

fn delete_group(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("group").to_owned();
    let user = call.world.ha.resources.iter().find(|(_, options)| options.get("group") == Some(&id));
    if let Some((sid, _)) = user {
        return Err(Fail::die(format!("delete ha group failed: ha group is used by service '{sid}'")));
    }
    call.world.ha.groups.remove(&id);
    Reply::done()
}

fn create_rule(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("rule").to_owned();
    let options = call.args.texts(&["rule"]);
    if call.world.ha.rules.contains_key(&id) {
        return Err(Fail::die(format!("create ha rule failed: HA rule '{id}' already exists")));
    }
    let of_nodes = options.get("type").is_some_and(|kind| kind == "node-affinity");
    let needed: &[&str] = if of_nodes { &["resources", "nodes"] } else { &["resources", "affinity"] };
    if let Some(key) = needed.iter().find(|key| !options.contains_key(**key)) {
        return Err(Fail::param(key, "property is missing and it is not optional"));
    }
    let stranger =
        words(call.args.text("resources")).find(|sid| !call.world.ha.resources.contains_key(*sid)).map(str::to_owned);
    if let Some(sid) = stranger {
        return Err(Fail::die(format!("create ha rule failed: cannot use unmanaged resource(s) {sid}.")));
    }
    call.world.ha.rules.insert(id, options);
    Reply::done()
}

fn delete_rule(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("rule").to_owned();
    call.world.ha.rules.remove(&id);
    Reply::done()
}

fn create_resource(call: &mut Call<'_>) -> Answer {
    let id = Kind::Resource.id(call);
    let mut options = call.args.texts(&["sid", "type"]);
    let vmid = id.split_once(':').and_then(|(_, vmid)| vmid.parse::<u32>().ok()).unwrap_or_default();
    if !call.world.guests.contains_key(&vmid) {
        return Err(Fail::die(format!("resource '{id}' does not exist in cluster")));
    }
    if call.world.ha.resources.contains_key(&id) {
        return Err(Fail::die(format!("create resource failed: resource ID '{id}' already defined")));
    }
    options.entry("state".to_owned()).or_insert_with(|| "started".to_owned());
    call.world.ha.resources.insert(id, options);
    Reply::done()
}

fn delete_resource(call: &mut Call<'_>) -> Answer {
    let id = Kind::Resource.id(call);
    match call.world.ha.resources.remove(&id) {
        Some(_) => {
            leave_rules(&mut call.world.ha.rules, &id);
            Reply::done()
        }
        None => Err(Fail::die(format!("cannot delete service '{id}', not HA managed!"))),
    }
}

/// A resource that goes is taken out of the rules; a rule of nothing goes with it.
fn leave_rules(rules: &mut BTreeMap<String, Texts>, sid: &str) {
    for rule in rules.values_mut() {
        let left: Vec<&str> =
            rule.get("resources").map_or("", String::as_str).split(',').filter(|other| *other != sid).collect();
        let left = left.join(",");
        rule.insert("resources".to_owned(), left);
    }
    rules.retain(|_, rule| rule.get("resources").is_some_and(|all| !all.is_empty()));
}

/// Asking for a move: it is written down, and nobody here takes it up.
fn ask(call: &mut Call<'_>) -> Answer {
    let id = Kind::Resource.id(call);
    if call.world.ha.resources.contains_key(&id) {
        return Reply::done();
    }
    Err(Fail::die(format!("resource '{id}' is not managed")))
}
