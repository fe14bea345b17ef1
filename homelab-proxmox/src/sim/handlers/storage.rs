//! `/storage`: the definitions of storages.
use super::super::answer::{Answer, Fail, Reply};
use super::super::call::Call;
use super::super::format::list as words;
use super::super::world::Texts;
use super::super::{quirks, random};
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

/// Options that every type knows.
const COMMON: &[&str] = &[
    "nodes",
    "content",
    "disable",
    "shared",
    "prune-backups",
    "max-protected-backups",
    "bwlimit",
    "preallocation",
    "content-dirs",
    "format",
    "maxfiles",
];

/// What a type demands, and what it knows besides.
fn options_of(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "dir" => {
            (&["path"], &["mkdir", "create-base-path", "create-subdirs", "is_mountpoint", "snapshot-as-volume-chain"])
        }
        "btrfs" => (&["path"], &["mkdir", "is_mountpoint", "nocow"]),
        "nfs" => (&["server", "export"], &["path", "options", "mkdir", "create-base-path", "create-subdirs"]),
        "cifs" => (
            &["server", "share"],
            &["path", "username", "password", "domain", "smbversion", "subdir", "options", "mkdir", "create-subdirs"],
        ),
        "lvm" => (&["vgname"], &["base", "saferemove", "saferemove_throughput", "tagged_only"]),
        "lvmthin" => (&["thinpool", "vgname"], &["base"]),
        "zfspool" => (&["pool"], &["blocksize", "sparse", "mountpoint"]),
        "iscsi" => (&["portal", "target"], &[]),
        "pbs" => (
            &["server", "datastore"],
            &["port", "username", "password", "fingerprint", "encryption-key", "master-pubkey", "namespace"],
        ),
        _ => (&[], &["server", "path", "pool", "monhost", "username", "krbd", "volume", "portal", "target"]),
    }
}

fn digest(call: &Call<'_>) -> String {
    random::digest(&format!("{:?}", call.world.storages))
}

fn shown(call: &Call<'_>, id: &str, options: &Texts) -> Value {
    let mut map: Map<String, Value> = options
        .iter()
        .map(|(key, text)| {
            let numeric = matches!(
                key.as_str(),
                "disable" | "shared" | "mkdir" | "sparse" | "krbd" | "saferemove" | "nocow" | "port"
            );
            match text.parse::<i64>() {
                Ok(number) if numeric => (key.clone(), json!(number)),
                _ => (key.clone(), json!(text)),
            }
        })
        .collect();
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

fn sorted(text: &str) -> String {
    let mut items: Vec<&str> = words(text).collect();
    items.sort_unstable();
    items.dedup();
    items.join(",")
}

fn create(call: &mut Call<'_>) -> Answer {
    let (id, kind) = (call.args.text("storage").to_owned(), call.args.text("type").to_owned());
    let mut options = call.args.texts(&["storage"]);
    let (needed, known) = options_of(&kind);
    if call.world.storages.contains_key(&id) {
        return Err(Fail::die(format!("create storage failed: storage ID '{id}' already defined")));
    }
    for key in options.keys().filter(|key| *key != "type") {
        let fits = [COMMON, needed, known].iter().any(|list| list.contains(&key.as_str()));
        if !fits {
            return Err(Fail::die(format!("unexpected property '{key}'")));
        }
    }
    if let Some(missing) = needed.iter().find(|key| !options.contains_key(**key)) {
        return Err(Fail::die(format!("missing value for required option '{missing}'")));
    }
    options.remove("password");
    let default =
        if matches!(kind.as_str(), "lvm" | "lvmthin" | "zfspool" | "rbd") { "images,rootdir" } else { "images" };
    let content = options.get("content").map_or(default, String::as_str);
    options.insert("content".to_owned(), sorted(content));
    call.world.storages.insert(id.clone(), options);
    Ok(json!({"storage": id, "type": kind}).into())
}

fn update(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage").to_owned();
    if !call.world.storages.contains_key(&id) {
        return Err(Fail::die(format!("update storage failed: storage '{id}' does not exist")));
    }
    if call.args.get("digest").is_some_and(|given| given != digest(call)) {
        return Err(Fail::die(format!("update storage failed: {}", quirks::STALE_FILE)));
    }
    let set = call.args.texts(&["storage", "delete", "digest", "password"]);
    let delete: Vec<String> = words(call.args.text("delete")).map(str::to_owned).collect();
    let kind = call.world.storages.get(&id).and_then(|options| options.get("type")).cloned().unwrap_or_default();
    let (needed, known) = options_of(&kind);
    for key in &delete {
        if needed.contains(&key.as_str()) {
            return Err(Fail::die(format!("update storage failed: unable to delete required option '{key}'")));
        }
        if !COMMON.contains(&key.as_str()) && !known.contains(&key.as_str()) {
            return Err(Fail::die(format!("update storage failed: no such option '{key}'")));
        }
    }
    for key in set.keys() {
        if ![COMMON, needed, known].iter().any(|list| list.contains(&key.as_str())) {
            return Err(Fail::die(format!("update storage failed: unexpected property '{key}'")));
        }
    }
    if let Some(options) = call.world.storages.get_mut(&id) {
        for key in delete {
            options.remove(&key);
        }
        for (key, text) in set {
            let text = if key == "content" { sorted(&text) } else { text };
            options.insert(key, text);
        }
    }
    Ok(json!({"storage": id, "type": kind}).into())
}

fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.args.text("storage").to_owned();
    match call.world.storages.remove(&id) {
        Some(_) => Reply::done(),
        None => Err(Fail::die(format!("delete storage failed: storage '{id}' does not exist"))),
    }
}
