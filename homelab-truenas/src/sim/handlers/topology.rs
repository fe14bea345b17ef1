//! What a topology must be beyond its shape, and the disks that it names.
use super::{disk::pool_of, field};
use crate::sim::{
    fail::Fail,
    world::{Row, Vdev, World},
};
use serde_json::{Map, Value};

/// What a group of the topology is called on the reading side.
const GROUPS: [(&str, &str); 5] =
    [("data", "data"), ("special", "special"), ("dedup", "dedup"), ("cache", "cache"), ("log", "log")];

/// The least number of disks of a vdev (notes section 6).
fn least(kind: &str) -> usize {
    match kind {
        "STRIPE" => 1,
        "MIRROR" | "DRAID1" => 2,
        "RAIDZ1" | "DRAID2" => 3,
        "RAIDZ2" | "DRAID3" => 4,
        _ => 5,
    }
}

/// The rows that a topology asks for. Nothing is changed but numbers drawn.
pub(super) fn rows(
    world: &mut World,
    topology: &Map<String, Value>,
    at: &str,
    duplicates: bool,
) -> Result<Vec<Row>, Fail> {
    let (mut made, mut names) = (vec![], vec![]);
    let wrong = |where_: String, text: String| Fail::invalid(&format!("{at}.{where_}"), text);
    for (group, shown) in GROUPS {
        let rows = topology.get(group).and_then(Value::as_array).cloned().unwrap_or_default();
        if ["cache", "log"].contains(&group) && rows.len() > 1 {
            return Err(wrong(format!("topology.{group}"), format!("Only one row of {group} devices is allowed")));
        }
        let mut kind_of_group: Option<String> = None;
        for (n, row) in rows.iter().filter_map(Value::as_object).enumerate() {
            let kind = field(row, "type").to_owned();
            let disks: Vec<String> =
                row.get("disks").and_then(Value::as_array).into_iter().flatten().filter_map(text).collect();
            if disks.len() < least(&kind) {
                let text = format!("You need at least {} disk(s) for this vdev type.", least(&kind));
                return Err(wrong(format!("topology.{group}.{n}.disks"), text));
            }
            if kind_of_group.as_ref().is_some_and(|first| *first != kind) {
                let text = format!("You are not allowed to create a pool with different {group} vdev types");
                return Err(wrong(format!("topology.{group}.{n}.type"), text));
            }
            kind_of_group = Some(kind.clone());
            let draid =
                draid(&kind, row, disks.len()).map_err(|text| wrong(format!("topology.{group}.{n}.type"), text))?;
            let guid = world.draw();
            let vdevs =
                disks.iter().map(|name| vdev(world, name, &format!("{at}.topology"))).collect::<Result<_, _>>()?;
            names.extend(disks);
            made.push(Row { group: shown.into(), kind, guid, disks: vdevs, draid });
        }
    }
    let spares: Vec<String> =
        topology.get("spares").and_then(Value::as_array).into_iter().flatten().filter_map(text).collect();
    let smallest = made.iter().filter(|row| row.group == "data").flat_map(|row| &row.disks).map(|vdev| vdev.size).min();
    for name in spares {
        let spare = vdev(world, &name, &format!("{at}.topology"))?;
        if made.iter().any(|row| row.draid.is_some()) {
            return Err(wrong("topology.spares".into(), "Spares are not allowed with dRAID vdevs".into()));
        }
        if smallest.is_some_and(|smallest| spare.size < smallest) {
            let text = format!("Spare {name} is smaller than the smallest data disk");
            return Err(wrong("topology.spares".into(), text));
        }
        names.push(name);
        made.push(Row {
            group: "spare".into(),
            kind: "STRIPE".into(),
            guid: spare.guid,
            disks: vec![spare],
            draid: None,
        });
    }
    let mut seen = vec![];
    for name in &names {
        if seen.contains(&name) {
            return Err(wrong("topology".into(), format!("Disk {name} is named twice")));
        }
        seen.push(name);
    }
    if !duplicates {
        serials(world, &names, &format!("{at}.topology"))?;
    }
    Ok(made)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn draid(kind: &str, row: &Map<String, Value>, disks: usize) -> Result<Option<(u64, u64)>, String> {
    if !kind.starts_with("DRAID") {
        return Ok(None);
    }
    let parity = u64::from(kind.chars().last().and_then(|last| last.to_digit(10)).unwrap_or(1));
    let spares = row.get("draid_spare_disks").and_then(Value::as_u64).unwrap_or(0);
    let disks = disks as u64;
    let data = row.get("draid_data_disks").and_then(Value::as_u64);
    let data = data.unwrap_or_else(|| 8.min(disks.saturating_sub(spares + parity)));
    if data == 0 || data + parity + spares > disks {
        return Err(format!("{disks} disks are too few for {data} data disks, {parity} of parity and {spares} spares"));
    }
    Ok(Some((data, spares)))
}

/// The disk of this name, which must be there and free.
pub(super) fn vdev(world: &mut World, name: &str, at: &str) -> Result<Vdev, Fail> {
    let found = world.disks.iter().find(|disk| disk.name == name && disk.present).cloned();
    let Some(disk) = found else {
        return Err(Fail::invalid(at, format!("The following disks were not found in system: {name}.")));
    };
    if let Some(pool) = pool_of(world, &disk) {
        return Err(Fail::invalid(at, format!("The following disks are already in use: {name} ({pool}).")));
    }
    Ok(Vdev { hw: disk.hw, guid: world.draw(), size: disk.size, offline: false })
}

/// Disks that cannot be told apart are refused; those in other pools and the boot disk count too (notes section 6).
pub(super) fn serials(world: &World, names: &[String], at: &str) -> Result<(), Fail> {
    for name in names {
        let Some(disk) = world.disks.iter().find(|disk| disk.name == *name) else { continue };
        let twins = world
            .disks
            .iter()
            .filter(|other| other.present && other.serial == disk.serial && other.lunid == disk.lunid);
        let twins: Vec<&str> = twins.map(|other| other.name.as_str()).collect();
        if twins.len() > 1 {
            let serial = disk.serial.as_deref().unwrap_or("None");
            return Err(Fail::invalid(
                at,
                format!("Disks have duplicate serial numbers: {serial} ({}).", twins.join(", ")),
            ));
        }
    }
    Ok(())
}
