//! Cloning virtual machines.
use super::rules;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::props;
use crate::sim::quirks;
use crate::sim::rights::is_cloudinit;
use crate::sim::tasks::{CloneJob, Job, Locks};
use crate::sim::world::{Guest, Texts};

/// POST /nodes/{node}/qemu/{vmid}/clone
pub(super) fn clone(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let newid: u32 = call.args.get("newid").and_then(|id| id.parse().ok()).unwrap_or_default();
    let guest = call.world.guests.get(&vmid).filter(|guest| !guest.lxc && guest.node == node).cloned();
    let missing = format!("unable to find configuration file for VM {vmid} on node '{node}'");
    let guest = guest.ok_or_else(|| Fail::die(missing))?;
    let pool = call.args.get("pool").map(str::to_owned);
    if let Some(pool) = &pool
        && !call.world.pools.contains_key(pool)
    {
        return Err(Fail::Forbidden(format!("pool '{pool}' does not exist")));
    }
    let target = call.args.get("target").filter(|target| *target != "localhost").map_or(&*node, |target| target);
    let target = target.to_owned();
    if !call.world.nodes.contains_key(&target) {
        return Err(Fail::die(format!("no such cluster node '{target}'")));
    }
    if let Some(storage) = call.args.get("storage") {
        call.world.storage_usable(storage, &node)?;
        rules::holds_images(call, storage)?;
        if target != node {
            call.world.storage_usable(storage, &target)?;
            if !call.world.is_shared(storage) {
                return Err(Fail::die(format!("can't clone to non-shared storage '{storage}'")));
            }
        }
    }
    guest.check_lock()?;
    let snapname = call.args.get("snapname");
    let options = match snapname.map(|name| guest.snapshots.get(name).ok_or(name)) {
        Some(Ok(snapshot)) => snapshot.config.clone(),
        Some(Err(name)) => return Err(Fail::die(format!("snapshot '{name}' does not exist"))),
        None => guest.config.clone(),
    };
    let full = call.args.get("full").map_or(!guest.is_template(), |full| full == "1");
    for name in ["storage", "format"] {
        if !full && call.args.has(name) {
            return Err(Fail::die(format!("parameter '{name}' not allowed for linked clones")));
        }
    }
    check_storages(call, &options)?;
    rules::bridges(call, false, &options)?;
    if target != node && !is_shared(call, &options) {
        return Err(Fail::die(format!("can't clone VM to node '{target}' (VM uses local storage)")));
    }
    if call.world.guests.get(&newid).is_some_and(|guest| guest.node == node) {
        return Err(Fail::die(format!("unable to create VM {newid}: config file already exists")));
    }
    check_drives(call, &guest, &options, full)?;
    if let Some(other) = call.world.guests.get(&newid) {
        let kind = if other.lxc { "CT" } else { "VM" };
        return Err(Fail::die(format!("{kind} {newid} already exists on node '{}'", other.node)));
    }
    if call.world.is_locked(vmid, guest.run.is_some()) {
        return Err(Fail::Busy(quirks::CLONE_LOCK_WAIT, quirks::lock_timeout(false, vmid)));
    }
    let changes: Vec<String> = if snapname.is_none() { guest.pending.keys().cloned().collect() } else { Vec::new() };
    let deletes = (snapname.is_none() && !guest.deleting.is_empty()).then(|| "delete".to_owned());
    let discarded: Vec<String> = changes.into_iter().chain(deletes).collect();
    let mut copy = Guest::new(newid, false, &target, call.world.now);
    copy.set("lock", "clone");
    call.world.guests.insert(newid, copy);
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
        pool,
        discarded,
    });
    let locks = Locks { alone: vec![newid], shared: vec![vmid] };
    Ok(call.start(&node, "qmclone", &vmid.to_string(), locks, job).into())
}

/// Space on every storage that takes a disk, and the devices of the host that the copy will share.
fn check_storages(call: &Call<'_>, options: &Texts) -> Result<(), Fail> {
    for (_, value) in options.iter().filter(|(key, _)| rules::is_drive(key)) {
        let volid = value.split(',').next().unwrap_or_default();
        let cdrom = value.contains("media=cdrom");
        if volid == "cdrom" {
            call.need("/", &["Sys.Console"])?;
        }
        let Some((storage, _)) = volid.split_once(':') else { continue };
        call.world.storage(storage)?;
        if !cdrom {
            let wanted = call.args.get("storage").unwrap_or(storage);
            call.need(&format!("/storage/{wanted}"), &["Datastore.AllocateSpace"])?;
        }
    }
    if let Some(storage) = options.get("vmstatestorage") {
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    for (option, value) in options {
        let kind = match rules::stem(option) {
            "usb" => "usb",
            "hostpci" => "pci",
            "virtiofs" => "dir",
            _ => continue,
        };
        let keys = props::keys(call.world.release, false, option, value);
        if let Some(id) = keys.get(if kind == "dir" { "dirid" } else { "mapping" }) {
            call.need(&format!("/mapping/{kind}/{id}"), &["Mapping.Use"])?;
        }
    }
    Ok(())
}

/// Whether every volume is on storage that all nodes see.
fn is_shared(call: &Call<'_>, options: &Texts) -> bool {
    let mut volumes = options.iter().filter(|(key, _)| rules::is_drive(key)).filter_map(|(_, value)| {
        let volid = value.split(',').next().unwrap_or_default();
        volid.split_once(':').map(|(storage, _)| storage)
    });
    volumes.all(|storage| call.world.is_shared(storage))
}

/// Whether each disk can be copied or linked: a link needs a base, a copy of a snapshot a format with snapshots.
fn check_drives(call: &Call<'_>, guest: &Guest, options: &Texts, full: bool) -> Result<(), Fail> {
    let snapshot = call.args.has("snapname");
    for (key, value) in options.iter().filter(|(key, _)| rules::is_drive(key)) {
        if full && guest.run.is_some() && !snapshot && key == "tpmstate0" {
            return Err(Fail::die("cannot clone TPM state while VM is running"));
        }
        let volid = value.split(',').next().unwrap_or_default();
        let Some((storage, name)) = volid.split_once(':') else { continue };
        let cloudinit = is_cloudinit(volid);
        if value.contains("media=cdrom") && !cloudinit {
            continue;
        }
        let of = if snapshot { "a snapshot of " } else { "" };
        let kind = call.world.storages.get(storage).and_then(|options| options.get("type")).map(String::as_str);
        let keeps = volid.ends_with(".qcow2") || matches!(kind, Some("lvmthin" | "rbd"));
        if full || cloudinit || key == "tpmstate0" {
            if snapshot && !keeps {
                return Err(Fail::die(format!("Full clone feature is not supported for {of}'{volid}' ({key})")));
            }
        } else {
            let base = name.rsplit('/').next().is_some_and(|name| name.starts_with("base"));
            let fits = if snapshot { matches!(kind, Some("lvmthin" | "rbd")) } else { base && kind != Some("lvm") };
            if !fits {
                return Err(Fail::die(format!("Linked clone feature is not supported for {of}'{volid}' ({key})")));
            }
        }
        if !cloudinit && call.world.volume(&guest.node, volid).is_none() {
            return Err(Fail::die(format!("volume '{volid}' does not exist")));
        }
    }
    Ok(())
}
