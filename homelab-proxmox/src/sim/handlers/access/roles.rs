//! Roles.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::permission::{BUILT_IN, built_in};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn id(call: &Call<'_>) -> String {
    call.args.text("roleid").to_owned()
}

fn privileges(call: &Call<'_>) -> BTreeSet<String> {
    words(call.args.text("privs")).map(str::to_owned).collect()
}

fn sorted(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.sort_unstable();
    names
}

/// GET /access/roles
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let release = call.world.release;
    let row = |id: &str, privs: String, special: u8| json!({"roleid": id, "privs": privs, "special": special});
    let mut rows: Vec<Value> =
        BUILT_IN.iter().filter_map(|id| Some(row(id, sorted(built_in(release, id)?).join(","), 1))).collect();
    rows.extend(
        call.world
            .access
            .roles
            .iter()
            .map(|(id, privs)| row(id, privs.iter().map(String::as_str).collect::<Vec<_>>().join(","), 0)),
    );
    Ok(json!(rows).into())
}

/// POST /access/roles
pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let id = id(call);
    if id.to_lowercase().starts_with("pve") {
        return Err(Fail::param("roleid", "cannot use role ID starting with the (case-insensitive) 'PVE' namespace"));
    }
    if call.world.access.roles.contains_key(&id) || BUILT_IN.contains(&id.as_str()) {
        return Err(Fail::die(format!("create role failed: role '{id}' already exists")));
    }
    let privileges = privileges(call);
    call.world.access.roles.insert(id, privileges);
    Reply::done()
}

/// GET /access/roles/{roleid}
pub(super) fn read(call: &mut Call<'_>) -> Answer {
    let id = id(call);
    let names: Vec<String> = match (built_in(call.world.release, &id), call.world.access.roles.get(&id)) {
        (Some(list), _) => list.into_iter().map(str::to_owned).collect(),
        (None, Some(list)) => list.iter().cloned().collect(),
        (None, None) => return Err(Fail::die(format!("role '{id}' does not exist"))),
    };
    let map: Map<String, Value> = names.into_iter().map(|name| (name, json!(1))).collect();
    Ok(Value::Object(map).into())
}

/// PUT /access/roles/{roleid}
pub(super) fn update(call: &mut Call<'_>) -> Answer {
    let (id, mut new) = (id(call), privileges(call));
    if BUILT_IN.contains(&id.as_str()) {
        return Err(Fail::die(format!("auto-generated role '{id}' cannot be modified")));
    }
    let append = call.args.flag("append");
    let role = call.world.access.roles.get_mut(&id);
    let role = role.ok_or_else(|| Fail::die(format!("update role failed: role '{id}' does not exist")))?;
    if append {
        new.extend(role.iter().cloned());
    }
    *role = new;
    Reply::done()
}

/// DELETE /access/roles/{roleid}
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = id(call);
    if BUILT_IN.contains(&id.as_str()) {
        return Err(Fail::die(format!("auto-generated role '{id}' cannot be deleted")));
    }
    let gone = call.world.access.roles.remove(&id);
    gone.ok_or_else(|| Fail::die(format!("delete role failed: role '{id}' does not exist")))?;
    for lines in call.world.access.acl.values_mut() {
        lines.retain(|((_, _, role), _)| *role != id);
    }
    Reply::done()
}
