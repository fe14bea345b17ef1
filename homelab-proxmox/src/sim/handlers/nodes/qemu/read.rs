//! Reading virtual machines.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::handlers::guests;
use serde_json::{Value, json};

/// GET /nodes/{node}/qemu
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let rows: Vec<Value> = call
        .world
        .guests
        .values()
        .filter(|guest| !guest.lxc && guest.node == node)
        .filter(|guest| call.may(&format!("/vms/{}", guest.vmid), "VM.Audit"))
        .map(|guest| guests::figures(call.world, guest))
        .collect();
    Ok(json!(rows).into())
}

/// GET /nodes/{node}/qemu/{vmid}/config
pub(super) fn config(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    if let Some(name) = call.args.get("snapshot") {
        let snapshot = guest.snapshots.get(name);
        let snapshot = snapshot.ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist")))?;
        let mut map = crate::sim::handlers::nodes::snapshot::config_of(call.world, guest, snapshot);
        map.insert("digest".to_owned(), json!(guest.digest()));
        return Ok(Value::Object(map).into());
    }
    Ok(guests::config(call.world, guest, call.args.flag("current")).into())
}

/// GET /nodes/{node}/qemu/{vmid}/pending
pub(super) fn pending(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    Ok(guests::pending(call.world, guest).into())
}

/// GET /nodes/{node}/qemu/{vmid}/status/current
pub(super) fn current(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let mut value = guests::figures(call.world, guest);
    value["ha"] = guests::ha(call.world, guest);
    value["qmpstatus"] = match &guest.run {
        None => json!("stopped"),
        Some(run) if run.paused => json!("paused"),
        Some(_) => json!("running"),
    };
    if guests::has_agent(call.world, guest) {
        value["agent"] = json!(1);
    }
    if let Some(vga) = guest.get("vga") {
        let keys = crate::sim::props::keys(call.world.release, false, "vga", vga);
        value["clipboard"] = json!(keys.get("clipboard"));
        if keys.get("type").is_some_and(|kind| kind.starts_with("qxl")) {
            value["spice"] = json!(1);
        }
    }
    if guest.run.is_some() {
        let nets = guest.config.keys().filter(|key| key.starts_with("net"));
        let nics: serde_json::Map<String, Value> = nets
            .map(|key| (format!("tap{}i{}", guest.vmid, &key[3..]), json!({"netin": 1000, "netout": 500})))
            .collect();
        if !nics.is_empty() {
            value["nics"] = Value::Object(nics);
        }
    }
    Ok(value.into())
}

/// POST /nodes/{node}/qemu/{vmid}/monitor
pub(super) fn monitor(call: &mut Call<'_>) -> Answer {
    let vmid = call.vmid();
    let guest = call.world.guest(&call.node(), false, vmid)?;
    Ok(if guest.run.is_none() { json!(format!("ERROR: VM {vmid} not running\n")).into() } else { json!("").into() })
}

/// PUT /nodes/{node}/qemu/{vmid}/sendkey
pub(super) fn sendkey(call: &mut Call<'_>) -> Answer {
    call.only_root(&["skiplock"])?;
    let vmid = call.vmid();
    let guest = call.world.guest(&call.node(), false, vmid)?;
    if guest.run.is_none() {
        return Err(Fail::die(format!("VM {vmid} not running")));
    }
    Reply::done()
}

/// GET /nodes/{node}/qemu/{vmid}/feature
pub(super) fn feature(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let wanted = call.args.text("feature");
    let able = match wanted {
        "clone" => guest.is_template(),
        "snapshot" => {
            !guest.is_template()
                && guest.drives().iter().all(|(key, value)| {
                    let volid = value.split(',').next().unwrap_or_default();
                    key.starts_with("unused")
                        || value.contains("media=cdrom")
                        || !call.world.is_files(volid.split(':').next().unwrap_or_default())
                        || volid.ends_with(".qcow2")
                })
        }
        _ => true,
    };
    let nodes: Vec<&String> = call.world.nodes.keys().collect();
    Ok(json!({"hasFeature": u8::from(able), "nodes": nodes}).into())
}
