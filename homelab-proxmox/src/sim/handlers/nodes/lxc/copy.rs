//! Cloning and migrating containers.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{CloneJob, Job, Locks, MigrateJob};
use crate::sim::world::Guest;

/// POST /nodes/{node}/lxc/{vmid}/clone
pub(super) fn clone(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let newid: u32 = call.args.get("newid").and_then(|id| id.parse().ok()).unwrap_or_default();
    let guest = call.world.guest(&node, true, vmid)?.clone();
    guest.check_lock()?;
    let full = call.args.get("full").map_or(!guest.is_template(), |full| full == "1");
    let storage = call.args.get("storage").map(str::to_owned);
    if storage.is_some() && !full {
        return Err(Fail::die("parameter 'storage' not allowed for linked clones"));
    }
    if let Err(text) = call.world.check_free(newid) {
        return Err(Fail::die(text));
    }
    if guest.run.is_some() && full && !call.args.has("snapname") {
        return Err(Fail::die("Full clone of a running container is only possible from a snapshot"));
    }
    let target = call.args.get("target").unwrap_or(&node).to_owned();
    let options = match call.args.get("snapname") {
        Some(name) => {
            let missing = || Fail::die(format!("snapshot '{name}' does not exist"));
            guest.snapshots.get(name).ok_or_else(missing)?.config.clone()
        }
        None => guest.config.clone(),
    };
    for (key, value) in options.iter().filter(|(key, _)| rules::is_volume(key)) {
        let volid = value.split(',').next().unwrap_or_default();
        let own = volid.split(':').next().unwrap_or_default();
        if !full && !volid.contains("base-") {
            return Err(Fail::die(format!("Linked clone feature is not supported for '{volid}' ({key})")));
        }
        let wanted = storage.as_deref().unwrap_or(own);
        if target != node && !(call.world.is_shared(own) && call.world.is_shared(wanted)) {
            return Err(Fail::die(format!("can't clone to non-shared storage '{wanted}'")));
        }
        call.need(&format!("/storage/{wanted}"), &["Datastore.AllocateSpace"])?;
    }
    let mut copy = Guest::new(newid, true, &target, call.world.now);
    copy.set("lock", "create");
    call.world.guests.insert(newid, copy);
    let pool = call.args.get("pool").map(str::to_owned);
    let text = |key: &str| call.args.get(key).map(str::to_owned);
    let (name, description) = (text("hostname"), text("description"));
    let job = CloneJob {
        source: vmid,
        vmid: newid,
        full,
        target,
        storage,
        format: None,
        name,
        description,
        options,
        lxc: true,
        pool,
        discarded: Vec::new(),
    };
    let locks = Locks { alone: vec![newid], shared: vec![vmid] };
    Ok(call.start(&node, "vzclone", &vmid.to_string(), locks, Job::Clone(job)).into())
}

/// POST /nodes/{node}/lxc/{vmid}/migrate
pub(super) fn migrate(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let target = call.args.text("target").to_owned();
    if target == node {
        return Err(Fail::param("target", "target is local node."));
    }
    call.world.node(&target).map_err(|_| Fail::param("target", format!("no such cluster node '{target}'")))?;
    let guest = call.world.guest(&node, true, vmid)?;
    guest.check_lock()?;
    if guest.run.is_some() && !call.args.flag("restart") && !call.args.flag("online") {
        return Err(Fail::die("lxc live migration is currently not implemented"));
    }
    let storage = call.args.get("target-storage").map(str::to_owned);
    let job = Job::Migrate(MigrateJob { vmid, target, online: true, storage });
    Ok(call.start(&node, "vzmigrate", &vmid.to_string(), Locks::alone(vmid), job).into())
}
