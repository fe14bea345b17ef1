//! The guest agent.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::handlers::{guests, named};
use crate::sim::quirks;
use serde_json::json;

/// The commands that the generic POST /agent knows.
const COMMANDS: &[&str] = &[
    "fsfreeze-freeze",
    "fsfreeze-status",
    "fsfreeze-thaw",
    "fstrim",
    "get-fsinfo",
    "get-host-name",
    "get-memory-block-info",
    "get-memory-blocks",
    "get-osinfo",
    "get-time",
    "get-timezone",
    "get-users",
    "get-vcpus",
    "info",
    "network-get-interfaces",
    "ping",
    "shutdown",
    "suspend-disk",
    "suspend-hybrid",
    "suspend-ram",
];

/// The handler of a method below /agent.
pub(super) fn route(call: &mut Call<'_>, method: &str, rest: &str) -> Option<Answer> {
    let command = rest.trim_start_matches("/agent").trim_start_matches('/').to_owned();
    if command.is_empty() && method == "GET" {
        return Some(Ok(named("name", COMMANDS)));
    }
    let command = if command.is_empty() { call.args.text("command").to_owned() } else { command };
    Some(ready(call).and_then(|()| answer(call, &command)))
}

/// Running, switched on, and answering; each has its own words (pve-notes section 8).
fn ready(call: &Call<'_>) -> Result<(), Fail> {
    let vmid = call.vmid();
    let guest = call.world.guest(&call.node(), false, vmid)?;
    if guest.run.is_none() {
        return Err(Fail::die(format!("VM {vmid} is not running")));
    }
    let never = guest.get("agent").is_none();
    if never {
        return Err(Fail::die("No QEMU guest agent configured"));
    }
    if !guests::has_agent(call.world, guest) || !call.world.agent_answers(guest) {
        return Err(Fail::die("QEMU guest agent is not running"));
    }
    Ok(())
}

fn answer(call: &mut Call<'_>, command: &str) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let result = match command {
        "network-get-interfaces" => call.world.agent_interfaces(guest),
        "get-host-name" => json!({"host-name": guest.name()}),
        "get-osinfo" => {
            json!({"id": "debian", "name": "Debian GNU/Linux", "version-id": "12", "kernel-release": "6.1.0"})
        }
        "get-time" => json!(call.world.now * 1_000_000),
        "get-timezone" => json!({"zone": "UTC", "offset": 0}),
        "get-users" => json!([]),
        "info" => json!({"version": "7.2.0", "supported_commands": []}),
        "fsfreeze-status" => json!("thawed"),
        "fsfreeze-freeze" | "fsfreeze-thaw" => json!(1),
        "exec" => return exec(call),
        "exec-status" => {
            return Ok(json!({"exited": 1, "exitcode": 0, "out-data": call.world.cloud_init_says(guest)}).into());
        }
        "file-read" => {
            let host_key = call.args.text("file") == "/etc/ssh/ssh_host_ed25519_key.pub";
            let content = if host_key { call.world.host_key(guest) } else { String::new() };
            return Ok(json!({ "content": content }).into());
        }
        "file-write" => return Ok(json!(null).into()),
        _ => json!({}),
    };
    Ok(json!({ "result": result }).into())
}

/// Only the usual directories hold programs; a missing one is answered late, with 596 (pve-notes section 14).
fn exec(call: &mut Call<'_>) -> Answer {
    let program = call.args.text("command").to_owned();
    let known = !program.starts_with('/')
        || ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].iter().any(|dir| program.starts_with(dir));
    if !known {
        let fail = Fail::Plain(596, "Connection timed out".to_owned());
        return Err(Fail::Late(quirks::EXEC_MISSING_DELAY, Box::new(fail)));
    }
    Ok(json!({"pid": call.world.new_pid()}).into())
}
