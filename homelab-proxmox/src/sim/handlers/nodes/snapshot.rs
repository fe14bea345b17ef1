//! Snapshots of virtual machines and containers.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::handlers::{guests, named};
use crate::sim::tasks::{Job, Locks};
use crate::sim::world::{Guest, Snapshot, World};
use serde_json::{Map, Value, json};

/// The handler of a method below /snapshot.
pub(super) fn route(call: &mut Call<'_>, lxc: bool, method: &str, rest: &str) -> Option<Answer> {
    Some(match (method, rest) {
        ("GET", "/snapshot") => list(call, lxc),
        ("POST", "/snapshot") => take(call, lxc),
        ("GET", "/snapshot/{snapname}") => Ok(named("cmd", &["rollback", "config"])),
        ("DELETE", "/snapshot/{snapname}") => drop(call, lxc),
        ("GET", "/snapshot/{snapname}/config") => config(call, lxc),
        ("PUT", "/snapshot/{snapname}/config") => describe(call, lxc),
        ("POST", "/snapshot/{snapname}/rollback") => rollback(call, lxc),
        _ => return None,
    })
}

fn list(call: &mut Call<'_>, lxc: bool) -> Answer {
    let guest = call.world.guest(&call.node(), lxc, call.vmid())?;
    let mut rows: Vec<Value> = Vec::new();
    for (name, snapshot) in &guest.snapshots {
        let mut row = json!({
            "name": name, "snaptime": snapshot.time, "description": snapshot.description.clone().unwrap_or_default(),
        });
        if !lxc {
            row["vmstate"] = json!(u8::from(snapshot.vmstate));
        }
        if let Some(parent) = &snapshot.parent {
            row["parent"] = json!(parent);
        }
        rows.push(row);
    }
    let running = u8::from(guest.run.is_some());
    let mut here =
        json!({"name": "current", "description": "You are here!", "digest": guest.digest(), "running": running});
    if let Some(parent) = guest.get("parent") {
        here["parent"] = json!(parent);
    }
    rows.push(here);
    Ok(json!(rows).into())
}

/// The options that a snapshot holds, with what it says of itself.
pub(super) fn config_of(world: &World, guest: &Guest, snapshot: &Snapshot) -> Map<String, Value> {
    let mut map = guests::texts_to_json(world, guest, &snapshot.config);
    map.insert("snaptime".to_owned(), json!(snapshot.time));
    map.remove("description");
    if let Some(description) = &snapshot.description {
        map.insert("description".to_owned(), json!(description));
    }
    if let Some(parent) = &snapshot.parent {
        map.insert("parent".to_owned(), json!(parent));
    }
    map
}

fn config(call: &mut Call<'_>, lxc: bool) -> Answer {
    let guest = call.world.guest(&call.node(), lxc, call.vmid())?;
    let snapshot = find(guest, call.args.text("snapname"))?;
    Ok(Value::Object(config_of(call.world, guest, snapshot)).into())
}

fn find<'g>(guest: &'g Guest, name: &str) -> Result<&'g Snapshot, Fail> {
    guest.snapshots.get(name).ok_or_else(|| Fail::die(format!("snapshot '{name}' does not exist")))
}

fn describe(call: &mut Call<'_>, lxc: bool) -> Answer {
    let (node, vmid, name) = (call.node(), call.vmid(), call.args.text("snapname").to_owned());
    let description = call.args.get("description").map(str::to_owned);
    if description.is_none() {
        return Reply::done();
    }
    call.lock(lxc, vmid)?;
    let guest = call.world.guest_mut(&node, lxc, vmid)?;
    guest.check_lock()?;
    find(guest, &name)?;
    if let (Some(description), Some(snapshot)) = (description, guest.snapshots.get_mut(&name)) {
        snapshot.description = Some(description);
    }
    Reply::done()
}

fn start(call: &mut Call<'_>, lxc: bool, kind: &str, job: Job) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    let kind = format!("{}{kind}", if lxc { "vz" } else { "qm" });
    Ok(call.start(&node, &kind, &vmid.to_string(), Locks::alone(vmid), job).into())
}

fn take(call: &mut Call<'_>, lxc: bool) -> Answer {
    let name = call.args.text("snapname").to_owned();
    let lower = name.to_lowercase();
    if name == "current" || (!lxc && lower == "pending") || (lxc && matches!(name.as_str(), "pending" | "vzdump")) {
        let shown = if lower == "pending" { &lower } else { &name };
        return Err(Fail::die(format!("unable to use snapshot name '{shown}' (reserved name)")));
    }
    call.world.guest(&call.node(), lxc, call.vmid())?;
    let description = call.args.get("description").map(str::to_owned);
    let job = Job::Snapshot { vmid: call.vmid(), name, description, vmstate: call.args.flag("vmstate") };
    start(call, lxc, "snapshot", job)
}

fn drop(call: &mut Call<'_>, lxc: bool) -> Answer {
    let name = call.args.text("snapname").to_owned();
    let job = Job::DropSnapshot { vmid: call.vmid(), name };
    start(call, lxc, "delsnapshot", job)
}

fn rollback(call: &mut Call<'_>, lxc: bool) -> Answer {
    let name = call.args.text("snapname").to_owned();
    let job = Job::Rollback { vmid: call.vmid(), name, start: call.args.flag("start") };
    start(call, lxc, "rollback", job)
}
