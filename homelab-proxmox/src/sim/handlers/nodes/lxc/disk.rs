//! Volumes of containers: growing, moving.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{Job, Locks, MoveJob};
use crate::sim::world::parse_size;
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
    let value = guest.get(&disk).ok_or_else(nothing)?;
    let volid = value.split(',').next().unwrap_or_default();
    let volume = call.world.volume(&node, volid);
    let old = volume.ok_or_else(|| Fail::die(format!("volume '{volid}' does not exist")))?.size;
    let number = parse_size(size.trim_start_matches('+')).unwrap_or_default();
    if !size.starts_with('+') && number < old {
        return Err(Fail::die("unable to shrink disk size"));
    }
    call.lock(true, vmid)?;
    let job = Job::Resize { vmid, disk, size, digest: None, skiplock: false };
    Ok(call.start(&node, "resize", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// POST /nodes/{node}/lxc/{vmid}/move_volume
pub(super) fn move_volume(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let disk = call.args.text("volume").to_owned();
    let Some(storage) = call.args.get("storage").map(str::to_owned) else {
        return Err(Fail::die("the simulator does not hand volumes of containers over"));
    };
    call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    call.world.storage(&storage)?;
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    if guest.run.is_some() {
        return Err(Fail::die("cannot move volumes of a running container"));
    }
    let value = guest.get(&disk).ok_or_else(nothing)?;
    if value.split(':').next() == Some(storage.as_str()) {
        return Err(Fail::die("you can't move to the same storage"));
    }
    call.lock(true, vmid)?;
    let job = Job::Move(MoveJob { vmid, disk, storage, format: None, delete: call.args.flag("delete") });
    Ok(call.start(&node, "move_volume", &vmid.to_string(), Locks::alone(vmid), job).into())
}
