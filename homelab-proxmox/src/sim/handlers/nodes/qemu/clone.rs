//! Cloning virtual machines.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::quirks;
use crate::sim::tasks::{CloneJob, Job, Locks};
use crate::sim::world::{Guest, Texts};

/// POST /nodes/{node}/qemu/{vmid}/clone
pub(super) fn clone(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let newid: u32 = call.args.get("newid").and_then(|id| id.parse().ok()).unwrap_or_default();
    let pool = call.args.get("pool").map(str::to_owned);
    if let Some(pool) = &pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(Fail::Forbidden(format!("pool '{pool}' does not exist")));
    }
    let target = call.args.get("target").map_or_else(|| node.clone(), str::to_owned);
    if target != node {
        call.world.node(&target)?;
    }
    if let Some(storage) = call.args.get("storage") {
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        call.world.storage_usable(storage, &target)?;
    }
    let guest = call.world.guests.get(&vmid).filter(|guest| !guest.lxc && guest.node == node).cloned();
    let missing = format!("unable to find configuration file for VM {vmid} on node '{node}'");
    let guest = guest.ok_or_else(|| Fail::die(missing))?;
    if call.world.is_locked(vmid, guest.run.is_some()) {
        return Err(Fail::Busy(quirks::CLONE_LOCK_WAIT, quirks::lock_timeout(false, vmid)));
    }
    guest.check_lock()?;
    let options = options_of(call, &guest)?;
    let full = call.args.get("full").map_or(!guest.is_template(), |full| full == "1");
    if !full && call.args.has("storage") {
        return Err(Fail::die("parameter 'storage' not allowed for linked clones"));
    }
    if !full && call.args.has("format") {
        return Err(Fail::die("parameter 'format' not allowed for linked clones"));
    }
    if call.world.guests.contains_key(&newid) {
        return Err(Fail::die(format!("unable to create VM {newid}: config file already exists")));
    }
    check_drives(call, &guest, &options, full, &target)?;
    rules::bridges(call, false, &options)?;
    let mut copy = Guest::new(newid, false, &target, call.world.now);
    copy.set("lock", "clone");
    call.world.guests.insert(newid, copy);
    if let Some(pool) = pool.and_then(|pool| call.world.pools.get_mut(&pool)) {
        pool.vms.push(newid);
    }
    let text = |key: &str| call.args.get(key).map(str::to_owned);
    let job = Job::Clone(CloneJob {
        source: vmid,
        vmid: newid,
        full,
        target,
        storage: text("storage"),
        format: text("format"),
        name: text("name"),
        description: text("description"),
        options,
        lxc: false,
    });
    let locks = Locks { alone: vec![newid], shared: vec![vmid] };
    Ok(call.start(&node, "qmclone", &vmid.to_string(), locks, job).into())
}

/// What is copied: the configuration, or that of a snapshot.
fn options_of(call: &Call<'_>, guest: &Guest) -> Result<Texts, Fail> {
    match call.args.get("snapname") {
        Some(name) => guest
            .snapshots
            .get(name)
            .map(|snapshot| snapshot.config.clone())
            .ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist"))),
        None => {
            let mut options = guest.config.clone();
            options.extend(guest.pending.clone());
            Ok(options)
        }
    }
}

/// Linked clones need a base; another node needs shared storage (pve-notes section 8).
fn check_drives(call: &Call<'_>, guest: &Guest, options: &Texts, full: bool, target: &str) -> Result<(), Fail> {
    for (key, value) in options.iter().filter(|(key, _)| rules::is_drive(key)) {
        let volid = value.split(',').next().unwrap_or_default();
        let Some((storage, name)) = volid.split_once(':') else { continue };
        let cloudinit = name.contains("-cloudinit");
        if target != guest.node && !call.world.is_shared(storage) {
            return Err(Fail::die(format!("can't clone VM to node '{target}' (VM uses local storage)")));
        }
        let wanted = call.args.get("storage").unwrap_or(storage);
        if target != guest.node && !call.world.is_shared(wanted) {
            return Err(Fail::die(format!("can't clone to non-shared storage '{wanted}'")));
        }
        if value.contains("media=cdrom") && !cloudinit {
            continue;
        }
        if call.world.volume(&guest.node, volid).is_none() {
            return Err(Fail::die(format!("volume '{volid}' does not exist")));
        }
        let base = name.rsplit('/').next().is_some_and(|name| name.starts_with("base-"));
        let whole = full || cloudinit || key.starts_with("tpmstate");
        let linkable = base
            && call
                .world
                .storages
                .get(storage)
                .is_some_and(|options| options.get("type").map(String::as_str) != Some("lvm"));
        if !whole && !linkable {
            return Err(Fail::die(format!("Linked clone feature is not supported for '{volid}' ({key})")));
        }
        if whole {
            rules::images(call, target, wanted)?;
        }
        call.need(&format!("/storage/{wanted}"), &["Datastore.AllocateSpace"])?;
    }
    Ok(())
}
