//! Starting, stopping and suspending all guests of a node.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::quirks;
use crate::sim::tasks::{Job, Locks};

/// POST /nodes/{node}/startall, stopall and suspendall: one task that says what it begins, and one for each guest.
pub(super) fn all(call: &mut Call<'_>, action: &str) -> Answer {
    let node = call.node();
    let named: Vec<u32> = list(call.args.text("vms")).filter_map(|vmid| vmid.parse().ok()).collect();
    if named.is_empty() {
        call.need("/", &["VM.PowerMgmt"])?;
    }
    for vmid in &named {
        call.need(&format!("/vms/{vmid}"), &["VM.PowerMgmt"])?;
    }
    if let Some(missing) = named.iter().find(|vmid| !call.world.guests.contains_key(vmid)) {
        return Err(Fail::die(format!("no such guest '{missing}'")));
    }
    let force = call.args.flag("force");
    let wanted: Vec<(u32, bool)> = call
        .world
        .guests
        .values()
        .filter(|guest| guest.node == node && !guest.is_template())
        .filter(|guest| named.is_empty() || named.contains(&guest.vmid))
        .filter(|guest| match action {
            "startall" => guest.run.is_none() && (force || !named.is_empty() || guest.get("onboot") == Some("1")),
            "suspendall" => guest.run.is_some() && !guest.lxc,
            _ => guest.run.is_some(),
        })
        .map(|guest| (guest.vmid, guest.lxc))
        .collect();
    let upid = call.start(&node, action, "", Locks::none(), Job::Other { span: 1_000 });
    for (vmid, lxc) in wanted {
        let prefix = if lxc { "vz" } else { "qm" };
        let (name, job, line) = match action {
            "startall" => ("start", Job::Start { vmid, skiplock: false }, "Starting"),
            "suspendall" => ("suspend", Job::Pause { vmid, paused: true }, "Suspending"),
            _ => {
                let timeout = call.args.number("timeout").unwrap_or(quirks::SHUTDOWN_WAIT * 3);
                let force = call.args.get("force-stop").is_none_or(|text| text == "1");
                ("shutdown", Job::Shutdown { vmid, timeout, force, skiplock: false }, "Stopping")
            }
        };
        let kind = if lxc { "CT" } else { "VM" };
        if let Some(task) = call.world.tasks.iter_mut().find(|task| Some(task.upid.as_str()) == upid.as_str()) {
            task.say(format!("{line} {kind} {vmid}"));
        }
        call.start(&node, &format!("{prefix}{name}"), &vmid.to_string(), Locks::alone(vmid), job);
    }
    Ok(upid.into())
}
