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

fn act(call: &mut Call<'_>, lxc: bool, node: &str, vmid: u32, action: &str) -> Answer {
    call.only_root(&["skiplock", "migratedfrom", "machine", "stateuri", "targetstorage"])?;
    let kind = if lxc { "CT" } else { "VM" };
    let running = match call.world.guest(node, lxc, vmid) {
        Ok(guest) => guest.run.is_some(),
        // A missing virtual machine is only noticed by the task that starts it (pve-notes section 14).
        Err(_) if action == "start" && !lxc => false,
        Err(fail) => return Err(fail),
    };
    if !running && matches!(action, "reboot" | "reset" | "suspend" | "resume") {
        return Err(Fail::die(format!("{kind} {vmid} not running")));
    }
    let timeout = call.args.number("timeout");
    let (task, job) = match action {
        "start" => ("start", Job::Start { vmid }),
        "stop" => ("stop", Job::Stop { vmid }),
        "shutdown" => {
            let timeout = timeout.unwrap_or(if lxc { 60 } else { quirks::SHUTDOWN_WAIT });
            ("shutdown", Job::Shutdown { vmid, timeout, force: call.args.flag("forceStop") })
        }
        "reboot" => ("reboot", Job::Reboot { vmid, timeout: timeout.unwrap_or(quirks::SHUTDOWN_WAIT) }),
        "reset" => ("reset", Job::Reset { vmid }),
        "suspend" => (if lxc { "suspend" } else { "pause" }, Job::Pause { vmid, paused: true }),
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
