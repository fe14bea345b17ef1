//! Who somebody is and what he may do.
use super::{Caller, Cx, field, flag};
use crate::sim::{fail::Fail, world::World};
use serde_json::{Map, Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, _: &[Value]) -> Option<Result<Value, Fail>> {
    Some(match verb {
        "mechanism_choices" => Ok(json!(["API_KEY_PLAIN", "PASSWORD_PLAIN", "TOKEN_PLAIN"])),
        "me" => Ok(me(cx.world, cx.caller.user.as_deref().unwrap_or_default())),
        "logout" => Ok(json!(true)),
        "sessions" => Ok(json!([])),
        "generate_token" => Ok(json!("simulated")),
        // Logging in belongs to the connection: see `login`.
        _ => return None,
    })
}

fn me(world: &World, user: &str) -> Value {
    let row = world.rows("user").find(|row| field(row, "username") == user);
    let uid = row.and_then(|row| row.get("uid")).cloned().unwrap_or(json!(0));
    json!({"pw_name": user, "pw_gecos": user, "pw_dir": "/root", "pw_shell": "/usr/bin/zsh", "pw_uid": uid, "pw_gid": uid,
        "grouplist": [], "sid": null, "source": "LOCAL", "local": true, "attributes": {}, "two_factor_config": {},
        "privilege": {"roles": {"$set": roles(world, user)}, "web_shell": true, "webui_access": true},
        "account_attributes": ["LOCAL", "API_KEY"]})
}

/// A login: the answer, and who it is then. A key that is shown over a plain connection is revoked on the spot (notes section 2).
pub(in crate::sim) fn login(
    world: &mut World,
    caller: &Caller,
    method: &str,
    params: &[Value],
) -> (Value, Option<String>) {
    let data = super::object(params, 0);
    let refused = |kind: &str| (json!({"response_type": kind}), None);
    let user = match (method, field(&data, "mechanism")) {
        ("auth.login_with_api_key", _) => {
            let user = by_key(world, None, super::text(params, 0));
            return (json!(user.is_ok()), user.ok());
        }
        ("auth.login", _) => {
            let user = by_password(world, super::text(params, 0), super::text(params, 1));
            return (json!(user.is_some()), user);
        }
        (_, "API_KEY_PLAIN") if caller.is_plain => {
            if let Ok(user) = by_key(world, Some(field(&data, "username")), field(&data, "api_key")) {
                revoke(world, field(&data, "api_key"));
                let _ = user;
                return refused("EXPIRED");
            }
            return refused("AUTH_ERR");
        }
        (_, "API_KEY_PLAIN") => match by_key(world, Some(field(&data, "username")), field(&data, "api_key")) {
            Ok(user) => user,
            Err(kind) => return refused(kind),
        },
        (_, "PASSWORD_PLAIN") => match by_password(world, field(&data, "username"), field(&data, "password")) {
            Some(user) => user,
            None => return refused("AUTH_ERR"),
        },
        _ => return refused("AUTH_ERR"),
    };
    (json!({"response_type": "SUCCESS", "user_info": me(world, &user), "authenticator": "LEVEL_1"}), Some(user))
}

fn by_password(world: &World, user: &str, password: &str) -> Option<String> {
    let row = world.rows("user").find(|row| field(row, "username") == user)?;
    let fits = world.passwords.get(user).is_some_and(|known| known == password);
    (fits && !flag(row, "locked") && !flag(row, "password_disabled")).then(|| user.to_owned())
}

/// The user of a key; else how the login is refused.
fn by_key(world: &World, user: Option<&str>, key: &str) -> Result<String, &'static str> {
    let (id, _) = world.keys.iter().find(|(_, secret)| *secret == key).ok_or("AUTH_ERR")?;
    let row = world.rows("api_key").find(|row| row.get("id").and_then(Value::as_i64) == Some(*id)).ok_or("AUTH_ERR")?;
    if user.is_some_and(|user| user != field(row, "username")) {
        return Err("AUTH_ERR");
    }
    let over = row.get("expires_at").and_then(|at| at.get("$date")).and_then(Value::as_u64);
    if flag(row, "revoked") || over.is_some_and(|at| at <= world.now) {
        return Err("EXPIRED");
    }
    Ok(field(row, "username").to_owned())
}

fn revoke(world: &mut World, key: &str) {
    if let Some(id) = world.keys.iter().find(|(_, secret)| *secret == key).map(|(id, _)| *id) {
        world.revoke(id);
    }
}

impl World {
    /// Revokes a key; only a reset revives it.
    pub(in crate::sim) fn revoke(&mut self, key: i64) {
        if let Some(row) = self.table("api_key").get_mut(&json!(key)) {
            row.insert("revoked".into(), json!(true));
            row.insert("revoked_reason".into(), json!("Attempt to use over an insecure transport"));
        }
    }
}

/// The roles that a user has by his groups.
fn roles(world: &World, user: &str) -> Vec<Value> {
    let Some(row) = world.rows("user").find(|row| field(row, "username") == user) else { return vec![] };
    let mut groups: Vec<&Value> = row.get("groups").and_then(Value::as_array).into_iter().flatten().collect();
    groups.extend(row.get("group"));
    // Users name groups by their rows, privileges by their numbers.
    let number = |id: &&Value| world.tables.get("group")?.get(id)?.get("gid");
    let groups: Vec<&Value> = groups.iter().filter_map(number).collect();
    let has = |privilege: &&Map<String, Value>| {
        let local = privilege.get("local_groups").and_then(Value::as_array);
        local.into_iter().flatten().any(|group| groups.contains(&group))
    };
    let granted = world.rows("privilege").filter(has).filter_map(|privilege| privilege.get("roles")?.as_array());
    granted.flatten().cloned().collect()
}

/// Whether he may do everything, and see secrets.
pub(super) fn is_full(world: &World, caller: &Caller) -> bool {
    caller.user.as_deref().is_some_and(|user| user == "root" || roles(world, user).contains(&json!("FULL_ADMIN")))
}

/// Whether he may call a method: without all rights only what reads. (The real one has a role for each namespace.)
pub(super) fn permit(world: &World, caller: &Caller, method: &str) -> Result<(), Fail> {
    let Some(user) = caller.user.as_deref() else { return Ok(()) };
    let reads = [
        "query",
        "config",
        "get_instance",
        "get_jobs",
        "ping",
        "subscribe",
        "boot_id",
        "ready",
        "version",
        "info",
        "details",
        "me",
        "getacl",
        "stat",
        "getacl",
        "list",
        "status",
        "logout",
        "state",
        "set_options",
    ];
    let verb = method.rsplit('.').next().unwrap_or_default();
    if is_full(world, caller) || (reads.contains(&verb) && !roles(world, user).is_empty()) {
        return Ok(());
    }
    Err(Fail::call("EACCES", "Not authorized"))
}
