//! Snapshots.
use super::{Cx, field, flag, object, rows, text};
use crate::sim::{
    fail::{EEXIST, Fail},
    world::{Snapshot, World, is_within},
};
use serde_json::{Map, Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let id = text(params, 0).to_owned();
    Some(match verb {
        "query" => rows::filtered(cx.world.snapshots.iter().map(|(id, one)| row(id, one)).collect(), params),
        "get_instance" => {
            rows::by_id(cx.world.snapshots.iter().map(|(id, one)| row(id, one)).collect(), "Snapshot", &json!(id))
        }
        "create" => create(cx, &object(params, 0)),
        "delete" => delete(cx, &id, flag(&object(params, 1), "recursive")),
        "hold" | "release" => match cx.world.snapshots.get_mut(&id) {
            Some(snapshot) => {
                snapshot.held = verb == "hold";
                Ok(Value::Null)
            }
            None => Err(Fail::missing("Snapshot", &json!(id))),
        },
        _ => return None,
    })
}

fn row(id: &str, snapshot: &Snapshot) -> Map<String, Value> {
    let (dataset, name) = id.split_once('@').unwrap_or((id, ""));
    let holds = if snapshot.held { json!({"truenas": 1}) } else { json!({}) };
    let value = json!({"id": id, "name": id, "pool": dataset.split('/').next(), "type": "SNAPSHOT", "snapshot_name": name,
        "dataset": dataset, "createtxg": "1", "holds": holds,
        "properties": {"creation": {"value": snapshot.taken.to_string(), "rawvalue": (snapshot.taken / 1000).to_string(),
            "parsed": {"$date": snapshot.taken}, "source": "NONE"}, "used": {"rawvalue": snapshot.used.to_string(), "parsed": snapshot.used}}});
    value.as_object().cloned().unwrap_or_default()
}

/// Takes one, if there is none of the name.
pub(super) fn take(world: &mut World, id: &str) {
    let taken = world.now;
    world.snapshots.entry(id.into()).or_insert(Snapshot { taken, used: 0, held: false });
}

fn create(cx: &mut Cx<'_>, data: &Map<String, Value>) -> Result<Value, Fail> {
    let dataset = field(data, "dataset");
    let name = match field(data, "name") {
        "" => format!("auto-{}", cx.world.now),
        name => name.to_owned(),
    };
    if !cx.world.datasets.contains_key(dataset) {
        return Err(Fail::call("ENOENT", format!("cannot open '{dataset}': dataset does not exist")));
    }
    let all =
        cx.world.datasets.keys().filter(|one| *one == dataset || (flag(data, "recursive") && is_within(one, dataset)));
    let all: Vec<String> = all.map(|dataset| format!("{dataset}@{name}")).collect();
    if let Some(there) = all.iter().find(|id| cx.world.snapshots.contains_key(*id)) {
        return Err(Fail::about("snapshot_create.name", format!("Snapshot {there} already exists"), EEXIST));
    }
    all.iter().for_each(|id| take(cx.world, id));
    let first = &all[0];
    Ok(cx.world.snapshots.get(first).map_or(Value::Null, |one| row(first, one).into()))
}

fn delete(cx: &mut Cx<'_>, id: &str, is_recursive: bool) -> Result<Value, Fail> {
    let (dataset, name) = id.split_once('@').unwrap_or((id, ""));
    let goes = |other: &str| {
        other == id || (is_recursive && other.split_once('@').is_some_and(|(d, n)| n == name && is_within(d, dataset)))
    };
    let all: Vec<String> = cx.world.snapshots.keys().filter(|other| goes(other)).cloned().collect();
    if all.is_empty() {
        return Err(Fail::missing("Snapshot", &json!(id)));
    }
    if let Some(held) = all.iter().find(|id| cx.world.snapshots.get(*id).is_some_and(|one| one.held)) {
        return Err(Fail::call("EBUSY", format!("cannot destroy '{held}': snapshot is held")));
    }
    for id in &all {
        cx.world.snapshots.remove(id);
    }
    Ok(json!(true))
}
