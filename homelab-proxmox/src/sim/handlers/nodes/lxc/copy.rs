//! Cloning and migrating containers.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::nodes::qemu::bridges;
use crate::sim::tasks::{CloneJob, Job, Locks, MigrateJob, StorageMap};
use crate::sim::world::Guest;

/// POST /nodes/{node}/lxc/{vmid}/clone
pub(super) fn clone(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let newid: u32 = call.args.get("newid").and_then(|id| id.parse().ok()).unwrap_or_default();
    let pool = call.args.get("pool").map(str::to_owned);
    if let Some(pool) = pool.as_ref().filter(|pool| !call.world.pools.contains_key(*pool)) {
        return Err(Fail::Forbidden(format!("pool '{pool}' does not exist")));
    }
    let target = call.args.get("target").filter(|target| *target != "localhost").unwrap_or(&node).to_owned();
    if !call.world.nodes.contains_key(&target) {
        return Err(Fail::die(format!("no such cluster node '{target}'")));
    }
    let storage = call.args.get("storage").map(str::to_owned);
    if let Some(storage) = &storage {
        call.world.storage_usable(storage, &node)?;
        call.world.storage_usable(storage, &target)?;
        if target != node && !call.world.is_shared(storage) {
            return Err(Fail::die(format!("can't clone to non-shared storage '{storage}'")));
        }
    }
    let guest = call.world.guest(&node, true, vmid)?.clone();
    guest.check_lock()?;
    call.world.check_free(newid).map_err(Fail::die)?;
    let full = call.args.get("full").map_or(!guest.is_template(), |full| full == "1");
    if storage.is_some() && !full {
        return Err(Fail::die("parameter 'storage' not allowed for linked clones"));
    }
    let options = match call.args.get("snapname") {
        Some(name) => {
            let missing = || Fail::die(format!("snapshot '{name}' does not exist"));
            guest.snapshots.get(name).ok_or_else(missing)?.config.clone()
        }
        None => guest.config.clone(),
    };
    let mut shared = true;
    for (key, value) in options.iter().filter(|(key, _)| rules::is_volume(key)) {
        let volid = value.split(',').next().unwrap_or_default();
        if volid.starts_with('/') {
            let kind = if volid.starts_with("/dev/") { "device" } else { "bind" };
            return Err(Fail::die(format!("unable to clone mountpoint '{key}' (type {kind})")));
        }
        let own = volid.split(':').next().unwrap_or_default();
        let wanted = storage.as_deref().unwrap_or(own);
        call.world.storage(wanted)?;
        shared &= call.world.is_shared(wanted);
        call.need(&format!("/storage/{wanted}"), &["Datastore.AllocateSpace"])?;
        if full && guest.run.is_some() && !call.args.has("snapname") {
            return Err(Fail::die("Cannot do full clones on a running container without snapshots"));
        }
        // Files would be linked as qcow2, which no container can use.
        let able = !call.world.is_files(own) && volid.contains("base");
        if !full && !able {
            return Err(Fail::die(format!("Linked clone feature for '{volid}' is not available")));
        }
    }
    bridges(call, true, &options)?;
    if target != node && !shared {
        return Err(Fail::die(format!("can't clone CT to node '{target}' (CT uses local storage)")));
    }
    let mut copy = Guest::new(newid, true, &target, call.world.now);
    copy.set("lock", "create");
    call.world.guests.insert(newid, copy);
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
    if !call.world.nodes.contains_key(&target) {
        return Err(Fail::die(format!("no such cluster node '{target}'")));
    }
    let guest = call.world.guest(&node, true, vmid)?;
    if guest.run.is_some() && !call.args.flag("restart") && !call.args.flag("online") {
        return Err(Fail::die("can't migrate running container without --online or --restart"));
    }
    let mut map = StorageMap::default();
    if let Some(text) = call.args.get("target-storage") {
        map = StorageMap::parse(text)
            .map_err(|text| Fail::param("target-storage", format!("failed to parse storage map: {text}\n")))?;
        if !map.identity {
            call.need(&format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
        }
        for storage in map.entries.values().chain(&map.default) {
            call.world.storage_usable(storage, &target)?;
            call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        }
    }
    let managed = call.world.ha.resources.contains_key(&format!("ct:{vmid}"));
    let ha = managed.then(|| format!("Requesting HA migration for CT {vmid} to node {target}"));
    let kind = if managed { "hamigrate" } else { "vzmigrate" };
    let job = Job::Migrate(MigrateJob { vmid, target, online: true, map, local_disks: true, ha });
    Ok(call.start(&node, kind, &vmid.to_string(), Locks::alone(vmid), job).into())
}
