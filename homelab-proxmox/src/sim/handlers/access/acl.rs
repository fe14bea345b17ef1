//! The access list, and what it amounts to.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::check::matches_whole;
use crate::sim::format::list as words;
use crate::sim::permission::{self, BUILT_IN};
use crate::sim::world::Identity;
use serde_json::{Map, Value, json};

/// GET /access/permissions
pub(super) fn permissions(call: &mut Call<'_>) -> Answer {
    let who = match call.args.get("userid") {
        Some(user) if user != call.who.full() => {
            call.need("/access", &["Sys.Audit"])?;
            match user.split_once('!') {
                Some((user, token)) => Identity { user: user.to_owned(), token: Some(token.to_owned()) },
                None => Identity::user(user),
            }
        }
        _ => call.who.clone(),
    };
    let paths: Vec<String> = match call.args.get("path") {
        Some(path) => vec![path.to_owned()],
        None => permission::paths(call.world).into_iter().collect(),
    };
    let named = call.args.has("path");
    let mut map = Map::new();
    for path in paths {
        let all: Map<String, Value> = permission::on_path(call.world, &who, &path)
            .into_iter()
            .map(|(name, inherit)| (name, json!(u8::from(inherit))))
            .collect();
        let listed = call.world.access.acl.contains_key(&path) || who.user == "root@pam" || path == "/";
        if named || (listed && !all.is_empty()) {
            map.insert(path, Value::Object(all));
        }
    }
    Ok(Value::Object(map).into())
}

/// GET /access/acl
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let all = call.may("/access", "Sys.Audit");
    let mut rows: Vec<Value> = Vec::new();
    for (path, lines) in &call.world.access.acl {
        if !all && !call.may(path, "Permissions.Modify") {
            continue;
        }
        rows.extend(lines.iter().map(|((kind, id, role), propagate)| {
            json!({"path": path, "type": kind, "ugid": id, "roleid": role, "propagate": u8::from(*propagate)})
        }));
    }
    Ok(json!(rows).into())
}

/// Paths that rights can be given on.
const PATHS: &str = r"/|/access(/groups(/[^/]+)?|/realm(/[^/]+)?)?|/nodes(/[^/]+)?|/pool(/[^/]+){0,3}|/sdn(/.+)?|/storage(/[^/]+)?|/vms(/[1-9][0-9]{2,})?|/mapping(/(pci|usb|dir|hwrng|notifications|cpu)(/[^/]+)?)?";

/// PUT /access/acl
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let given = ["users", "groups", "tokens"];
    if !given.iter().any(|name| call.args.has(name)) {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        return Err(Fail::Params(given.iter().map(|name| ((*name).to_owned(), text.to_owned())).collect()));
    }
    let path = call.args.text("path").to_owned();
    if !matches_whole(PATHS, &path) {
        return Err(Fail::param("path", format!("invalid ACL path '{path}'")));
    }
    let propagate = call.args.get("propagate").is_none_or(|text| text == "1");
    let delete = call.args.flag("delete");
    let mut lines = Vec::new();
    for role in words(call.args.text("roles")) {
        if !BUILT_IN.contains(&role) && !call.world.access.roles.contains_key(role) {
            return Err(Fail::die(format!("ACL update failed: role '{role}' does not exist")));
        }
        for (kind, key) in [("group", "groups"), ("user", "users"), ("token", "tokens")] {
            for id in words(call.args.text(key)) {
                if !delete && !exists(call, kind, id) {
                    return Err(Fail::die(format!("ACL update failed: {kind} '{id}' does not exist")));
                }
                lines.push((kind.to_owned(), id.to_owned(), role.to_owned()));
            }
        }
    }
    let list = call.world.access.acl.entry(path.clone()).or_default();
    for line in lines {
        list.retain(|(old, _)| *old != line);
        if !delete {
            list.push((line, propagate));
        }
    }
    if list.is_empty() {
        call.world.access.acl.remove(&path);
    }
    Reply::done()
}

fn exists(call: &Call<'_>, kind: &str, id: &str) -> bool {
    let access = &call.world.access;
    match kind {
        "user" => access.users.contains_key(id),
        "group" => access.groups.contains_key(id),
        _ => id.split_once('!').is_some_and(|(user, token)| access.token(user, token).is_some()),
    }
}
