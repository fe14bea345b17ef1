//! Paths: who owns them, their modes and ACLs.
use super::{Cx, field, flag, object, rules, text};
use crate::sim::{fail::Fail, world::PROPERTIES};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let data = object(params, 0);
    Some(match verb {
        "stat" => stat(cx, text(params, 0)),
        "getacl" => acl(cx, text(params, 0)),
        "setacl" => set_acl(cx, &data),
        "setperm" => own(cx, &data, "filesystem_setperm", true),
        "chown" => own(cx, &data, "filesystem_chown", false),
        "mkdir" => make(cx, &data),
        "listdir" => Ok(json!([])),
        _ => return None,
    })
}

fn known(cx: &Cx<'_>, path: &str, at: &str) -> Result<Row, Fail> {
    let path = path.trim_end_matches('/');
    if !rules::path_exists(cx.world, path) {
        return Err(Fail::about(at, format!("Path {path} not found"), 2));
    }
    Ok(cx.world.acls.get(path).and_then(Value::as_object).cloned().unwrap_or_default())
}

fn keep(cx: &mut Cx<'_>, path: &str, row: Row) {
    cx.world.acls.insert(path.trim_end_matches('/').into(), row.into());
}

fn stat(cx: &Cx<'_>, path: &str) -> Result<Value, Fail> {
    let row = known(cx, path, "path")?;
    let mode = u32::from_str_radix(field(&row, "mode"), 8).unwrap_or(0o755) | 0o40000;
    let id = |name: &str| row.get(name).cloned().unwrap_or(json!(0));
    Ok(
        json!({"realpath": path, "type": "DIRECTORY", "size": 2, "allocation_size": 512, "mode": mode, "mount_id": 1, "uid": id("uid"),
        "gid": id("gid"), "atime": 0.0, "mtime": 0.0, "ctime": 0.0, "btime": 0.0, "dev": 1, "inode": 34, "nlink": 2,
        "acl": row.contains_key("dacl"), "is_mountpoint": true, "is_ctldir": false, "attributes": [], "user": name_of(cx, "user", &id("uid")),
        "group": name_of(cx, "group", &id("gid"))}),
    )
}

fn name_of(cx: &Cx<'_>, space: &str, id: &Value) -> Value {
    let (number, name) = if space == "user" { ("uid", "username") } else { ("gid", "name") };
    let found = cx.world.rows(space).find(|row| row.get(number) == Some(id));
    found.and_then(|row| row.get(name).cloned()).unwrap_or_default()
}

/// The type of ACL that the dataset of a path has.
fn kind(cx: &Cx<'_>, path: &str) -> String {
    let mut at = Some(path.trim_start_matches("/mnt/").to_owned());
    while let Some(name) = at {
        if cx.world.datasets.contains_key(&name) {
            let property = PROPERTIES.iter().find(|property| property.name == "acltype");
            return property.map_or_else(String::new, |property| cx.world.effective(&name, property).0);
        }
        at = name.rsplit_once('/').map(|(above, _)| above.to_owned());
    }
    "off".into()
}

fn acl(cx: &Cx<'_>, path: &str) -> Result<Value, Fail> {
    let row = known(cx, path, "path")?;
    let id = |name: &str| row.get(name).cloned().unwrap_or(json!(0));
    let mut answer = json!({"path": path, "user": name_of(cx, "user", &id("uid")), "group": name_of(cx, "group", &id("gid")),
        "uid": id("uid"), "gid": id("gid"), "trivial": !row.contains_key("dacl")});
    let (word, list) = match kind(cx, path).as_str() {
        "nfsv4" => ("NFS4", row.get("dacl").cloned().unwrap_or_else(trivial_nfs4)),
        "posix" => ("POSIX1E", row.get("dacl").cloned().unwrap_or_else(trivial_posix)),
        _ => ("DISABLED", Value::Null),
    };
    answer["acltype"] = json!(word);
    answer["acl"] = list;
    if word == "NFS4" {
        answer["aclflags"] = json!({"autoinherit": false, "protected": false, "defaulted": false});
    }
    Ok(answer)
}

fn trivial_nfs4() -> Value {
    let entry = |tag: &str, perms: &str| json!({"tag": tag, "type": "ALLOW", "perms": {"BASIC": perms}, "flags": {"BASIC": "NOINHERIT"}, "id": -1, "who": null});
    json!([entry("owner@", "FULL_CONTROL"), entry("group@", "MODIFY"), entry("everyone@", "READ")])
}

fn trivial_posix() -> Value {
    let entry = |tag: &str, write: bool| json!({"tag": tag, "perms": {"READ": true, "WRITE": write, "EXECUTE": true}, "default": false, "id": -1, "who": null});
    json!([entry("USER_OBJ", true), entry("GROUP_OBJ", false), entry("OTHER", false)])
}

/// Replaces the whole list. It comes back in the server's order, with `-1` for who has no number (notes section 8).
fn set_acl(cx: &mut Cx<'_>, data: &Row) -> Result<Value, Fail> {
    let at = "filesystem_acl";
    let path = field(data, "path").to_owned();
    let mut row = known(cx, &path, &format!("{at}.path"))?;
    if flag(&data.get("options").and_then(Value::as_object).cloned().unwrap_or_default(), "stripacl") {
        row.remove("dacl");
        keep(cx, &path, row);
        return acl(cx, &path);
    }
    let list = data.get("dacl").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_nfs4 = list.iter().any(|entry| entry.get("type").is_some_and(|kind| !kind.is_null()));
    let kind = kind(cx, &path);
    if (is_nfs4 && kind != "nfsv4") || (!is_nfs4 && kind != "posix") {
        return Err(Fail::invalid(
            &format!("{at}.dacl"),
            format!("ACL type does not fit the dataset, which has {kind}"),
        ));
    }
    let mut entries = vec![];
    for (n, entry) in list.iter().enumerate() {
        entries.push(resolved(cx, entry, &format!("{at}.dacl.{n}"))?);
    }
    // Denials first, then what is set before what is inherited: the canonical order.
    if is_nfs4 {
        entries.sort_by_key(|entry| entry.get("type") != Some(&json!("DENY")));
    }
    row.insert("dacl".into(), entries.into());
    owners(cx, data, at, &mut row)?;
    keep(cx, &path, row);
    acl(cx, &path)
}

fn resolved(cx: &Cx<'_>, entry: &Value, at: &str) -> Result<Value, Fail> {
    let mut entry = entry.as_object().cloned().unwrap_or_default();
    let space = match field(&entry, "tag") {
        "USER" => "user",
        "GROUP" => "group",
        _ => {
            entry.insert("id".into(), json!(-1));
            entry.insert("who".into(), Value::Null);
            return Ok(entry.into());
        }
    };
    if entry.get("id").is_none_or(Value::is_null) {
        let (number, name) = if space == "user" { ("uid", "username") } else { ("gid", "name") };
        let who = field(&entry, "who").to_owned();
        let found = cx.world.rows(space).find(|row| field(row, name) == who).and_then(|row| row.get(number).cloned());
        entry.insert("id".into(), found.ok_or_else(|| Fail::invalid(at, format!("{who}: {space} does not exist")))?);
    }
    let name = name_of(cx, space, entry.get("id").unwrap_or(&Value::Null));
    entry.insert("who".into(), name);
    Ok(entry.into())
}

fn owners(cx: &Cx<'_>, data: &Row, at: &str, row: &mut Row) -> Result<(), Fail> {
    for (id, who, space, name, number) in
        [("uid", "user", "user", "username", "uid"), ("gid", "group", "group", "name", "gid")]
    {
        if let Some(id_given) = data.get(id).filter(|value| value.as_i64().is_some_and(|id| id >= 0)) {
            row.insert(id.into(), id_given.clone());
        }
        if let Some(given) = data.get(who).and_then(Value::as_str) {
            let found =
                cx.world.rows(space).find(|row| field(row, name) == given).and_then(|row| row.get(number).cloned());
            let found = found
                .ok_or_else(|| Fail::invalid(&format!("{at}.{who}"), format!("{given}: {space} does not exist")))?;
            row.insert(id.into(), found);
        }
    }
    Ok(())
}

fn own(cx: &mut Cx<'_>, data: &Row, at: &str, with_mode: bool) -> Result<Value, Fail> {
    let path = field(data, "path").to_owned();
    let mut row = known(cx, &path, &format!("{at}.path"))?;
    if with_mode {
        let strips = flag(&data.get("options").and_then(Value::as_object).cloned().unwrap_or_default(), "stripacl");
        if row.contains_key("dacl") && !strips {
            return Err(Fail::invalid(
                &format!("{at}.mode"),
                "Can not set permissions on an object with a non-trivial ACL",
            ));
        }
        row.remove("dacl");
        if let Some(mode) = data.get("mode").filter(|mode| mode.is_string()) {
            row.insert("mode".into(), mode.clone());
        }
    }
    owners(cx, data, at, &mut row)?;
    keep(cx, &path, row);
    Ok(Value::Null)
}

fn make(cx: &mut Cx<'_>, data: &Row) -> Result<Value, Fail> {
    let path = field(data, "path").to_owned();
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    known(cx, above, "filesystem_mkdir.path")?;
    let mode = data.get("options").and_then(|options| options.get("mode")).cloned().unwrap_or(json!("755"));
    cx.world.acls.insert(path.clone(), json!({"mode": mode}));
    stat(cx, &path)
}
