//! Moving virtual machines to another node.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{Job, Locks, MigrateJob};
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
    call.only_root(&["force", "migration_type", "migration_network"])?;
    let (node, vmid) = (call.node(), call.vmid());
    let target = call.args.text("target").to_owned();
    if target == node {
        return Err(Fail::param("target", "target is local node."));
    }
    call.world.node(&target).map_err(|_| Fail::param("target", format!("no such cluster node '{target}'")))?;
    let guest = call.world.guest(&node, false, vmid)?;
    guest.check_lock()?;
    let online = call.args.flag("online");
    if guest.run.is_some() && !online {
        return Err(Fail::param("online", "VM is running. Use 'online' to migrate"));
    }
    let device = guest.config.iter().find(|(key, value)| key.starts_with("hostpci") && !value.contains("mapping="));
    if let Some((key, _)) = device {
        return Err(Fail::die(format!("can't migrate VM which uses local devices: {key}")));
    }
    let local = call.world.volumes.values().any(|volume| volume.vmid == Some(vmid) && volume.node == node);
    if guest.run.is_some() && local && !call.args.flag("with-local-disks") {
        return Err(Fail::die("can't live migrate attached local disks without with-local-disks option"));
    }
    let storage = call.args.get("targetstorage").map(str::to_owned);
    if let Some(storage) = storage.as_deref().filter(|storage| *storage != "1") {
        call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
        call.world.storage_usable(storage, &target)?;
    }
    let job = Job::Migrate(MigrateJob { vmid, target, online, storage });
    Ok(call.start(&node, "qmigrate", &vmid.to_string(), Locks::alone(vmid), job).into())
}
