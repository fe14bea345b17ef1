//! Datasets and zvols.
use super::{Cx, encryption, field, flag, object, pool, rows, text};
use crate::sim::{
    fail::{EEXIST, Fail},
    world::{self, Dataset, World, is_within},
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;
/// Part of the room that a zvol may take unless it is forced, in percent.
const MOST: u64 = 80;
/// What an empty dataset takes.
const EMPTY: u64 = 96 << 10;

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let name = text(params, 0).to_owned();
    let options = object(params, 1);
    Some(match verb {
        "query" => query(cx, params),
        "get_instance" => rows::by_id(all(cx.world), "PoolDataset", &json!(name)),
        "create" => create(cx, &object(params, 0)),
        "update" => update(cx, &name, &options),
        "delete" => delete(cx, &name, &options),
        "rename" => rename(cx, &name, &options),
        "lock" | "unlock" => encryption::lock(cx, verb, &name, &options),
        "change_key" => encryption::change_key(cx, &name, &options),
        "export_key" => Ok(cx.world.datasets.get(&name).map_or(Value::Null, |dataset| json!(dataset.key))),
        "attachments" => Ok(attachments(cx.world, &name)),
        "processes" => Ok(cx
            .world
            .busy
            .iter()
            .filter(|busy| is_within(busy, &name))
            .map(|_| json!({"pid": 4242, "name": "smbd", "service": "cifs", "cmdline": null}))
            .collect()),
        "snapshot_count" => {
            Ok(json!(cx.world.snapshots.keys().filter(|id| id.starts_with(&format!("{name}@"))).count()))
        }
        "recommended_zvol_blocksize" => Ok(json!("16K")),
        "details" => Ok(all(cx.world).into_iter().map(Value::Object).collect()),
        "get_quota" | "set_quota" => Ok(json!([])),
        _ => return None,
    })
}

/// Those that the system keeps for itself are never listed (notes section 7).
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| ["ix-apps", "ix-applications", ".system", ".ix-virt"].contains(&part))
}

fn all(world: &World) -> Vec<Row> {
    world.datasets.keys().filter(|name| !is_hidden(name)).filter_map(|name| world.dataset_row(name)).collect()
}

/// Children are nested in their parents, and listed beside them too unless that is switched off (notes section 7).
fn query(cx: &Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    let extra = |name: &str, default: bool| {
        let extra = params.get(1).and_then(|options| options.get("extra"));
        extra.and_then(|extra| extra.get(name)).and_then(Value::as_bool).unwrap_or(default)
    };
    let (flat, nested) = (extra("flat", true), extra("retrieve_children", true));
    let mut rows = all(cx.world);
    if nested {
        for n in (0..rows.len()).rev() {
            let name = field(&rows[n], "id").to_owned();
            let children = rows.iter().filter(|row| world::parent(field(row, "id")) == Some(&name));
            let children: Vec<Value> = children.cloned().map(Value::Object).collect();
            rows[n].insert("children".into(), children.into());
        }
    }
    if !flat {
        rows.retain(|row| !field(row, "id").contains('/'));
    }
    rows::filtered(rows, params)
}

fn one(cx: &Cx<'_>, name: &str) -> Value {
    cx.world.dataset_row(name).map_or(Value::Null, Value::Object)
}

fn create(cx: &mut Cx<'_>, data: &Row) -> Result<Value, Fail> {
    let at = "pool_dataset_create";
    let name = field(data, "name").to_owned();
    let Some(parent) = world::parent(&name).map(str::to_owned) else {
        return Err(Fail::invalid(&format!("{at}.name"), "You need a full name, e.g. pool/newdataset"));
    };
    if name.ends_with(' ') || name.contains("//") || name.contains('@') {
        return Err(Fail::invalid(&format!("{at}.name"), "Invalid dataset name"));
    }
    if cx.world.datasets.contains_key(&name) {
        return Err(Fail::about(&format!("{at}.name"), format!("Path {name} already exists"), EEXIST));
    }
    if !cx.world.datasets.contains_key(&parent) {
        let root = parent.split('/').next().unwrap_or_default().to_owned();
        if !flag(data, "create_ancestors") || !cx.world.datasets.contains_key(&root) {
            return Err(Fail::about(&format!("{at}.name"), format!("Parent dataset {parent} does not exist"), 2));
        }
        let mut ancestor = Row::new();
        ancestor.insert("name".into(), json!(parent));
        ancestor.insert("create_ancestors".into(), json!(true));
        create(cx, &ancestor)?;
    }
    let above = cx.world.datasets.get(&parent).cloned().unwrap_or_default();
    if above.is_volume {
        return Err(Fail::invalid(&format!("{at}.name"), "A dataset cannot be created in a zvol"));
    }
    let is_volume = data.get("volsize").is_some();
    let mut made = Dataset { is_volume, created: cx.world.now, content: EMPTY, ..Dataset::default() };
    if is_volume {
        volume(cx.world, &parent, data, &mut made, at)?;
    }
    preset(data, &mut made);
    encryption::choose(cx.world, &name, &above, data, &mut made, at)?;
    set(cx.world, &name, &mut made, data, at, true)?;
    for property in
        data.get("user_properties").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    {
        made.user.insert(field(property, "key").into(), field(property, "value").into());
    }
    cx.world.datasets.insert(name.clone(), made);
    Ok(one(cx, &name))
}

fn volume(world: &World, parent: &str, data: &Row, made: &mut Dataset, at: &str) -> Result<(), Fail> {
    let size = data.get("volsize").and_then(Value::as_u64).unwrap_or(0);
    let block = world::bytes_of(field(data, "volblocksize")).unwrap_or(16 << 10);
    if size == 0 || !size.is_multiple_of(block) {
        return Err(Fail::invalid(&format!("{at}.volsize"), "Volume size should be a multiple of volume block size"));
    }
    let room = world.available(parent);
    if size > room * MOST / 100 && !flag(data, "force_size") {
        return Err(Fail::invalid(
            &format!("{at}.volsize"),
            "It is not recommended to use more than 80% of your available space for VOLUME",
        ));
    }
    if size > room && !flag(data, "sparse") {
        return Err(Fail::call("ENOSPC", "cannot create: out of space"));
    }
    made.local.insert("volsize".into(), size.to_string());
    made.local.insert("volblocksize".into(), block.to_string());
    if !flag(data, "sparse") {
        made.local.insert("refreservation".into(), size.to_string());
    }
    Ok(())
}

/// What a share type sets silently (notes section 7).
fn preset(data: &Row, made: &mut Dataset) {
    let set: &[(&str, &str)] = match field(data, "share_type") {
        "SMB" => {
            &[("acltype", "nfsv4"), ("aclmode", "restricted"), ("casesensitivity", "insensitive"), ("atime", "off")]
        }
        "APPS" | "MULTIPROTOCOL" | "NFS" => &[("acltype", "nfsv4"), ("aclmode", "passthrough"), ("atime", "off")],
        _ => &[],
    };
    made.local.extend(set.iter().map(|(name, value)| ((*name).into(), (*value).into())));
}

/// Sets, or takes back, the properties that a call names.
fn set(world: &World, name: &str, dataset: &mut Dataset, data: &Row, at: &str, is_new: bool) -> Result<(), Fail> {
    for property in world::PROPERTIES {
        let Some(value) = data.get(property.name).filter(|value| !value.is_null() || property.name.ends_with("quota"))
        else {
            continue;
        };
        if ["volsize", "volblocksize"].contains(&property.name) && is_new {
            continue;
        }
        // `comments` takes everything literally once it is there, also this word (notes section 7).
        if value == "INHERIT" && (is_new || property.name != "comments") {
            dataset.local.remove(property.name);
            continue;
        }
        let raw = match value {
            Value::String(text) if property.name == "recordsize" => {
                let bytes =
                    world::bytes_of(text).filter(|bytes| bytes.is_power_of_two() && (512..=16 << 20).contains(bytes));
                bytes
                    .ok_or_else(|| {
                        Fail::invalid(&format!("{at}.recordsize"), format!("'{text}' is an invalid recordsize."))
                    })?
                    .to_string()
            }
            Value::String(text) if ["comments", "managedby"].contains(&property.name) => text.clone(),
            Value::String(text) => text.to_lowercase(),
            Value::Null => "0".into(),
            other => other.to_string(),
        };
        let is_none = ["quota", "refquota", "reservation", "refreservation"].contains(&property.name) && raw == "0";
        if is_none {
            dataset.local.remove(property.name);
        } else {
            dataset.local.insert(property.name.into(), raw);
        }
    }
    forced(world, name, dataset, data, at)?;
    if let Some(quota) = dataset.number("quota").filter(|quota| *quota < world.used(name)) {
        return Err(Fail::call(
            "EFAULT",
            format!("cannot set a quota of {quota}: size is less than current used or reserved space"),
        ));
    }
    Ok(())
}

/// ACL type and mode go together, and ZFS sets what fits behind one's back (notes section 7).
fn forced(world: &World, name: &str, dataset: &mut Dataset, data: &Row, at: &str) -> Result<(), Fail> {
    let find = |name: &str| world::PROPERTIES.iter().find(|property| property.name == name);
    let effective = |wanted: &str| {
        let above = world::parent(name).unwrap_or_default();
        let inherited = find(wanted).map(|property| world.effective(above, property).0);
        dataset.local.get(wanted).cloned().or(inherited).unwrap_or_default()
    };
    let (kind, mode) = (effective("acltype"), effective("aclmode"));
    let names = |name: &str| data.get(name).is_some_and(|value| value != "INHERIT");
    if names("aclmode") && mode != "discard" && kind != "nfsv4" {
        return Err(Fail::invalid(&format!("{at}.aclmode"), "Must be set to DISCARD when acltype is POSIX or OFF"));
    }
    if names("acltype") && kind != "nfsv4" {
        dataset.local.insert("aclmode".into(), "discard".into());
    }
    Ok(())
}

fn update(cx: &mut Cx<'_>, name: &str, data: &Row) -> Result<Value, Fail> {
    let at = "pool_dataset_update";
    let Some(mut dataset) = cx.world.datasets.get(name).cloned() else {
        return Err(Fail::missing("PoolDataset", &json!(name)));
    };
    if let Some(size) = data.get("volsize").and_then(Value::as_u64) {
        let (before, block) =
            (dataset.number("volsize").unwrap_or(0), dataset.number("volblocksize").unwrap_or(16 << 10));
        if size < before {
            return Err(Fail::invalid(
                &format!("{at}.volsize"),
                "You cannot shrink a zvol from GUI, this may lead to data loss.",
            ));
        }
        if !size.is_multiple_of(block) {
            return Err(Fail::invalid(
                &format!("{at}.volsize"),
                "Volume size should be a multiple of volume block size",
            ));
        }
        if dataset.local.contains_key("refreservation") {
            dataset.local.insert("refreservation".into(), size.to_string());
        }
    }
    set(cx.world, name, &mut dataset, data, at, false)?;
    if let Some(list) = data.get("user_properties").and_then(Value::as_array) {
        dataset.user = list
            .iter()
            .filter_map(Value::as_object)
            .map(|one| (field(one, "key").into(), field(one, "value").into()))
            .collect();
    }
    for change in
        data.get("user_properties_update").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    {
        let key = field(change, "key").to_owned();
        if flag(change, "remove") {
            dataset.user.remove(&key);
        } else {
            dataset.user.insert(key, field(change, "value").into());
        }
    }
    cx.world.datasets.insert(name.into(), dataset);
    Ok(one(cx, name))
}

/// Shares and tasks go first; then, if somebody uses the dataset, it stays without them (notes section 7).
fn delete(cx: &mut Cx<'_>, name: &str, options: &Row) -> Result<Value, Fail> {
    if !cx.world.datasets.contains_key(name) {
        return Err(Fail::missing("PoolDataset", &json!(name)));
    }
    if !name.contains('/') {
        return Err(Fail::invalid("id", "Cannot destroy the root dataset of a pool: export the pool instead"));
    }
    let is_recursive = flag(options, "recursive");
    let below = |other: &&String| *other != name && is_within(other, name);
    if !is_recursive && cx.world.datasets.keys().any(|other| below(&other)) {
        return Err(Fail::call(
            "ENOTEMPTY",
            format!("Failed to delete dataset: cannot destroy '{name}': filesystem has children"),
        ));
    }
    for (space, by) in pool::USERS.iter().filter(|(space, _)| *space != "user") {
        let hit: Vec<Value> = cx
            .world
            .rows(space)
            .filter(|row| pool::uses(row, by, name))
            .filter_map(|row| row.get("id").cloned())
            .collect();
        hit.iter().for_each(|id| drop(cx.world.table(space).take(id)));
    }
    if cx.world.busy.iter().any(|busy| is_within(busy, name)) && !flag(options, "force") {
        return Err(Fail::call(
            "EBUSY",
            format!("Failed to delete dataset: cannot unmount '/mnt/{name}': pool or dataset is busy"),
        ));
    }
    let prefix = format!("{name}@");
    if !is_recursive && cx.world.snapshots.keys().any(|id| id.starts_with(&prefix)) {
        return Err(Fail::call(
            "ENOTEMPTY",
            format!("Failed to delete dataset: cannot destroy '{name}': filesystem has snapshots"),
        ));
    }
    cx.world.datasets.retain(|other, _| !is_within(other, name));
    cx.world.snapshots.retain(|id, _| !is_within(id.split('@').next().unwrap_or_default(), name));
    cx.world.acls.retain(|path, _| !super::rules::is_below(path, name));
    Ok(json!(true))
}

/// Moves a dataset with all below it. Nothing that names it follows (notes section 7).
fn rename(cx: &mut Cx<'_>, name: &str, data: &Row) -> Result<Value, Fail> {
    let new = field(data, "new_name").to_owned();
    if !cx.world.datasets.contains_key(name) {
        return Err(Fail::missing("PoolDataset", &json!(name)));
    }
    if cx.world.datasets.contains_key(&new) {
        return Err(Fail::about("pool_dataset_rename.new_name", format!("{new} already exists"), EEXIST));
    }
    let moved = |key: &str| format!("{new}{}", key.strip_prefix(name).unwrap_or_default());
    let names: Vec<String> = cx.world.datasets.keys().filter(|other| is_within(other, name)).cloned().collect();
    for old in names {
        if let Some(dataset) = cx.world.datasets.remove(&old) {
            cx.world.datasets.insert(moved(&old), dataset);
        }
    }
    let ids: Vec<String> = cx
        .world
        .snapshots
        .keys()
        .filter(|id| is_within(id.split('@').next().unwrap_or_default(), name))
        .cloned()
        .collect();
    for old in ids {
        if let Some(snapshot) = cx.world.snapshots.remove(&old) {
            cx.world.snapshots.insert(moved(&old), snapshot);
        }
    }
    Ok(Value::Null)
}

fn attachments(world: &World, name: &str) -> Value {
    let kinds = [
        ("NFS Share", "nfs", 0),
        ("SMB Share", "cifs", 1),
        ("iSCSI Extent", "iscsitarget", 2),
        ("Snapshot Task", "", 3),
        ("Replication Task", "", 4),
    ];
    let row = |(kind, service, n): &(&str, &str, usize)| {
        let (space, by) = pool::USERS[*n];
        let hit: Vec<Value> = world
            .rows(space)
            .filter(|row| pool::uses(row, by, name))
            .filter_map(|row| row.get("name").or_else(|| row.get(by)).cloned())
            .collect();
        (!hit.is_empty()).then(|| json!({"type": kind, "service": if service.is_empty() { Value::Null } else { json!(service) }, "attachments": hit}))
    };
    kinds.iter().filter_map(row).collect()
}
