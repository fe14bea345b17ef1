//! Users, groups, API keys, privileges.
use super::{Cx, field, flag, object, rows, rules, text};
use crate::sim::{
    fail::{EEXIST, Fail},
    world::World,
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;
/// The first number of users and groups that somebody made.
const FIRST: i64 = 3000;
/// Where no keys can be kept.
const NO_HOME: &str = "/var/empty";

pub(super) fn run(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let id = params.first().cloned().unwrap_or_default();
    Some(match name {
        "user.create" => create_user(cx, object(params, 0)),
        "user.update" => update_user(cx, &id, object(params, 1)),
        "user.delete" => delete_user(cx, &id, &object(params, 1)),
        "user.set_password" => set_password(cx, &object(params, 0)),
        "user.has_local_administrator_set_up" => Ok(json!(has_administrator(cx.world))),
        "user.setup_local_administrator" => set_up(cx, params),
        "user.get_next_uid" => Ok(json!(next(cx.world, "user", "uid"))),
        "group.get_next_gid" => Ok(json!(next(cx.world, "group", "gid"))),
        "group.create" => create_group(cx, object(params, 0)),
        "group.update" => update_group(cx, &id, object(params, 1)),
        "api_key.create" => create_key(cx, object(params, 0)),
        "api_key.update" => update_key(cx, &id, object(params, 1)),
        "api_key.delete" => {
            let done = rows::delete(cx, "api_key", &id, params);
            if done.is_ok() {
                cx.world.keys.remove(&id.as_i64().unwrap_or(0));
            }
            done
        }
        _ => return None,
    })
}

/// The first administrator; whoever asks first gets it, and nobody after him (notes section 10).
fn set_up(cx: &mut Cx<'_>, params: &[Value]) -> Result<Value, Fail> {
    if has_administrator(cx.world) {
        return Err(Fail::call("EEXIST", "Local administrator is already set up"));
    }
    cx.world.ensure_admin(text(params, 1));
    Ok(Value::Null)
}

fn has_administrator(world: &World) -> bool {
    !world.passwords.is_empty()
}

/// The next free number.
fn next(world: &World, space: &str, name: &str) -> i64 {
    let taken: Vec<i64> = world.rows(space).filter_map(|row| row.get(name)?.as_i64()).collect();
    (FIRST..).find(|id| !taken.contains(id)).unwrap_or(FIRST)
}

pub(super) fn check(world: &World, space: &str, own: Option<&Value>, row: &Row) -> Result<(), Fail> {
    let verb = if own.is_some() { "update" } else { "create" };
    let (name, number) = if space == "user" { ("username", "uid") } else { ("name", "gid") };
    for unique in [name, number] {
        let value = row.get(unique).filter(|value| !value.is_null());
        let taken =
            world.rows(space).any(|other| other.get("id") != own && value.is_some() && other.get(unique) == value);
        if taken {
            let value = value.cloned().unwrap_or_default();
            let text = format!("A {space} with the {unique} {value} already exists");
            return Err(Fail::about(&format!("{space}_{verb}.{unique}"), text, EEXIST));
        }
    }
    if space == "group" {
        return Ok(());
    }
    let at = |name: &str| format!("user_{verb}.{name}");
    let known = |id: &Value| world.tables.get("group").is_some_and(|table| table.get(id).is_some());
    match row.get("group").filter(|group| !group.is_null()) {
        Some(group) if !known(group) => return Err(Fail::about(&at("group"), format!("Group {group} not found."), 2)),
        None if !flag(row, "group_create") => {
            return Err(Fail::invalid(&at("group"), "Enter either a group name or create a new group to continue."));
        }
        _ => {}
    }
    for (n, group) in row.get("groups").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if !known(group) {
            return Err(Fail::about(&format!("{}.{n}", at("groups")), format!("Group {group} not found."), 2));
        }
    }
    let home = field(row, "home");
    let has_keys = row.get("sshpubkey").and_then(Value::as_str).is_some_and(|keys| !keys.is_empty());
    if has_keys && home == NO_HOME {
        return Err(Fail::invalid(&at("sshpubkey"), "The home directory is not writable. Leave this field blank."));
    }
    if home.starts_with("/mnt/") && !flag(row, "home_create") && !rules::path_exists(world, home) {
        return Err(Fail::invalid(&at("home"), "The home directory does not exist"));
    }
    Ok(())
}

fn create_user(cx: &mut Cx<'_>, mut row: Row) -> Result<Value, Fail> {
    let password = field(&row, "password").to_owned();
    if password.is_empty() && !flag(&row, "password_disabled") && !flag(&row, "random_password") {
        return Err(Fail::invalid("user_create.password", "Password is required"));
    }
    if flag(&row, "smb") && flag(&row, "password_disabled") {
        return Err(Fail::invalid(
            "user_create.password_disabled",
            "Password authentication may not be disabled for SMB users.",
        ));
    }
    check(cx.world, "user", None, &row)?;
    if row.get("uid").is_none_or(Value::is_null) {
        row.insert("uid".into(), json!(next(cx.world, "user", "uid")));
    }
    let name = field(&row, "username").to_owned();
    if flag(&row, "group_create") && row.get("group").is_none_or(Value::is_null) {
        let there = cx.world.rows("group").find(|group| field(group, "name") == name);
        let there = there.and_then(|group| group.get("id").cloned());
        let mut group = Row::new();
        group.insert("name".into(), json!(name));
        // The group of a user has his number where that is free.
        let uid = row.get("uid").cloned().unwrap_or_default();
        if !cx.world.rows("group").any(|group| group.get("gid") == Some(&uid)) {
            group.insert("gid".into(), uid);
        }
        group.insert("smb".into(), json!(false));
        let id = match there {
            Some(id) => id,
            None => create_group(cx, group)?.get("id").cloned().unwrap_or_default(),
        };
        row.insert("group".into(), id);
    }
    if flag(&row, "home_create") && field(&row, "home").starts_with("/mnt/") {
        let home = format!("{}/{name}", field(&row, "home").trim_end_matches('/'));
        cx.world.acls.entry(home.clone()).or_insert(json!({"mode": field(&row, "home_mode")}));
        row.insert("home".into(), json!(home));
    }
    for gone in ["group_create", "home_create", "home_mode", "password", "random_password"] {
        row.shift_remove(gone);
    }
    let is_smb = flag(&row, "smb");
    let fixed = json!({"unixhash": "*", "smbhash": if is_smb { "*" } else { "" }, "builtin": false, "local": true, "immutable": false,
        "twofactor_auth_configured": false, "sid": null, "last_password_change": null, "password_age": null, "password_history": null,
        "password_change_required": false, "roles": []});
    row.extend(fixed.as_object().cloned().unwrap_or_default());
    cx.world.passwords.insert(name, password);
    rows::create(cx, "user", row)
}

fn update_user(cx: &mut Cx<'_>, id: &Value, mut changes: Row) -> Result<Value, Fail> {
    let Some(before) = cx.world.table("user").get(id).cloned() else { return Err(Fail::missing("User", id)) };
    let fixed = ["username", "group", "uid", "home"];
    if flag(&before, "immutable")
        && fixed.iter().any(|name| changes.get(*name).is_some_and(|new| before.get(*name) != Some(new)))
    {
        return Err(Fail::invalid("user_update.username", "This attribute cannot be changed for an immutable user"));
    }
    if let Some(password) = changes.shift_remove("password").and_then(|password| password.as_str().map(str::to_owned)) {
        cx.world.passwords.insert(field(&before, "username").into(), password);
    }
    for gone in ["home_create", "home_mode", "random_password"] {
        changes.shift_remove(gone);
    }
    rows::update(cx, "user", id, changes)
}

fn delete_user(cx: &mut Cx<'_>, id: &Value, options: &Row) -> Result<Value, Fail> {
    let row = cx.world.table("user").get(id).cloned().unwrap_or_default();
    rows::delete(cx, "user", id, &[])?;
    let name = field(&row, "username").to_owned();
    cx.world.passwords.remove(&name);
    let keys: Vec<Value> = cx
        .world
        .rows("api_key")
        .filter(|key| field(key, "username") == name)
        .filter_map(|key| key.get("id").cloned())
        .collect();
    for key in keys {
        cx.world.table("api_key").take(&key);
        cx.world.keys.remove(&key.as_i64().unwrap_or(0));
    }
    // His own group goes with him unless it is said otherwise (notes section 8).
    let group = row.get("group").cloned().unwrap_or_default();
    let keeps = options.get("delete_group") == Some(&json!(false));
    let others = cx.world.rows("user").any(|user| {
        user.get("group") == Some(&group)
            || user.get("groups").and_then(Value::as_array).is_some_and(|groups| groups.contains(&group))
    });
    let builtin = cx.world.table("group").get(&group).is_none_or(|group| flag(group, "builtin"));
    if !keeps && !others && !builtin {
        cx.world.table("group").take(&group);
    }
    Ok(id.clone())
}

fn set_password(cx: &mut Cx<'_>, data: &Row) -> Result<Value, Fail> {
    let name = field(data, "username").to_owned();
    if !cx.world.rows("user").any(|user| field(user, "username") == name) {
        return Err(Fail::invalid("set_password_data.username", format!("{name}: user does not exist")));
    }
    cx.world.passwords.insert(name, field(data, "new_password").into());
    Ok(Value::Null)
}

fn create_group(cx: &mut Cx<'_>, mut row: Row) -> Result<Value, Fail> {
    check(cx.world, "group", None, &row)?;
    if row.get("gid").is_none_or(Value::is_null) {
        row.insert("gid".into(), json!(next(cx.world, "group", "gid")));
    }
    let users = row.shift_remove("users");
    let fixed = json!({"group": field(&row, "name"), "builtin": false, "local": true, "immutable": false, "sid": null, "roles": []});
    row.extend(fixed.as_object().cloned().unwrap_or_default());
    for (name, value) in [
        ("sudo_commands", json!([])),
        ("sudo_commands_nopasswd", json!([])),
        ("smb", json!(true)),
        ("userns_idmap", Value::Null),
    ] {
        row.entry(name).or_insert(value);
    }
    let made = rows::create(cx, "group", row)?;
    put_members(cx, made.get("id").unwrap_or(&Value::Null), users.as_ref());
    Ok(rows::one(cx, "group", made.get("id").unwrap_or(&Value::Null)))
}

fn update_group(cx: &mut Cx<'_>, id: &Value, mut changes: Row) -> Result<Value, Fail> {
    let users = changes.shift_remove("users");
    if let Some(name) = changes.get("name").cloned() {
        changes.insert("group".into(), name);
    }
    rows::update(cx, "group", id, changes)?;
    put_members(cx, id, users.as_ref());
    Ok(rows::one(cx, "group", id))
}

/// Members are kept with the users.
fn put_members(cx: &mut Cx<'_>, group: &Value, users: Option<&Value>) {
    let Some(users) = users.and_then(Value::as_array).cloned() else { return };
    for row in cx.world.table("user").rows.values_mut() {
        let is_member = row.get("id").is_some_and(|id| users.contains(id));
        if let Some(groups) = row.get_mut("groups").and_then(Value::as_array_mut) {
            groups.retain(|id| id != group);
            if is_member {
                groups.push(group.clone());
            }
        }
    }
}

/// A key is shown once, when it is made or reset.
fn create_key(cx: &mut Cx<'_>, mut row: Row) -> Result<Value, Fail> {
    rules::check(cx.world, "api_key", None, &row)?;
    let now = cx.world.now;
    let fixed = json!({"user_identifier": field(&row, "username"), "keyhash": "********", "created_at": {"$date": now}, "local": true,
        "revoked": false, "revoked_reason": null});
    row.extend(fixed.as_object().cloned().unwrap_or_default());
    let made = rows::create(cx, "api_key", row)?;
    with_key(cx, made)
}

fn update_key(cx: &mut Cx<'_>, id: &Value, mut changes: Row) -> Result<Value, Fail> {
    let reset = changes.shift_remove("reset") == Some(json!(true));
    if reset {
        changes.insert("revoked".into(), json!(false));
        changes.insert("revoked_reason".into(), Value::Null);
    }
    let row = rows::update(cx, "api_key", id, changes)?;
    if reset { with_key(cx, row) } else { Ok(row) }
}

fn with_key(cx: &mut Cx<'_>, mut row: Value) -> Result<Value, Fail> {
    let id = row.get("id").and_then(Value::as_i64).unwrap_or(0);
    let key = format!("{id}-{:016x}{:016x}{:016x}", cx.world.draw(), cx.world.draw(), cx.world.draw());
    cx.world.keys.insert(id, key.clone());
    if let Some(row) = row.as_object_mut() {
        row.insert("key".into(), json!(key));
    }
    Ok(row)
}
