//! `/nodes/{node}/lxc/...`: containers.
mod config;
mod copy;
mod create;
mod disk;
mod read;
mod rules;

use super::super::subdirs;
use super::{power, snapshot};
use crate::sim::answer::Answer;
use crate::sim::call::Call;

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let rest = path.strip_prefix("/nodes/{node}/lxc")?;
    let rest = rest.strip_prefix("/{vmid}").map_or_else(|| format!("list{rest}"), |rest| rest.to_owned());
    if rest.starts_with("/snapshot") {
        return snapshot::route(call, true, method, &rest);
    }
    if let Some(action) = rest.strip_prefix("/status").filter(|_| method == "POST") {
        return power::route(call, true, action.trim_start_matches('/'));
    }
    Some(match (method, rest.as_str()) {
        ("GET", "list") => read::list(call),
        ("POST", "list") => create::create(call),
        ("GET", "") => Ok(subdirs(INDEX)),
        ("DELETE", "") => create::destroy(call),
        ("GET", "/config") => read::config(call),
        ("PUT", "/config") => config::update(call),
        ("GET", "/pending") => read::pending(call),
        ("GET", "/status") => Ok(subdirs(&["current", "start", "stop", "shutdown", "migrate"])),
        ("GET", "/status/current") => read::current(call),
        ("GET", "/interfaces") => read::interfaces(call),
        ("GET", "/feature") => read::feature(call),
        ("GET", "/rrddata") => Ok(serde_json::json!([]).into()),
        ("POST", "/clone") => copy::clone(call),
        ("POST", "/migrate") => copy::migrate(call),
        ("POST", "/template") => create::template(call),
        ("PUT", "/resize") => disk::resize(call),
        ("POST", "/move_volume") => disk::move_volume(call),
        _ => return None,
    })
}

const INDEX: &[&str] = &[
    "clone",
    "config",
    "firewall",
    "interfaces",
    "migrate",
    "pending",
    "resize",
    "rrd",
    "rrddata",
    "snapshot",
    "spiceproxy",
    "status",
    "termproxy",
    "vncproxy",
    "vncwebsocket",
];
