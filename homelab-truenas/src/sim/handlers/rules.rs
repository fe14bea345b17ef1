//! What plugins check beyond the shape of a row, what they add to it, and what stands in the way of its deletion.
use super::{field, flag};
use crate::sim::{
    fail::{EEXIST, Fail},
    world::{World, is_within},
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

/// How a namespace calls its rows in messages.
pub(super) fn noun(space: &str) -> &str {
    match space {
        "pool" => "Pool",
        "pool.dataset" => "PoolDataset",
        "pool.snapshot" => "PoolSnapshot",
        "user" => "User",
        "group" => "Group",
        "sharing.nfs" => "NFSShare",
        "sharing.smb" => "SMBShare",
        other => other,
    }
}

/// Whether a path is on a pool of this NAS.
pub(super) fn path_exists(world: &World, path: &str) -> bool {
    let Some(name) = path.strip_prefix("/mnt/") else { return false };
    let datasets = || world.datasets.iter().filter(|(_, dataset)| !dataset.is_volume).map(|(name, _)| name);
    datasets().any(|dataset| dataset == name) || world.acls.contains_key(path)
}

/// A row of another table that must be there.
fn must_exist(world: &World, attribute: &str, space: &str, id: Option<&Value>, what: &str) -> Result<(), Fail> {
    let Some(id) = id.filter(|id| !id.is_null()) else { return Ok(()) };
    let there = world.tables.get(space).is_some_and(|table| table.get(id).is_some());
    if there { Ok(()) } else { Err(Fail::invalid(attribute, format!("{what} {id} does not exist"))) }
}

/// Refuses a value that another row has already.
fn unique(world: &World, space: &str, own: Option<&Value>, row: &Row, name: &str, attribute: &str) -> Result<(), Fail> {
    let Some(value) = row.get(name).filter(|value| !value.is_null()) else { return Ok(()) };
    let same = |other: &Value| match (other.as_str(), value.as_str()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => other == value,
    };
    let taken = world.rows(space).any(|other| other.get("id") != own && other.get(name).is_some_and(same));
    if taken { Err(Fail::about(attribute, format!("{value} already exists"), EEXIST)) } else { Ok(()) }
}

/// Whether a row may be as it is; `own` is its id if it is there already.
pub(super) fn check(world: &World, space: &str, own: Option<&Value>, row: &Row) -> Result<(), Fail> {
    let verb = if own.is_some() { "update" } else { "create" };
    match space {
        "pool.scrub" => {
            must_exist_pool(world, row, &format!("pool_scrub_{verb}.pool"))?;
            unique(world, space, own, row, "pool", &format!("pool_scrub_{verb}.pool"))
        }
        "pool.snapshottask" => {
            let dataset = field(row, "dataset");
            if !world.datasets.contains_key(dataset) {
                return Err(Fail::about(&format!("periodic_snapshot_{verb}.dataset"), "Dataset not found", 2));
            }
            Ok(())
        }
        "sharing.nfs" => nfs(world, own, row, &format!("sharingnfs_{verb}")),
        "sharing.smb" => {
            unique(world, space, own, row, "name", &format!("sharingsmb_{verb}.name"))?;
            let path = field(row, "path");
            if path != "EXTERNAL" && !path_exists(world, path) {
                return Err(Fail::about(&format!("sharingsmb_{verb}.path"), "This path does not exist.", 2));
            }
            Ok(())
        }
        "keychaincredential" => {
            unique(world, space, own, row, "name", &format!("keychain_credential_{verb}.name"))?;
            let key =
                row.get("attributes").and_then(|attributes| attributes.get("private_key")).filter(|key| key.is_i64());
            must_exist(world, &format!("keychain_credential_{verb}.attributes.private_key"), space, key, "SSH key pair")
        }
        "replication" => super::keychain::check_replication(world, own, row),
        "cronjob" => {
            let there = world.rows("user").any(|user| field(user, "username") == field(row, "user"));
            if there {
                Ok(())
            } else {
                Err(Fail::invalid(&format!("cron_job_{verb}.user"), "Specified user does not exist"))
            }
        }
        "iscsi.target" => {
            unique(world, space, own, row, "name", &format!("iscsi_target_{verb}.name"))?;
            for (n, group) in row.get("groups").and_then(Value::as_array).into_iter().flatten().enumerate() {
                let at = |name: &str| format!("iscsi_target_{verb}.groups.{n}.{name}");
                must_exist(world, &at("portal"), "iscsi.portal", group.get("portal"), "Portal")?;
                must_exist(world, &at("initiator"), "iscsi.initiator", group.get("initiator"), "Initiator")?;
            }
            Ok(())
        }
        "iscsi.auth" => {
            let (at, secret) = (format!("iscsi_auth_{verb}.secret"), field(row, "secret"));
            if !(12..=16).contains(&secret.chars().count()) {
                return Err(Fail::invalid(&at, "Secret must be between 12 and 16 characters."));
            }
            if secret.trim() == secret {
                Ok(())
            } else {
                Err(Fail::invalid(&at, "Secret contains leading or trailing space."))
            }
        }
        "iscsi.extent" => {
            unique(world, space, own, row, "name", &format!("iscsi_extent_{verb}.name"))?;
            unique(world, space, own, row, "serial", &format!("iscsi_extent_{verb}.serial"))?;
            let volume = field(row, "disk").strip_prefix("zvol/");
            let there = volume.is_none_or(|name| world.datasets.get(name).is_some_and(|dataset| dataset.is_volume));
            if there {
                Ok(())
            } else {
                Err(Fail::invalid(&format!("iscsi_extent_{verb}.disk"), "Volume does not exist"))
            }
        }
        "iscsi.targetextent" => {
            let at = |name: &str| format!("iscsi_target_to_extent_{verb}.{name}");
            must_exist(world, &at("target"), "iscsi.target", row.get("target"), "Target")?;
            must_exist(world, &at("extent"), "iscsi.extent", row.get("extent"), "Extent")
        }
        "api_key" => {
            unique(world, space, own, row, "name", &format!("api_key_{verb}.name"))?;
            let there = world.rows("user").any(|user| field(user, "username") == field(row, "username"));
            if there { Ok(()) } else { Err(Fail::invalid(&format!("api_key_{verb}.username"), "User does not exist")) }
        }
        "privilege" => {
            unique(world, space, own, row, "name", &format!("privilege_{verb}.name"))?;
            for group in row.get("local_groups").and_then(Value::as_array).into_iter().flatten() {
                let known = world.rows("group").any(|row| row.get("gid") == Some(group));
                if !known {
                    return Err(Fail::invalid(
                        &format!("privilege_{verb}.local_groups"),
                        format!("Group {group} does not exist"),
                    ));
                }
            }
            Ok(())
        }
        "user" | "group" => super::account::check(world, space, own, row),
        "alertservice" | "certificate" | "tunable" | "system.ntpserver" => Ok(()),
        _ => Ok(()),
    }
}

fn must_exist_pool(world: &World, row: &Row, attribute: &str) -> Result<(), Fail> {
    let id = row.get("pool").and_then(Value::as_i64).unwrap_or(0);
    if world.pools.contains_key(&id) { Ok(()) } else { Err(Fail::invalid(attribute, "Invalid pool id")) }
}

/// A path may be shared again only to clients that do not overlap (notes section 8).
fn nfs(world: &World, own: Option<&Value>, row: &Row, at: &str) -> Result<(), Fail> {
    let path = field(row, "path");
    if !path_exists(world, path) {
        return Err(Fail::about(&format!("{at}.path"), "This path does not exist.", 2));
    }
    if !field(row, "maproot_user").is_empty() && !field(row, "mapall_user").is_empty() {
        return Err(Fail::invalid(&format!("{at}.mapall_user"), "maproot_user disqualifies mapall_user"));
    }
    let clients = |row: &Row| -> Vec<String> {
        let lists = ["networks", "hosts"].iter().filter_map(|name| row.get(*name)?.as_array());
        lists.flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let ours = clients(row);
    for other in world.rows("sharing.nfs").filter(|other| other.get("id") != own && field(other, "path") == path) {
        let theirs = clients(other);
        if ours.is_empty() || theirs.is_empty() || ours.iter().any(|one| theirs.contains(one)) {
            return Err(Fail::invalid(
                &format!("{at}.networks"),
                format!("Another NFS share already exports {path} for some network"),
            ));
        }
    }
    Ok(())
}

/// What a plugin adds to a row.
pub(super) fn complete(world: &mut World, space: &str, row: &mut Row) {
    match space {
        "iscsi.portal" => {
            let tag = json!(world.rows("iscsi.portal").count() + 1);
            row.entry("tag").or_insert(tag);
            for listen in row.get_mut("listen").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(listen) = listen.as_object_mut() {
                    listen.entry("port").or_insert(json!(3260));
                }
            }
        }
        "iscsi.target" => {
            row.entry("rel_tgt_id").or_insert(json!(world.rows("iscsi.target").count() + 1));
        }
        "iscsi.extent" => {
            let drawn = world.draw();
            row.entry("naa").or_insert(json!(format!("0x6589cfc{drawn:025x}")));
            row.entry("vendor").or_insert(json!("TrueNAS"));
            if row.get("serial").is_none_or(Value::is_null) {
                row.insert("serial".into(), json!(format!("{:015x}", drawn & 0xFFF_FFFF_FFFF_FFFF)));
            }
        }
        "iscsi.targetextent" if row.get("lunid").is_none_or(Value::is_null) => {
            let target = row.get("target").cloned();
            let used: Vec<i64> = world
                .rows("iscsi.targetextent")
                .filter(|other| other.get("target") == target.as_ref())
                .filter_map(|other| other.get("lunid")?.as_i64())
                .collect();
            let free = (0..).find(|lun| !used.contains(lun)).unwrap_or(0);
            row.insert("lunid".into(), json!(free));
        }
        "certificate" => {
            let blank = json!({"type": 8, "certificate": null, "privatekey": null, "CSR": null, "fingerprint": "00:00", "expired": false,
                "parsed": true});
            for (name, value) in blank.as_object().into_iter().flatten() {
                row.entry(name.clone()).or_insert(value.clone());
            }
        }
        "tunable" => {
            row.entry("orig_value").or_insert(json!(""));
        }
        _ => {}
    }
}

/// A row with what is only seen when it is read.
pub(super) fn decorate(world: &World, space: &str, mut row: Row) -> Row {
    let mut put = |name: &str, value: Value| drop(row.insert(name.into(), value));
    let whole = |space: &str, id: &Value| {
        world.tables.get(space).and_then(|table| table.get(id)).cloned().map_or(Value::Null, Value::Object)
    };
    match space {
        "sharing.nfs" | "sharing.smb" | "iscsi.extent" => put("locked", json!(false)),
        "pool.scrub" => {
            let id = row.get("pool").and_then(Value::as_i64).unwrap_or(0);
            row.insert("pool_name".into(), json!(world.pools.get(&id).map(|pool| pool.name.clone())));
        }
        "pool.snapshottask" => {
            put("state", json!({"state": "PENDING"}));
            put("vmware_sync", json!(false));
        }
        "alertservice" => {
            let kind = row.get("attributes").and_then(|attributes| attributes.get("type")).cloned().unwrap_or_default();
            row.insert("type__title".into(), kind);
        }
        "replication" => {
            let credentials =
                row.get("ssh_credentials").filter(|id| !id.is_null()).map(|id| whole("keychaincredential", id));
            let tasks = row.get("periodic_snapshot_tasks").and_then(Value::as_array).cloned().unwrap_or_default();
            let tasks: Vec<Value> = tasks.iter().map(|id| whole("pool.snapshottask", id)).collect();
            row.insert("ssh_credentials".into(), credentials.unwrap_or_default());
            row.insert("periodic_snapshot_tasks".into(), tasks.into());
            row.entry("state").or_insert(json!({"state": "PENDING"}));
            row.insert("job".into(), Value::Null);
            row.insert("has_encrypted_dataset_keys".into(), json!(false));
        }
        "user" => {
            let group = row.get("group").map(|id| whole("group", id)).unwrap_or_default();
            let short = json!({"id": group.get("id"), "bsdgrp_gid": group.get("gid"), "bsdgrp_group": group.get("name"),
                "bsdgrp_builtin": group.get("builtin"), "bsdgrp_sudo_commands": [], "bsdgrp_sudo_commands_nopasswd": [],
                "bsdgrp_smb": group.get("smb"), "bsdgrp_userns_idmap": null});
            let name = field(&row, "username").to_owned();
            let keys = world
                .rows("api_key")
                .filter(|key| field(key, "username") == name)
                .filter_map(|key| key.get("id").cloned());
            let keys: Vec<Value> = keys.collect();
            row.insert("group".into(), short);
            row.insert("api_keys".into(), keys.into());
        }
        "group" => {
            let id = row.get("id").cloned().unwrap_or_default();
            let member =
                |user: &&Row| user.get("groups").and_then(Value::as_array).is_some_and(|groups| groups.contains(&id));
            let users: Vec<Value> =
                world.rows("user").filter(member).filter_map(|user| user.get("id").cloned()).collect();
            row.insert("users".into(), users.into());
        }
        "privilege" => {
            let groups = row.get("local_groups").and_then(Value::as_array).cloned().unwrap_or_default();
            let of = |gid: &Value| world.rows("group").find(|row| row.get("gid") == Some(gid));
            let groups: Vec<Value> = groups.iter().filter_map(|gid| of(gid).cloned().map(Value::Object)).collect();
            row.insert("local_groups".into(), groups.into());
        }
        _ => {}
    }
    row
}

/// What stands in the way of a deletion.
pub(super) fn may_go(world: &World, space: &str, id: &Value, params: &[Value]) -> Result<(), Fail> {
    let used = |space: &str, name: &str| world.rows(space).any(|row| row.get(name) == Some(id));
    match space {
        "keychaincredential" => {
            let by_login = world
                .rows("keychaincredential")
                .any(|row| row.get("attributes").and_then(|attributes| attributes.get("private_key")) == Some(id));
            let cascade = params.get(1).and_then(|options| options.get("cascade")) == Some(&json!(true));
            if (by_login || used("replication", "ssh_credentials")) && !cascade {
                return Err(Fail::call("EFAULT", "This credential is used and no cascade option is specified"));
            }
            Ok(())
        }
        "iscsi.extent" if used("iscsi.targetextent", "extent") && params.get(2) != Some(&json!(true)) => {
            Err(Fail::call("EFAULT", format!("LUN {id} is in use")))
        }
        "iscsi.target" if used("iscsi.targetextent", "target") && params.get(1) != Some(&json!(true)) => {
            Err(Fail::call("EFAULT", format!("Target {id} is in use")))
        }
        "iscsi.portal" | "iscsi.initiator" => {
            let name = space.rsplit('.').next().unwrap_or_default();
            let in_target = world.rows("iscsi.target").any(|row| {
                let groups = row.get("groups").and_then(Value::as_array);
                groups.into_iter().flatten().any(|group| group.get(name) == Some(id))
            });
            if in_target { Err(Fail::call("EFAULT", format!("{name} {id} is used by a target"))) } else { Ok(()) }
        }
        "pool.snapshottask" => {
            let bound = world.rows("replication").any(|row| {
                row.get("periodic_snapshot_tasks").and_then(Value::as_array).is_some_and(|tasks| tasks.contains(id))
            });
            if bound {
                Err(Fail::call("EINVAL", "You can't delete a snapshot task that is used by a replication task"))
            } else {
                Ok(())
            }
        }
        "user" | "group" | "privilege" => {
            let row = world.tables.get(space).and_then(|table| table.get(id));
            let builtin = row.is_some_and(|row| {
                flag(row, "builtin") || flag(row, "immutable") || !field(row, "builtin_name").is_empty()
            });
            if builtin {
                return Err(Fail::call("EINVAL", format!("Cannot delete a built-in {space}")));
            }
            if space == "group" && used("user", "group") {
                return Err(Fail::call("EINVAL", "This group is the primary group of a user"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a path is a dataset or below it.
pub(super) fn is_below(path: &str, dataset: &str) -> bool {
    path.strip_prefix("/mnt/").is_some_and(|name| is_within(name, dataset))
}
