//! Cloning a guest, in full or linked.
use super::super::answer::Fail;
use super::super::props;
use super::super::world::{Guest, Texts, World};
use super::create::is_drive;
use super::disk::{self, New};
use super::{Task, moving};
use serde::{Deserialize, Serialize};

/// A clone, already judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clone {
    pub(crate) source: u32,
    pub(crate) vmid: u32,
    pub(crate) full: bool,
    pub(crate) target: String,
    pub(crate) storage: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    /// The options to copy, as they were when the call was made (of a snapshot, if one was named).
    pub(crate) options: Texts,
    pub(crate) lxc: bool,
    pub(crate) pool: Option<String>,
    /// Pending changes that the copy does not get.
    pub(crate) discarded: Vec<String>,
}

/// Copying takes as long as the disks are big; a linked clone a second or two.
pub(super) fn begin(world: &mut World, clone: &Clone) -> Result<u64, Fail> {
    let node = source_node(world, clone)?;
    let mut span = world.pace.ms(1_500);
    for value in clone.options.iter().filter(|(key, _)| is_volume(key)).map(|(_, value)| value) {
        let volid = value.split(',').next().unwrap_or_default();
        if clone.full
            && let Some(volume) = world.volume(&node, volid)
            && !value.contains("media=cdrom")
        {
            span += world.pace.copy(volume.size);
        }
    }
    Ok(span)
}

fn is_volume(key: &str) -> bool {
    is_drive(key) || key == "rootfs" || (key.starts_with("mp") && key.len() > 2)
}

fn source_node(world: &World, clone: &Clone) -> Result<String, Fail> {
    world
        .guests
        .get(&clone.source)
        .map(|guest| guest.node.clone())
        .ok_or_else(|| Fail::die(format!("unable to find configuration file for VM {}", clone.source)))
}

/// The copy: new disks, new addresses, no snapshots, no lock.
pub(super) fn finish(world: &mut World, task: &mut Task, clone: &Clone) -> Result<(), Fail> {
    copy(world, task, clone).map_err(|fail| Fail::die(format!("clone failed: {}", fail.text())))?;
    if let Some(pool) = clone.pool.as_ref().and_then(|pool| world.pools.get_mut(pool)) {
        pool.vms.push(clone.vmid);
    }
    Ok(())
}

fn copy(world: &mut World, task: &mut Task, clone: &Clone) -> Result<(), Fail> {
    let node = source_node(world, clone)?;
    let mut config = Texts::new();
    for (key, value) in &clone.options {
        if matches!(
            key.as_str(),
            "template" | "lock" | "parent" | "snaptime" | "vmstate" | "snapstate" | "runningmachine" | "runningcpu"
        ) || key.starts_with("unused")
        {
            continue;
        }
        let value = if is_volume(key) {
            drive(world, task, clone, &node, key, value)?
        } else if key.starts_with("net") && key.len() > 3 {
            let mut keys = props::keys(world.release, clone.lxc, key, value);
            let mac = world.new_mac();
            if clone.lxc {
                keys.insert("hwaddr".to_owned(), mac);
                props::print_named(&keys, "name")
            } else {
                keys.insert("macaddr".to_owned(), mac);
                props::print_net(&keys)
            }
        } else if key == "vmgenid" {
            world.new_uuid()
        } else if key == "smbios1" {
            let mut keys = props::keys(world.release, false, key, value);
            keys.insert("uuid".to_owned(), world.new_uuid());
            props::print_named(&keys, "")
        } else {
            value.clone()
        };
        config.insert(key.clone(), value);
    }
    if !clone.lxc && !config.contains_key("smbios1") {
        config.insert("smbios1".to_owned(), format!("uuid={}", world.new_uuid()));
    }
    if !clone.discarded.is_empty() {
        task.say(format!("found pending changes for '{}', discarding for clone", clone.discarded.join(",")));
    }
    let key = if clone.lxc { "hostname" } else { "name" };
    let old = clone.options.get(key).cloned();
    match (clone.name.clone().filter(|name| !name.is_empty()), clone.lxc) {
        (Some(name), _) => {
            config.insert(key.to_owned(), name);
        }
        (None, false) => {
            let old = old.unwrap_or_else(|| clone.source.to_string());
            config.insert(key.to_owned(), format!("Copy-of-VM-{old}"));
        }
        (None, true) => {}
    }
    let description = clone.description.as_deref().filter(|text| !text.is_empty());
    if let Some(description) = description.and_then(|text| super::stored("description", text)) {
        config.insert("description".to_owned(), description);
    }
    let now = world.now;
    let guest = world.guests.entry(clone.vmid).or_insert_with(|| Guest::new(clone.vmid, clone.lxc, &clone.target, now));
    guest.config = config;
    guest.node.clone_from(&clone.target);
    guest.source = Some(clone.source);
    if let Some(firewall) = world.guest_firewalls.get(&clone.source).cloned() {
        world.guest_firewalls.insert(clone.vmid, firewall);
    }
    Ok(())
}

fn drive(
    world: &mut World,
    task: &mut Task,
    clone: &Clone,
    node: &str,
    key: &str,
    value: &str,
) -> Result<String, Fail> {
    let (volid, rest) = value.split_once(',').map_or((value, String::new()), |(id, rest)| (id, format!(",{rest}")));
    let cloudinit = volid.contains("-cloudinit");
    let owned = world.volume(node, volid).is_some_and(|volume| volume.vmid == Some(clone.source));
    if !owned || (value.contains("media=cdrom") && !cloudinit) {
        return Ok(value.to_owned());
    }
    let whole = clone.full || cloudinit || key.starts_with("tpmstate");
    let made = if whole {
        task.say(if clone.lxc {
            format!("create full clone of mountpoint {key} ({volid})")
        } else {
            format!("create full clone of drive {key} ({volid})")
        });
        let source = world.volume(node, volid).cloned();
        let source = source.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?;
        let storage = clone.storage.clone().unwrap_or_else(|| volid.split(':').next().unwrap_or_default().to_owned());
        let firmware = key.starts_with("efidisk") || key.starts_with("tpmstate");
        let format = match &clone.format {
            Some(format) if !firmware => format.clone(),
            _ => source.format.clone(),
        };
        let new = New {
            node: &clone.target,
            vmid: clone.vmid,
            storage: &storage,
            bytes: source.size,
            format: &format,
            os: source.os,
            role: if cloudinit { "cloudinit" } else { "" },
        };
        if cloudinit { disk::allocate(world, Some(task), &new)? } else { disk::copy(world, task, node, volid, &new)? }
    } else {
        task.say(if clone.lxc {
            format!("create linked clone of mount point {key} ({volid})")
        } else {
            format!("create linked clone of drive {key} ({volid})")
        });
        disk::link(world, task, node, volid, clone.vmid)?
    };
    if clone.lxc {
        moving::relabel(world, &clone.target, &made);
    }
    Ok(format!("{made}{rest}"))
}
