//! Aliases and sets of addresses.
use super::{Scope, digest, done, firewall, fresh};
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::world::{IpSet, Texts};
use serde_json::{Value, json};

fn alias_row(name: &str, options: &Texts, digest: Option<&str>) -> Value {
    let cidr = options.get("cidr").cloned().unwrap_or_default();
    let version = if cidr.contains(':') { 6 } else { 4 };
    let mut row = json!({"name": name, "cidr": cidr, "ipversion": version});
    if let Some(comment) = options.get("comment") {
        row["comment"] = json!(comment);
    }
    if let Some(digest) = digest {
        row["digest"] = json!(digest);
    }
    row
}

/// Methods of aliases.
pub(super) fn aliases(call: &mut Call<'_>, scope: &Scope, method: &str, rest: &str) -> Option<Answer> {
    Some(match (method, rest) {
        ("GET", "") => list_aliases(call, scope),
        ("POST", "") => create_alias(call, scope),
        ("GET", "/{name}") => read_alias(call, scope),
        ("PUT", "/{name}") => update_alias(call, scope),
        ("DELETE", "/{name}") => delete_alias(call, scope),
        _ => return None,
    })
}

fn list_aliases(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let aliases = &firewall(call, scope)?.aliases;
    let digest = digest(aliases);
    let rows: Vec<Value> = aliases.iter().map(|(name, options)| alias_row(name, options, Some(&digest))).collect();
    Ok(json!(rows).into())
}

fn create_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let options = call.args.texts(&["name", "node", "vmid"]);
    let aliases = &mut firewall(call, scope)?.aliases;
    if aliases.contains_key(&name) {
        return Err(Fail::param("name", format!("alias '{name}' already exists")));
    }
    aliases.insert(name, options);
    done()
}

fn no_alias(name: &str) -> Fail {
    Fail::param("name", format!("no such alias '{name}'"))
}

fn read_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let aliases = &firewall(call, scope)?.aliases;
    let options = aliases.get(&name).ok_or_else(|| no_alias(&name))?;
    Ok(alias_row(&name, options, Some(&digest(aliases))).into())
}

fn update_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let now = digest(&firewall(call, scope)?.aliases);
    fresh(call, &now)?;
    let set = call.args.texts(&["name", "node", "vmid", "rename", "digest"]);
    let rename = call.args.get("rename").map(str::to_owned);
    let aliases = &mut firewall(call, scope)?.aliases;
    let mut options = aliases.remove(&name).ok_or_else(|| no_alias(&name))?;
    options.extend(set);
    aliases.insert(rename.unwrap_or(name), options);
    done()
}

fn delete_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    firewall(call, scope)?.aliases.remove(&name);
    done()
}

/// Methods of sets of addresses.
pub(super) fn ipsets(call: &mut Call<'_>, scope: &Scope, method: &str, rest: &str) -> Option<Answer> {
    Some(match (method, rest) {
        ("GET", "") => list_sets(call, scope),
        ("POST", "") => create_set(call, scope),
        ("GET", "/{name}") => entries(call, scope),
        ("POST", "/{name}") => add(call, scope),
        ("DELETE", "/{name}") => delete_set(call, scope),
        ("GET", "/{name}/{cidr}") => entry(call, scope),
        ("PUT", "/{name}/{cidr}") => update_entry(call, scope),
        ("DELETE", "/{name}/{cidr}") => remove(call, scope),
        _ => return None,
    })
}

fn list_sets(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let sets = &firewall(call, scope)?.ipsets;
    let digest = digest(sets);
    let rows: Vec<Value> = sets
        .iter()
        .map(|(name, set)| {
            let mut row = json!({"name": name, "digest": digest});
            if let Some(comment) = &set.comment {
                row["comment"] = json!(comment);
            }
            row
        })
        .collect();
    Ok(json!(rows).into())
}

fn create_set(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    let rename = call.args.get("rename").map(str::to_owned);
    let sets = &mut firewall(call, scope)?.ipsets;
    if let Some(old) = rename {
        let missing = || Fail::param("rename", format!("IPSet '{old}' does not exist"));
        let set = sets.remove(&old).ok_or_else(missing)?;
        sets.insert(name, set);
        return done();
    }
    if sets.contains_key(&name) {
        return Err(Fail::param("name", format!("IPSet '{name}' already exists")));
    }
    sets.insert(name, IpSet { comment, entries: Vec::new() });
    done()
}

fn set<'c>(call: &'c mut Call<'_>, scope: &Scope) -> Result<&'c mut IpSet, Fail> {
    let name = call.args.text("name").to_owned();
    let missing = Fail::die(format!("no such IPSet '{name}'"));
    firewall(call, scope)?.ipsets.get_mut(&name).ok_or(missing)
}

fn entry_row(entry: &Texts, digest: &str) -> Value {
    let mut row = json!({"digest": digest});
    for (key, text) in entry {
        row[key] = if key == "nomatch" { json!(u8::from(text == "1")) } else { json!(text) };
    }
    row
}

fn entries(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let set = set(call, scope)?;
    let digest = digest(&set.entries);
    let rows: Vec<Value> = set.entries.iter().map(|entry| entry_row(entry, &digest)).collect();
    Ok(json!(rows).into())
}

fn cidr(call: &Call<'_>) -> String {
    call.args.text("cidr").to_owned()
}

fn add(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let cidr = cidr(call);
    let entry = call.args.texts(&["name", "node", "vmid"]);
    let set = set(call, scope)?;
    if set.entries.iter().any(|entry| entry.get("cidr") == Some(&cidr)) {
        return Err(Fail::param("cidr", format!("address '{cidr}' already exists")));
    }
    set.entries.insert(0, entry);
    done()
}

fn entry(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let cidr = cidr(call);
    let set = set(call, scope)?;
    let digest = digest(&set.entries);
    let found = set.entries.iter().find(|entry| entry.get("cidr") == Some(&cidr));
    let found = found.ok_or_else(|| Fail::param("cidr", "no such IP/Network"))?;
    Ok(entry_row(found, &digest).into())
}

fn update_entry(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let cidr = cidr(call);
    let new = call.args.texts(&["name", "node", "vmid", "digest"]);
    let found = set(call, scope)?.entries.iter_mut().find(|entry| entry.get("cidr") == Some(&cidr));
    found.ok_or_else(|| Fail::param("cidr", "no such IP/Network"))?.extend(new);
    done()
}

fn remove(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let cidr = cidr(call);
    set(call, scope)?.entries.retain(|entry| entry.get("cidr") != Some(&cidr));
    done()
}

fn delete_set(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let force = call.args.flag("force");
    let sets = &mut firewall(call, scope)?.ipsets;
    if !force && sets.get(&name).is_some_and(|set| !set.entries.is_empty()) {
        return Err(Fail::die(format!("IPSet '{name}' is not empty")));
    }
    sets.remove(&name);
    done()
}

/// What rules may refer to.
pub(super) fn refs(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let mut rows = Vec::new();
    let wanted = call.args.get("type").map(str::to_owned);
    let prefix = if matches!(scope, Scope::Cluster) { "dc" } else { "guest" };
    let firewall = firewall(call, scope)?;
    if wanted.as_deref().is_none_or(|wanted| wanted == "alias") {
        for name in firewall.aliases.keys() {
            rows.push(json!({"type": "alias", "name": name, "ref": name, "scope": prefix}));
        }
    }
    if wanted.as_deref().is_none_or(|wanted| wanted == "ipset") {
        for name in firewall.ipsets.keys() {
            rows.push(json!({"type": "ipset", "name": name, "ref": format!("+{name}"), "scope": prefix}));
        }
    }
    Ok(json!(rows).into())
}
