//! Disks of virtual machines: growing, moving, handing over.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::quirks;
use crate::sim::tasks::{Job, Locks, MoveJob};
use crate::sim::world::{Guest, is_storage_id};

/// PUT /nodes/{node}/qemu/{vmid}/resize: everything is checked in the task.
pub(super) fn resize(call: &mut Call<'_>) -> Answer {
    call.only_root(&["skiplock"])?;
    let (node, vmid) = (call.node(), call.vmid());
    let text = |name: &str| call.args.text(name).to_owned();
    let (disk, size) = (text("disk"), text("size"));
    let digest = call.args.get("digest").map(str::to_owned);
    let job = Job::Resize { vmid, disk, size, digest, skiplock: call.args.flag("skiplock") };
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
        (Some(_), Some(_)) => both("either set 'storage' or 'target-vmid', but not both"),
        (None, None) => both("both 'storage' and 'target-vmid' missing, either needs to be set"),
        (None, Some(target)) => {
            let target = target.parse().unwrap_or_default();
            hand_over(call, &node, vmid, &disk, target)
        }
        (Some(storage), None) => {
            call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
            let guest = call.world.guest(&node, false, vmid)?;
            guest.check_lock()?;
            if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
                return Err(Fail::die(quirks::STALE_FILE));
            }
            let value = guest.get(&disk).ok_or_else(|| Fail::die(format!("disk '{disk}' does not exist")))?;
            let volid = value.split(',').next().unwrap_or_default().to_owned();
            if value.contains("media=cdrom") {
                return Err(Fail::die("you can't move a cdrom"));
            }
            let old = volid.rsplit_once('.').map(|(_, end)| end).filter(|end| ["raw", "qcow2", "vmdk"].contains(end));
            let format = call.args.get("format");
            if volid.split(':').next() == Some(storage.as_str()) && (format.is_none() || old.is_none() || old == format)
            {
                return Err(Fail::die("you can't move to the same storage with same format"));
            }
            call.world.storage_usable(&storage, &node)?;
            rules::holds_images(call, &storage)?;
            let delete = call.args.flag("delete");
            if delete && in_snapshot(guest, &volid) {
                return Err(Fail::die("you can't move a disk with snapshots and delete the source"));
            }
            let job = Job::Move(MoveJob { vmid, disk, storage, format: format.map(str::to_owned), delete });
            Ok(call.start(&node, "qmmove", &vmid.to_string(), Locks::alone(vmid), job).into())
        }
    }
}

fn in_snapshot(guest: &Guest, volid: &str) -> bool {
    let mut values = guest.snapshots.values().flat_map(|snapshot| snapshot.config.values());
    values.any(|value| value.split(',').next() == Some(volid))
}

/// Giving a disk to another guest of the same node.
fn hand_over(call: &mut Call<'_>, node: &str, vmid: u32, disk: &str, target: u32) -> Answer {
    let slot = call.args.get("target-disk").unwrap_or(disk).to_owned();
    call.need(&format!("/vms/{target}"), &["VM.Config.Disk"])?;
    if target == vmid {
        return Err(Fail::param("target-vmid", "must be different than source VMID to reassign disk"));
    }
    let find = |id: u32, what: &str| {
        call.world.guests.get(&id).ok_or_else(|| Fail::die(format!("could not find {what} {id}")))
    };
    let (guest, other) = (find(vmid, "VM")?, find(target, "target VM")?);
    if guest.node != other.node {
        let text = format!("Both VMs need to be on the same node ({} != {})", guest.node, other.node);
        return Err(Fail::die(text));
    }
    for id in [vmid, target] {
        call.world.guest(node, false, id)?.check_lock()?;
    }
    if guest.is_template() || other.is_template() {
        return Err(Fail::die("Can't move disks from or to template VMs"));
    }
    for (name, guest) in [("digest", guest), ("target-digest", other)] {
        if call.args.get(name).is_some_and(|digest| digest != guest.digest()) {
            return Err(Fail::die(format!("VM {}: {}", guest.vmid, quirks::STALE_FILE)));
        }
    }
    let value = guest.get(disk).ok_or_else(|| Fail::die(format!("Disk '{disk}' for VM '{vmid}' does not exist")))?;
    if other.get(&slot).is_some() {
        return Err(Fail::die(format!("Target disk key '{slot}' is already in use for VM '{target}'")));
    }
    let volid = value.split(',').next().unwrap_or_default();
    if value.contains("media=cdrom") {
        return Err(Fail::die("CD drive contents can't be moved to another VM"));
    }
    let Some((storage, _)) = volid.split_once(':').filter(|(id, _)| is_storage_id(id)) else {
        return Err(Fail::die(format!("Volume '{volid}' not managed by PVE")));
    };
    if in_snapshot(guest, volid) {
        return Err(Fail::die("Can't move disk used by a snapshot to another VM"));
    }
    if guest.run.is_some() && !disk.starts_with("unused") {
        let text = "Cannot move disk to another VM while the source VM is running - detach first";
        return Err(Fail::die(text));
    }
    call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    let id = format!("{vmid}-{disk}>{target}-{slot}");
    let job = Job::Hand { vmid, disk: disk.to_owned(), target, slot };
    let locks = Locks { alone: vec![vmid, target], shared: Vec::new() };
    Ok(call.start(node, "qmmove", &id, locks, job).into())
}
