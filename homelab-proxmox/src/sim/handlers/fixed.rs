//! What a fresh installation answers where nothing is simulated behind it: indexes, and lists without entries.
use super::super::answer::Answer;
use super::super::call::Call;
use super::{named, subdirs};
use crate::sim::world::Release;
use serde_json::json;

/// Lists that are empty, as long as nobody can add to them.
const EMPTY: &[&str] = &[
    "/cluster/acme/account",
    "/cluster/acme/plugins",
    "/cluster/backup-info/not-backed-up",
    "/cluster/jobs/realm-sync",
    "/cluster/metrics/server",
    "/cluster/notifications/endpoints/gotify",
    "/cluster/notifications/endpoints/smtp",
    "/cluster/notifications/endpoints/webhook",
    "/cluster/sdn/controllers",
    "/cluster/sdn/dns",
    "/cluster/sdn/vnets",
    "/cluster/sdn/zones",
    "/nodes/{node}/ceph",
    "/nodes/{node}/disks/directory",
    "/nodes/{node}/disks/list",
    "/nodes/{node}/disks/zfs",
    "/nodes/{node}/scan/lvm",
    "/nodes/{node}/scan/zfs",
    "/nodes/{node}/hardware/usb",
];

/// The answer of a method, if it is one of these.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    let path = key.strip_prefix("GET ")?;
    if EMPTY.contains(&path) {
        return Some(Ok(json!([]).into()));
    }
    Some(Ok(match path {
        "/cluster/acme" => named("name", &["account", "challenge-schema", "directories", "meta", "plugins", "tos"]),
        "/cluster/backup-info" => subdirs(&["not-backed-up"]),
        "/cluster/config" => named("name", &["apiversion", "join", "nodes", "qdevice", "totem"]),
        "/cluster/config/apiversion" => json!(1).into(),
        "/cluster/config/qdevice" | "/cluster/config/totem" => json!({}).into(),
        "/cluster/ha/status/manager_status" => {
            let quorate = u8::from(call.world.is_quorate());
            let quorum = json!({"node": call.world.entry_node(), "quorate": quorate.to_string()});
            json!({"manager_status": {}, "quorum": quorum, "lrm_status": {}}).into()
        }
        "/cluster/jobs" => subdirs(&["realm-sync", "schedule-analyze"]),
        "/cluster/metrics" => named("name", &["export", "server"]),
        "/cluster/notifications" => {
            named("name", &["endpoints", "matcher-field-values", "matcher-fields", "matchers", "targets"])
        }
        "/cluster/notifications/endpoints" => named("name", &["gotify", "sendmail", "smtp", "webhook"]),
        "/cluster/notifications/matchers" => json!([{
            "name": "default-matcher", "mode": "all", "invert-match": false, "target": ["mail-to-root"],
            "comment": "Route all notifications to mail-to-root", "origin": "builtin", "disable": false,
        }])
        .into(),
        "/cluster/notifications/endpoints/sendmail" => json!([{
            "name": "mail-to-root", "mailto-user": ["root@pam"], "comment": "Send mails to root@pam's email address",
            "origin": "builtin", "disable": false,
        }])
        .into(),
        "/cluster/notifications/targets" => json!([{
            "name": "mail-to-root", "type": "sendmail", "comment": "Send mails to root@pam's email address",
            "origin": "builtin", "disable": false,
        }])
        .into(),
        "/cluster/sdn" => named("id", &["controllers", "dns", "ipams", "vnets", "zones"]),
        "/cluster/sdn/ipams" => json!([{"ipam": "pve", "type": "pve"}]).into(),
        "/nodes/{node}/apt/repositories" => {
            json!({"digest": "0".repeat(64), "errors": [], "files": [], "infos": [], "standard-repos": []}).into()
        }
        "/nodes/{node}/capabilities/qemu" => named("subdir", &["cpu", "machines", "migration"]),
        "/nodes/{node}/certificates" => named("name", &["acme", "custom", "info"]),
        "/nodes/{node}/disks" => {
            named("name", &["directory", "initgpt", "list", "lvm", "lvmthin", "smart", "wipedisk", "zfs"])
        }
        "/nodes/{node}/disks/lvm" => json!({"leaf": 0, "children": []}).into(),
        "/nodes/{node}/disks/lvmthin" | "/nodes/{node}/scan/lvmthin" => json!([]).into(),
        "/nodes/{node}/sdn" => named("id", &["zones"]),
        "/nodes/{node}/sdn/zones" => json!([{"zone": "localnetwork", "status": "available"}]).into(),
        "/nodes/{node}/vzdump/defaults" => json!({"mode": "snapshot", "remove": 1, "tmpdir": "/var/tmp"}).into(),
        "/nodes/{node}/qemu/{vmid}/rrd" | "/nodes/{node}/rrd" if call.world.release == Release::V8_4 => {
            json!({"filename": ""}).into()
        }
        _ => return None,
    }))
}
