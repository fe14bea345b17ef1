//! Moving a guest to another node.
use super::super::answer::Fail;
use super::super::world::{Volume, World, is_storage_id};
use super::Task;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where disks go that only the source node has: `1` keeps each storage's name, `A:B` maps one, `C` takes the rest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StorageMap {
    pub(crate) identity: bool,
    pub(crate) entries: BTreeMap<String, String>,
    pub(crate) default: Option<String>,
}

impl StorageMap {
    /// Reads the parameter `targetstorage`.
    pub(crate) fn parse(text: &str) -> Result<StorageMap, String> {
        let mut map = StorageMap::default();
        let judge = |entry: &str, id: &str| match is_storage_id(id) {
            true => Ok(()),
            false => {
                let what = format!("storage ID '{id}' contains illegal characters\n");
                Err(format!("entry '{entry}' contains invalid ID - {what}"))
            }
        };
        for entry in super::super::format::list(text) {
            let parts: Vec<&str> = entry.split(':').collect();
            match parts.as_slice() {
                ["1"] => map.identity = true,
                [from, to] if !from.is_empty() && !to.is_empty() => {
                    judge(entry, from)?;
                    judge(entry, to)?;
                    if map.entries.insert((*from).to_owned(), (*to).to_owned()).is_some() {
                        return Err(format!("duplicate mapping for source '{from}'"));
                    }
                }
                _ => {
                    judge(entry, entry)?;
                    if map.default.replace(entry.to_owned()).is_some() {
                        return Err("default target ID can only be provided once".to_owned());
                    }
                }
            }
        }
        if map.identity && (map.default.is_some() || !map.entries.is_empty()) {
            return Err("identity mapping cannot be combined with other mappings".to_owned());
        }
        Ok(map)
    }

    /// Where a storage's volumes go.
    fn target<'m>(&'m self, storage: &'m str) -> &'m str {
        let default = self.default.as_deref().unwrap_or(storage);
        self.entries.get(storage).map_or(default, String::as_str)
    }
}

/// A migration, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Migrate {
    pub(crate) vmid: u32,
    pub(crate) target: String,
    pub(crate) online: bool,
    pub(crate) map: StorageMap,
    /// Whether a running guest takes its local disks along.
    pub(crate) local_disks: bool,
    /// What high availability says when it is asked to do it.
    pub(crate) ha: Option<String>,
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
    let guest_runs = guest.run.is_some() && !guest.lxc;
    if guest_runs && !job.online {
        return Err(Fail::die("can't migrate running VM without --online"));
    }
    let device = guest.config.iter().find(|(key, value)| {
        (key.starts_with("hostpci") || key.starts_with("usb"))
            && !value.contains("spice")
            && !value.contains("mapping=")
    });
    if let Some((key, _)) = device.filter(|_| !guest.lxc) {
        return Err(Fail::die(format!("can't migrate VM which uses local devices: {key}")));
    }
    // `QemuMigrate.pm` looks into each drive; an image on a storage that all nodes see is no hindrance.
    let cds = guest.config.values().filter(|value| !guest.lxc && value.contains("media=cdrom"));
    let mut cds = cds.filter_map(|value| world.volume(&guest.node, value.split(',').next()?));
    if let Some(cd) = cds.find(|volume| volume.content == "iso" && volume.node == guest.node) {
        return Err(Fail::die(format!("can't migrate local disk '{}': local cdrom image", cd.volid)));
    }
    if !world.is_online(&job.target) {
        return Err(Fail::die(format!("target node '{}' is offline", job.target)));
    }
    for volume in local(world, job.vmid) {
        let storage = volume.volid.split(':').next().unwrap_or_default();
        if guest_runs && !job.local_disks && volume.content == "images" {
            let text = "can't live migrate attached local disks without with-local-disks option";
            return Err(Fail::die(text));
        }
        world.storage_usable(job.map.target(storage), &job.target)?;
        if volume.parent.is_some() {
            return Err(Fail::die(format!(
                "can't migrate '{}' as it's a clone of '{}'",
                volume.volid,
                volume.parent.unwrap_or_default()
            )));
        }
    }
    if let Some(line) = &job.ha {
        task.say(line.clone());
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
        let storage = job.map.target(old).to_owned();
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
    // What was copied to where the guest goes is copied back from there.
    let jobs = world.replications.iter_mut().filter(|(id, _)| id.split('-').next() == Some(&job.vmid.to_string()));
    for (_, options) in jobs {
        if options.get("target") == Some(&job.target) {
            options.insert("target".to_owned(), guest.node.clone());
        }
        options.insert("source".to_owned(), job.target.clone());
    }
    guest.node.clone_from(&job.target);
    world.guests.insert(job.vmid, guest);
    task.say("migration finished successfully (duration 00:00:03)");
    Ok(())
}
