//! Keys, logins at other systems, replication and the tasks that go with it.
use super::{Cx, field, flag, object, rows};
use crate::sim::{
    fail::Fail,
    world::{World, is_within},
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

pub(super) fn run(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let id = params.first().cloned().unwrap_or_default();
    Some(match name {
        "keychaincredential.generate_ssh_key_pair" => Ok(key_pair(cx.world)),
        "keychaincredential.remote_ssh_host_key_scan" => {
            Ok(json!(format!("ssh-ed25519 AAAA{}", hex(field(&object(params, 0), "host")))))
        }
        "keychaincredential.create" => create(cx, object(params, 0)),
        "keychaincredential.setup_ssh_connection" => set_up(cx, &object(params, 0)),
        "replication.run" => replicate(cx, &id),
        "replication.create" => rows::create(cx, "replication", without_null_lists(object(params, 0))),
        "pool.snapshottask.run" => snapshot(cx, &id),
        "cronjob.run" => match cx.world.table("cronjob").get(&id) {
            Some(_) => Ok(json!(true)),
            None => Err(Fail::missing("cronjob", &id)),
        },
        _ => return None,
    })
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Text, and nothing is stored (notes section 9).
fn key_pair(world: &mut World) -> Value {
    let drawn = world.draw();
    json!({"private_key": format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{drawn:016x}\n-----END OPENSSH PRIVATE KEY-----\n"),
        "public_key": format!("ssh-rsa AAAA{drawn:016x} root@truenas\n")})
}

/// The public half is derived where only the private one is given.
fn create(cx: &mut Cx<'_>, mut row: Row) -> Result<Value, Fail> {
    if field(&row, "type") == "SSH_KEY_PAIR" {
        let attributes = row.get("attributes").cloned().unwrap_or_default();
        let private = attributes.get("private_key").and_then(Value::as_str).unwrap_or_default();
        if private.is_empty() && attributes.get("public_key").and_then(Value::as_str).unwrap_or_default().is_empty() {
            return Err(Fail::invalid(
                "keychain_credential_create.attributes",
                "A private or a public key must be given",
            ));
        }
        let drawn: String = private.lines().nth(1).unwrap_or_default().into();
        if let Some(attributes) = row.get_mut("attributes").and_then(Value::as_object_mut) {
            let public = attributes.get("public_key").and_then(Value::as_str).unwrap_or_default();
            if public.is_empty() {
                attributes.insert("public_key".into(), json!(format!("ssh-rsa AAAA{drawn} root@truenas\n")));
            }
        }
    }
    rows::create(cx, "keychaincredential", row)
}

fn set_up(cx: &mut Cx<'_>, options: &Row) -> Result<Value, Fail> {
    let key = options.get("private_key").and_then(Value::as_object).cloned().unwrap_or_default();
    let id = if flag(&key, "generate_key") {
        let pair = key_pair(cx.world);
        let mut row = Row::new();
        row.insert("name".into(), json!(field(&key, "name")));
        row.insert("type".into(), json!("SSH_KEY_PAIR"));
        row.insert("attributes".into(), pair);
        create(cx, row)?.get("id").cloned().unwrap_or_default()
    } else {
        key.get("existing_key_id").cloned().unwrap_or_default()
    };
    let manual = options.get("manual_setup").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut attributes = manual;
    attributes.insert("private_key".into(), id);
    let mut row = Row::new();
    row.insert("name".into(), json!(field(options, "connection_name")));
    row.insert("type".into(), json!("SSH_CREDENTIALS"));
    row.insert("attributes".into(), attributes.into());
    rows::create(cx, "keychaincredential", row)
}

fn without_null_lists(mut row: Row) -> Row {
    for name in [
        "periodic_snapshot_tasks",
        "naming_schema",
        "also_include_naming_schema",
        "exclude",
        "properties_exclude",
        "lifetimes",
    ] {
        if row.get(name).is_none_or(Value::is_null) {
            row.insert(name.into(), json!([]));
        }
    }
    row
}

/// The rules of replication (notes section 9).
pub(super) fn check_replication(world: &World, own: Option<&Value>, row: &Row) -> Result<(), Fail> {
    let verb = if own.is_some() { "update" } else { "create" };
    let wrong = |name: &str, text: &str| Err(Fail::invalid(&format!("replication_{verb}.{name}"), text));
    let full = |name: &str| match row.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    let is = |name: &str, value: &str| field(row, name) == value;
    if world.rows("replication").any(|other| other.get("id") != own && field(other, "name") == field(row, "name")) {
        return wrong("name", "Object with this name already exists");
    }
    if is("transport", "LOCAL") {
        if full("ssh_credentials") {
            return wrong("ssh_credentials", "Remote credentials have no sense for local replication");
        }
        if full("compression") {
            return wrong("compression", "Compression has no sense for local replication");
        }
    } else {
        let id = row.get("ssh_credentials").cloned().unwrap_or_default();
        let login = world.tables.get("keychaincredential").and_then(|table| table.get(&id));
        if login.is_none_or(|login| field(login, "type") != "SSH_CREDENTIALS") {
            return wrong("ssh_credentials", "SSH Credentials are required");
        }
    }
    if is("direction", "PUSH") {
        if !full("periodic_snapshot_tasks") && !full("also_include_naming_schema") && !full("name_regex") {
            return wrong(
                "periodic_snapshot_tasks",
                "You must at least either bind a periodic snapshot task or provide \"Also Include Naming Schema\" or \"Name Regex\" for push replication task",
            );
        }
        if flag(row, "auto") && !full("schedule") && !full("periodic_snapshot_tasks") {
            return wrong(
                "auto",
                "Push replication that runs automatically must be either bound to a periodic snapshot task or have a schedule",
            );
        }
        for name in row.get("source_datasets").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            if !world.datasets.contains_key(name) {
                return wrong("source_datasets", "Dataset not found");
            }
        }
    } else {
        if full("periodic_snapshot_tasks") {
            return wrong("periodic_snapshot_tasks", "Pull replication can't be bound to a periodic snapshot task");
        }
        if !full("naming_schema") && !full("name_regex") {
            return wrong("naming_schema", "Naming schema is required for pull replication");
        }
        if flag(row, "auto") && !full("schedule") {
            return wrong("schedule", "Schedule is required for pull replication that runs automatically");
        }
    }
    for id in row.get("periodic_snapshot_tasks").and_then(Value::as_array).into_iter().flatten() {
        if world.tables.get("pool.snapshottask").is_none_or(|table| table.get(id).is_none()) {
            return wrong("periodic_snapshot_tasks", "Some of the selected tasks do not exist");
        }
    }
    if flag(row, "replicate")
        && !(flag(row, "recursive") && flag(row, "properties") && is("retention_policy", "SOURCE"))
    {
        return wrong(
            "replicate",
            "Full filesystem replication needs recursion, properties and the retention of the source",
        );
    }
    if is("retention_policy", "CUSTOM") && (!full("lifetime_value") || !full("lifetime_unit")) {
        return wrong("lifetime_value", "This field is required for custom retention policy");
    }
    Ok(())
}

/// What a run leaves behind. The far side is not simulated here, but for `LOCAL`.
fn replicate(cx: &mut Cx<'_>, id: &Value) -> Result<Value, Fail> {
    let Some(row) = cx.world.table("replication").get(id).cloned() else {
        return Err(Fail::missing("replication", id));
    };
    let now = cx.world.now;
    let target = field(&row, "target_dataset").to_owned();
    let sources: Vec<String> = row
        .get("source_datasets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if let Some(host) = dialled(cx.world, &row).filter(|host| cx.world.unreachable.contains(host)) {
        let text = format!("ssh: connect to host {host} port 22: No route to host");
        set_state(cx, id, json!({"state": "ERROR", "datetime": {"$date": now}, "error": text}));
        return Err(Fail::call("EFAULT", text));
    }
    if field(&row, "transport") == "LOCAL" {
        let size: u64 = sources.iter().map(|name| cx.world.used(name)).sum();
        let pool = target.split('/').next().unwrap_or_default();
        if size > cx.world.available(pool) {
            let text = format!("cannot receive new filesystem stream: out of space on {target}");
            set_state(cx, id, json!({"state": "ERROR", "datetime": {"$date": now}, "error": text}));
            return Err(Fail::call("EFAULT", text));
        }
    }
    let last = cx.world.snapshots.keys().filter(|snapshot| {
        let dataset = snapshot.split('@').next().unwrap_or_default();
        sources.iter().any(|source| is_within(dataset, source))
    });
    let last = last.max().cloned();
    set_state(cx, id, json!({"state": "FINISHED", "datetime": {"$date": now}, "last_snapshot": last, "warnings": []}));
    Ok(Value::Null)
}

/// The machine that a replication dials.
fn dialled(world: &World, row: &Row) -> Option<String> {
    let login = row.get("ssh_credentials").filter(|login| !login.is_null())?;
    let login = world.tables.get("keychaincredential")?.get(login.get("id").unwrap_or(login))?;
    login.get("attributes")?.get("host")?.as_str().map(str::to_owned)
}

fn set_state(cx: &mut Cx<'_>, id: &Value, state: Value) {
    if let Some(row) = cx.world.table("replication").get_mut(id) {
        row.insert("state".into(), state);
    }
}

fn snapshot(cx: &mut Cx<'_>, id: &Value) -> Result<Value, Fail> {
    let Some(row) = cx.world.table("pool.snapshottask").get(id).cloned() else {
        return Err(Fail::missing("pool.snapshottask", id));
    };
    let now = cx.world.now;
    let names: Vec<String> = cx
        .world
        .datasets
        .keys()
        .filter(|name| {
            *name == field(&row, "dataset") || (flag(&row, "recursive") && is_within(name, field(&row, "dataset")))
        })
        .map(|name| format!("{name}@auto-{now}"))
        .collect();
    names.into_iter().for_each(|name| super::snapshot::take(cx.world, &name));
    Ok(Value::Null)
}
