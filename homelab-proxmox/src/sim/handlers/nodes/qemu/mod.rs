//! `/nodes/{node}/qemu/...`: virtual machines.
mod agent;
mod clone;
mod cloudinit;
mod config;
mod create;
mod disk;
mod migrate;
mod read;
mod rules;

pub(super) use rules::{bridges, public_keys};

use super::super::super::answer::Answer;
use super::super::super::call::Call;
use super::super::subdirs;
use super::{power, snapshot};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let rest = path.strip_prefix("/nodes/{node}/qemu")?;
    let rest = rest.strip_prefix("/{vmid}").map_or_else(|| format!("list{rest}"), |rest| rest.to_owned());
    if rest.starts_with("/agent") {
        return agent::route(call, method, &rest);
    }
    if rest.starts_with("/snapshot") {
        return snapshot::route(call, false, method, &rest);
    }
    if let Some(action) = rest.strip_prefix("/status").filter(|_| method == "POST") {
        return power::route(call, false, action.trim_start_matches('/'));
    }
    Some(match (method, rest.as_str()) {
        ("GET", "list") => read::list(call),
        ("POST", "list") => create::create(call),
        ("GET", "") => Ok(subdirs(INDEX)),
        ("DELETE", "") => create::destroy(call),
        ("GET", "/config") => read::config(call),
        ("PUT", "/config") => config::update(call, true),
        ("POST", "/config") => config::update(call, false),
        ("GET", "/pending") => read::pending(call),
        ("GET", "/status") => Ok(subdirs(&["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"])),
        ("GET", "/status/current") => read::current(call),
        ("POST", "/clone") => clone::clone(call),
        ("POST", "/template") => create::template(call),
        ("PUT", "/resize") => disk::resize(call),
        ("POST", "/move_disk") => disk::move_disk(call),
        ("PUT", "/unlink") => config::unlink(call),
        ("GET", "/migrate") => migrate::look(call),
        ("POST", "/migrate") => migrate::migrate(call),
        ("GET", "/cloudinit") => cloudinit::pending(call),
        ("PUT", "/cloudinit") => cloudinit::rebuild(call),
        ("GET", "/cloudinit/dump") => cloudinit::dump(call),
        ("POST", "/monitor") => read::monitor(call),
        ("PUT", "/sendkey") => read::sendkey(call),
        ("GET", "/feature") => read::feature(call),
        ("GET", "/rrddata") => Ok(serde_json::json!([]).into()),
        _ => return None,
    })
}

/// The index of a virtual machine, as recorded; it does not name everything there is.
const INDEX: &[&str] = &[
    "agent",
    "cloudinit",
    "config",
    "firewall",
    "migrate",
    "monitor",
    "move",
    "mtunnel",
    "pending",
    "remote_migrate",
    "resize",
    "rrd",
    "rrddata",
    "sendkey",
    "snapshot",
    "spiceproxy",
    "status",
    "termproxy",
    "unlink",
    "vncproxy",
];
