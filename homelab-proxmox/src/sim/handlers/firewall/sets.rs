//! Aliases and sets of addresses.
use super::{Scope, digest, done, firewall, fresh};
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::firewall::{Names, is_alias};
use crate::sim::world::{Firewall, IpSet, Texts};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn alias_row(options: &Texts, digest: Option<&str>) -> Value {
    let cidr = options.get("cidr").cloned().unwrap_or_default();
    let version = if cidr.contains(':') { 6 } else { 4 };
    let mut row = json!({"name": options.get("name"), "cidr": cidr, "ipversion": version});
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
    let rows: Vec<Value> = aliases.values().map(|options| alias_row(options, Some(&digest))).collect();
    Ok(json!(rows).into())
}

fn create_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let options = alias_of(call);
    let aliases = &mut firewall(call, scope)?.aliases;
    if aliases.contains_key(&name.to_lowercase()) {
        return Err(Fail::param("name", format!("alias '{name}' already exists")));
    }
    aliases.insert(name.to_lowercase(), options);
    done()
}

/// An alias as it is read back from its file: a prefix that says nothing is gone.
fn alias_of(call: &Call<'_>) -> Texts {
    let mut options = Texts::from([
        ("name".to_owned(), call.args.text("name").to_owned()),
        ("cidr".to_owned(), host(call.args.text("cidr"))),
    ]);
    if let Some(comment) = call.args.get("comment").map(str::trim).filter(|text| !text.is_empty()) {
        options.insert("comment".to_owned(), comment.to_owned());
    }
    options
}

/// An address without a prefix that covers only itself.
fn host(cidr: &str) -> String {
    let bare = if cidr.contains(':') { cidr.strip_suffix("/128") } else { cidr.strip_suffix("/32") };
    bare.unwrap_or(cidr).to_owned()
}

fn no_alias() -> Fail {
    Fail::param("name", "no such alias")
}

fn read_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_lowercase();
    let options = firewall(call, scope)?.aliases.get(&name).ok_or_else(no_alias)?;
    Ok(alias_row(options, None).into())
}

/// What is not given is gone.
fn update_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_lowercase();
    let now = digest(&firewall(call, scope)?.aliases);
    fresh(call, &now)?;
    let mut options = alias_of(call);
    let rename = call.args.get("rename").map(str::to_owned);
    let aliases = &mut firewall(call, scope)?.aliases;
    if !aliases.contains_key(&name) {
        return Err(no_alias());
    }
    let mut key = name.clone();
    if let Some(rename) = rename.filter(|rename| rename.to_lowercase() != name) {
        key = rename.to_lowercase();
        if aliases.contains_key(&key) {
            return Err(Fail::param("name", format!("alias '{rename}' already exists")));
        }
        options.insert("name".to_owned(), rename);
    }
    aliases.remove(&name);
    aliases.insert(key, options);
    done()
}

fn delete_alias(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_lowercase();
    let now = digest(&firewall(call, scope)?.aliases);
    fresh(call, &now)?;
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
            if let Some(comment) = set.comment.as_ref().filter(|comment| !comment.is_empty()) {
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
    let Some(old) = call.args.get("rename").map(str::to_owned) else {
        let sets = &mut firewall(call, scope)?.ipsets;
        if sets.contains_key(&name) {
            return Err(Fail::param("name", format!("IPSet '{name}' already exists")));
        }
        sets.insert(name.to_lowercase(), IpSet { comment, entries: Vec::new() });
        return done();
    };
    let now = digest(&firewall(call, scope)?.ipsets);
    fresh(call, &now)?;
    let sets = &mut firewall(call, scope)?.ipsets;
    if !sets.contains_key(&old) {
        return Err(Fail::param("name", format!("IPSet '{old}' does not exist")));
    }
    if sets.contains_key(&name) && name != old {
        return Err(Fail::param("name", format!("IPSet '{name}' does already exist")));
    }
    if let Some(mut set) = sets.remove(&old) {
        set.comment = comment.or(set.comment);
        sets.insert(name.to_lowercase(), set);
    }
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
    let asked = cidr(call);
    set(call, scope)?;
    let cidr = if is_alias(&asked) {
        let own = if matches!(scope, Scope::Cluster) { None } else { Some(firewall(call, scope)?.clone()) };
        let names = Names { cluster: &call.world.firewall, own: own.as_ref() };
        names.resolve(&asked).map_err(Fail::die)?;
        asked
    } else {
        host(&network(&asked))
    };
    if set(call, scope)?.entries.iter().any(|entry| entry.get("cidr") == Some(&cidr)) {
        return Err(Fail::param("cidr", format!("address '{cidr}' already exists")));
    }
    if cidr.ends_with("/0") {
        return Err(Fail::param("cidr", "a zero prefix is not allowed in ipset entries"));
    }
    let mut entry = Texts::from([("cidr".to_owned(), cidr)]);
    describe(call, &mut entry);
    set(call, scope)?.entries.insert(0, entry);
    done()
}

/// What an entry says beside its address; what is not given is gone.
fn describe(call: &Call<'_>, entry: &mut Texts) {
    entry.remove("nomatch");
    entry.remove("comment");
    if call.args.flag("nomatch") {
        entry.insert("nomatch".to_owned(), "1".to_owned());
    }
    if let Some(comment) = call.args.get("comment").map(str::trim).filter(|text| !text.is_empty()) {
        entry.insert("comment".to_owned(), comment.to_owned());
    }
}

/// A network without the bits that its prefix does not cover.
fn network(cidr: &str) -> String {
    let Some((ip, bits)) = cidr.split_once('/') else { return cidr.to_owned() };
    let Ok(bits) = bits.parse::<u32>() else { return cidr.to_owned() };
    match ip.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if bits <= 32 => {
            let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits) };
            format!("{}/{bits}", Ipv4Addr::from(u32::from(ip) & mask))
        }
        Ok(IpAddr::V6(ip)) if bits <= 128 => {
            let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
            format!("{}/{bits}", Ipv6Addr::from(u128::from(ip) & mask))
        }
        _ => cidr.to_owned(),
    }
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
    let now = digest(&set(call, scope)?.entries);
    fresh(call, &now)?;
    let place = set(call, scope)?.entries.iter().position(|entry| entry.get("cidr") == Some(&cidr));
    let place = place.ok_or_else(|| Fail::param("cidr", "no such IP/Network"))?;
    let mut entry = set(call, scope)?.entries[place].clone();
    describe(call, &mut entry);
    set(call, scope)?.entries[place] = entry;
    done()
}

fn remove(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let cidr = cidr(call);
    let now = digest(&set(call, scope)?.entries);
    fresh(call, &now)?;
    set(call, scope)?.entries.retain(|entry| entry.get("cidr") != Some(&cidr));
    done()
}

fn delete_set(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let name = call.args.text("name").to_owned();
    let force = call.args.flag("force");
    if !set(call, scope)?.entries.is_empty() && !force {
        return Err(Fail::die(format!("IPSet '{name}' is not empty")));
    }
    firewall(call, scope)?.ipsets.remove(&name);
    done()
}

/// What rules may refer to: a guest's may refer to the cluster's as well.
pub(super) fn refs(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let mut rows = rows_of(call, &call.world.firewall, "dc");
    if !matches!(scope, Scope::Cluster) {
        let own = firewall(call, scope)?.clone();
        rows.extend(rows_of(call, &own, "guest"));
    }
    Ok(json!(rows).into())
}

fn rows_of(call: &Call<'_>, firewall: &Firewall, scope: &str) -> Vec<Value> {
    let wanted = call.args.get("type");
    let row = |kind: &str, name: &str, reference: String, comment: Option<&String>| {
        let mut row = json!({"type": kind, "name": name, "ref": reference, "scope": scope});
        if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
            row["comment"] = json!(comment);
        }
        row
    };
    let mut rows = Vec::new();
    if wanted.is_none_or(|wanted| wanted == "ipset") {
        rows.extend(
            firewall.ipsets.iter().map(|(name, set)| row("ipset", name, format!("+{name}"), set.comment.as_ref())),
        );
    }
    if wanted.is_none_or(|wanted| wanted == "alias") {
        rows.extend(
            firewall.aliases.iter().map(|(name, alias)| row("alias", name, name.clone(), alias.get("comment"))),
        );
    }
    rows
}
