//! Security groups of the cluster. Their names are kept in lower case.
use super::{digest, done, fresh};
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::world::{RuleGroup, Texts};
use serde_json::{Value, json};

/// GET and POST /cluster/firewall/groups
pub(super) fn route(call: &mut Call<'_>, method: &str) -> Option<Answer> {
    match method {
        "GET" => Some(list(call)),
        "POST" => Some(create(call)),
        _ => None,
    }
}

fn list(call: &mut Call<'_>) -> Answer {
    let groups = &call.world.firewall.groups;
    let digest = digest(groups);
    let rows: Vec<Value> = groups
        .iter()
        .map(|(name, group)| {
            let mut row = json!({"group": name, "digest": digest});
            if let Some(comment) = group.comment.as_ref().filter(|comment| !comment.is_empty()) {
                row["comment"] = json!(comment);
            }
            row
        })
        .collect();
    Ok(json!(rows).into())
}

fn create(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("group").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    let Some(old) = call.args.get("rename").map(str::to_owned) else {
        let groups = &mut call.world.firewall.groups;
        if groups.contains_key(&name) {
            return Err(Fail::param("group", format!("Security group '{name}' already exists")));
        }
        groups.insert(name.to_lowercase(), RuleGroup { comment, rules: Vec::new() });
        return done();
    };
    fresh(call, &digest(&call.world.firewall.groups))?;
    let groups = &mut call.world.firewall.groups;
    if !groups.contains_key(&old) {
        return Err(Fail::param("group", format!("Security group '{old}' does not exist")));
    }
    if groups.contains_key(&name) && name != old {
        return Err(Fail::param("group", format!("Security group '{name}' does already exist")));
    }
    if let Some(mut group) = groups.remove(&old) {
        group.comment = comment.or(group.comment);
        groups.insert(name.to_lowercase(), group);
    }
    rename(call, &old, &name);
    done()
}

/// Rules that use the group go along with its name.
fn rename(call: &mut Call<'_>, old: &str, new: &str) {
    let world = &mut *call.world;
    let hosts = world.nodes.values_mut().flat_map(|node| &mut node.firewall.rules);
    let guests = world.guest_firewalls.values_mut().flat_map(|firewall| &mut firewall.rules);
    let all: Vec<&mut Texts> = hosts.chain(guests).chain(&mut world.firewall.rules).collect();
    for rule in all {
        let uses = rule.get("type").map(String::as_str) == Some("group")
            && rule.get("action").map(String::as_str) == Some(old);
        if uses {
            rule.insert("action".to_owned(), new.to_owned());
        }
    }
}

/// DELETE /cluster/firewall/groups/{group}
pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("group").to_owned();
    if call.world.firewall.groups.get(&name).is_some_and(|group| !group.rules.is_empty()) {
        return Err(Fail::die(format!("Security group '{name}' is not empty")));
    }
    call.world.firewall.groups.remove(&name);
    done()
}
