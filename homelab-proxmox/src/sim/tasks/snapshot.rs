//! Snapshots.
use super::super::answer::Fail;
use super::super::world::{Snapshot, World};
use super::configure::settle_pending;
use super::{Job, Locks, Task};

/// Refuses a snapshot that is not there.
pub(super) fn exists(world: &World, vmid: u32, name: &str) -> Result<(), Fail> {
    let known = world.guests.get(&vmid).is_some_and(|guest| guest.snapshots.contains_key(name));
    if known { Ok(()) } else { Err(Fail::die(format!("snapshot '{name}' does not exist"))) }
}

/// Checks that the worker makes: raw files know no snapshots (pve-notes section 14).
pub(super) fn begin(world: &mut World, vmid: u32, name: &str) -> Result<u64, Fail> {
    let Some(guest) = world.guests.get(&vmid) else { return Err(Fail::die(format!("VM {vmid} is gone"))) };
    guest.check_lock()?;
    if guest.snapshots.contains_key(name) {
        return Err(Fail::die(format!("snapshot name '{name}' already used")));
    }
    if guest.is_template() {
        return Err(Fail::die("snapshot feature is not available"));
    }
    for (key, value) in guest.drives() {
        if key.starts_with("unused") || value.contains("media=cdrom") {
            continue;
        }
        let volid = value.split(',').next().unwrap_or_default();
        let files = world.is_files(volid.split(':').next().unwrap_or_default());
        let able = world.volume(&guest.node, volid).is_none_or(|volume| !files || volume.format == "qcow2");
        if !able {
            return Err(Fail::die("snapshot feature is not available"));
        }
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
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    for (key, value) in guest.drives() {
        let volid = value.split(',').next().unwrap_or_default();
        if !guest.lxc && !key.starts_with("unused") && !value.contains("media=cdrom") {
            task.say(format!("snapshotting 'drive-{key}' ({volid})"));
        }
    }
    let mut config = guest.config.clone();
    let parent = config.remove("parent");
    config.remove("lock");
    config.retain(|key, _| !key.starts_with("unused"));
    let vmstate = vmstate && guest.run.is_some();
    guest.snapshots.insert(name.to_owned(), Snapshot { config, description, time, parent, vmstate });
    guest.set("parent", name);
    Ok(())
}

/// Goes back: the configuration of then, volumes detached since are attached again.
pub(super) fn rollback(world: &mut World, vmid: u32, name: &str, start: bool) -> Result<(), Fail> {
    exists(world, vmid, name)?;
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let Some(snapshot) = guest.snapshots.get(name).cloned() else { return Ok(()) };
    guest.run = None;
    guest.pending.clear();
    guest.deleting.clear();
    let volid = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
    let used: Vec<String> = snapshot.config.values().map(|value| volid(value)).collect();
    let mut config = snapshot.config;
    for (key, value) in guest.config.iter().filter(|(key, _)| key.starts_with("unused")) {
        if !used.contains(&volid(value)) {
            config.insert(key.clone(), value.clone());
        }
    }
    config.insert("parent".to_owned(), name.to_owned());
    guest.config = config;
    let (node, lxc) = (guest.node.clone(), guest.lxc);
    settle_pending(world, vmid);
    if start {
        let kind = if lxc { "vzstart" } else { "qmstart" };
        let root = super::super::world::Identity::user("root@pam");
        world.start_task(&node, kind, &vmid.to_string(), &root, Locks::alone(vmid), Job::Start { vmid });
    }
    Ok(())
}

/// Removes a snapshot; its children move up.
pub(super) fn drop(world: &mut World, vmid: u32, name: &str) -> Result<(), Fail> {
    exists(world, vmid, name)?;
    let Some(guest) = world.guests.get_mut(&vmid) else { return Ok(()) };
    let parent = guest.snapshots.remove(name).and_then(|snapshot| snapshot.parent);
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
    Ok(())
}
