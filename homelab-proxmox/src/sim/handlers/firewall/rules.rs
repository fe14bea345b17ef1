//! Rules, of a firewall or of a security group. A new rule goes to the top, wherever the caller wants it.
use super::{Scope, digest, done, firewall, fresh, groups};
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::firewall::{self as judge, Among, Names};
use crate::sim::format::list as words;
use crate::sim::world::Texts;
use serde_json::{Map, Value, json};

/// The rules of a scope, or of the group that the path names.
pub(super) fn route(call: &mut Call<'_>, scope: &Scope, method: &str, rest: &str, group: bool) -> Option<Answer> {
    if group && !call.world.firewall.groups.contains_key(call.args.text("group")) {
        let name = call.args.text("group");
        return Some(Err(Fail::die(format!("no such security group '{name}'"))));
    }
    Some(match (method, rest) {
        ("GET", "") => list(call, scope, group),
        ("POST", "") => create(call, scope, group),
        ("DELETE", "") if group => groups::delete(call),
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

/// The version of IP that a rule is about, or the parameter that is wrong.
fn verdict(
    call: &mut Call<'_>,
    scope: &Scope,
    group: bool,
    rule: &Texts,
) -> Result<Result<Option<u8>, (String, String)>, Fail> {
    let among = match scope {
        _ if group => Among::Group,
        Scope::Cluster => Among::Cluster,
        Scope::Node(_) => Among::Host,
        Scope::Guest(lxc, _) => Among::Guest { lxc: *lxc },
    };
    let own = if matches!(scope, Scope::Cluster) { None } else { Some(firewall(call, scope)?.clone()) };
    let names = Names { cluster: &call.world.firewall, own: own.as_ref() };
    Ok(judge::judge(rule, among, &names))
}

fn row(
    call: &mut Call<'_>,
    scope: &Scope,
    group: bool,
    rule: &Texts,
    digest: &str,
) -> Result<Map<String, Value>, Fail> {
    let mut map: Map<String, Value> = rule.iter().map(|(key, text)| (key.clone(), json!(text))).collect();
    let enable = rule.get("enable").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    map.insert("enable".to_owned(), json!(i64::from(enable != 0)));
    map.insert("digest".to_owned(), json!(digest));
    match verdict(call, scope, group, rule)? {
        Ok(Some(version)) => {
            map.insert("ipversion".to_owned(), json!(version));
        }
        Ok(None) => {}
        // What a rule refers to may be gone since.
        Err((key, text)) => {
            map.insert("errors".to_owned(), json!({ key: text }));
        }
    }
    Ok(map)
}

fn list(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let rules = rules(call, scope, group)?.clone();
    let digest = digest(&rules);
    let mut rows = Vec::new();
    for (pos, rule) in rules.iter().enumerate() {
        let mut map = row(call, scope, group, rule, &digest)?;
        map.insert("pos".to_owned(), json!(pos));
        rows.push(Value::Object(map));
    }
    Ok(json!(rows).into())
}

fn pos(call: &Call<'_>) -> usize {
    call.args.get("pos").and_then(|pos| pos.parse().ok()).unwrap_or(usize::MAX)
}

fn missing(call: &Call<'_>) -> Fail {
    Fail::die(format!("no rule at position {}", call.args.text("pos")))
}

/// A single rule's position is text (recorded).
fn read(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let rules = rules(call, scope, group)?.clone();
    let rule = rules.get(pos(call)).ok_or_else(|| missing(call))?;
    let mut map = row(call, scope, group, rule, &digest(&rules))?;
    map.insert("pos".to_owned(), json!(call.args.text("pos")));
    Ok(Value::Object(map).into())
}

/// What a rule's line in the file can hold.
const KEPT: &[&str] = &[
    "type",
    "action",
    "enable",
    "iface",
    "macro",
    "source",
    "dest",
    "proto",
    "dport",
    "sport",
    "log",
    "icmp-type",
    "comment",
];

/// Takes over what the caller said; an empty text or a dash removes.
fn fill(call: &Call<'_>, rule: &mut Texts) {
    for key in KEPT {
        match call.args.get(key) {
            Some("" | "-") => {
                rule.remove(*key);
            }
            Some(text) => {
                rule.insert((*key).to_owned(), text.to_owned());
            }
            None => {}
        }
    }
}

/// A rule as it is read back from its file.
fn settled(mut rule: Texts) -> Texts {
    if let Some(known) =
        rule.get("macro").and_then(|name| judge::names().find(|known| known.eq_ignore_ascii_case(name)))
    {
        rule.insert("macro".to_owned(), known.to_owned());
    }
    let group = rule.get("type").map(String::as_str) == Some("group");
    rule.retain(|key, text| {
        let shown = !group || matches!(key.as_str(), "type" | "action" | "enable" | "iface" | "comment");
        shown && !text.trim().is_empty() && (key == "enable" || text != "0")
    });
    if let Some(comment) = rule.get_mut("comment") {
        *comment = comment.trim().to_owned();
    }
    rule
}

fn refuse(problem: (String, String)) -> Fail {
    Fail::param(&problem.0, problem.1)
}

fn create(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let mut rule = Texts::new();
    fill(call, &mut rule);
    verdict(call, scope, group, &rule)?.map_err(refuse)?;
    rule.entry("enable".to_owned()).or_insert_with(|| "0".to_owned());
    rules(call, scope, group)?.insert(0, settled(rule));
    done()
}

fn update(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let pos = pos(call);
    let now = digest(rules(call, scope, group)?);
    fresh(call, &now)?;
    let target = call.args.get("moveto").and_then(|target| target.parse::<usize>().ok());
    let Some(mut rule) = rules(call, scope, group)?.get(pos).cloned() else { return Err(missing(call)) };
    if let Some(target) = target.filter(|target| *target != pos) {
        let rules = rules(call, scope, group)?;
        let rule = rules.remove(pos);
        let target = if target > pos { target - 1 } else { target };
        rules.insert(target.min(rules.len()), rule);
        return done();
    }
    fill(call, &mut rule);
    for key in words(call.args.text("delete")) {
        if !KEPT.contains(&key) && !matches!(key, "pos" | "digest") {
            return Err(Fail::param("delete", format!("no such property ('{key}')")));
        }
        if matches!(key, "type" | "action") {
            return Err(Fail::param("delete", format!("unable to delete required property '{key}'")));
        }
        rule.remove(key);
    }
    verdict(call, scope, group, &rule)?.map_err(refuse)?;
    // Without its switch a rule is read back as one that is on.
    rule.entry("enable".to_owned()).or_insert_with(|| "1".to_owned());
    rules(call, scope, group)?[pos] = settled(rule);
    done()
}

fn delete(call: &mut Call<'_>, scope: &Scope, group: bool) -> Answer {
    let pos = pos(call);
    let now = digest(rules(call, scope, group)?);
    fresh(call, &now)?;
    if pos >= rules(call, scope, group)?.len() {
        return Err(missing(call));
    }
    rules(call, scope, group)?.remove(pos);
    done()
}
