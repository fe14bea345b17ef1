//! Users.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::world::{Token, User};
use serde_json::{Map, Value, json};

const TEXTS: &[&str] = &["comment", "email", "firstname", "lastname", "keys"];

fn missing(user: &str) -> Fail {
    Fail::die(format!("no such user ('{user}')"))
}

/// Tokens by name, or null without any (recorded).
pub(super) fn tokens_of(user: &User) -> Value {
    let map: Map<String, Value> = user.tokens.iter().map(|(name, token)| (name.clone(), token_json(token))).collect();
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

/// A token without its secret.
pub(super) fn token_json(token: &Token) -> Value {
    let mut value = json!({"privsep": u8::from(token.privsep), "expire": token.expire});
    if let Some(comment) = &token.comment {
        value["comment"] = json!(comment);
    }
    value
}

fn fields(user: &User) -> Value {
    let mut value = json!({"enable": u8::from(user.enable), "expire": user.expire});
    for (key, text) in &user.texts {
        value[key] = json!(text);
    }
    value
}

fn groups_of(call: &Call<'_>, user: &str) -> Vec<String> {
    let groups = call.world.access.groups.iter();
    groups.filter(|(_, group)| group.members.contains(user)).map(|(name, _)| name.clone()).collect()
}

/// GET /access/users: those the caller may look after, and itself.
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let auditor = call.need_any("/access/groups", &["User.Modify", "Sys.Audit"]).is_ok();
    let full = call.args.flag("full");
    let mut rows = Vec::new();
    for (id, user) in &call.world.access.users {
        let through = groups_of(call, id)
            .iter()
            .any(|group| call.need_any(&format!("/access/groups/{group}"), &["User.Modify", "Sys.Audit"]).is_ok());
        // A user sees itself; one that came with a token does not (recorded).
        let own = call.who.token.is_none() && call.who.user == *id;
        if !(auditor || own || through) {
            continue;
        }
        if call.args.get("enabled").is_some_and(|enabled| (enabled == "1") != user.enable) {
            continue;
        }
        let mut row = fields(user);
        row["userid"] = json!(id);
        let realm = id.rsplit('@').next().unwrap_or_default();
        let kind = call.world.access.realms.get(realm).and_then(|options| options.get("type"));
        if let Some(kind) = kind.map(String::as_str).or(["pam", "pve"].into_iter().find(|kind| *kind == realm)) {
            row["realm-type"] = json!(kind);
        }
        if full {
            row["groups"] = json!(groups_of(call, id).join(","));
            row["tokens"] = match tokens_of(user) {
                Value::Object(map) => map
                    .into_iter()
                    .map(|(name, mut token)| {
                        token["tokenid"] = json!(name);
                        token
                    })
                    .collect(),
                other => other,
            };
        }
        rows.push(row);
    }
    Ok(json!(rows).into())
}

/// The words before what went wrong.
fn failed(verb: &'static str) -> impl Fn(Fail) -> Fail {
    move |fail| Fail::die(format!("{verb} user failed: {}", fail.text()))
}

/// POST /access/users
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    add(call).map_err(failed("create"))?;
    Reply::done()
}

fn add(call: &mut Call<'_>) -> Result<(), Fail> {
    let id = call.args.text("userid").to_owned();
    if call.world.access.users.contains_key(&id) {
        return Err(Fail::die(format!("user '{id}' already exists")));
    }
    let mut user = User { enable: true, ..User::default() };
    fill(call, &mut user);
    if let Some(password) = call.args.get("password") {
        user.password = Some(password_of(call, &id, password)?);
    }
    join(call, &id, false)?;
    call.world.access.users.insert(id, user);
    Ok(())
}

/// What is kept of a password, if the user's realm takes one.
pub(super) fn password_of(call: &Call<'_>, id: &str, password: &str) -> Result<String, Fail> {
    let (name, realm) = id.rsplit_once('@').unwrap_or_default();
    let kind = match realm {
        "pam" | "pve" => realm,
        other => {
            let known = call.world.access.realms.get(other);
            let known = known.ok_or_else(|| Fail::die(format!("auth domain '{other}' does not exist")))?;
            known.get("type").map(String::as_str).unwrap_or_default()
        }
    };
    match kind {
        "pve" => Ok(call.world.password_hash(id, password)),
        "pam" if id == "root@pam" || call.world.access.users.get(id).is_some_and(|user| user.password.is_some()) => {
            Ok(call.world.password_hash(id, password))
        }
        "pam" => Err(Fail::die(format!("change password failed: usermod: user '{name}' does not exist"))),
        kind => Err(Fail::die(format!("can't set password on auth type '{kind}'"))),
    }
}

fn fill(call: &Call<'_>, user: &mut User) {
    for key in TEXTS {
        match call.args.get(key) {
            Some("") => {
                user.texts.remove(*key);
            }
            Some(text) => {
                user.texts.insert((*key).to_owned(), text.to_owned());
            }
            None => {}
        }
    }
    if let Some(enable) = call.args.get("enable") {
        user.enable = enable == "1";
    }
    if let Some(expire) = call.args.number("expire") {
        user.expire = expire;
    }
}

/// Puts a user into groups; unless appending, out of all others.
fn join(call: &mut Call<'_>, id: &str, append: bool) -> Result<(), Fail> {
    let Some(groups) = call.args.get("groups") else { return Ok(()) };
    let wanted: Vec<String> = words(groups).map(str::to_owned).collect();
    if let Some(missing) = wanted.iter().find(|group| !call.world.access.groups.contains_key(*group)) {
        return Err(Fail::die(format!("no such group '{missing}'")));
    }
    for (name, group) in &mut call.world.access.groups {
        if wanted.contains(name) {
            group.members.insert(id.to_owned());
        } else if !append {
            group.members.remove(id);
        }
    }
    Ok(())
}

/// GET /access/users/{userid}
pub(super) fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("userid");
    let user = call.world.access.users.get(id).ok_or_else(|| missing(id))?;
    let mut value = fields(user);
    value["groups"] = json!(groups_of(call, id));
    value["tokens"] = tokens_of(user);
    Ok(value.into())
}

/// PUT /access/users/{userid}
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("userid").to_owned();
    let user = call.world.access.users.get(&id).cloned();
    let mut user = user.ok_or_else(|| failed("update")(missing(&id)))?;
    join(call, &id, call.args.flag("append")).map_err(failed("update"))?;
    fill(call, &mut user);
    call.world.access.users.insert(id, user);
    Reply::done()
}

/// DELETE /access/users/{userid}: root@pam itself may delete who is not there.
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("userid").to_owned();
    let access = &mut call.world.access;
    let user = access.users.remove(&id).unwrap_or_default();
    access.forget("user", &id);
    for token in user.tokens.keys() {
        access.forget("token", &format!("{id}!{token}"));
    }
    for group in access.groups.values_mut() {
        group.members.remove(&id);
    }
    Reply::done()
}

/// GET /access/users/{userid}/tfa: nobody has a second factor here.
pub(super) fn factors(call: &mut Call<'_>) -> Answer {
    let realm = call.args.text("userid").rsplit('@').next().unwrap_or_default();
    if !matches!(realm, "pam" | "pve") && !call.world.access.realms.contains_key(realm) {
        return Err(Fail::die(format!("auth domain '{realm}' does not exist")));
    }
    Ok(if call.args.flag("multiple") { json!({"user": []}) } else { json!({}) }.into())
}
