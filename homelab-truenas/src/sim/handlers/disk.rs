//! Disks as the NAS lists them.
use super::{Cx, field, object, rows, text};
use crate::sim::{
    fail::Fail,
    world::{Disk, Foreign, World},
};
use serde_json::{Map, Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let name = text(params, 0).to_owned();
    Some(match verb {
        "query" => rows::filtered(all(cx.world), params),
        "get_instance" => {
            let found = all(cx.world).into_iter().find(|row| field(row, "identifier") == name);
            found.map(Value::Object).ok_or_else(|| Fail::missing("Disk", &json!(name)))
        }
        "update" => {
            let description = object(params, 1).get("description").and_then(Value::as_str).map(str::to_owned);
            match cx.world.disks.iter_mut().find(|disk| disk.identifier() == name) {
                Some(disk) => {
                    disk.description = description.unwrap_or_default();
                    let found = all(cx.world).into_iter().find(|row| field(row, "identifier") == name);
                    Ok(found.map_or(Value::Null, Value::Object))
                }
                None => Err(Fail::missing("Disk", &json!(name))),
            }
        }
        "details" => Ok(details(cx.world, field(&object(params, 0), "type"))),
        "wipe" => wipe(cx, &name),
        "temperatures" => Ok(json!({})),
        "get_used" => Ok(details(cx.world, "USED")),
        _ => return None,
    })
}

/// The pool that a disk is in at the moment.
pub(super) fn pool_of(world: &World, disk: &Disk) -> Option<String> {
    if disk.is_boot {
        return Some("boot-pool".into());
    }
    let holds = |row: &crate::sim::world::Row| row.disks.iter().any(|vdev| same(world, &vdev.hw, disk));
    world.pools.values().find(|pool| pool.rows.iter().any(holds)).map(|pool| pool.name.clone())
}

/// Whether a disk is the one of a vdev, maybe by its other path.
fn same(world: &World, hw: &str, disk: &Disk) -> bool {
    let other = world.disks.iter().find(|other| other.hw == hw);
    disk.hw == hw
        || other.is_some_and(|other| other.lunid.is_some() && other.lunid == disk.lunid && other.serial == disk.serial)
}

/// The pool on a disk that is not imported.
fn exported_on(world: &World, disk: &Disk) -> Option<String> {
    let holds = |row: &crate::sim::world::Row| row.disks.iter().any(|vdev| vdev.hw == disk.hw);
    let ours = world.exported.iter().find(|pool| pool.rows.iter().any(holds));
    ours.map(|pool| pool.name.clone()).or_else(|| disk.foreign.pool.clone())
}

fn all(world: &World) -> Vec<Map<String, Value>> {
    world.disks.iter().filter(|disk| disk.present).map(|disk| row(world, disk)).collect()
}

fn row(world: &World, disk: &Disk) -> Map<String, Value> {
    let slot = disk.slot.map(|(number, slot)| json!({"number": number, "slot": slot}));
    let row = json!({"identifier": disk.identifier(), "name": disk.name, "subsystem": "scsi", "number": 2048,
        "serial": disk.serial.clone().unwrap_or_default(), "lunid": disk.lunid, "size": disk.size, "description": disk.description,
        "transfermode": "Auto", "hddstandby": "ALWAYS ON", "advpowermgmt": "DISABLED", "expiretime": null, "model": disk.model,
        "rotationrate": if disk.rotates { json!(7200) } else { Value::Null }, "type": if disk.rotates { "HDD" } else { "SSD" },
        "zfs_guid": null, "bus": "SCSI", "devname": disk.name, "enclosure": slot, "pool": pool_of(world, disk)});
    row.as_object().cloned().unwrap_or_default()
}

/// The logs of disks that have tested themselves. One without a log is not listed.
pub(super) fn tests(world: &World) -> Vec<Map<String, Value>> {
    let row = |disk: &Disk| {
        let passed = disk.passed?;
        let (status, said) =
            if passed { ("SUCCESS", "Completed without error") } else { ("FAILED", "Completed: read failure") };
        let test = json!({"num": 1, "description": "Short offline", "status": status, "status_verbose": said, "remaining": 0.0,
            "lifetime": 16_590, "lba_of_first_error": if passed { Value::Null } else { json!("1234567") }});
        json!({"disk": disk.name, "tests": [test]}).as_object().cloned()
    };
    world.disks.iter().filter(|disk| disk.present).filter_map(row).collect()
}

/// Used and unused disks. An existing label does not make a disk used (notes section 6).
fn details(world: &World, kind: &str) -> Value {
    let row = |disk: &Disk| {
        let mut row = row(world, disk);
        let twins = |other: &&Disk| {
            other.hw != disk.hw && other.present && other.serial == disk.serial && other.lunid == disk.lunid
        };
        let twins: Vec<&str> = world.disks.iter().filter(twins).map(|other| other.name.as_str()).collect();
        let imported = pool_of(world, disk);
        let exported = if imported.is_none() { exported_on(world, disk) } else { None };
        let parts = disk.foreign.partitions || exported.is_some();
        let more = json!({"serial": disk.serial, "sectorsize": 512, "mediasize": disk.size, "ident": disk.serial, "hctl": "0:0:0:0",
            "driver": "sd", "vendor": null, "partitions": if parts { json!([{"partition_number": 1, "size": disk.size}]) } else { json!([]) },
            "imported_zpool": imported, "exported_zpool": exported, "duplicate_serial": twins, "unsupported_md_devices": null});
        row.extend(more.as_object().cloned().unwrap_or_default());
        Value::Object(row)
    };
    let of = |used: bool| -> Vec<Value> {
        let disks = world.disks.iter().filter(|disk| disk.present && pool_of(world, disk).is_some() == used);
        disks.map(row).collect()
    };
    match kind {
        "USED" => of(true).into(),
        "UNUSED" => of(false).into(),
        _ => json!({"used": of(true), "unused": of(false)}),
    }
}

fn wipe(cx: &mut Cx<'_>, name: &str) -> Result<Value, Fail> {
    let Some(disk) = cx.world.disks.iter().find(|disk| disk.name == name).cloned() else {
        return Err(Fail::missing("Disk", &json!(name)));
    };
    if let Some(pool) = pool_of(cx.world, &disk) {
        return Err(Fail::call("EBUSY", format!("{name} is in use by the pool {pool}")));
    }
    blank(cx.world, &disk.hw);
    Ok(Value::Null)
}

/// Takes everything off a disk; a pool that was exported on it is gone if too much of it is.
pub(super) fn blank(world: &mut World, hw: &str) {
    if let Some(disk) = world.disks.iter_mut().find(|disk| disk.hw == hw) {
        disk.foreign = Foreign::default();
    }
    world.exported.retain(|pool| !pool.rows.iter().any(|row| row.disks.iter().any(|vdev| vdev.hw == hw)));
}
