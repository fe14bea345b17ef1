//! Cloud-init: what will be given to the guest, and what changed since.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::handlers::guests;
use crate::sim::permission;
use crate::sim::props;
use crate::sim::random;
use crate::sim::world::{Guest, Texts, World};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Options that the listing is about.
const LISTED: &[&str] =
    &["cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "nameserver", "searchdomain", "sshkeys"];

/// GET /nodes/{node}/qemu/{vmid}/cloudinit: what the drive does not have yet is known of guests that changed while
/// they ran.
pub(super) fn pending(call: &mut Call<'_>) -> Answer {
    let release = call.world.release;
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    let shown = |key: &str, text: &str| guests::shown(release, false, key, text);
    let changed = &guest.cloudinit;
    let added = changed.get("added").map(String::as_str).unwrap_or_default();
    let mut rows: Vec<Value> =
        list(added).map(|key| json!({"key": key, "pending": guest.get(key).map(|text| shown(key, text))})).collect();
    for key in LISTED {
        let Some(now) = guest.get(key).filter(|text| *text != "0" && !added.contains(key)) else { continue };
        rows.push(match changed.get(*key) {
            Some(old) => json!({"key": key, "value": shown(key, old), "pending": shown(key, now)}),
            None => json!({"key": key, "value": shown(key, now)}),
        });
    }
    let gone = changed.keys().filter(|key| *key != "added" && guest.get(key).is_none());
    rows.extend(gone.map(|key| json!({"key": key, "delete": 1})));
    Ok(json!(rows).into())
}

/// PUT /nodes/{node}/qemu/{vmid}/cloudinit: rebuilds the drive, if there is one.
pub(super) fn rebuild(call: &mut Call<'_>) -> Answer {
    let (node, vmid) = (call.node(), call.vmid());
    call.lock(false, vmid)?;
    call.world.guest(&node, false, vmid)?.check_lock()?;
    call.world.guest_mut(&node, false, vmid)?.write_cloudinit();
    Reply::done()
}

/// GET /nodes/{node}/qemu/{vmid}/cloudinit/dump
pub(super) fn dump(call: &mut Call<'_>) -> Answer {
    let guest = call.world.guest(&call.node(), false, call.vmid())?;
    // The real code asks about a path that is nobody's own, so only rights from above count.
    let hidden = permission::need(call.world, &call.who, "/vms/0", &["VM.Config.Cloudinit"]).is_err();
    let plain = is_nocloud(guest);
    let network = if plain { network(call.world, guest)? } else { interfaces(call.world, guest)? };
    let id = || random::digest(&format!("{}{network}", user(guest, false)));
    let text = match call.args.text("type") {
        "user" => user(guest, hidden),
        "network" => network,
        _ if plain => format!("instance-id: {}\n", id()),
        _ => format!(
            "{{\n     \"uuid\": \"{}\",\n     \"network_config\": {{ \"content_path\": \"/content/0000\" }}\n}}\n",
            id()
        ),
    };
    Ok(json!(text).into())
}

/// Linux gets `nocloud`, Windows `configdrive2`, unless it is told otherwise.
fn is_nocloud(guest: &Guest) -> bool {
    match guest.get("citype") {
        Some(kind) => kind == "nocloud",
        None => !guest.get("ostype").is_some_and(|kind| kind.starts_with('w')),
    }
}

fn user(guest: &Guest, hidden: bool) -> String {
    let name = guest.get("name").map_or_else(|| format!("VM{}", guest.vmid), str::to_owned);
    let search = guest.get("searchdomain").filter(|text| !text.is_empty());
    let (host, full) = match (name.split_once('.'), search) {
        (Some((host, _)), _) => (host, name.clone()),
        (None, Some(search)) => (name.as_str(), format!("{name}.{search}")),
        (None, None) => (name.as_str(), name.clone()),
    };
    let mut text = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\nfqdn: {full}\n");
    let login = guest.get("ciuser");
    if let Some(login) = login {
        let _ = writeln!(text, "user: {login}");
    }
    if login == Some("root") {
        text.push_str("disable_root: False\n");
    }
    if let Some(password) = guest.get("cipassword") {
        let _ = writeln!(text, "password: {}", if hidden { "**********" } else { password });
    }
    if let Some(keys) = guest.get("sshkeys") {
        text.push_str("ssh_authorized_keys:\n");
        let keys = percent_decode_str(keys).decode_utf8_lossy().into_owned();
        for key in keys.lines().filter(|key| !key.trim().is_empty()) {
            let _ = writeln!(text, "  - {key}");
        }
    }
    text.push_str("chpasswd:\n  expire: False\n");
    if login != Some("root") {
        text.push_str("users:\n  - default\n");
    }
    if guest.get("ciupgrade") != Some("0") {
        text.push_str("package_upgrade: true\n");
    }
    text
}

/// Search domains and name servers: the guest's own, or its node's.
fn resolver(world: &World, guest: &Guest) -> (Vec<String>, Vec<String>) {
    let empty = Texts::new();
    let node = world.nodes.get(&guest.node).map_or(&empty, |node| &node.dns);
    let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let own = |key: &str| guest.get(key).map(split);
    let search = own("searchdomain").or_else(|| node.get("search").map(|text| split(text))).unwrap_or_default();
    let servers = || ["dns1", "dns2", "dns3"].iter().filter_map(|key| node.get(*key).cloned()).collect();
    (search, own("nameserver").unwrap_or_else(servers))
}

/// An address and its mask as four numbers.
fn split(cidr: &str) -> Result<(&str, String), Fail> {
    let (address, bits) = cidr.split_once('/').ok_or_else(|| Fail::die(format!("not a CIDR: {cidr}")))?;
    let bits: u32 = bits.parse().unwrap_or(32);
    let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits.min(32)) };
    Ok((address, std::net::Ipv4Addr::from(mask).to_string()))
}

/// Network devices that have addresses to be told, by the order of their names as texts.
fn told(guest: &Guest) -> impl Iterator<Item = (&str, &str, &str)> {
    guest.config.iter().filter_map(|(key, net)| {
        let number = key.strip_prefix("net").filter(|number| number.parse::<u32>().is_ok())?;
        Some((number, net.as_str(), guest.get(&format!("ipconfig{number}"))?))
    })
}

/// What `nocloud` is told of the network.
fn network(world: &World, guest: &Guest) -> Result<String, Fail> {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for (number, net, ip) in told(guest) {
        let mac = props::keys(world.release, false, "net0", net).remove("macaddr").unwrap_or_default().to_lowercase();
        let keys = props::keys(world.release, false, "ipconfig0", ip);
        let head = format!("    - type: physical\n      name: eth{number}\n      mac_address: '{mac}'\n");
        text.push_str(&head);
        text.push_str("      subnets:\n");
        match keys.get("ip").map(String::as_str) {
            Some("dhcp") => text.push_str("      - type: dhcp4\n"),
            Some(cidr) => {
                let (address, mask) = split(cidr)?;
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
    text.push_str("    - type: nameserver\n");
    let (domains, servers) = resolver(world, guest);
    for (what, items) in [("address", servers), ("search", domains)].iter().filter(|(_, items)| !items.is_empty()) {
        let _ = writeln!(text, "      {what}:");
        items.iter().for_each(|item| text.push_str(&format!("      - '{item}'\n")));
    }
    Ok(text)
}

/// What `configdrive2` is told of the network: a file of interfaces.
fn interfaces(world: &World, guest: &Guest) -> Result<String, Fail> {
    let mut text = "auto lo\niface lo inet loopback\n\n".to_owned();
    let (domains, servers) = resolver(world, guest);
    for (what, items) in [("dns_nameservers", servers), ("dns_search", domains)] {
        if !items.is_empty() {
            let _ = writeln!(text, "        {what} {}", items.join(" "));
        }
    }
    for (number, _, ip) in told(guest) {
        let keys = props::keys(world.release, false, "ipconfig0", ip);
        let _ = writeln!(text, "auto eth{number}");
        match keys.get("ip").map(String::as_str) {
            Some("dhcp") => {
                let _ = writeln!(text, "iface eth{number} inet dhcp");
            }
            Some(cidr) => {
                let (address, mask) = split(cidr)?;
                let _ = writeln!(text, "iface eth{number} inet static");
                let _ = write!(text, "        address {address}\n        netmask {mask}\n");
                if let Some(gateway) = keys.get("gw") {
                    let _ = writeln!(text, "        gateway {gateway}");
                }
            }
            None => {}
        }
        match keys.get("ip6").map(String::as_str) {
            Some(kind @ ("auto" | "dhcp")) => {
                let _ = writeln!(text, "iface eth{number} inet6 {kind}");
            }
            Some(cidr) => {
                let (address, bits) = cidr.split_once('/').unwrap_or((cidr, "128"));
                let _ = writeln!(text, "iface eth{number} inet6 static");
                let _ = write!(text, "        address {address}\n        netmask {bits}\n");
                if let Some(gateway) = keys.get("gw6") {
                    let _ = writeln!(text, "        gateway {gateway}");
                }
            }
            None => {}
        }
    }
    Ok(text)
}
