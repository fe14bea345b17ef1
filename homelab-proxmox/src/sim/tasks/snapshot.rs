//! Snapshots.
use super::super::answer::Fail;
use super::super::world::{Guest, Snapshot, Texts, World, is_volume_key};
use super::configure::keep_unused;
use super::{Job, Locks, Task};

/// Refuses a snapshot that is not there.
pub(super) fn exists(world: &World, vmid: u32, name: &str) -> Result<(), Fail> {
    let known = world.guests.get(&vmid).is_some_and(|guest| guest.snapshots.contains_key(name));
    if known { Ok(()) } else { Err(Fail::die(format!("snapshot '{name}' does not exist"))) }
}

/// The guest, or the words of its missing configuration file.
fn guest<'w>(world: &'w World, task: &Task, vmid: u32) -> Result<&'w Guest, Fail> {
    let lxc = task.kind.starts_with("vz");
    world.guest(&task.node, lxc, vmid)
}

/// Whether every disk can do what is asked (`snapshot`, `clone`, `copy`), of a snapshot or as it is.
pub(crate) fn is_able(world: &World, config: &Texts, lxc: bool, feature: &str, of_snapshot: bool) -> bool {
    config.iter().filter(|(key, _)| is_volume_key(lxc, key) && !key.starts_with("unused")).all(|(_, value)| {
        let volid = value.split(',').next().unwrap_or_default();
        if value.contains("media=cdrom") || !volid.contains(':') {
            return true;
        }
        let (storage, name) = volid.split_once(':').unwrap_or_default();
        let kind = world.storages.get(storage).and_then(|options| options.get("type")).map(String::as_str);
        let base = name.rsplit('/').next().unwrap_or_default().starts_with("base");
        let keeps = match kind {
            Some("lvmthin" | "zfspool" | "rbd" | "btrfs" | "cephfs") => true,
            Some("lvm") => false,
            _ => volid.ends_with(".qcow2"),
        };
        match feature {
            "snapshot" => keeps && !base,
            "clone" if of_snapshot => matches!(kind, Some("lvmthin" | "rbd")),
            "clone" => base && kind != Some("lvm"),
            _ => !of_snapshot || keeps,
        }
    })
}

/// Checks that the worker makes: raw files know no snapshots (pve-notes section 14).
pub(super) fn begin(world: &mut World, task: &Task, vmid: u32, name: &str) -> Result<u64, Fail> {
    let guest = guest(world, task, vmid)?;
    if guest.is_template() {
        return Err(Fail::die("you can't take a snapshot if it's a template"));
    }
    guest.check_lock()?;
    if guest.snapshots.contains_key(name) {
        return Err(Fail::die(format!("snapshot name '{name}' already used")));
    }
    if !is_able(world, &guest.config, guest.lxc, "snapshot", false) {
        return Err(Fail::die("snapshot feature is not available"));
    }
    Ok(world.pace.ms(1_500))
}

/// Checks before going back.
pub(super) fn begin_rollback(world: &mut World, task: &Task, vmid: u32, name: &str) -> Result<u64, Fail> {
    let guest = guest(world, task, vmid)?;
    if guest.is_template() {
        return Err(Fail::die("you can't rollback if vm is a template"));
    }
    exists(world, vmid, name)?;
    guest.check_lock()?;
    Ok(world.pace.ms(1_500))
}

/// Checks before removing.
pub(super) fn begin_drop(world: &mut World, task: &Task, vmid: u32, name: &str) -> Result<u64, Fail> {
    let guest = guest(world, task, vmid)?;
    exists(world, vmid, name)?;
    guest.check_lock()?;
    if guest.is_template() {
        return Err(Fail::die("you can't delete a snapshot if vm is a template"));
    }
    Ok(world.pace.ms(1_500))
}

/// Takes the snapshot.
pub(super) fn finish(
    world: &mut World,
    task: &mut Task,
    vmid: u32,
    name: &str,
    description: Option<String>,
    vmstate: bool,
) -> Result<(), Fail> {
    let time = world.seconds();
    let Some(guest) = world.guests.get(&vmid) else { return Ok(()) };
    let vmstate = vmstate && guest.run.is_some();
    let mut config = guest.config.clone();
    if vmstate {
        let own = guest.get("vmstatestorage").map(str::to_owned);
        let storage = own.unwrap_or_else(|| world.state_storage(vmid));
        let volid = world.save_state(vmid, &storage, name)?;
        task.say(format!("saving VM state and RAM using storage '{storage}'"));
        task.say("completed saving the VM state in 1s, saved 64.00 MiB");
        config.insert("vmstate".to_owned(), volid);
        config.insert("runningmachine".to_owned(), "pc-i440fx-10.0+pve0".to_owned());
        config.insert("runningcpu".to_owned(), "qemu64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt".to_owned());
    }
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    for (key, value) in guest.drives() {
        let volid = value.split(',').next().unwrap_or_default();
        if !guest.lxc && !key.starts_with("unused") && !value.contains("media=cdrom") {
            task.say(format!("snapshotting 'drive-{key}' ({volid})"));
        }
    }
    for gone in ["lock", "description"] {
        config.remove(gone);
    }
    let parent = config.remove("parent");
    config.retain(|key, _| !key.starts_with("unused"));
    let description = description.filter(|text| !text.is_empty());
    for other in guest.snapshots.values_mut().filter(|other| other.parent.as_deref() == Some(name)) {
        other.parent = None;
    }
    guest.snapshots.insert(name.to_owned(), Snapshot { config, description, time, parent, vmstate });
    guest.set("parent", name);
    Ok(())
}

/// Goes back: the configuration of then, but for the description; disks attached since are unused, and a virtual
/// machine is told that it is another generation.
pub(super) fn rollback(world: &mut World, task: &Task, vmid: u32, name: &str, start: bool) -> Result<(), Fail> {
    exists(world, vmid, name)?;
    let genid = world.new_uuid();
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let Some(snapshot) = guest.snapshots.get(name).cloned() else { return Ok(()) };
    guest.run = None;
    guest.pending.clear();
    guest.deleting.clear();
    let volid = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
    let used: Vec<String> = snapshot.config.values().map(|value| volid(value)).collect();
    let mut config = snapshot.config;
    for key in ["vmstate", "runningmachine", "runningcpu"] {
        config.remove(key);
    }
    for (key, value) in guest.config.iter().filter(|(key, _)| key.starts_with("unused") || *key == "description") {
        if !used.contains(&volid(value)) {
            config.insert(key.clone(), value.clone());
        }
    }
    if config.contains_key("vmgenid") {
        config.insert("vmgenid".to_owned(), genid);
    }
    config.insert("parent".to_owned(), name.to_owned());
    let attached = guest.drives();
    guest.config = config;
    let (node, lxc) = (guest.node.clone(), guest.lxc);
    for (key, value) in attached {
        if !key.starts_with("unused") && !value.contains("media=cdrom") && !used.contains(&volid(&value)) {
            keep_unused(world, vmid, &value);
        }
    }
    if start || snapshot.vmstate {
        let kind = if lxc { "vzstart" } else { "qmstart" };
        let job = Job::Start { vmid, skiplock: false };
        world.start_task(&node, kind, &vmid.to_string(), &task.who, Locks::alone(vmid), job);
    }
    Ok(())
}

/// Removes a snapshot; its children move up.
pub(super) fn drop(world: &mut World, vmid: u32, name: &str) -> Result<(), Fail> {
    exists(world, vmid, name)?;
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let Some(gone) = guest.snapshots.remove(name) else { return Ok(()) };
    let parent = gone.parent.clone();
    for snapshot in guest.snapshots.values_mut() {
        if snapshot.parent.as_deref() == Some(name) {
            snapshot.parent.clone_from(&parent);
        }
    }
    if guest.get("parent") == Some(name) {
        match parent {
            Some(parent) => guest.set("parent", parent),
            None => {
                guest.config.remove("parent");
            }
        }
    }
    // Disks that only the snapshot still had are unused from now on; the saved memory goes.
    let (node, lxc) = (guest.node.clone(), guest.lxc);
    if let Some(state) = gone.config.get("vmstate") {
        world.take_volume(&node, state);
    }
    for (key, value) in gone.config.iter().filter(|(key, _)| is_volume_key(lxc, key)) {
        let elsewhere = world.guests.get(&vmid).is_some_and(|guest| {
            guest.snapshots.values().any(|other| other.holds(value.split(',').next().unwrap_or_default()))
        });
        if !value.contains("media=cdrom") && key != "vmstate" && !elsewhere {
            keep_unused(world, vmid, value);
        }
    }
    Ok(())
}
