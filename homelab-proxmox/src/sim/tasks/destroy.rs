//! Destroying a guest.
use super::super::answer::Fail;
use super::super::world::World;
use super::Task;

/// Checks that the worker makes: a base that linked clones rest on is not removed.
pub(super) fn begin(world: &mut World, task: &Task, vmid: u32, skiplock: bool) -> Result<u64, Fail> {
    let guest = world.guest(&task.node, task.kind.starts_with("vz"), vmid)?;
    let only_suspended = guest.get("lock") == Some("suspended") && !guest.lxc;
    if !(skiplock || only_suspended) {
        guest.check_lock()?;
    }
    for (_, value) in guest.drives() {
        let volid = value.split(',').next().unwrap_or_default();
        world.check_unused_base(&guest.node, volid)?;
    }
    Ok(world.pace.ms(2_000))
}

/// Removes the guest, its disks, and with `purge` what mentions it elsewhere.
pub(super) fn finish(
    world: &mut World,
    task: &mut Task,
    vmid: u32,
    purge: bool,
    unreferenced: bool,
) -> Result<(), Fail> {
    let Some(guest) = world.guests.remove(&vmid) else { return Ok(()) };
    let mut volumes: Vec<String> = guest.drives().into_iter().map(|(_, value)| value).collect();
    for snapshot in guest.snapshots.values() {
        volumes.extend(snapshot.config.values().cloned());
    }
    for value in volumes {
        let volid = value.split(',').next().unwrap_or_default();
        if world.volume(&guest.node, volid).is_some_and(|volume| volume.vmid == Some(vmid)) {
            world.take_volume(&guest.node, volid);
        }
    }
    if unreferenced {
        world.volumes.retain(|_, volume| {
            volume.vmid != Some(vmid)
                || !matches!(volume.content.as_str(), "images" | "rootdir")
                || !(volume.node.is_empty() || volume.node == guest.node)
        });
    }
    for pool in world.pools.values_mut() {
        pool.vms.retain(|member| *member != vmid);
    }
    world.guest_firewalls.remove(&vmid);
    world.access.acl.remove(&format!("/vms/{vmid}"));
    if purge {
        task.say(format!("purging {} {vmid} from related configurations..", if guest.lxc { "CT" } else { "VM" }));
        let kind = if guest.lxc { "CT" } else { "VM" };
        if world.ha.resources.remove(&format!("{}:{vmid}", kind.to_lowercase())).is_some() {
            task.say(format!("NOTE: removed {kind} {vmid} from HA resource configuration."));
        }
        world.replications.retain(|job, _| job.split('-').next() != Some(&vmid.to_string()));
        let id = vmid.to_string();
        for job in world.jobs.values_mut() {
            if let Some(list) = job.get_mut("vmid") {
                *list = list.split(',').filter(|member| *member != id).collect::<Vec<_>>().join(",");
            }
        }
    }
    Ok(())
}

impl World {
    /// Whether linked clones rest on a base volume. Thin volumes do not know what they came from.
    pub(crate) fn is_base_in_use(&self, node: &str, volid: &str) -> bool {
        let Some((storage, name)) = volid.split_once(':') else { return false };
        if !name.rsplit('/').next().unwrap_or_default().starts_with("base-") {
            return false;
        }
        let parents = [name.to_owned(), format!("../{name}")];
        self.volumes_on(node, storage).any(|volume| {
            volume.volid != volid && volume.parent.as_ref().is_some_and(|parent| parents.contains(parent))
        })
    }

    /// Refuses to touch a base volume that linked clones rest on.
    pub(crate) fn check_unused_base(&self, node: &str, volid: &str) -> Result<(), Fail> {
        if self.is_base_in_use(node, volid) {
            return Err(Fail::die(format!("base volume '{volid}' is still in use by linked cloned")));
        }
        Ok(())
    }
}
