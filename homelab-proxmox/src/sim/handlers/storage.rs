//! `/storage`: the definitions of storages.
use super::super::answer::{Answer, Fail, Reply};
use super::super::call::Call;
use super::super::check::matches_whole;
use super::super::format::list as words;
use super::super::schema::SCHEMA;
use super::super::world::Texts;
use super::super::{quirks, random};
use super::storage_kind::{Kind, kind};
use crate::http::Method;
use serde_json::{Map, Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /storage" => list(call),
        "POST /storage" => create(call),
        "GET /storage/{storage}" => read(call),
        "PUT /storage/{storage}" => update(call),
        "DELETE /storage/{storage}" => delete(call),
        _ => return None,
    })
}

fn digest(call: &Call<'_>) -> String {
    random::digest(&format!("{:?}", call.world.storages))
}

fn shown(call: &Call<'_>, id: &str, options: &Texts) -> Value {
    let numeric = |key: &str| {
        let prop = SCHEMA.param_of(call.world.release, Method::Post, "/storage", key);
        prop.is_some_and(|prop| matches!(prop.kind(), "integer" | "boolean" | "number"))
    };
    let mut map: Map<String, Value> = options
        .iter()
        .map(|(key, text)| match text.parse::<i64>() {
            Ok(number) if numeric(key) => (key.clone(), json!(number)),
            _ => (key.clone(), json!(text)),
        })
        .collect();
    if call.world.is_shared(id) {
        map.insert("shared".to_owned(), json!(1));
    }
    map.insert("storage".to_owned(), json!(id));
    map.insert("digest".to_owned(), json!(digest(call)));
    Value::Object(map)
}

fn list(call: &mut Call<'_>) -> Answer {
    let kind = call.args.get("type");
    let rows: Vec<Value> = call
        .world
        .storages
        .iter()
        .filter(|(id, _)| {
            call.need_any(&format!("/storage/{id}"), &["Datastore.Audit", "Datastore.AllocateSpace"]).is_ok()
        })
        .filter(|(_, options)| kind.is_none_or(|kind| options.get("type").map(String::as_str) == Some(kind)))
        .map(|(id, options)| shown(call, id, options))
        .collect();
    Ok(json!(rows).into())
}

fn read(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage");
    let options = call.world.storage(id)?;
    Ok(shown(call, id, options).into())
}

/// Options as they are kept; what is wrong with one of them.
fn decoded(kind: &Kind, options: Texts) -> Result<Texts, String> {
    let mut kept = Texts::new();
    for (key, text) in options {
        if !kind.knows(&key) {
            return Err(format!("unexpected property '{key}'"));
        }
        if text.contains(['\n', '\r']) {
            return Err("property contains a line feed".to_owned());
        }
        let text = match key.as_str() {
            "content" => content(kind, &text)?,
            "nodes" => sorted(words(&text)),
            _ => text,
        };
        kept.insert(key, text);
    }
    Ok(kept)
}

/// What a storage is to hold: kinds that it cannot hold are left out without a word.
fn content(kind: &Kind, text: &str) -> Result<String, String> {
    let (able, _) = kind.holds;
    let held = sorted(words(text).filter(|item| able.contains(item)));
    if held.split(',').any(|item| item == "none") && held != "none" {
        return Err("unable to combine 'none' with other content types".to_owned());
    }
    if held.is_empty() && !able.contains(&"none") {
        return Err("storage does not support content type 'none'".to_owned());
    }
    Ok(held)
}

fn sorted<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let mut items: Vec<&str> = items.collect();
    items.sort_unstable();
    items.dedup();
    items.join(",")
}

fn create(call: &mut Call<'_>) -> Answer {
    let (id, name) = (call.args.text("storage").to_owned(), call.args.text("type").to_owned());
    let kind = kind(&name);
    let mut options = call.args.texts(&["storage", "type"]);
    if options.get("nodes").is_some_and(String::is_empty) {
        options.remove("nodes");
    }
    options.retain(|key, _| !kind.secret.contains(&key.as_str()));
    if kind.mounts {
        options.entry("path".to_owned()).or_insert_with(|| format!("/mnt/pve/{id}"));
    }
    let mut options = decoded(&kind, options).map_err(Fail::die)?;
    let needed = kind.fixed.iter().chain(kind.needed);
    if let Some(missing) = needed.into_iter().find(|key| !options.contains_key(**key)) {
        return Err(Fail::die(format!("missing value for required option '{missing}'")));
    }
    if let Some(path) = options.get_mut("path").filter(|_| matches!(name.as_str(), "dir" | "btrfs")) {
        if !matches_whole("/[-/a-zA-Z0-9_.@]+", path) {
            return Err(Fail::die(format!("illegal path for directory storage: {path}")));
        }
        *path = canonical(path);
    }
    let fail = |text: String| Err(Fail::die(format!("create storage failed: {text}")));
    if call.world.storages.contains_key(&id) {
        return fail(format!("storage ID '{id}' already defined"));
    }
    if name == "esxi" && !call.args.has("password") {
        return fail("missing password".to_owned());
    }
    let off = |key: &str| options.get(key).map(String::as_str) == Some("0");
    if let Some(path) = options.get("path").filter(|_| off("mkdir") || off("create-base-path")) {
        let known = call.world.storages.values().any(|other| other.get("path") == Some(path));
        if !known && options.get("disable").map(String::as_str) != Some("1") {
            return fail(format!(
                "unable to activate storage '{id}' - directory '{path}' does not exist or is unreachable"
            ));
        }
    }
    options.entry("content".to_owned()).or_insert_with(|| kind.holds.1.to_owned());
    options.insert("type".to_owned(), name.clone());
    call.world.storages.insert(id.clone(), options);
    Ok(json!({"storage": id, "type": name}).into())
}

/// A path without slashes that say nothing.
fn canonical(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    format!("/{}", parts.join("/"))
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage").to_owned();
    let fail = |text: String| Err(Fail::die(format!("update storage failed: {text}")));
    if call.args.get("digest").is_some_and(|given| !given.is_empty() && given != digest(call)) {
        return fail(quirks::STALE_FILE.to_owned());
    }
    let Some(now) = call.world.storages.get(&id).cloned() else {
        return fail(format!("storage '{id}' does not exist"));
    };
    let name = now.get("type").cloned().unwrap_or_default();
    let kind = kind(&name);
    let mut set = call.args.texts(&["storage", "delete", "digest"]);
    set.retain(|key, _| !kind.secret.contains(&key.as_str()));
    if let Some(key) = set.keys().find(|key| kind.is_fixed(key)) {
        return fail(format!("can't change value of fixed parameter '{key}'"));
    }
    let set = match decoded(&kind, set) {
        Ok(set) => set,
        Err(text) => return fail(text),
    };
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let mut options = now;
    for key in delete {
        if kind.secret.contains(&key.as_str()) {
            continue;
        }
        if !kind.knows(&key) {
            return fail(format!("no such option '{key}'"));
        }
        if kind.required(&key) {
            return fail(format!("unable to delete required option '{key}'"));
        }
        if kind.is_fixed(&key) {
            return fail(format!("unable to delete fixed option '{key}'"));
        }
        if set.contains_key(&key) {
            return fail(format!("cannot set and delete property '{key}' at the same time!"));
        }
        options.remove(&key);
    }
    options.extend(set);
    options.entry("content".to_owned()).or_insert_with(|| kind.holds.1.to_owned());
    if options.get("nodes").is_some_and(String::is_empty) {
        options.remove("nodes");
    }
    call.world.storages.insert(id.clone(), options);
    Ok(json!({"storage": id, "type": name}).into())
}

/// What was granted on it goes too, and it leaves its pools.
fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage").to_owned();
    let fail = |text: String| Err(Fail::die(format!("delete storage failed: {text}")));
    if !call.world.storages.contains_key(&id) {
        return fail(format!("storage '{id}' does not exist"));
    }
    let base = format!("{id}:");
    if call.world.storages.values().any(|other| other.get("base").is_some_and(|volume| volume.starts_with(&base))) {
        return fail("can't remove storage - storage is used as base of another storage".to_owned());
    }
    call.world.storages.remove(&id);
    call.world.access.acl.remove(&format!("/storage/{id}"));
    for pool in call.world.pools.values_mut() {
        pool.storage.retain(|member| *member != id);
    }
    Reply::done()
}
