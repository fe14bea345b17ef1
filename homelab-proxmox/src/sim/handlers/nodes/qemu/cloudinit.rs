//! Cloud-init: what will be given to the guest, and what changed since.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::props;
use crate::sim::random;
use crate::sim::world::{Guest, Release};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Options that the listing is about.
const LISTED: &[&str] = &["cicustom", "cipassword", "citype", "ciuser", "nameserver", "searchdomain", "sshkeys"];

/// GET /nodes/{node}/qemu/{vmid}/cloudinit
pub(super) fn pending(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let mut rows: Vec<Value> = Vec::new();
    for key in LISTED {
        let now = guest.wanted(key);
        let given = guest.run.as_ref().map(|run| run.cloudinit.get(*key).map(String::as_str));
        let hidden = |text: &str| if *key == "cipassword" { json!("**********") } else { json!(text) };
        match (now, given) {
            (Some(now), Some(Some(old))) if now != old => {
                rows.push(json!({"key": key, "value": hidden(old), "pending": hidden(now)}));
            }
            (Some(now), Some(None)) => rows.push(json!({"key": key, "pending": hidden(now)})),
            (Some(now), _) => rows.push(json!({"key": key, "value": hidden(now)})),
            (None, Some(Some(old))) => rows.push(json!({"key": key, "value": hidden(old), "delete": 1})),
            (None, _) => {}
        }
    }
    Ok(json!(rows).into())
}

/// PUT /nodes/{node}/qemu/{vmid}/cloudinit: rebuilds the drive.
pub(super) fn rebuild(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    call.world.guest(&node, false, vmid)?.check_lock()?;
    call.lock(false, vmid)?;
    let guest = call.world.guest_mut(&node, false, vmid)?;
    let config = guest.config.clone();
    if let Some(run) = &mut guest.run {
        run.cloudinit = config.into_iter().filter(|(key, _)| LISTED.contains(&key.as_str())).collect();
    }
    Reply::done()
}

/// GET /nodes/{node}/qemu/{vmid}/cloudinit/dump
pub(super) fn dump(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let text = match call.args.text("type") {
        "user" => user(guest),
        "network" => network(call.world.release, guest),
        _ => format!(
            "instance-id: {}\n",
            random::digest(&format!("{}{}", user(guest), network(call.world.release, guest)))
        ),
    };
    if text.is_empty() {
        return Err(Fail::die("no cloud-init data"));
    }
    Ok(json!(text).into())
}

fn user(guest: &Guest) -> String {
    let name = guest.wanted("name").map_or_else(|| format!("VM{}", guest.vmid), str::to_owned);
    let (host, own) = name.split_once('.').map_or((name.as_str(), None), |(host, domain)| (host, Some(domain)));
    let domain = guest.wanted("searchdomain").map(str::trim).filter(|text| !text.is_empty()).or(own);
    let mut text = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\n");
    if let Some(domain) = own.or(domain) {
        let _ = writeln!(text, "fqdn: {host}.{domain}");
    }
    if let Some(user) = guest.wanted("ciuser") {
        let _ = writeln!(text, "user: {user}");
    }
    if let Some(password) = guest.wanted("cipassword") {
        let _ = writeln!(text, "password: {password}");
    }
    if let Some(keys) = guest.wanted("sshkeys") {
        text.push_str("ssh_authorized_keys:\n");
        let keys = percent_decode_str(keys).decode_utf8_lossy().into_owned();
        for key in keys.lines().map(str::trim).filter(|key| !key.is_empty()) {
            let _ = writeln!(text, "  - {key}");
        }
    }
    text.push_str("chpasswd:\n  expire: False\n");
    if guest.wanted("ciuser") != Some("root") {
        text.push_str("users:\n  - default\n");
    }
    if guest.wanted("ciupgrade") != Some("0") {
        text.push_str("package_upgrade: true\n");
    }
    text
}

fn netmask(bits: u32) -> String {
    let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits.min(32)) };
    std::net::Ipv4Addr::from(mask).to_string()
}

fn network(release: Release, guest: &Guest) -> String {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for number in 0..32 {
        let Some(net) = guest.wanted(&format!("net{number}")) else { continue };
        let Some(ip) = guest.wanted(&format!("ipconfig{number}")) else { continue };
        let mac = props::keys(release, false, "net0", net).remove("macaddr").unwrap_or_default();
        let keys = props::keys(release, false, "ipconfig0", ip);
        let _ = write!(
            text,
            "    - type: physical\n      name: eth{number}\n      mac_address: '{}'\n",
            mac.to_lowercase()
        );
        text.push_str("      subnets:\n");
        match keys.get("ip").map(String::as_str) {
            Some("dhcp") => text.push_str("      - type: dhcp4\n"),
            Some(cidr) => {
                let (address, bits) = cidr.split_once('/').unwrap_or((cidr, "32"));
                let mask = netmask(bits.parse().unwrap_or(32));
                let _ = write!(text, "      - type: static\n        address: '{address}'\n        netmask: '{mask}'\n");
                if let Some(gateway) = keys.get("gw") {
                    let _ = writeln!(text, "        gateway: '{gateway}'");
                }
            }
            None => {}
        }
        match keys.get("ip6").map(String::as_str) {
            Some("dhcp") => text.push_str("      - type: dhcp6\n"),
            Some("auto") => text.push_str("      - type: ipv6_slaac\n"),
            Some(cidr) => {
                let _ = write!(text, "      - type: static6\n        address: '{cidr}'\n");
                if let Some(gateway) = keys.get("gw6") {
                    let _ = writeln!(text, "        gateway: '{gateway}'");
                }
            }
            None => {}
        }
    }
    let servers: Vec<&str> = list(guest.wanted("nameserver").unwrap_or_default()).collect();
    let domains: Vec<&str> = list(guest.wanted("searchdomain").unwrap_or_default()).collect();
    if !servers.is_empty() || !domains.is_empty() {
        text.push_str("    - type: nameserver\n");
        if !servers.is_empty() {
            text.push_str("      address:\n");
            servers.iter().for_each(|server| text.push_str(&format!("      - '{server}'\n")));
        }
        if !domains.is_empty() {
            text.push_str("      search:\n");
            domains.iter().for_each(|domain| text.push_str(&format!("      - '{domain}'\n")));
        }
    }
    text
}
