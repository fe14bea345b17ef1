//! What can be done to the disks of a pool that is there.
use super::{Cx, disk, field, pool, topology};
use crate::sim::{
    fail::Fail,
    world::{Row, Vdev},
};
use serde_json::{Map, Value, json};

pub(super) fn run(cx: &mut Cx<'_>, verb: &str, id: i64, options: &Map<String, Value>) -> Result<Value, Fail> {
    pool::get(cx, id)?;
    let label = field(options, "label").to_owned();
    match verb {
        "attach" => attach(cx, id, options),
        "replace" => replace(cx, id, options),
        "remove" => remove(cx, id, &label),
        "detach" => detach(cx, id, &label),
        "offline" | "online" => switch(cx, id, &label, verb == "offline"),
        // Sizes follow the disks: `autoexpand` is on (notes section 6).
        _ => expand(cx, id),
    }
}

fn is(guid: u64, label: &str) -> bool {
    guid.to_string() == label
}

/// Makes a mirror of a disk, a mirror wider, a RAIDZ wider. A row that is neither is refused.
fn attach(cx: &mut Cx<'_>, id: i64, options: &Map<String, Value>) -> Result<Value, Fail> {
    let target = field(options, "target_vdev").to_owned();
    let name = field(options, "new_disk").to_owned();
    let duplicates = super::flag(options, "allow_duplicate_serials");
    let at = "pool_attach";
    let rows = &pool::get(cx, id)?.rows;
    let hit = |row: &Row| {
        is(row.guid, &target) || (row.kind == "STRIPE" && row.disks.iter().any(|vdev| is(vdev.guid, &target)))
    };
    let Some(n) = rows.iter().position(hit) else {
        return Err(Fail::invalid(&format!("{at}.target_vdev"), "Unable to locate VDEV"));
    };
    if ["cache", "spare"].contains(&rows[n].group.as_str()) || rows[n].kind.starts_with("DRAID") {
        return Err(Fail::invalid(
            &format!("{at}.target_vdev"),
            format!("Attaching disks to {} vdev is not allowed.", rows[n].kind),
        ));
    }
    if rows[n].kind == "STRIPE" && rows[n].disks.len() > 1 {
        return Err(Fail::invalid(&format!("{at}.target_vdev"), "A stripe cannot be attached to as a whole"));
    }
    if !duplicates {
        topology::serials(cx.world, std::slice::from_ref(&name), &format!("{at}.new_disk"))?;
    }
    let new = topology::vdev(cx.world, &name, &format!("{at}.new_disk"))?;
    let least = pool::get(cx, id)?.rows[n].disks.iter().map(|vdev| vdev.size).min().unwrap_or(0);
    if new.size < least {
        return Err(Fail::call("EFAULT", format!("cannot attach {name}: device is too small")));
    }
    disk::blank(cx.world, &new.hw);
    let drawn = cx.world.draw();
    let row = &mut pool::get(cx, id)?.rows[n];
    if row.kind == "STRIPE" {
        (row.kind, row.guid) = ("MIRROR".into(), drawn);
    }
    row.disks.push(new);
    Ok(Value::Null)
}

/// Takes the identity of the new disk, not its name (notes section 6).
fn replace(cx: &mut Cx<'_>, id: i64, options: &Map<String, Value>) -> Result<Value, Fail> {
    let (label, identifier) = (field(options, "label").to_owned(), field(options, "disk").to_owned());
    let found = cx.world.disks.iter().find(|disk| disk.present && disk.identifier() == identifier).cloned();
    let Some(disk) = found else {
        return Err(Fail::about("options.disk", "Disk not found.", 2));
    };
    let at = |vdev: &Vdev| is(vdev.guid, &label);
    if !pool::get(cx, id)?.rows.iter().any(|row| row.disks.iter().any(at)) {
        return Err(Fail::about("options.label", format!("Label {label} not found."), 2));
    }
    let taken = disk.foreign.pool.is_some() || disk.foreign.partitions;
    if taken && !super::flag(options, "force") {
        return Err(Fail::invalid("options.force", "Disk is not clean, partitions were found."));
    }
    let new = topology::vdev(cx.world, &disk.name, "options.disk")?;
    let mut wrong = None;
    for row in &mut pool::get(cx, id)?.rows {
        if let Some(old) = row.disks.iter_mut().find(|vdev| at(vdev)) {
            if new.size < old.size {
                wrong = Some(Fail::call("EFAULT", format!("cannot replace with {}: device is too small", disk.name)));
            } else {
                *old = new.clone();
            }
        }
    }
    disk::blank(cx.world, &new.hw);
    wrong.map_or(Ok(json!(true)), Err)
}

/// Whole mirrors and single disks, and never from a pool with RAIDZ (zpool-remove(8)).
fn remove(cx: &mut Cx<'_>, id: i64, label: &str) -> Result<Value, Fail> {
    let rows = &pool::get(cx, id)?.rows;
    let hit =
        |row: &Row| is(row.guid, label) || (row.kind == "STRIPE" && row.disks.iter().any(|vdev| is(vdev.guid, label)));
    let Some(n) = rows.iter().position(hit) else {
        return Err(Fail::about("options.label", format!("Label {label} not found."), 2));
    };
    let is_main = ["data", "special", "dedup"].contains(&rows[n].group.as_str());
    let has_raidz =
        rows.iter().any(|row| row.group == "data" && (row.kind.starts_with("RAIDZ") || row.kind.starts_with("DRAID")));
    if is_main && has_raidz {
        return Err(Fail::call(
            "EFAULT",
            "cannot remove: invalid config; all top-level vdevs must have the same sector size and not be raidz",
        ));
    }
    if is_main && rows.iter().filter(|row| row.group == "data").count() < 2 && rows[n].group == "data" {
        return Err(Fail::call("EFAULT", "cannot remove the last data vdev"));
    }
    let row = &mut pool::get(cx, id)?.rows[n];
    if row.kind == "STRIPE" && row.disks.len() > 1 {
        row.disks.retain(|vdev| !is(vdev.guid, label));
    } else {
        pool::get(cx, id)?.rows.remove(n);
    }
    Ok(Value::Null)
}

/// Takes one side off a mirror.
fn detach(cx: &mut Cx<'_>, id: i64, label: &str) -> Result<Value, Fail> {
    for row in &mut pool::get(cx, id)?.rows {
        if !row.disks.iter().any(|vdev| is(vdev.guid, label)) {
            continue;
        }
        if row.kind != "MIRROR" {
            return Err(Fail::call("EFAULT", "only applicable to mirror and replacing vdevs"));
        }
        row.disks.retain(|vdev| !is(vdev.guid, label));
        if row.disks.len() == 1 {
            (row.kind, row.guid) = ("STRIPE".into(), row.disks[0].guid);
        }
        return Ok(json!(true));
    }
    Err(Fail::about("options.label", format!("Label {label} not found."), 2))
}

fn switch(cx: &mut Cx<'_>, id: i64, label: &str, off: bool) -> Result<Value, Fail> {
    let vdevs = pool::get(cx, id)?.rows.iter_mut().flat_map(|row| &mut row.disks);
    let found = vdevs.into_iter().find(|vdev| is(vdev.guid, label));
    let vdev = found.ok_or_else(|| Fail::about("options.label", format!("Label {label} not found."), 2))?;
    vdev.offline = off;
    Ok(json!(true))
}

fn expand(cx: &mut Cx<'_>, id: i64) -> Result<Value, Fail> {
    let sizes: Vec<(String, u64)> = cx.world.disks.iter().map(|disk| (disk.hw.clone(), disk.size)).collect();
    for vdev in pool::get(cx, id)?.rows.iter_mut().flat_map(|row| &mut row.disks) {
        if let Some((_, size)) = sizes.iter().find(|(hw, _)| *hw == vdev.hw) {
            vdev.size = *size;
        }
    }
    Ok(Value::Null)
}
