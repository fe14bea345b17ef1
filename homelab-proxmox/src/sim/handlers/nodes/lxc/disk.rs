//! Volumes of containers: growing, moving.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::quirks;
use crate::sim::tasks::{Job, Locks, MoveJob};
use crate::sim::world::{Guest, parse_size};
use std::collections::BTreeMap;

/// A mount point that is not there is the parse error of an empty one (recorded).
fn nothing() -> Fail {
    let missing = "property is missing and it is not optional".to_owned();
    let errors = BTreeMap::from([("volume".to_owned(), missing.clone()), ("mp".to_owned(), missing)]);
    Fail::Odd("format error".to_owned(), errors)
}

/// PUT /nodes/{node}/lxc/{vmid}/resize: unlike a virtual machine's, it is judged at once.
pub(super) fn resize(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let (disk, size) = (call.args.text("disk").to_owned(), call.args.text("size").to_owned());
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    // The parameter `disk` itself is looked up as an option, and is none of the known ones.
    call.need(&format!("/vms/{vmid}"), &["VM.Config.Options"])?;
    let guest = call.world.guest(&node, true, vmid)?;
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let value = guest.get(&disk).ok_or_else(nothing)?;
    let volid = value.split(',').next().unwrap_or_default();
    call.world.volume_name(volid)?;
    call.need(&format!("/storage/{}", volid.split(':').next().unwrap_or_default()), &["Datastore.AllocateSpace"])?;
    let volume = call.world.volume(&node, volid);
    let old = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?.size;
    let number = parse_size(size.trim_start_matches('+')).unwrap_or_default();
    let new = if size.starts_with('+') { old + number } else { number };
    if new < old {
        return Err(Fail::die("unable to shrink disk size"));
    }
    if new == old {
        return Err(Fail::die("disk is already at specified size"));
    }
    let job = Job::Resize { vmid, disk, size, digest: None, skiplock: false };
    Ok(call.start(&node, "resize", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/lxc/{vmid}/move_volume
pub(super) fn move_volume(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let disk = call.args.text("volume").to_owned();
    let storage = call.args.get("storage").map(str::to_owned);
    let target = call.args.get("target-vmid").and_then(|target| target.parse().ok());
    match (storage, target) {
        (Some(_), Some(_)) => Err(Fail::die("either set storage or target-vmid, but not both")),
        (None, Some(target)) => hand_over(call, &node, vmid, &disk, target),
        (None, None) => {
            let text = "both 'storage' and 'target-vmid' missing, either needs to be set";
            let texts = ["storage", "target-vmid"].map(|name| (name.to_owned(), text.to_owned()));
            Err(Fail::Params(texts.into_iter().collect()))
        }
        (Some(storage), None) => to_storage(call, &node, vmid, disk, storage),
    }
}

fn in_snapshot(guest: &Guest, volid: &str) -> bool {
    guest.snapshots.values().any(|snapshot| snapshot.holds(volid))
}

fn to_storage(call: &mut Call<'_>, node: &str, vmid: u32, disk: String, storage: String) -> Answer {
    call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    call.lock(true, vmid)?;
    let guest = call.world.guest(node, true, vmid)?;
    guest.check_lock()?;
    if guest.run.is_some() {
        return Err(Fail::die("cannot move volumes of a running container"));
    }
    if disk.starts_with("unused") {
        return Err(Fail::die(format!(
            "cannot move volume '{disk}', only configured volumes can be moved to another storage"
        )));
    }
    let value = guest.get(&disk).ok_or_else(nothing)?;
    let delete = call.args.flag("delete");
    if delete && in_snapshot(guest, value.split(',').next().unwrap_or_default()) {
        return Err(Fail::die("you can't move a volume with snapshots and delete the source"));
    }
    if call.args.get("digest").is_some_and(|digest| digest != guest.digest()) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    let job = Job::Move(MoveJob { vmid, disk, storage, format: None, delete });
    Ok(call.start(node, "move_volume", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// Giving a volume to another container of the same node.
fn hand_over(call: &mut Call<'_>, node: &str, vmid: u32, disk: &str, target: u32) -> Answer {
    let slot = call.args.get("target-volume").unwrap_or(disk).to_owned();
    call.need(&format!("/vms/{target}"), &["VM.Config.Disk"])?;
    if disk == "rootfs" || slot == "rootfs" {
        return Err(Fail::die("Cannot move to/from 'rootfs'"));
    }
    if disk.starts_with("unused") && !slot.starts_with("unused") {
        return Err(Fail::die("Moving an unused volume to a used one is not possible"));
    }
    let find = |id: u32| call.world.guests.get(&id).ok_or_else(|| Fail::die(format!("could not find CT {id}")));
    let (guest, other) = (find(vmid)?, find(target)?);
    if guest.node != other.node {
        let text = format!("Both containers need to be on the same node ({} != {})", guest.node, other.node);
        return Err(Fail::die(text));
    }
    for id in [vmid, target] {
        call.world.guest(node, true, id)?.check_lock()?;
    }
    if guest.is_template() || other.is_template() {
        return Err(Fail::die("Can't move volumes from or to template CT"));
    }
    for (name, guest) in [("digest", guest), ("target-digest", other)] {
        if call.args.get(name).is_some_and(|digest| digest != guest.digest()) {
            return Err(Fail::die(format!("Container {}: {}", guest.vmid, quirks::STALE_FILE)));
        }
    }
    let value = guest.get(disk);
    let value = value.ok_or_else(|| Fail::die(format!("volume '{disk}' for container '{vmid}' does not exist")))?;
    if other.get(&slot).is_some() {
        return Err(Fail::die(format!("Target volume key '{slot}' is already in use for container '{target}'")));
    }
    let volid = value.split(',').next().unwrap_or_default();
    if in_snapshot(guest, volid) {
        return Err(Fail::die("Cannot move volume used by a snapshot to another container"));
    }
    if volid.starts_with('/') {
        return Err(Fail::die("Cannot move a bindmount or device mount to another container"));
    }
    if guest.run.is_some() && !disk.starts_with("unused") {
        let text = "Cannot move in-use volume while the source CT is running - detach or shutdown first";
        return Err(Fail::die(text));
    }
    call.need(&format!("/storage/{}", volid.split(':').next().unwrap_or_default()), &["Datastore.AllocateSpace"])?;
    let id = format!("{vmid}-{disk}>{target}-{slot}");
    let job = Job::Hand { vmid, disk: disk.to_owned(), target, slot };
    let locks = Locks { alone: vec![vmid, target], shared: Vec::new() };
    Ok(call.start(node, "move_volume", &id, locks, job).into())
}
