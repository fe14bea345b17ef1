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
    let node = source_node(world, clone)?;
    let mut config = Texts::new();
    for (key, value) in &clone.options {
        if matches!(key.as_str(), "template" | "lock" | "parent" | "snaptime" | "vmstate" | "digest" | "snapstate")
            || key.starts_with("unused")
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
            props::print_named(&keys, "uuid")
        } else {
            value.clone()
        };
        config.insert(key.clone(), value);
    }
    let key = if clone.lxc { "hostname" } else { "name" };
    let kind = if clone.lxc { "CT" } else { "VM" };
    let old = clone.options.get(key).cloned().unwrap_or_else(|| clone.source.to_string());
    config.insert(key.to_owned(), clone.name.clone().unwrap_or_else(|| format!("Copy-of-{kind}-{old}")));
    if let Some(description) = &clone.description {
        config.insert("description".to_owned(), description.clone());
    }
    let now = world.now;
    let guest = world.guests.entry(clone.vmid).or_insert_with(|| Guest::new(clone.vmid, clone.lxc, &clone.target, now));
    guest.config = config;
    guest.node.clone_from(&clone.target);
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
            format!("create linked clone of mountpoint {key} ({volid})")
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
