//! `/nodes/{node}/services`: the programs that a node runs.
use crate::sim::answer::Answer;
use crate::sim::call::Call;
use crate::sim::handlers::subdirs;
use crate::sim::tasks::{Job, Locks};
use serde_json::{Value, json};

/// Those of a node as it is installed, with their units' descriptions; a minus says that it does not run here.
const ALL: &[(&str, &str)] = &[
    ("chrony", "chrony, an NTP client/server"),
    ("corosync", "-Corosync Cluster Engine"),
    ("cron", "Regular background program processing daemon"),
    ("ksmtuned", "Kernel Samepage Merging (KSM) Tuning Daemon"),
    ("postfix", "Postfix Mail Transport Agent"),
    ("proxmox-firewall", "Proxmox nftables firewall"),
    ("pve-cluster", "The Proxmox VE cluster filesystem"),
    ("pve-firewall", "Proxmox VE firewall"),
    ("pve-ha-crm", "PVE Cluster HA Resource Manager Daemon"),
    ("pve-ha-lrm", "PVE Local HA Resource Manager Daemon"),
    ("pvedaemon", "PVE API Daemon"),
    ("pvefw-logger", "Proxmox VE firewall logger"),
    ("pveproxy", "PVE API Proxy Server"),
    ("pvescheduler", "Proxmox VE scheduler"),
    ("pvestatd", "PVE Status Daemon"),
    ("spiceproxy", "PVE SPICE Proxy Server"),
    ("sshd", "OpenBSD Secure Shell server"),
    ("syslog", "-syslog.service"),
    ("systemd-journald", "Journal Service"),
    ("systemd-timesyncd", "-Network Time Synchronization"),
];

fn row(name: &str, description: &str) -> Value {
    let runs = !description.starts_with('-');
    json!({
        "service": name, "name": name, "desc": description.trim_start_matches('-'),
        "state": if runs { "running" } else { "dead" }, "active-state": if runs { "active" } else { "inactive" },
        "unit-state": if runs { "enabled" } else { "disabled" },
    })
}

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let (method, path) = key.split_once(' ')?;
    let rest = path.strip_prefix("/nodes/{node}/services")?;
    let name = call.args.text("service").to_owned();
    Some(match (method, rest) {
        ("GET", "") => Ok(json!(ALL.iter().map(|(name, text)| row(name, text)).collect::<Vec<_>>()).into()),
        ("GET", "/{service}") => Ok(subdirs(&["state", "start", "stop", "restart", "reload"])),
        ("GET", "/{service}/state") => {
            let text = ALL.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
            Ok(row(&name, text).into())
        }
        ("POST", action) => {
            let kind = format!("srv{}", action.rsplit('/').next().unwrap_or_default());
            let node = call.node();
            Ok(call.start(&node, &kind, &name, Locks::none(), Job::Other { span: 2_000 }).into())
        }
        _ => return None,
    })
}
