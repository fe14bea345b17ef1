//! The named formats of the schema, each with the words of its refusal.
use super::check::matches_whole;
use super::firewall;
use super::permission;
use super::props;
use super::schema::SCHEMA;
use super::world::Release;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Splits a list as Proxmox VE does: commas, semicolons, spaces, NUL.
pub(crate) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\0', '\n', '\t']).filter(|item| !item.is_empty())
}

/// Judges a value; the error is what follows `invalid format - `.
pub(crate) fn check(release: Release, name: &str, value: &str, path: &str) -> Result<(), String> {
    if let Some(fields) = SCHEMA.fields(name) {
        let keys = props::parse(release, fields, value, path)?;
        return match name {
            "pve-vm-cpu-conf" => cpu(release, &keys),
            "prune-backups" => prune(&keys),
            _ => Ok(()),
        };
    }
    if let Some(item) = name.strip_suffix("-list") {
        return list(value).try_for_each(|part| one(release, item, part));
    }
    match name.strip_suffix("-opt") {
        Some(_) if matches!(value, "" | "0") => Ok(()),
        Some(item) => one(release, item, value),
        None => one(release, name, value),
    }
}

fn one(release: Release, name: &str, value: &str) -> Result<(), String> {
    let looks = |pattern: &str, text: &str| {
        if matches_whole(pattern, value) { Ok(()) } else { Err(format!("{text}\n")) }
    };
    let valid = |fits: bool, what: &str| {
        if fits { Ok(()) } else { Err(format!("value does not look like a valid {what}\n")) }
    };
    match name {
        "pve-vmid" => valid(matches_whole("[1-9][0-9]{2,8}", value), "VM ID"),
        "pve-node" => valid(matches_whole(NODE, value), "node name"),
        "pve-configid" => looks("(?i)[a-z][a-z0-9_-]+", &format!("invalid configuration ID '{value}'")),
        "pve-storage-id" => looks(STORAGE, &format!("storage ID '{value}' contains illegal characters")),
        "pve-storage-path" => valid(matches_start(value, "^/[^;()]+"), "absolute path"),
        "pve-storage-path-in-property-string" => {
            if matches_start(value, "^/[^;,=()]+") {
                Ok(())
            } else {
                let text = "Value does not look like a valid absolute path.";
                Err(format!("{text} These symbols are currently not allowed in path: ;,=()\n"))
            }
        }
        "pve-storage-vgname" => {
            looks(r"(?i)[a-z0-9][a-z0-9\-_.]*[a-z0-9]", &format!("lvm name '{value}' contains illegal characters"))
        }
        "pve-storage-portal-dns" => valid(is_portal(value), "portal address"),
        "pve-storage-options" => looks(r"\S+", &format!("invalid options '{value}'")),
        "pve-dir-override" => {
            let fits = matches_whole(r"([a-z]+)=([^.]*(?:\.?[^.]+)+)", value);
            if !fits {
                return Err(format!("invalid override '{value}'\n"));
            }
            one(release, "pve-storage-content", value.split('=').next().unwrap_or_default())
        }
        "pve-storage-content" => {
            looks("images|rootdir|vztmpl|iso|backup|snippets|import|none", &format!("invalid content type '{value}'"))
        }
        "pve-storage-server" => valid(is_ip(value) || is_dns(value), "server name or IP address"),
        "dns-name" => valid(is_dns(value), "DNS name"),
        "email" => valid(is_email(value), "email address"),
        "email-or-username" => valid(is_email(value) || matches_whole(EMAIL_USER, value), "email address or user name"),
        "ldap-simple-attr" => {
            looks("[a-zA-Z0-9]+", &format!("value '{value}' does not look like a simple ldap attribute name"))
        }
        "ipv4" => valid(value.parse::<Ipv4Addr>().is_ok(), "IPv4 address"),
        "ipv6" => valid(value.parse::<Ipv6Addr>().is_ok(), "IPv6 address"),
        "ip" => valid(is_ip(value), "IP address"),
        "ipv4mask" => valid(is_netmask(value), "IP netmask"),
        "CIDRv4" => valid(is_cidr4(value), "IPv4 CIDR network"),
        "CIDRv6" => valid(is_cidr6(value), "IPv6 CIDR network"),
        "CIDR" | "FullRangeCIDR" => valid(is_cidr4(value) || is_cidr6(value), "CIDR network"),
        "IPorCIDR" => ip_or_cidr(value),
        "IPorCIDRorAlias" if matches_whole(ALIAS, value) => Ok(()),
        "IPorCIDRorAlias" => ip_or_cidr(value),
        "pve-ipv4-config" => valid(matches!(value, "dhcp" | "manual") || is_cidr4(value), "ipv4 network configuration"),
        "pve-ipv6-config" => {
            valid(matches!(value, "auto" | "dhcp" | "manual") || is_cidr6(value), "ipv6 network configuration")
        }
        "lxc-ip-with-ll-iface" => {
            let fits = match value.split_once('%') {
                Some((ip, iface)) if ip.starts_with("fe80:") => is_ip(ip) && matches_whole(IFACE, iface),
                _ => is_ip(value),
            };
            valid(fits, "IP address")
        }
        "mac-addr" => {
            valid(matches_whole("[a-fA-F0-9][02468aceACE](:[a-fA-F0-9]{2}){5}", value), "unicast MAC address")
        }
        "mac-prefix" => {
            valid(matches_whole("[a-fA-F0-9][02468aceACE](:[a-fA-F0-9]{2}){0,2}:?", value), "MAC address prefix")
        }
        "address" => {
            if is_ip(value) || is_dns(value) {
                Ok(())
            } else {
                Err(format!("value does not look like a valid address: {value}\n"))
            }
        }
        "timezone" => timezone(value),
        "pve-ct-timezone" if value == "host" => Ok(()),
        "pve-ct-timezone" => timezone(value),
        "pve-vlan-id-or-range" => vlans(value),
        "storage-pair" => pair(release, "pve-storage-id", value),
        "bridge-pair" => pair(release, "pve-bridge-id", value),
        "pve-startup-order" => startup(value),
        "pve-tag" => looks(r"(?i)[a-z0-9_][a-z0-9_\-\+\.]*", "invalid characters in tag"),
        "urlencoded" => looks(r"[-%a-zA-Z0-9_.!~*'()]*", &format!("invalid urlencoded string: {value}")),
        "pve-userid" => userid(value),
        "pve-tokenid" => looks(
            r"[^\s:/]+@[A-Za-z][A-Za-z0-9\.\-_]+![A-Za-z][A-Za-z0-9\.\-_]+",
            &format!("value '{value}' does not look like a valid token ID"),
        ),
        "pve-priv" => {
            if permission::exists(release, value) {
                Ok(())
            } else {
                Err(format!("invalid privilege '{value}'\n"))
            }
        }
        "pve-roleid" => looks(r"[A-Za-z0-9\.\-_]+", &format!("role name '{value}' contains invalid characters")),
        "pve-groupid" => looks(r"[A-Za-z0-9\.\-_]+", &format!("group name '{value}' contains invalid characters")),
        "pve-poolid" => {
            if value.split('/').count() > 3 {
                return Err(format!("pool name '{value}' nested too deeply (max levels = 3)\n"));
            }
            looks(
                r"[A-Za-z0-9\.\-_]+(/[A-Za-z0-9\.\-_]+){0,2}",
                &format!("pool name '{value}' contains invalid characters"),
            )
        }
        "pve-realm" => looks(r"[A-Za-z][A-Za-z0-9\.\-_]+", "value does not look like a valid realm"),
        "pve-iface" => looks(IFACE, &format!("invalid network interface name '{value}'")),
        "pve-bridge-id" => looks(r"[-_.\w\d]+", &format!("invalid bridge ID '{value}'")),
        "disk-size" => {
            if matches_whole(r"\d+(\.\d+)?([KMGT](iB)?)?", value) {
                Ok(())
            } else {
                Err(format!("value does not look like a valid disk size: {value}\n"))
            }
        }
        "pve-task-status-type" => looks("(?i)(ok|error|warning|unknown)", &format!("invalid status '{value}'")),
        "pve-day-of-week" => looks("mon|tue|wed|thu|fri|sat|sun", &format!("invalid day '{value}'")),
        "pve-replication-job-id" => replication_id(value),
        "pve-calendar-event" => calendar(value),
        "pve-phys-bits" => {
            let fits = value == "host" || value.parse().is_ok_and(|bits: u32| (8..=64).contains(&bits));
            if fits { Ok(()) } else { Err("value must be an integer between 8 and 64 or 'host'\n".to_owned()) }
        }
        "pve-cpuset" => looks(r"\d+(-\d+)?(,\d+(-\d+)?)*", "unable to parse cpuset option"),
        "pve-acme-domain" => looks(
            r"(?i)[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+",
            &format!("value '{value}' does not look like a valid domain name!"),
        ),
        "pve-acme-alias" => looks(
            r"(?i)[a-z0-9_][a-z0-9_-]*(\.[a-z0-9_][a-z0-9_-]*)+",
            &format!("value '{value}' does not look like a valid alias name!"),
        ),
        "pve-ha-resource-id" => looks(r"(vm|ct):[1-9][0-9]{2,8}", &ha_sid(value)),
        "pve-ha-resource-or-vm-id" => looks(r"((vm|ct):)?[1-9][0-9]{2,8}", &ha_sid(value)),
        "pve-ha-group-node" | "pve-ha-node" => {
            if matches_whole(&format!("{NODE}(:\\d+)?"), value) {
                Ok(())
            } else {
                Err("value does not look like a valid ha group node\n".to_owned())
            }
        }
        "pve-volume-id" => volume_id(value),
        "pve-volume-id-or-qm-path" => {
            if matches!(value, "none" | "cdrom") || value.starts_with('/') {
                Ok(())
            } else {
                volume_id(value)
            }
        }
        "pve-volume-id-or-absolute-path" => {
            if value.starts_with('/') {
                Ok(())
            } else {
                volume_id(value)
            }
        }
        "pve-lxc-mp-string" => {
            if value.contains("/./") || value.contains("/../") || dots_end(value) || value.starts_with("../") {
                Err(format!("{value} contains illegal character sequences\n"))
            } else {
                Ok(())
            }
        }
        "pve-lxc-dev-string" => {
            if value.contains("/./") || value.contains("/../") || dots_end(value) || !value.starts_with("/dev/") {
                Err(format!("{value} is not a valid device path\n"))
            } else {
                Ok(())
            }
        }
        "pve-hotplug-features" => hotplug(value),
        "pve-qm-bootdisk" => {
            let fits = bootdev(value).is_ok() && matches_whole(r"(ide|sata|scsi|virtio)\d+", value)
                || matches!(value, "efidisk0" | "tpmstate0");
            if fits { Ok(()) } else { Err(format!("invalid boot disk '{value}'\n")) }
        }
        "pve-qm-bootdev" => bootdev(value),
        "pve-qm-ide" => Ok(()),
        "pve-fw-dport-spec" => firewall::ports(value, true),
        "pve-fw-sport-spec" => firewall::ports(value, false),
        "pve-fw-addr-spec" => firewall::addresses(value),
        "pve-fw-protocol-spec" => firewall::protocol(value),
        "pve-fw-icmp-type-spec" => firewall::icmp_type(value),
        "pve-fw-conntrack-helper" => firewall::helpers(value),
        _ => Ok(()),
    }
}

const NODE: &str = r"[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?";
const STORAGE: &str = r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]";
const IFACE: &str = r"(?i)[a-z][a-z0-9_]{1,20}([:\.]\d+)?";
const ALIAS: &str = "((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+";
const EMAIL_USER: &str = r"[\w+\-~]+(\.[\w+\-~]+)*";

fn is_email(value: &str) -> bool {
    matches_whole(&format!("{EMAIL_USER}@[a-zA-Z0-9-]+(\\.[a-zA-Z0-9-]+)*"), value)
}

/// Whether a text begins as a pattern says; what follows is free.
fn matches_start(value: &str, pattern: &str) -> bool {
    matches_whole(&format!("{}(?s:.*)", pattern.trim_start_matches('^')), value)
}

fn dots_end(value: &str) -> bool {
    value.ends_with("/.") || value.ends_with("/..")
}

fn ha_sid(value: &str) -> String {
    format!("unable to parse ha resource id '{value}'")
}

/// `user@realm`, as every user id looks.
pub(crate) fn is_userid(value: &str) -> bool {
    value.len() <= 64 && matches_whole(r"[^\s:/]+@[A-Za-z][A-Za-z0-9\.\-_]+", value)
}

fn is_dns(value: &str) -> bool {
    matches_whole(r"(([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)\.)*([A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?)", value)
}

fn is_ip(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

fn is_cidr4(value: &str) -> bool {
    value.split_once('/').is_some_and(|(ip, bits)| {
        ip.parse::<Ipv4Addr>().is_ok() && bits.parse().is_ok_and(|bits: u8| (8..=32).contains(&bits))
    })
}

fn is_cidr6(value: &str) -> bool {
    value.split_once('/').is_some_and(|(ip, bits)| {
        ip.parse::<Ipv6Addr>().is_ok() && bits.parse().is_ok_and(|bits: u8| (8..=128).contains(&bits))
    })
}

fn volume_id(value: &str) -> Result<(), String> {
    if matches_whole(r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]:.+", value) {
        Ok(())
    } else {
        Err(format!("unable to parse volume ID '{value}'\n"))
    }
}

fn userid(value: &str) -> Result<(), String> {
    let length = value.chars().count();
    if length < 3 {
        return Err(format!("user name '{value}' is too short\n"));
    }
    if length > 64 {
        return Err(format!("user name '{value}' is too long ({length} > 64)\n"));
    }
    if is_userid(value) { Ok(()) } else { Err(format!("value '{value}' does not look like a valid user name\n")) }
}

/// An address, or one with a prefix; a prefix that is too long is told in the words of the address library.
fn ip_or_cidr(value: &str) -> Result<(), String> {
    let (ip, bits) = value.split_once('/').map_or((value, None), |(ip, bits)| (ip, Some(bits)));
    let digits = bits.is_none_or(|bits| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()));
    let (Ok(address), true) = (ip.parse::<IpAddr>(), digits) else {
        return Err("value does not look like a valid IP address or CIDR network\n".to_owned());
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits.and_then(|bits| bits.parse::<u32>().ok()) {
        Some(bits) if bits > most => Err(format!("Prefix length {bits} is longer than IP address ({most})\n")),
        _ => Ok(()),
    }
}

fn is_netmask(value: &str) -> bool {
    value.parse::<Ipv4Addr>().is_ok_and(|mask| u32::from(mask).leading_ones() + u32::from(mask).trailing_zeros() >= 32)
}

fn is_portal(value: &str) -> bool {
    let bare = |host: &str| is_ip(host.trim_start_matches('[').trim_end_matches(']')) || is_dns(host);
    let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    bare(value) || value.rsplit_once(':').is_some_and(|(host, number)| bare(host) && port(number))
}

/// `UTC`, or `Area/City` of the time zone database; the simulator does not carry the table and judges the looks.
fn timezone(value: &str) -> Result<(), String> {
    if value == "UTC" || matches_whole(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_\-]+(/[A-Z][A-Za-z_\-]+)?", value) {
        return Ok(());
    }
    Err(format!("invalid time zone '{value}'\n"))
}

fn vlans(value: &str) -> Result<(), String> {
    if !matches_whole(r"\d+(-\d+)?", value) {
        return Err(format!("invalid VLAN configuration '{value}'\n"));
    }
    let tags: Vec<u64> = value.split('-').map(|tag| tag.parse().unwrap_or(u64::MAX)).collect();
    if let Some(tag) = tags.iter().find(|tag| !(2..=4094).contains(*tag)) {
        return Err(format!("invalid VLAN tag '{tag}'\n"));
    }
    match tags.as_slice() {
        [from, to] if from >= to => Err(format!("VLAN range must go from lower to higher tag '{value}'\n")),
        _ => Ok(()),
    }
}

/// One entry of a map of ids: `from:to`, `to` for all, or `1` for each to itself.
fn pair(release: Release, format: &str, value: &str) -> Result<(), String> {
    if value == "1" {
        return Ok(());
    }
    let parts: Vec<&str> = match value.split_once(':') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains(':') => vec![from, to],
        _ => vec![value],
    };
    let wrong = |problem: String| format!("entry '{value}' contains invalid ID - {problem}\n\n");
    parts.into_iter().try_for_each(|part| one(release, format, part).map_err(wrong))
}

fn replication_id(value: &str) -> Result<(), String> {
    let parsed =
        value.split_once('-').and_then(|(guest, job)| Some((guest.parse::<u32>().ok()?, job.parse::<u32>().ok()?)));
    match parsed {
        Some((guest, _)) if guest < 100 => {
            Err(format!("invalid replication job id '{value}' (guest IDs < 100 are reserved)\n"))
        }
        Some(_) => Ok(()),
        None => Err(format!("invalid replication job id '{value}'\n")),
    }
}

/// Only what is empty is refused: the recorded server's parser of calendar times took anything.
fn calendar(value: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        let text = "unable to parse calendar event - event is empty";
        return Err(format!("invalid calendar event '{value}' - {text}\n\n"));
    }
    Ok(())
}

fn hotplug(value: &str) -> Result<(), String> {
    if matches!(value, "0" | "1") {
        return Ok(());
    }
    let known = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
    match list(value).find(|feature| !known.contains(feature)) {
        Some(feature) => Err(format!("invalid hotplug feature '{feature}'\n")),
        None => Ok(()),
    }
}

/// Keeping everything goes with nothing else.
fn prune(keys: &props::Keys) -> Result<(), String> {
    let all = keys.get("keep-all").is_some_and(|value| value == "1");
    let other = keys.iter().any(|(key, value)| key != "keep-all" && value != "0");
    if all && other {
        return Err("keep-all cannot be set together with other options.\n".to_owned());
    }
    Ok(())
}

fn startup(value: &str) -> Result<(), String> {
    let mut parts = value.split(',').filter(|part| !part.trim().is_empty());
    let fits = !matches!(value, "" | "0") && parts.all(|part| matches_whole(r"(order=)?\d+|(up|down)=\d+", part));
    if fits { Ok(()) } else { Err("unable to parse startup options\n".to_owned()) }
}

fn bootdev(value: &str) -> Result<(), String> {
    let stem = value.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let most = match stem {
        "ide" => 3,
        "sata" => 5,
        "scsi" => 30,
        "virtio" | "hostpci" => 15,
        "net" => 31,
        "usb" => 13,
        _ => 0,
    };
    let fits = most > 0 && value[stem.len()..].parse().is_ok_and(|number: u32| number <= most);
    if fits { Ok(()) } else { Err(format!("invalid boot device '{value}'\n")) }
}

/// Built-in CPU models of qemu-server; custom ones carry a prefix.
const CPUS: &str = "486 athlon Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Cascadelake-Server \
    Cascadelake-Server-noTSX Cascadelake-Server-v2 Cascadelake-Server-v4 Cascadelake-Server-v5 Conroe Cooperlake \
    Cooperlake-v2 core2duo coreduo EPYC EPYC-Genoa EPYC-IBPB EPYC-Milan EPYC-Milan-v2 EPYC-Rome EPYC-Rome-v2 \
    EPYC-Rome-v3 EPYC-Rome-v4 EPYC-v3 EPYC-v4 GraniteRapids Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS host \
    Icelake-Client Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 \
    Icelake-Server-v5 Icelake-Server-v6 IvyBridge IvyBridge-IBRS KnightsMill kvm32 kvm64 max Nehalem Nehalem-IBRS \
    Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 Penryn pentium pentium2 pentium3 phenom qemu32 qemu64 \
    SandyBridge SandyBridge-IBRS SapphireRapids SapphireRapids-v2 Skylake-Client Skylake-Client-IBRS \
    Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS \
    Skylake-Server-v4 Skylake-Server-v5 Westmere Westmere-IBRS x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4";

/// Flags that a guest may be given.
const FLAGS: &[&str] = &[
    "pcid",
    "spec-ctrl",
    "ibpb",
    "ssbd",
    "virt-ssbd",
    "amd-ssbd",
    "amd-no-ssb",
    "pdpe1gb",
    "md-clear",
    "hv-tlbflush",
    "hv-evmcs",
    "aes",
];

fn cpu(release: Release, keys: &props::Keys) -> Result<(), String> {
    let Some(model) = keys.get("cputype") else { return Err("CPU is missing cputype\n".to_owned()) };
    if let Some(custom) = model.strip_prefix("custom-") {
        return Err(format!("Custom cputype '{custom}' not found\n"));
    }
    if !CPUS.split_whitespace().any(|known| known == model) {
        return Err(format!("Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)\n"));
    }
    let known = |flag: &str| FLAGS.contains(&flag) || (release == Release::V9_2 && flag == "nested-virt");
    if let Some(flags) = keys.get("flags")
        && !flags.split(';').all(|flag| flag.len() > 1 && known(&flag[1..]))
    {
        return Err(format!("VM-specific CPU flags must be a subset of: {}\n", FLAGS.join(", ")));
    }
    if keys.contains_key("reported-model") {
        return Err("Property 'reported-model' not allowed in VM-specific CPU config.\n".to_owned());
    }
    Ok(())
}
