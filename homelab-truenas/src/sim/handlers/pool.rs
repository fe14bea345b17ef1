//! Pools: made, widened, exported, imported.
use super::{Cx, disk, field, flag, object, rows, topology, vdev};
use crate::sim::{
    fail::{EEXIST, Fail},
    world::{Dataset, Pool, Snapshot, is_within},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Words that no pool may be called (zpool-create(8)).
const RESERVED: [&str; 7] = ["mirror", "raidz", "draid", "spare", "log", "boot-pool", "freenas-boot"];

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let id = params.first().and_then(Value::as_i64).unwrap_or(0);
    let options = object(params, 1);
    Some(match verb {
        "query" => rows::filtered(all(cx), params),
        "get_instance" => rows::by_id(all(cx), "Pool", &json!(id)),
        "create" => create(cx, &object(params, 0)),
        "update" => update(cx, id, &options),
        "export" => export(cx, id, &options),
        "import_find" => Ok(found(cx)),
        "import_pool" => import(cx, &object(params, 0)),
        "scrub" => scrub(cx, id),
        "is_upgraded" => Ok(json!(true)),
        "upgrade" => Ok(json!(true)),
        "filesystem_choices" => Ok(cx.world.datasets.keys().cloned().collect()),
        "attach" | "replace" | "remove" | "detach" | "offline" | "online" | "expand" => {
            vdev::run(cx, verb, id, &options)
        }
        _ => return None,
    })
}

fn all(cx: &Cx<'_>) -> Vec<Map<String, Value>> {
    let world = &cx.world;
    let row = |pool: &Pool| pool.to_json(&world.disks, world.used(&pool.name)).as_object().cloned().unwrap_or_default();
    world.pools.values().map(row).collect()
}

pub(super) fn one(cx: &Cx<'_>, id: i64) -> Result<Value, Fail> {
    rows::by_id(all(cx), "Pool", &json!(id))
}

pub(super) fn get<'a>(cx: &'a mut Cx<'_>, id: i64) -> Result<&'a mut Pool, Fail> {
    cx.world.pools.get_mut(&id).ok_or_else(|| Fail::missing("Pool", &json!(id)))
}

/// The disks are wiped at the beginning: whatever goes wrong later leaves blank disks (notes section 6).
pub(super) fn begin_create(cx: &mut Cx<'_>, params: &[Value]) -> Result<(), Fail> {
    let data = object(params, 0);
    check_name(cx, field(&data, "name"))?;
    let rows =
        topology::rows(cx.world, &object_in(&data, "topology"), "pool_create", flag(&data, "allow_duplicate_serials"))?;
    for vdev in rows.iter().flat_map(|row| &row.disks) {
        disk::blank(cx.world, &vdev.hw);
    }
    Ok(())
}

fn object_in(data: &Map<String, Value>, name: &str) -> Map<String, Value> {
    data.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn check_name(cx: &Cx<'_>, name: &str) -> Result<(), Fail> {
    if cx.world.pools.values().any(|pool| pool.name == name) {
        return Err(Fail::about("pool_create.name", "A pool with this name already exists.", EEXIST));
    }
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. :".contains(c));
    let reserved = RESERVED.iter().any(|word| name.starts_with(word));
    if !starts || !fits || reserved {
        return Err(Fail::invalid("pool_create.name", "Invalid pool name"));
    }
    Ok(())
}

fn create(cx: &mut Cx<'_>, data: &Map<String, Value>) -> Result<Value, Fail> {
    let name = field(data, "name").to_owned();
    check_name(cx, &name)?;
    let rows =
        topology::rows(cx.world, &object_in(data, "topology"), "pool_create", flag(data, "allow_duplicate_serials"))?;
    let id = cx.world.next_pool;
    cx.world.next_pool += 1;
    let guid = cx.world.draw();
    let encrypted = flag(data, "encryption");
    let mut root = Dataset { created: cx.world.now, content: 96 << 10, ..Dataset::default() };
    // Set for every pool (notes section 6).
    for (property, value) in
        [("compression", "lz4"), ("atime", "off"), ("acltype", "posix"), ("xattr", "sa"), ("aclmode", "discard")]
    {
        root.local.insert(property.into(), value.into());
    }
    for property in ["checksum", "deduplication"] {
        if let Some(value) = data.get(property).and_then(Value::as_str) {
            root.local.insert(property.into(), value.to_lowercase());
        }
    }
    if encrypted {
        super::encryption::encrypt(&mut root, &object_in(data, "encryption_options"), "pool_create")?;
    }
    cx.world.datasets.insert(name.clone(), root);
    let dedup_table_quota = data.get("dedup_table_quota").cloned().unwrap_or_default();
    let pool = Pool {
        id,
        name: name.clone(),
        guid,
        rows,
        autotrim: false,
        dedup_table_quota,
        scrubbed: None,
        encrypted,
        cargo: Value::Null,
    };
    cx.world.pools.insert(id, pool);
    scrub_task(cx, id);
    one(cx, id)
}

/// A pool gets a task that scrubs it, so another cannot be made for it (notes section 6).
fn scrub_task(cx: &mut Cx<'_>, pool: i64) {
    let id = cx.world.table("pool.scrub").next();
    cx.world
        .table("pool.scrub")
        .put(json!({"id": id, "pool": pool, "threshold": 35, "description": "", "enabled": true,
        "schedule": {"minute": "00", "hour": "00", "dom": "*", "month": "*", "dow": "7"}}));
}

/// Only adds: rows, and three settings.
fn update(cx: &mut Cx<'_>, id: i64, data: &Map<String, Value>) -> Result<Value, Fail> {
    get(cx, id)?;
    let new =
        topology::rows(cx.world, &object_in(data, "topology"), "pool_update", flag(data, "allow_duplicate_serials"))?;
    let pool = get(cx, id)?;
    let smallest =
        pool.rows.iter().filter(|row| row.group == "data").flat_map(|row| &row.disks).map(|vdev| vdev.size).min();
    for row in &new {
        if row.group == "spare" && row.disks.iter().any(|vdev| Some(vdev.size) < smallest) {
            return Err(Fail::invalid("pool_update.topology.spares", "Spare is smaller than the smallest data disk"));
        }
        let group = || pool.rows.iter().filter(|own| own.group == row.group);
        if row.group == "data" && group().any(|own| own.kind != row.kind) {
            return Err(Fail::invalid("pool_update.topology", "Adding a vdev of another type is not allowed"));
        }
        if ["cache", "log"].contains(&row.group.as_str()) && group().any(|own| own.kind != row.kind) {
            return Err(Fail::invalid("pool_update.topology", "Adding another row of this type is not allowed"));
        }
    }
    pool.rows.extend(new.clone());
    if let Some(autotrim) = data.get("autotrim").and_then(Value::as_str) {
        pool.autotrim = autotrim == "ON";
    }
    if let Some(quota) = data.get("dedup_table_quota") {
        pool.dedup_table_quota = quota.clone();
    }
    for vdev in new.iter().flat_map(|row| &row.disks) {
        disk::blank(cx.world, &vdev.hw);
    }
    one(cx, id)
}

/// What uses something of a pool or dataset, by namespace: the field that names it.
pub(super) const USERS: [(&str, &str); 6] = [
    ("sharing.nfs", "path"),
    ("sharing.smb", "path"),
    ("iscsi.extent", "disk"),
    ("pool.snapshottask", "dataset"),
    ("replication", "source_datasets"),
    ("user", "home"),
];

/// Whether a row uses something of a dataset.
pub(super) fn uses(row: &Map<String, Value>, name: &str, dataset: &str) -> bool {
    let one = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let text = text.strip_prefix("/mnt/").or_else(|| text.strip_prefix("zvol/")).unwrap_or(text);
        is_within(text, dataset)
    };
    match row.get(name) {
        Some(Value::Array(list)) => list.iter().any(one),
        Some(value) => one(value),
        None => false,
    }
}

/// Takes a pool off this NAS. Shares and tasks are switched off, or go with it; with `destroy` its disks are wiped.
fn export(cx: &mut Cx<'_>, id: i64, options: &Map<String, Value>) -> Result<Value, Fail> {
    let (name, is_offline) = {
        let disks = cx.world.disks.clone();
        let pool = get(cx, id)?;
        (pool.name.clone(), pool.status(&disks) == "OFFLINE")
    };
    if cx.world.busy.iter().any(|busy| is_within(busy, &name)) {
        return Err(Fail::call("EBUSY", format!("cannot export '{name}': pool is busy")));
    }
    let cascade = flag(options, "cascade");
    let mut switched = vec![];
    for (space, by) in USERS.iter().filter(|(space, _)| *space != "user") {
        let hit: Vec<Value> =
            cx.world.rows(space).filter(|row| uses(row, by, &name)).filter_map(|row| row.get("id").cloned()).collect();
        for row in hit {
            if cascade {
                cx.world.table(space).take(&row);
            } else if let Some(found) = cx.world.table(space).get_mut(&row)
                && flag(found, "enabled")
            {
                found.insert("enabled".into(), json!(false));
                switched.push(json!([space, row]));
            }
        }
    }
    let scrubs: Vec<Value> = cx
        .world
        .rows("pool.scrub")
        .filter(|row| row.get("pool") == Some(&json!(id)))
        .filter_map(|row| row.get("id").cloned())
        .collect();
    scrubs.iter().for_each(|row| drop(cx.world.table("pool.scrub").take(row)));
    let Some(mut pool) = cx.world.pools.remove(&id) else { return Ok(Value::Null) };
    let names: Vec<String> = cx.world.datasets.keys().filter(|dataset| is_within(dataset, &name)).cloned().collect();
    let taken: BTreeMap<String, Dataset> =
        names.iter().filter_map(|name| Some((name.clone(), cx.world.datasets.remove(name)?))).collect();
    let snapshots: Vec<String> = cx
        .world
        .snapshots
        .keys()
        .filter(|id| names.iter().any(|name| id.starts_with(&format!("{name}@"))))
        .cloned()
        .collect();
    let snapshots: BTreeMap<String, Snapshot> =
        snapshots.into_iter().filter_map(|id| Some((id.clone(), cx.world.snapshots.remove(&id)?))).collect();
    pool.cargo = json!({"datasets": taken, "snapshots": snapshots, "switched": switched});
    if flag(options, "destroy") && !is_offline {
        let all: Vec<String> = pool.rows.iter().flat_map(|row| &row.disks).map(|vdev| vdev.hw.clone()).collect();
        all.iter().for_each(|hw| disk::blank(cx.world, hw));
    } else {
        // An OFFLINE one is simply dropped from the database; what is left of it on the disks stays.
        cx.world.exported.push(pool);
    }
    Ok(Value::Null)
}

fn found(cx: &Cx<'_>) -> Value {
    let row = |pool: &Pool| json!({"name": pool.name, "guid": pool.guid.to_string(), "status": pool.status(&cx.world.disks), "hostname": cx.world.name});
    cx.world.exported.iter().map(row).collect()
}

/// Another number in the database, the same guid (notes section 6).
fn import(cx: &mut Cx<'_>, data: &Map<String, Value>) -> Result<Value, Fail> {
    let guid = field(data, "guid");
    let Some(n) = cx.world.exported.iter().position(|pool| pool.guid.to_string() == guid) else {
        return Err(Fail::call("ENOENT", format!("Pool with GUID \"{guid}\" was not found")));
    };
    if cx.world.exported[n].status(&cx.world.disks) == "OFFLINE" {
        return Err(Fail::call("EFAULT", "cannot import: one or more devices is currently unavailable"));
    }
    let wanted = Some(field(data, "name")).filter(|name| !name.is_empty()).map(str::to_owned);
    let name = wanted.unwrap_or_else(|| cx.world.exported[n].name.clone());
    if cx.world.pools.values().any(|pool| pool.name == name) {
        return Err(Fail::call("EEXIST", format!("a pool named {name} exists already")));
    }
    let mut pool = cx.world.exported.remove(n);
    let (id, old) = (cx.world.next_pool, pool.name.clone());
    cx.world.next_pool += 1;
    let renamed = |key: &str| format!("{name}{}", key.strip_prefix(&old).unwrap_or_default());
    let part = |key: &str| pool.cargo.get(key).cloned().unwrap_or_default();
    let datasets: BTreeMap<String, Dataset> = serde_json::from_value(part("datasets")).unwrap_or_default();
    let snapshots: BTreeMap<String, Snapshot> = serde_json::from_value(part("snapshots")).unwrap_or_default();
    for (key, mut dataset) in datasets {
        dataset.is_locked = dataset.key_format.is_some();
        cx.world.datasets.insert(renamed(&key), dataset);
    }
    cx.world.snapshots.extend(snapshots.into_iter().map(|(key, one)| (renamed(&key), one)));
    for pair in part("switched").as_array().into_iter().flatten() {
        let space = pair.get(0).and_then(Value::as_str).unwrap_or_default();
        if let Some(row) = pair.get(1).and_then(|id| cx.world.table(space).get_mut(id)) {
            row.insert("enabled".into(), json!(true));
        }
    }
    (pool.id, pool.name, pool.cargo) = (id, name, Value::Null);
    cx.world.pools.insert(id, pool);
    scrub_task(cx, id);
    Ok(json!(true))
}

fn scrub(cx: &mut Cx<'_>, id: i64) -> Result<Value, Fail> {
    let now = cx.world.now;
    get(cx, id)?.scrubbed = Some(now);
    Ok(Value::Null)
}
