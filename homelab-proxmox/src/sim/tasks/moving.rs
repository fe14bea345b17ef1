//! Disks that grow, move to another storage, or change hands.
use super::super::answer::Fail;
use super::super::rights::is_cloudinit;
use super::super::world::{World, format_size, parse_size};
use super::super::{permission, props, quirks};
use super::Task;
use super::configure::keep_unused;
use super::create::{boot_devices, boot_order};
use super::disk::{self, New};
use serde::{Deserialize, Serialize};

/// Moving a disk to a storage, or to another format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) vmid: u32,
    pub(crate) disk: String,
    pub(crate) storage: String,
    pub(crate) format: Option<String>,
    pub(crate) delete: bool,
}

fn drive(world: &World, vmid: u32, disk: &str) -> Result<(String, String, String), Fail> {
    let guest = world.guests.get(&vmid).ok_or_else(|| Fail::die(format!("VM {vmid} is gone")))?;
    let value = guest.get(disk).ok_or_else(|| Fail::die(format!("disk '{disk}' does not exist")))?;
    let volid = value.split(',').next().unwrap_or_default().to_owned();
    Ok((guest.node.clone(), value.to_owned(), volid))
}

/// What the size will be; the checks run inside the worker (pve-notes section 14).
fn new_size(world: &World, vmid: u32, disk: &str, size: &str) -> Result<(u64, u64), Fail> {
    let (node, _, volid) = drive(world, vmid, disk)?;
    if !volid.contains(':') {
        return Err(Fail::die(format!("unable to parse volume ID '{volid}'")));
    }
    let volume = world.volume(&node, &volid);
    let old = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?.size;
    let number = parse_size(size.trim_start_matches('+')).unwrap_or_default();
    Ok((old, if size.starts_with('+') { old + number } else { number }))
}

/// A disk that is to grow.
pub(super) struct Growth<'a> {
    pub(super) vmid: u32,
    pub(super) disk: &'a str,
    pub(super) size: &'a str,
    pub(super) digest: Option<&'a str>,
    pub(super) skiplock: bool,
}

/// The checks of resizing; who asks needs space on the disk's storage.
pub(super) fn begin_resize(world: &mut World, task: &Task, grow: &Growth<'_>) -> Result<u64, Fail> {
    let Growth { vmid, disk, size, .. } = *grow;
    let guest = world.guests.get(&vmid).filter(|guest| guest.node == task.node);
    let guest = guest.ok_or_else(|| Fail::die(quirks::missing_guest(&task.node, false, vmid)))?;
    if grow.digest.is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(if guest.lxc { quirks::STALE_FILE } else { quirks::STALE_QEMU }));
    }
    if !grow.skiplock {
        guest.check_lock()?;
    }
    let (node, value, volid) = drive(world, vmid, disk)?;
    let storage = volid.split(':').next().unwrap_or_default();
    if !guest.lxc {
        world.volume_name(&volid)?;
        if value.contains("media=cdrom") && !is_cloudinit(&volid) {
            return Err(Fail::die("you can't resize a cdrom"));
        }
        permission::need(world, &task.who, &format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let (old, new) = new_size(world, vmid, disk, size)?;
    if new < old {
        return Err(Fail::die("shrinking disks is not supported"));
    }
    if volid.ends_with(".vmdk") && new > old {
        return Err(Fail::die("can't resize this image format"));
    }
    world.check_space(&node, storage, new - old)?;
    Ok(world.pace.ms(700))
}

pub(super) fn finish_resize(world: &mut World, task: &mut Task, vmid: u32, disk: &str, size: &str) -> Result<(), Fail> {
    let (old, new) = new_size(world, vmid, disk, size)?;
    if new == old {
        return Ok(());
    }
    let (node, value, volid) = drive(world, vmid, disk)?;
    let files = world.is_files(volid.split(':').next().unwrap_or_default());
    task.say(if files {
        "Image resized.".to_owned()
    } else {
        format!("  Logical volume {} successfully resized.", volid.replace(':', "/"))
    });
    if let Some(volume) = world.volume_mut(&node, &volid) {
        volume.size = new;
        volume.used += new - old;
        volume.holds = new;
    }
    let lxc = world.guests.get(&vmid).is_some_and(|guest| guest.lxc);
    let text = resized(world, lxc, disk, &value, new);
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.set(disk, text);
    }
    Ok(())
}

fn resized(world: &World, lxc: bool, disk: &str, value: &str, bytes: u64) -> String {
    let keys = props::keys(world.release, lxc, disk, value);
    let volid = value.split(',').next().unwrap_or_default();
    if lxc {
        let mut keys = keys;
        keys.insert("size".to_owned(), format_size(bytes));
        return props::print_mount(&keys);
    }
    disk::printed(&keys, volid, Some(bytes))
}

pub(super) fn begin(world: &mut World, job: &Move) -> Result<u64, Fail> {
    let (node, _, volid) = drive(world, job.vmid, &job.disk)?;
    let bytes = world.volume(&node, &volid).map_or(0, |volume| volume.size);
    Ok(world.pace.copy(bytes))
}

/// The copy takes the disk's place; the old one goes, or stays as unused.
pub(super) fn finish(world: &mut World, task: &mut Task, job: &Move) -> Result<(), Fail> {
    let lxc = world.guests.get(&job.vmid).is_some_and(|guest| guest.lxc);
    replace(world, task, job).map_err(|fail| match lxc {
        true => fail,
        false => Fail::die(format!("storage migration failed: {}", fail.text())),
    })
}

fn replace(world: &mut World, task: &mut Task, job: &Move) -> Result<(), Fail> {
    let (node, value, volid) = drive(world, job.vmid, &job.disk)?;
    let lxc = world.guests.get(&job.vmid).is_some_and(|guest| guest.lxc);
    let source = world.volume(&node, &volid).cloned();
    let source = source.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?;
    if !lxc {
        if world.guests.get(&job.vmid).is_some_and(|guest| guest.snapshots.values().any(|one| one.holds(&volid))) {
            task.say("moving disk with snapshots, snapshots will not be moved!");
        }
        task.say(format!("create full clone of drive {} ({volid})", job.disk));
    }
    let format = job.format.clone().unwrap_or_else(|| source.format.clone());
    let new = New {
        node: &node,
        vmid: job.vmid,
        storage: &job.storage,
        bytes: source.size,
        format: &format,
        os: source.os,
        role: "",
    };
    let made = disk::copy(world, task, &node, &volid, &new)?;
    if lxc {
        relabel(world, &node, &made);
    }
    let rest = value.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"));
    if let Some(guest) = world.guests.get_mut(&job.vmid) {
        guest.set(&job.disk, format!("{made}{rest}"));
    }
    if job.delete {
        world.check_unused_base(&node, &volid)?;
        world.take_volume(&node, &volid);
    } else {
        keep_unused(world, job.vmid, &volid);
    }
    Ok(())
}

/// Gives a disk to another guest under a new name.
pub(super) fn hand(
    world: &mut World,
    task: &mut Task,
    vmid: u32,
    disk: &str,
    target: u32,
    slot: &str,
) -> Result<(), Fail> {
    let (node, value, volid) = drive(world, vmid, disk)?;
    let lxc = world.guests.get(&vmid).is_some_and(|guest| guest.lxc);
    task.say(match lxc {
        true => format!("moving volume '{disk}' from container '{vmid}' to '{target}'"),
        false => format!("moving disk '{disk}' from VM '{vmid}' to '{target}'"),
    });
    let (storage, name) = volid.split_once(':').unwrap_or_default();
    let extension = name.rsplit_once('.').map_or(String::new(), |(_, extension)| format!(".{extension}"));
    let fresh = disk::next_name(world, &node, storage, target, false);
    let renamed = if world.is_files(storage) {
        format!("{storage}:{target}/{fresh}{extension}")
    } else {
        format!("{storage}:{fresh}")
    };
    let Some(mut volume) = world.take_volume(&node, &volid) else {
        return Err(Fail::die(format!("volume '{volid}' does not exist")));
    };
    volume.volid.clone_from(&renamed);
    volume.vmid = Some(target);
    let bytes = volume.size;
    world.put_volume(&node, volume);
    let order = world.guests.get(&vmid).and_then(|guest| guest.get("boot")).and_then(boot_devices);
    if let Some(mut devices) = order.filter(|devices| devices.iter().any(|device| device == disk)) {
        task.say(format!("removing disk '{disk}' from boot order config"));
        devices.retain(|device| device != disk);
        if let Some(guest) = world.guests.get_mut(&vmid) {
            guest.set("boot", boot_order(&devices));
        }
    }
    task.say(match lxc {
        true => format!("removing volume '{disk}' from container '{vmid}' config"),
        false => format!("removing disk '{disk}' from VM '{vmid}' config"),
    });
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config.remove(disk);
    }
    let rest = value.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"));
    if lxc {
        if let Some(guest) = world.guests.get_mut(&target) {
            guest.set(slot, if slot.starts_with("unused") { renamed } else { format!("{renamed}{rest}") });
        }
        task.say(format!("target container '{target}' updated with '{slot}'"));
        return Ok(());
    }
    if !slot.starts_with("unused") {
        task.say(format!("update VM {target}: -{slot} {renamed}{rest}"));
    }
    if let Some(guest) = world.guests.get_mut(&target) {
        let keys = props::keys(world.release, false, slot, &format!("{renamed}{rest}"));
        let text = if slot.starts_with("unused") { renamed } else { disk::printed(&keys, &renamed, Some(bytes)) };
        guest.set(slot, text);
    }
    Ok(())
}

/// A container's volume is of content `rootdir`.
pub(super) fn relabel(world: &mut World, node: &str, volid: &str) {
    if let Some(volume) = world.volume_mut(node, volid) {
        "rootdir".clone_into(&mut volume.content);
    }
}
