//! Reading containers.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::guests;
use crate::sim::handlers::nodes::snapshot;
use crate::sim::props;
use crate::sim::tasks::is_able;
use serde_json::{Value, json};

/// GET /nodes/{node}/lxc
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let node = call.node();
    let rows: Vec<Value> = call
        .world
        .guests
        .values()
        .filter(|guest| guest.lxc && guest.node == node)
        .filter(|guest| call.may(&format!("/vms/{}", guest.vmid), "VM.Audit"))
        .map(|guest| guests::figures(call.world, guest))
        .collect();
    Ok(json!(rows).into())
}

/// GET /nodes/{node}/lxc/{vmid}/config
pub(super) fn config(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), true, call.vmid())?;
    if let Some(name) = call.args.get("snapshot") {
        if call.args.flag("current") {
            let text = "cannot use 'snapshot' parameter with 'current'".to_owned();
            let errors = [("snapshot".to_owned(), text.clone()), ("current".to_owned(), text)];
            return Err(Fail::Params(errors.into_iter().collect()));
        }
        let found = guest.snapshots.get(name);
        let found = found.ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist")))?;
        let mut map = snapshot::config_of(call.world, guest, found);
        map.insert("digest".to_owned(), json!(guest.digest()));
        return Ok(Value::Object(map).into());
    }
    Ok(guests::config(call.world, guest, call.args.flag("current")).into())
}

/// GET /nodes/{node}/lxc/{vmid}/pending
pub(super) fn pending(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), true, call.vmid())?;
    Ok(guests::pending(call.world, guest).into())
}

/// GET /nodes/{node}/lxc/{vmid}/status/current
pub(super) fn current(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), true, call.vmid())?;
    let mut value = guests::figures(call.world, guest);
    value["ha"] = guests::ha(call.world, guest);
    Ok(value.into())
}

/// GET /nodes/{node}/lxc/{vmid}/interfaces
pub(super) fn interfaces(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), true, call.vmid())?;
    if guest.run.is_none() {
        return Ok(Value::Null.into());
    }
    let mut rows =
        vec![json!({"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8", "inet6": "::1/128"})];
    for number in 0..32 {
        let Some(net) = guest.get(&format!("net{number}")) else { continue };
        let keys = props::keys(call.world.release, true, "net0", net);
        let mac = keys.get("hwaddr").map(|mac| mac.to_lowercase()).unwrap_or_default();
        let mut row = json!({"name": keys.get("name"), "hwaddr": mac});
        if let Some(ip) = call.world.address(guest, number) {
            row["inet"] = json!(format!("{ip}/24"));
        }
        rows.push(row);
    }
    Ok(json!(rows).into())
}

/// GET /nodes/{node}/lxc/{vmid}/feature
pub(super) fn feature(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), true, call.vmid())?;
    let snapshot = match call.args.get("snapname") {
        Some(name) => {
            let found = guest.snapshots.get(name);
            Some(found.ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist")))?)
        }
        None => None,
    };
    let config = snapshot.map_or(&guest.config, |snapshot| &snapshot.config);
    let able = is_able(call.world, config, true, call.args.text("feature"), snapshot.is_some());
    Ok(json!({"hasFeature": u8::from(able)}).into())
}
