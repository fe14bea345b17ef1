//! Moving virtual machines to another node.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{Job, Locks, MigrateJob, StorageMap};
use serde_json::{Value, json};

/// GET /nodes/{node}/qemu/{vmid}/migrate: what stands in the way.
pub(super) fn look(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, false, vmid)?;
    let local: Vec<Value> = call
        .world
        .volumes
        .values()
        .filter(|volume| volume.vmid == Some(vmid) && volume.node == node)
        .map(|volume| json!({"volid": volume.volid, "size": volume.size, "cdrom": 0, "is_unused": 0}))
        .collect();
    let others: Vec<&String> = call.world.nodes.keys().filter(|name| **name != node).collect();
    let resources: Vec<&String> = guest.config.keys().filter(|key| key.starts_with("hostpci")).collect();
    Ok(json!({
        "running": u8::from(guest.run.is_some()), "local_disks": local, "local_resources": resources,
        "mapped-resources": [], "allowed_nodes": others, "not_allowed_nodes": {},
    })
    .into())
}

/// POST /nodes/{node}/qemu/{vmid}/migrate
pub(super) fn migrate(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let target = call.args.text("target").to_owned();
    if target == node {
        return Err(Fail::param("target", "target is local node."));
    }
    if !call.world.nodes.contains_key(&target) {
        return Err(Fail::die(format!("no such cluster node '{target}'")));
    }
    for option in ["force", "migration_type", "migration_network"] {
        call.only_root(&[option])?;
    }
    let guest = call.world.guest(&node, false, vmid)?;
    guest.check_lock()?;
    let online = call.args.flag("online") && guest.run.is_some();
    if guest.run.is_some() && !online {
        return Err(Fail::die("can't migrate running VM without --online"));
    }
    let volumes: Vec<String> = guest
        .config
        .iter()
        .filter(|(key, _)| super::rules::is_drive(key))
        .filter_map(|(_, value)| value.split(',').next().filter(|volid| volid.contains(':')).map(str::to_owned))
        .collect();
    let map = match call.args.get("targetstorage") {
        Some(text) => {
            let map = StorageMap::parse(text)
                .map_err(|text| Fail::param("targetstorage", format!("failed to parse storage map: {text}\n")))?;
            if !map.identity {
                call.need(&format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
            }
            for storage in map.entries.values().chain(&map.default) {
                call.world.storage_usable(storage, &target)?;
                call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
                if !call.world.storage_holds(storage, "images") {
                    return Err(Fail::die(format!("storage '{storage}' does not support vm images")));
                }
            }
            map
        }
        None => StorageMap { identity: true, ..StorageMap::default() },
    };
    if map.identity {
        for volid in &volumes {
            let storage = volid.split(':').next().unwrap_or_default();
            call.world.storage_usable(storage, &node)?;
            call.world.storage_usable(storage, &target)?;
            let kind = call.world.volume_name(volid)?.kind;
            if !call.world.storage_holds(storage, kind) {
                let text = format!("{volid}: content type '{kind}' is not available on storage '{storage}'");
                return Err(Fail::die(text));
            }
        }
    }
    if call.world.ha.resources.contains_key(&format!("vm:{vmid}")) {
        let line = format!("Requesting HA migration for VM {vmid} to node {target}");
        let job = Job::Migrate(MigrateJob { vmid, target, online, map, local_disks: true, ha: Some(line) });
        return Ok(call.start(&node, "hamigrate", &vmid.to_string(), Locks::none(), job).into());
    }
    let local_disks = call.args.flag("with-local-disks");
    let job = Job::Migrate(MigrateJob { vmid, target, online, map, local_disks, ha: None });
    Ok(call.start(&node, "qmigrate", &vmid.to_string(), Locks::alone(vmid), job).into())
}
