//! The access list, and what it amounts to.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::check::matches_whole;
use crate::sim::format::list as words;
use crate::sim::permission;
use crate::sim::world::Identity;
use serde_json::{Map, Value, json};

/// GET /access/permissions
pub(super) fn permissions(call: &mut Call<'_>) -> Answer {
    let who = match call.args.get("userid") {
        Some(user) if user != call.who.full() => {
            // A user may look at its own tokens.
            if user.split_once('!').is_none_or(|(owner, _)| owner != call.who.full()) {
                call.need("/access", &["Sys.Audit"])?;
            }
            match user.split_once('!') {
                Some((user, token)) => Identity { user: user.to_owned(), token: Some(token.to_owned()) },
                None => Identity::user(user),
            }
        }
        _ => call.who.clone(),
    };
    let rights = |path: &str| -> Map<String, Value> {
        let all = permission::on_path(call.world, &who, path).into_iter();
        all.map(|(name, inherit)| (name, json!(u8::from(inherit)))).collect()
    };
    if let Some(path) = call.args.get("path") {
        return Ok(json!({ path: rights(path) }).into());
    }
    let all = permission::paths(call.world).into_iter().map(|path| (path.clone(), rights(&path)));
    let map: Map<String, Value> =
        all.filter(|(_, rights)| !rights.is_empty()).map(|(path, rights)| (path, Value::Object(rights))).collect();
    Ok(Value::Object(map).into())
}

/// GET /access/acl
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let all = call.may("/access", "Sys.Audit");
    let mut rows: Vec<Value> = Vec::new();
    for (path, lines) in &call.world.access.acl {
        if !all && permission::modify_acl(call.world, &call.who, path).is_err() {
            continue;
        }
        rows.extend(lines.iter().map(|((kind, id, role), propagate)| {
            json!({"path": path, "type": kind, "ugid": id, "roleid": role, "propagate": u8::from(*propagate)})
        }));
    }
    Ok(json!(rows).into())
}

/// Paths that rights can be given on.
const PATHS: &[&str] = &[
    r"/|/access(/groups(/[\w.-]+)?|/realm(/[\w.-]+)?)?",
    r"/nodes(/[\w.-]+)?|/storage(/[\w.-]+)?|/pool(/[A-Za-z0-9._-]+){0,3}|/vms(/[1-9][0-9]{2,})?",
    r"/sdn(/controllers(/[\w-]+)?|/(dns|ipams)(/[[:alnum:]]+)?)?",
    r"/sdn/zones(/[\w.-]+(/[\w.-]+(/[1-9][0-9]{0,3})?)?)?",
    r"/mapping(/[\w.-]+){0,2}",
];

/// PUT /access/acl
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let given = ["users", "groups", "tokens"];
    if !given.iter().any(|name| call.args.get(name).is_some_and(|list| !list.is_empty() && list != "0")) {
        let text = "either 'users', 'groups' or 'tokens' is required.";
        return Err(Fail::Params(given.iter().map(|name| ((*name).to_owned(), text.to_owned())).collect()));
    }
    let said = call.args.text("path").to_owned();
    let delete = call.args.flag("delete");
    let path = permission::normal(&said).filter(|path| !path.contains(':'));
    let known = |path: &String| PATHS.iter().any(|pattern| matches_whole(pattern, path));
    let Some(path) = path.filter(|path| delete || known(path)) else {
        return Err(Fail::param("path", format!("invalid ACL path '{said}'")));
    };
    let propagate = call.args.get("propagate").is_none_or(|text| text == "1");
    let mut lines = Vec::new();
    for role in words(call.args.text("roles")) {
        judge(call, &path, role, propagate).map_err(|fail| match fail {
            Fail::Die(text) => Fail::die(format!("ACL update failed: {text}")),
            // A judged parameter keeps its kind, and only its text is told on (recorded of other calls).
            other => Fail::die(format!("ACL update failed: {}", other.text())),
        })?;
        for (kind, key) in [("group", "groups"), ("user", "users"), ("token", "tokens")] {
            for id in words(call.args.text(key)) {
                exists(call, kind, id).map_err(|text| Fail::die(format!("ACL update failed: {text}")))?;
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

/// Whether the caller may hand a role out: who may not change rights as such, only what it has itself.
fn judge(call: &Call<'_>, path: &str, role: &str, propagate: bool) -> Result<(), Fail> {
    let built_in = permission::built_in(call.world.release, role);
    let custom = call.world.access.roles.get(role);
    let privileges: Vec<String> = match (built_in, custom) {
        (Some(names), _) => names.into_iter().map(str::to_owned).collect(),
        (None, Some(names)) => names.iter().cloned().collect(),
        (None, None) => return Err(Fail::die(format!("role '{role}' does not exist"))),
    };
    let own = permission::on_path(call.world, &call.who, path);
    if own.contains_key("Permissions.Modify") || call.who.is_root() {
        return Ok(());
    }
    let delete = call.args.flag("delete");
    let verb = if delete { "remove" } else { "add" };
    let refuse = |text: &str| Err(Fail::param("role", format!("Cannot {verb} role '{role}'{text}")));
    for privilege in privileges {
        match own.get(&privilege) {
            None => return refuse(" - requires 'Permissions.Modify' or superset of privileges."),
            Some(false) if propagate && !delete => {
                return refuse(
                    " with propagation - requires 'Permissions.Modify' or propagated superset of privileges.",
                );
            }
            Some(_) => {}
        }
    }
    if role == "NoAccess" {
        return refuse(" - requires 'Permissions.Modify'");
    }
    Ok(())
}

fn exists(call: &Call<'_>, kind: &str, id: &str) -> Result<(), String> {
    let access = &call.world.access;
    match kind {
        "token" => {
            let (user, token) = id.split_once('!').unwrap_or((id, ""));
            if !access.users.contains_key(user) {
                return Err(format!("no such user ('{user}')"));
            }
            if access.token(user, token).is_none() {
                return Err(format!("no such token '{token}' for user '{user}'"));
            }
        }
        "user" if access.users.contains_key(id) => {}
        "group" if access.groups.contains_key(id) => {}
        _ => return Err(format!("{kind} '{id}' does not exist")),
    }
    Ok(())
}
