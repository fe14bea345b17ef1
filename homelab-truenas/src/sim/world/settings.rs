//! What a fresh installation has: services, accounts, interfaces, settings.
use super::World;
use crate::sim::schema::Schema;
use serde_json::{Map, Value, json};

/// Settings that differ from what an empty value of their type would be, by namespace.
fn given(space: &str) -> Value {
    match space {
        "nfs" => json!({"id": 1, "protocols": ["NFSV3", "NFSV4"], "managed_nfsd": true}),
        "smb" => json!({"id": 1, "netbiosname": "truenas", "workgroup": "WORKGROUP", "description": "TrueNAS Server",
            "unixcharset": "UTF-8", "guest": "nobody", "filemask": "DEFAULT", "dirmask": "DEFAULT", "encryption": "DEFAULT",
            "server_sid": "S-1-5-21-1000-1000-1000"}),
        "ssh" => json!({"id": 1, "tcpport": 22, "sftp_log_level": "", "sftp_log_facility": "",
            "host_ed25519_key_pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2VmYWtlZmFrZWZha2VmYWtlZmFrZWZha2VmYWtl root@truenas"}),
        "ups" => {
            json!({"id": 1, "mode": "MASTER", "identifier": "ups", "monuser": "upsmon", "remoteport": 3493, "shutdown": "BATT",
            "shutdowntimer": 30, "hostsync": 15, "nocommwarntime": 300})
        }
        "mail" => json!({"id": 1, "port": 25, "security": "PLAIN", "fromemail": ""}),
        "network.configuration" => {
            json!({"id": 1, "hostname": "truenas", "hostname_local": "truenas", "domain": "local",
            "service_announcement": {"netbios": false, "mdns": true, "wsd": true},
            "activity": {"type": "DENY", "activities": []}})
        }
        "system.general" => {
            json!({"id": 1, "ui_httpsport": 443, "ui_port": 80, "ui_address": ["0.0.0.0"], "ui_v6address": ["::"],
            "ui_httpsprotocols": ["TLSv1.2", "TLSv1.3"], "ui_x_frame_options": "SAMEORIGIN", "kbdmap": "us",
            "timezone": "America/Los_Angeles", "usage_collection": true})
        }
        "system.advanced" => {
            json!({"id": 1, "boot_scrub": 7, "consolemenu": true, "serialport": "ttyS0", "serialspeed": "9600",
            "sed_user": "USER", "sysloglevel": "F_INFO", "powerdaemon": false, "autotune": false})
        }
        "systemdataset" => {
            json!({"id": 1, "pool": "boot-pool", "pool_set": false, "uuid": "0", "basename": "boot-pool/.system",
            "path": "/var/db/system"})
        }
        "iscsi.global" => json!({"id": 1, "basename": "iqn.2005-10.org.freenas.ctl", "listen_port": 3260}),
        "update" => json!({"id": 1, "autocheck": true, "profile": "GENERAL"}),
        _ => json!({"id": 1}),
    }
}

/// The services, whether they start with the system.
const SERVICES: [&str; 8] = ["cifs", "ftp", "iscsitarget", "nfs", "nvmet", "snmp", "ssh", "ups"];

/// Fills a world as an installation leaves it.
pub(super) fn fill(world: &mut World) {
    let schema = Schema::get();
    for space in schema.spaces().filter(|space| schema.method(&format!("{space}.config")).is_some()) {
        let mut settings = schema.answer(space).map(|answer| empty(schema, answer)).unwrap_or_default();
        if let Value::Object(own) = given(space) {
            settings.extend(own);
        }
        world.singletons.insert(space.to_owned(), settings);
    }
    for (n, service) in SERVICES.iter().enumerate() {
        world
            .table("service")
            .put(json!({"id": n + 1, "service": service, "enable": false, "state": "STOPPED", "pids": []}));
    }
    accounts(world);
    interface(world, "enp1s0", "52:54:00:00:00:01");
    interface(world, "enp2s0", "52:54:00:00:00:02");
}

/// What a singleton looks like before anybody set anything.
fn empty(schema: &Schema, answer: &Value) -> Map<String, Value> {
    let properties = schema.resolve(answer).get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, own)| (name.clone(), blank(schema, own))).collect()
}

fn blank(schema: &Schema, own: &Value) -> Value {
    let own = schema.resolve(own);
    if let Some(default) = own.get("default") {
        return default.clone();
    }
    if let Some(first) = own.get("enum").and_then(Value::as_array).and_then(|all| all.first()) {
        return first.clone();
    }
    let members = own.get("anyOf").and_then(Value::as_array);
    if let Some(members) = members {
        let nullable = members.iter().any(|member| member.get("type").and_then(Value::as_str) == Some("null"));
        return if nullable {
            Value::Null
        } else {
            members.first().map_or(Value::Null, |member| blank(schema, member))
        };
    }
    match own.get("type").and_then(Value::as_str) {
        Some("string") => own.get("const").cloned().unwrap_or_else(|| json!("")),
        Some("integer") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => Value::Object(empty(schema, own)),
        _ => Value::Null,
    }
}

fn accounts(world: &mut World) {
    for (id, gid, name) in
        [(1, 0, "root"), (40, 544, "builtin_administrators"), (41, 545, "builtin_users"), (42, 950, "truenas_admin")]
    {
        world.table("group").put(json!({"id": id, "gid": gid, "name": name, "group": name, "builtin": true, "immutable": true,
            "sudo_commands": [], "sudo_commands_nopasswd": [], "smb": false, "userns_idmap": null, "local": true, "sid": null,
            "roles": if gid == 544 { json!(["FULL_ADMIN"]) } else { json!([]) }, "users": []}));
    }
    world.table("user").put(user(1, 0, "root", 1, &[40]));
    world.table("privilege").put(json!({"id": 1, "builtin_name": "LOCAL_ADMINISTRATOR", "name": "Local Administrator",
        "local_groups": [544], "ds_groups": [], "roles": ["FULL_ADMIN"], "web_shell": true}));
}

/// A user of the system.
fn user(id: i64, uid: i64, name: &str, group: i64, groups: &[i64]) -> Value {
    json!({"id": id, "uid": uid, "username": name, "unixhash": "*", "smbhash": "*", "home": "/root", "shell": "/usr/bin/zsh",
        "full_name": name, "builtin": uid == 0, "smb": false, "userns_idmap": null, "group": group, "groups": groups,
        "password_disabled": uid == 0, "ssh_password_enabled": false, "sshpubkey": null, "locked": false, "sudo_commands": [],
        "sudo_commands_nopasswd": [], "email": null, "local": true, "immutable": true, "twofactor_auth_configured": false, "sid": null,
        "last_password_change": null, "password_age": null, "password_history": null, "password_change_required": false,
        "roles": ["FULL_ADMIN"], "api_keys": []})
}

fn interface(world: &mut World, name: &str, mac: &str) {
    world.table("interface").put(json!({"id": name, "name": name, "fake": false, "type": "PHYSICAL", "description": "", "mtu": null,
        "aliases": [], "ipv4_dhcp": name == "enp1s0", "ipv6_auto": false,
        "state": {"name": name, "orig_name": name, "description": "", "mtu": 1500, "cloned": false, "flags": ["UP"], "nd6_flags": [],
            "capabilities": [], "link_state": "LINK_STATE_UP", "media_type": "", "media_subtype": "", "active_media_type": "Ethernet",
            "active_media_subtype": "", "supported_media": [], "media_options": [], "link_address": mac,
            "permanent_link_address": mac, "hardware_link_address": mac, "rx_queues": 1, "tx_queues": 1, "aliases": []}}));
}

impl World {
    /// Sees to it that the first administrator is there, with a password.
    pub(in crate::sim) fn ensure_admin(&mut self, password: &str) {
        let there = self.rows("user").any(|row| row.get("username").and_then(Value::as_str) == Some("truenas_admin"));
        if !there {
            self.table("user").put(user(71, 950, "truenas_admin", 42, &[40]));
        }
        self.passwords.insert("truenas_admin".into(), password.into());
    }
}
