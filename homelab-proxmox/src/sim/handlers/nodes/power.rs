//! Starting and stopping guests: what is refused at once, and what the task finds out.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::quirks;
use crate::sim::tasks::{Job, Locks};
use serde_json::Value;

/// POST /nodes/{node}/{qemu,lxc}/{vmid}/status/{action}
pub(super) fn route(call: &mut Call<'_>, lxc: bool, action: &str) -> Option<Answer> {
    let (node, vmid) = (call.node(), call.vmid());
    let known = ["start", "stop", "shutdown", "reboot", "reset", "suspend", "resume"].contains(&action);
    if !known {
        return None;
    }
    Some(act(call, lxc, &node, vmid, action))
}

/// Options that only root@pam itself may pass, by the action.
fn roots_own(lxc: bool, action: &str) -> &'static [&'static str] {
    match action {
        "start" if !lxc => &[
            "stateuri",
            "skiplock",
            "migratedfrom",
            "migration_type",
            "migration_network",
            "targetstorage",
            "force-cpu",
            "nets-host-mtu",
        ],
        "stop" if !lxc => &["skiplock", "keepActive", "migratedfrom"],
        "shutdown" if !lxc => &["skiplock", "keepActive"],
        "resume" if !lxc => &["skiplock", "nocheck"],
        _ => &["skiplock"],
    }
}

fn act(call: &mut Call<'_>, lxc: bool, node: &str, vmid: u32, action: &str) -> Answer {
    for option in roots_own(lxc, action) {
        call.only_root(&[option])?;
    }
    if action == "start" && call.args.has("targetstorage") && !call.args.has("migratedfrom") {
        return Err(Fail::param("targetstorage", "targetstorage can only by used with migratedfrom."));
    }
    let kind = if lxc { "CT" } else { "VM" };
    let guest = call.world.guest(node, lxc, vmid);
    let (running, paused, suspended) = match &guest {
        Ok(guest) => {
            let paused = guest.run.as_ref().is_some_and(|run| run.paused);
            (guest.run.is_some(), paused, guest.get("lock") == Some("suspended"))
        }
        // A missing virtual machine is only noticed by the task that starts or stops it (pve-notes section 14).
        Err(_) if lxc || matches!(action, "start" | "stop" | "shutdown") => (false, false, false),
        Err(_) => return Err(Fail::die(quirks::no_config(node, vmid))),
    };
    let startup = guest.ok().and_then(|guest| guest.get("startup")).unwrap_or_default();
    let down = startup.split(',').find_map(|part| part.strip_prefix("down=")?.parse().ok());
    let force = call.args.flag("forceStop");
    if paused && !lxc && (action == "reboot" || (action == "shutdown" && !force)) {
        return Err(Fail::die("VM is paused - cannot shutdown"));
    }
    let needs_run = match action {
        "stop" | "shutdown" => lxc,
        "resume" => !lxc && !suspended,
        "start" => false,
        _ => true,
    };
    if !running && needs_run {
        let kind = if action == "reboot" { "VM" } else { kind };
        return Err(Fail::die(format!("{kind} {vmid} not running")));
    }
    if lxc && running && matches!(action, "start" | "resume") {
        return Err(Fail::die(format!("CT {vmid} already running")));
    }
    let sid = format!("{}:{vmid}", kind.to_lowercase());
    let managed = call
        .world
        .ha
        .resources
        .get(&sid)
        .is_some_and(|options| options.get("state").map(String::as_str) != Some("ignored"));
    if managed && matches!(action, "start" | "stop" | "shutdown") {
        if call.args.flag("overrule-shutdown") {
            return Err(Fail::param("overrule-shutdown", "Not applicable for HA resources."));
        }
        let begin = action == "start";
        let job = Job::AskHa { vmid, sid, start: begin };
        let name = if begin { "hastart" } else { "hastop" };
        return Ok(call.start(node, name, &vmid.to_string(), Locks::none(), job).into());
    }
    if action == "suspend" && call.args.flag("todisk") {
        return to_disk(call, node, vmid, managed);
    }
    let timeout = call.args.number("timeout");
    let wait = timeout.or(down).unwrap_or(quirks::SHUTDOWN_WAIT);
    let skiplock = call.args.flag("skiplock");
    let (task, job) = match action {
        "start" => ("start", Job::Start { vmid, skiplock }),
        "stop" => ("stop", Job::Stop { vmid, skiplock }),
        "shutdown" if paused && !lxc => ("shutdown", Job::Stop { vmid, skiplock }),
        "shutdown" => ("shutdown", Job::Shutdown { vmid, timeout: wait, force, skiplock }),
        "reboot" => ("reboot", Job::Reboot { vmid, timeout: wait }),
        "reset" => ("reset", Job::Reset { vmid }),
        "suspend" => (if lxc { "suspend" } else { "pause" }, Job::Pause { vmid, paused: true }),
        _ if suspended => ("resume", Job::Start { vmid, skiplock }),
        _ => ("resume", Job::Pause { vmid, paused: false }),
    };
    let overruled = if call.args.flag("overrule-shutdown") { overrule(call, vmid) } else { Vec::new() };
    let name = format!("{}{task}", if lxc { "vz" } else { "qm" });
    let upid: Value = call.start(node, &name, &vmid.to_string(), Locks::alone(vmid), job);
    if !overruled.is_empty() {
        let line = format!("overruled {name} tasks: {}", overruled.join(", ")).replacen("stop", "shutdown", 1);
        if let Some(task) = call.world.tasks.iter_mut().find(|task| Some(task.upid.as_str()) == upid.as_str()) {
            task.say(line);
        }
    }
    Ok(upid.into())
}

/// Suspending to a disk: the state goes to a volume, and the guest is locked until it is resumed.
fn to_disk(call: &mut Call<'_>, node: &str, vmid: u32, managed: bool) -> Answer {
    if managed {
        return Err(Fail::die("Cannot suspend HA managed VM to disk"));
    }
    call.need(&format!("/vms/{vmid}"), &["VM.Config.Disk"])?;
    let guest = call.world.guest(node, false, vmid)?;
    if guest.config.keys().any(|key| key.starts_with("hostpci")) {
        let text = "cannot suspend VM to disk due to passed-through PCI device(s), which lack the possibility to \
                    save/restore their internal state";
        return Err(Fail::die(text));
    }
    let own = guest.get("vmstatestorage").map(str::to_owned);
    let storage = call.args.get("statestorage").map(str::to_owned).or(own);
    let storage = storage.unwrap_or_else(|| call.world.state_storage(vmid));
    call.need(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    let job = Job::Hibernate { vmid, storage };
    Ok(call.start(node, "qmsuspend", &vmid.to_string(), Locks::alone(vmid), job).into())
}

/// Ends the shutdowns of a guest that are under way.
fn overrule(call: &mut Call<'_>, vmid: u32) -> Vec<String> {
    let id = vmid.to_string();
    let found: Vec<String> = call
        .world
        .tasks
        .iter()
        .filter(|task| task.exit().is_none() && task.id == id && task.kind.ends_with("shutdown"))
        .map(|task| task.upid.clone())
        .collect();
    for upid in &found {
        call.world.interrupt(upid);
    }
    found
}
