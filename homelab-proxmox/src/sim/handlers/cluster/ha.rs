//! High availability: groups, resources and rules.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::handlers::named;
use crate::sim::random;
use crate::sim::world::Texts;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /cluster/ha" => Ok(named("id", &["groups", "resources", "status"])),
        "GET /cluster/ha/status/current" => {
            Ok(json!([{"id": "quorum", "type": "quorum", "status": "OK", "quorate": 1}]).into())
        }
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
        _ => return None,
    })
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
        None => Err(Fail::die(format!("no such resource '{id}'"))),
    }
}

fn update(call: &mut Call<'_>, kind: Kind) -> Answer {
    let id = kind.id(call);
    let set = call.args.texts(&[kind.key(), "delete", "digest"]);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let what = if kind == Kind::Group { "ha group" } else { "resource" };
    let options = all(call, kind).get_mut(&id).ok_or_else(|| Fail::die(format!("no such {what} '{id}'")))?;
    for key in delete {
        options.remove(&key);
    }
    options.extend(set);
    Reply::done()
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

fn create_resource(call: &mut Call<'_>) -> Answer {
    let id = Kind::Resource.id(call);
    let mut options = call.args.texts(&["sid", "type"]);
    let vmid = id.split_once(':').and_then(|(_, vmid)| vmid.parse::<u32>().ok()).unwrap_or_default();
    if !call.world.guests.contains_key(&vmid) {
        return Err(Fail::die(format!("resource '{id}' does not exist in cluster")));
    }
    if let Some(group) = options.get("group")
        && !call.world.ha.groups.contains_key(group)
    {
        return Err(Fail::die(format!("group '{group}' does not exist")));
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
        Some(_) => Reply::done(),
        None => Err(Fail::die(format!("cannot delete service '{id}', not HA managed!"))),
    }
}
