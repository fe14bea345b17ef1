//! Moving a guest to another node.
use super::super::answer::Fail;
use super::super::world::{Volume, World};
use super::Task;
use serde::{Deserialize, Serialize};

/// A migration, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Migrate {
    pub(crate) vmid: u32,
    pub(crate) target: String,
    pub(crate) online: bool,
    pub(crate) storage: Option<String>,
}

/// The volumes that must be copied, because only this node has them.
fn local(world: &World, vmid: u32) -> Vec<Volume> {
    let Some(guest) = world.guests.get(&vmid) else { return Vec::new() };
    world.volumes.values().filter(|volume| volume.vmid == Some(vmid) && volume.node == guest.node).cloned().collect()
}

/// Locks the guest; local disks are copied over the network.
pub(super) fn begin(world: &mut World, task: &mut Task, job: &Migrate) -> Result<u64, Fail> {
    let Some(guest) = world.guests.get(&job.vmid) else {
        return Err(Fail::die(format!("VM {} is gone", job.vmid)));
    };
    guest.check_lock()?;
    if guest.run.is_some() && !job.online && !guest.lxc {
        return Err(Fail::die("can't migrate running VM without --online"));
    }
    if !world.is_online(&job.target) {
        return Err(Fail::die(format!("target node '{}' is offline", job.target)));
    }
    for volume in local(world, job.vmid) {
        let storage = volume.volid.split(':').next().unwrap_or_default();
        let wanted = job.storage.as_deref().filter(|wanted| *wanted != "1").unwrap_or(storage);
        world.storage_usable(wanted, &job.target)?;
        if volume.parent.is_some() {
            return Err(Fail::die(format!(
                "can't migrate '{}' as it's a clone of '{}'",
                volume.volid,
                volume.parent.unwrap_or_default()
            )));
        }
    }
    task.say(format!("starting migration of VM {} to node '{}'", job.vmid, job.target));
    let bytes: u64 = local(world, job.vmid).iter().map(|volume| volume.used).sum();
    if let Some(guest) = world.guests.get_mut(&job.vmid) {
        guest.set("lock", "migrate");
    }
    Ok(world.pace.ms(3_000) + world.pace.copy(bytes))
}

/// The guest is on the other node, with its disks.
pub(super) fn finish(world: &mut World, task: &mut Task, job: &Migrate) -> Result<(), Fail> {
    let Some(mut guest) = world.guests.get(&job.vmid).cloned() else { return Ok(()) };
    guest.config.remove("lock");
    for mut volume in local(world, job.vmid) {
        let (old, name) = volume.volid.split_once(':').unwrap_or_default();
        let storage = job.storage.as_deref().filter(|wanted| *wanted != "1").unwrap_or(old);
        let renamed = format!("{storage}:{name}");
        let before = volume.volid.clone();
        task.say(format!("found local disk '{before}' (attached)"));
        world.take_volume(&guest.node, &before);
        for value in guest.config.values_mut() {
            if value.split(',').next() == Some(before.as_str()) {
                *value = value.replacen(&before, &renamed, 1);
            }
        }
        volume.volid = renamed;
        world.put_volume(&job.target, volume);
    }
    guest.node.clone_from(&job.target);
    world.guests.insert(job.vmid, guest);
    task.say("migration finished successfully (duration 00:00:03)");
    Ok(())
}
