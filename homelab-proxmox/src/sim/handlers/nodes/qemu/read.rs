//! Reading virtual machines.
use super::rules;
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::handlers::guests;
use crate::sim::quirks;
use crate::sim::tasks::is_able;
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
        if call.args.flag("current") {
            let text = |other: &str| format!("cannot use '{other}' parameter with 'current'");
            let errors = [("snapshot".to_owned(), text("snapshot")), ("current".to_owned(), text("snapshot"))];
            return Err(Fail::Params(errors.into_iter().collect()));
        }
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
    let (node, vmid) = (call.node(), call.vmid());
    let guest = call.world.guest(&node, false, vmid).map_err(|_| Fail::die(quirks::no_config(&node, vmid)))?;
    let snapshot = match call.args.get("snapname") {
        Some(name) => {
            let found = guest.snapshots.get(name);
            Some(found.ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist")))?)
        }
        None => None,
    };
    let config = snapshot.map_or(&guest.config, |snapshot| &snapshot.config);
    let able = is_able(call.world, config, false, call.args.text("feature"), snapshot.is_some());
    let local = config.iter().filter(|(key, _)| rules::is_drive(key)).any(|(_, value)| {
        let volid = value.split(',').next().unwrap_or_default();
        volid.split_once(':').is_some_and(|(storage, _)| !call.world.is_shared(storage))
    });
    let nodes: Vec<&String> = call.world.nodes.keys().filter(|name| !local || **name == node).collect();
    Ok(json!({"hasFeature": u8::from(able), "nodes": nodes}).into())
}
