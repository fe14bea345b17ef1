//! Disks of virtual machines: growing, moving, handing over.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::quirks;
use crate::sim::tasks::{Job, Locks, MoveJob};

/// PUT /nodes/{node}/qemu/{vmid}/resize: everything else is checked in the task.
pub(super) fn resize(call: &mut Call<'_>) -> Answer {
    call.only_root(&["skiplock"])?;
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, false, vmid)?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_QEMU));
    }
    let (disk, size) = (call.args.text("disk").to_owned(), call.args.text("size").to_owned());
    let job = Job::Resize { vmid, disk, size };
    Ok(call.start(&node, "resize", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/qemu/{vmid}/move_disk
pub(super) fn move_disk(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let disk = call.args.text("disk").to_owned();
    let both = |text: &str| {
        let texts = ["storage", "target-vmid"].map(|name| (name.to_owned(), text.to_owned()));
        Err(Fail::Params(texts.into_iter().collect()))
    };
    let (storage, target) = (call.args.get("storage").map(str::to_owned), call.args.get("target-vmid"));
    match (storage, target) {
        (Some(_), Some(_)) => both("both 'storage' and 'target-vmid' given, but only one can be set"),
        (None, None) => both("both 'storage' and 'target-vmid' missing, either needs to be set"),
        (None, Some(target)) => {
            let target = target.parse().unwrap_or_default();
            hand_over(call, &node, vmid, &disk, target)
        }
        (Some(storage), None) => {
            call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
            call.world.storage(&storage)?;
            let guest = call.world.guest(&node, false, vmid)?;
            if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
                return Err(Fail::die(quirks::STALE_QEMU));
            }
            guest.check_lock()?;
            let value = guest.get(&disk).ok_or_else(|| Fail::die(format!("disk '{disk}' does not exist")))?;
            let volid = value.split(',').next().unwrap_or_default().to_owned();
            if value.contains("media=cdrom") {
                return Err(Fail::die("you can't move a cdrom"));
            }
            let format = call.args.get("format").map(str::to_owned);
            let old = call.world.volume(&node, &volid).map(|volume| volume.format.clone());
            let same = format.is_none() || format == old;
            if volid.split(':').next() == Some(storage.as_str()) && same {
                return Err(Fail::die("you can't move to the same storage with same format"));
            }
            rules::images(call, &node, &storage)?;
            call.lock(false, vmid)?;
            let delete = call.args.flag("delete");
            let job = Job::Move(MoveJob { vmid, disk, storage, format, delete });
            Ok(call.start(&node, "qmmove", &vmid.to_string(), Locks::alone(vmid), job).into())
        }
    }
}

/// Giving a disk to another guest of the same node.
fn hand_over(call: &mut Call<'_>, node: &str, vmid: u32, disk: &str, target: u32) -> Answer {
    let slot = call.args.get("target-disk").unwrap_or(disk).to_owned();
    call.need(&format!("/vms/{target}"), &["VM.Config.Disk"])?;
    let guest = call.world.guest(node, false, vmid)?;
    let Some(other) = call.world.guests.get(&target) else {
        return Err(Fail::die(format!("could not find target VM {target}")));
    };
    if target == vmid {
        return Err(Fail::die("must be different than source VMID to move disk to another VM"));
    }
    if guest.lxc != other.lxc {
        return Err(Fail::die(format!("the target VM {target} is a container")));
    }
    if guest.node != other.node {
        return Err(Fail::die("Both VMs need to be on the same node"));
    }
    guest.check_lock()?;
    other.check_lock()?;
    let value = guest.get(disk).ok_or_else(|| Fail::die(format!("Disk '{disk}' for VM {vmid} does not exist")))?;
    if guest.run.is_some() && !disk.starts_with("unused") {
        return Err(Fail::die("Moving a disk of a running VM is not allowed"));
    }
    if other.get(&slot).is_some() {
        return Err(Fail::die(format!("Target disk key '{slot}' is already in use for VM '{target}'")));
    }
    if value.contains("media=cdrom") {
        return Err(Fail::die("can't move CD-ROM"));
    }
    let id = format!("{vmid}-{disk}>{target}-{slot}");
    let job = Job::Hand { vmid, disk: disk.to_owned(), target, slot };
    let locks = Locks { alone: vec![vmid, target], shared: Vec::new() };
    Ok(call.start(node, "qmmove", &id, locks, job).into())
}
