//! Rules and the groups that hold them. A new rule goes to the top.
use super::{Scope, digest, done, firewall, fresh};
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::format::list as words;
use crate::sim::world::{RuleGroup, Texts};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// The rules of a scope, or of the group that the path names.
pub(super) fn route(call: &mut Call<'_>, scope: &Scope, method: &str, rest: &str, group: bool) -> Option<Answer> {
    if group && !call.world.firewall.groups.contains_key(call.args.text("group")) {
        let name = call.args.text("group");
        return Some(Err(Fail::die(format!("security group '{name}' does not exist"))));
    }
    Some(match (method, rest) {
        ("GET", "") => list(call, scope, group),
        ("POST", "") => create(call, scope, group),
        ("DELETE", "") if group => delete_group(call),
        ("GET", "/{pos}") => read(call, scope, group),
        ("PUT", "/{pos}") => update(call, scope, group),
        ("DELETE", "/{pos}") => delete(call, scope, group),
        _ => return None,
    })
}

fn rules<'c>(call: &'c mut Call<'_>, scope: &Scope, group: bool) -> Result<&'c mut Vec<Texts>, Fail> {
    if !group {
        return Ok(&mut firewall(call, scope)?.rules);
    }
    let name = call.args.text("group").to_owned();
    Ok(&mut call.world.firewall.groups.entry(name).or_default().rules)
}

/// The version of IP that a rule's addresses are of, if they tell; an alias tells, a set does not.
fn ip_version(call: &mut Call<'_>, scope: &Scope, rule: &Texts) -> Result<Option<u8>, Fail> {
    for key in ["source", "dest"] {
        let Some(text) = rule.get(key) else { continue };
        let bare = text.rsplit('/').next().unwrap_or_default().to_owned();
        let local = firewall(call, scope)?.aliases.get(&bare).cloned();
        let alias = local.or_else(|| call.world.firewall.aliases.get(&bare).cloned());
        let address = alias.and_then(|alias| alias.get("cidr").cloned()).unwrap_or_else(|| text.clone());
        let first = address.split([',', '-', '/']).next().unwrap_or_default();
        match first.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => return Ok(Some(4)),
            Ok(IpAddr::V6(_)) => return Ok(Some(6)),
            Err(_) => {}
        }
    }
    Ok(None)
}

fn row(call: &mut Call<'_>, scope: &Scope, rule: &Texts, digest: &str) -> Result<Map<String, Value>, Fail> {
    let mut map: Map<String, Value> = rule.iter().map(|(key, text)| (key.clone(), json!(text))).collect();
    let enable = rule.get("enable").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    map.insert("enable".to_owned(), json!(enable));
    map.insert("digest".to_owned(), json!(digest));
    if let Some(version) = ip_version(call, scope, rule)? {
        map.insert("ipversion".to_owned(), json!(version));
    }
    Ok(map)
}

fn list(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let rules = rules(call, scope, group)?.clone();
    let digest = digest(&rules);
    let mut rows = Vec::new();
    for (pos, rule) in rules.iter().enumerate() {
        let mut map = row(call, scope, rule, &digest)?;
        map.insert("pos".to_owned(), json!(pos));
        rows.push(Value::Object(map));
    }
    Ok(json!(rows).into())
}

fn pos(call: &Call<'_>) -> usize {
    call.args.get("pos").and_then(|pos| pos.parse().ok()).unwrap_or(usize::MAX)
}

fn missing(pos: usize) -> Fail {
    Fail::die(format!("no rule at position {pos}"))
}

/// A single rule's position is text (recorded).
fn read(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let pos = pos(call);
    let rules = rules(call, scope, group)?.clone();
    let rule = rules.get(pos).ok_or_else(|| missing(pos))?;
    let mut map = row(call, scope, rule, &digest(&rules))?;
    map.insert("pos".to_owned(), json!(pos.to_string()));
    Ok(Value::Object(map).into())
}

const NOT_RULE: &[&str] = &["node", "vmid", "group", "pos", "digest", "delete", "moveto"];

/// Ports need a protocol; a group's rule needs the group.
fn check(call: &Call<'_>, rule: &Texts) -> Result<(), Fail> {
    let kind = rule.get("type").map(String::as_str).unwrap_or_default();
    let action = rule.get("action").map(String::as_str).unwrap_or_default();
    if kind == "group" && !call.world.firewall.groups.contains_key(action) {
        return Err(Fail::param("action", format!("security group '{action}' does not exist")));
    }
    for port in ["dport", "sport"] {
        if rule.contains_key(port) && !rule.contains_key("proto") && !rule.contains_key("macro") {
            return Err(Fail::param("proto", format!("missing property - '{port}' requires this property")));
        }
    }
    Ok(())
}

fn create(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let rule = call.args.texts(NOT_RULE);
    check(call, &rule)?;
    let at = call.args.get("pos").and_then(|pos| pos.parse().ok()).unwrap_or(0_usize);
    let rules = rules(call, scope, group)?;
    rules.insert(at.min(rules.len()), rule);
    done()
}

fn update(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let pos = pos(call);
    let now = digest(rules(call, scope, group)?);
    fresh(call, &now)?;
    let set = call.args.texts(NOT_RULE);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let target = call.args.get("moveto").and_then(|target| target.parse::<usize>().ok());
    let rules = rules(call, scope, group)?;
    if pos >= rules.len() {
        return Err(missing(pos));
    }
    if let Some(target) = target {
        let rule = rules.remove(pos);
        let target = if target > pos { target - 1 } else { target };
        rules.insert(target.min(rules.len()), rule);
        return done();
    }
    for key in delete {
        rules[pos].remove(&key);
    }
    rules[pos].extend(set);
    done()
}

fn delete(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let pos = pos(call);
    let now = digest(rules(call, scope, group)?);
    fresh(call, &now)?;
    let rules = rules(call, scope, group)?;
    if pos >= rules.len() {
        return Err(missing(pos));
    }
    rules.remove(pos);
    done()
}

/// The security groups of the cluster.
pub(super) fn groups(call: &mut Call<'_>, method: &str) -> Option<Answer> {
    Some(match method {
        "GET" => {
            let digest = digest(&call.world.firewall.groups);
            let rows: Vec<Value> = call
                .world
                .firewall
                .groups
                .iter()
                .map(|(name, group)| {
                    let mut row = json!({"group": name, "digest": digest});
                    if let Some(comment) = &group.comment {
                        row["comment"] = json!(comment);
                    }
                    row
                })
                .collect();
            Ok(json!(rows).into())
        }
        "POST" => create_group(call),
        _ => return None,
    })
}

fn create_group(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("group").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    let rename = call.args.get("rename").map(str::to_owned);
    let groups = &mut call.world.firewall.groups;
    if let Some(old) = rename {
        let missing = || Fail::param("rename", format!("Security group '{old}' does not exist"));
        let mut group = groups.remove(&old).ok_or_else(missing)?;
        group.comment = comment.or(group.comment);
        groups.insert(name, group);
        return done();
    }
    if groups.contains_key(&name) {
        return Err(Fail::param("group", format!("Security group '{name}' already exists")));
    }
    groups.insert(name, RuleGroup { comment, rules: Vec::new() });
    done()
}

fn delete_group(call: &mut Call<'_>) -> Answer {
    let name = call.args.text("group").to_owned();
    if call.world.firewall.groups.get(&name).is_some_and(|group| !group.rules.is_empty()) {
        return Err(Fail::die(format!("Security group '{name}' is not empty")));
    }
    call.world.firewall.groups.remove(&name);
    done()
}
