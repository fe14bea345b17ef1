//! The named formats of the schema, each with the words of its refusal.
use super::check::matches_whole;
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
        return if name == "pve-vm-cpu-conf" { cpu(keys.get("cputype").map(String::as_str)) } else { Ok(()) };
    }
    if let Some(item) = name.strip_suffix("-list").or_else(|| name.strip_suffix("-alist")) {
        return list(value).try_for_each(|part| one(release, item, part));
    }
    match name.strip_suffix("-opt") {
        Some(_) if value.is_empty() => Ok(()),
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
        "pve-storage-path" => valid(value.starts_with('/') && !value.contains(".."), "absolute path"),
        "pve-storage-content" => {
            looks("images|rootdir|vztmpl|iso|backup|snippets|import|none", &format!("invalid content type '{value}'"))
        }
        "pve-storage-server" => valid(is_ip(value) || is_dns(value), "server name or IP address"),
        "dns-name" => valid(is_dns(value), "DNS name"),
        "email" | "email-or-username" => {
            valid(matches_whole(r"[\w\+\-\~]+(\.[\w\+\-\~]+)*@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*", value), "email address")
        }
        "ipv4" => valid(value.parse::<Ipv4Addr>().is_ok(), "IPv4 address"),
        "ipv6" => valid(value.parse::<Ipv6Addr>().is_ok(), "IPv6 address"),
        "ip" => valid(is_ip(value), "IP address"),
        "ipv4mask" => {
            valid(value.parse::<Ipv4Addr>().is_ok() || value.parse().is_ok_and(|n: u8| n <= 32), "IP netmask")
        }
        "CIDRv4" => valid(is_cidr4(value), "IPv4 CIDR network"),
        "CIDRv6" => valid(is_cidr6(value), "IPv6 CIDR network"),
        "CIDR" | "FullRangeCIDR" => valid(is_cidr4(value) || is_cidr6(value), "CIDR network"),
        "IPorCIDR" => valid(is_ip(value) || is_cidr4(value) || is_cidr6(value), "IP address or CIDR network"),
        "IPorCIDRorAlias" => valid(
            is_ip(value)
                || is_cidr4(value)
                || is_cidr6(value)
                || matches_whole("((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+", value),
            "IP address or CIDR network",
        ),
        "pve-ipv4-config" => valid(matches!(value, "dhcp" | "manual") || is_cidr4(value), "ipv4 network configuration"),
        "pve-ipv6-config" => {
            valid(matches!(value, "auto" | "dhcp" | "manual") || is_cidr6(value), "ipv6 network configuration")
        }
        "lxc-ip-with-ll-iface" => valid(is_ip(value.split('%').next().unwrap_or_default()), "IP address"),
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
                Err(format!("value '{value}' is no valid address\n"))
            }
        }
        "pve-startup-order" => startup(value),
        "pve-tag" => looks(r"(?i)[a-z0-9_][a-z0-9_\-\+\.]*", "invalid characters in tag"),
        "urlencoded" => looks(r"[-%a-zA-Z0-9_.!~*'()]*", &format!("invalid urlencoded string: {value}")),
        "pve-userid" => {
            if is_userid(value) {
                Ok(())
            } else {
                Err(format!("value '{value}' does not look like a valid user name\n"))
            }
        }
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
        "pve-poolid" => looks(
            r"[A-Za-z0-9\.\-_]+(/[A-Za-z0-9\.\-_]+){0,2}",
            &format!("pool name '{value}' contains invalid characters"),
        ),
        "pve-realm" => looks(r"[A-Za-z][A-Za-z0-9\.\-_]+", "value does not look like a valid realm"),
        "pve-iface" => {
            looks(r"(?i)[a-z][a-z0-9_]{1,20}([:\.]\d+)?", &format!("invalid network interface name '{value}'"))
        }
        "pve-bridge-id" => looks(r"[-_.\w\d]+", &format!("invalid bridge identifier '{value}'")),
        "disk-size" => valid(matches_whole(r"\d+(\.\d+)?[KMGT]?", value), "disk size"),
        "pve-volume-id" => volume_id(value),
        "pve-volume-id-or-qm-path" => {
            if matches!(value, "none" | "cdrom") || value.starts_with('/') {
                Ok(())
            } else {
                volume_id(value)
            }
        }
        "pve-volume-id-or-absolute-path" | "pve-lxc-mp-string" => {
            if value.starts_with('/') {
                Ok(())
            } else {
                volume_id(value)
            }
        }
        "pve-hotplug-features" => {
            looks("[01]|((network|disk|cpu|memory|usb|cloudinit)[,; ]*)*", "unable to parse hotplug option")
        }
        "pve-qm-bootdisk" => looks(r"(ide|sata|scsi|virtio)\d+", &format!("invalid boot disk '{value}'")),
        "pve-qm-bootdev" => bootdev(value),
        "pve-qm-ide" => Ok(()),
        "pve-fw-dport-spec" | "pve-fw-sport-spec" => ports(value),
        "pve-fw-addr-spec" => addresses(value),
        "pve-fw-protocol-spec" => looks("[a-z0-9-]+", &format!("protocol '{value}' not available")),
        _ => Ok(()),
    }
}

const NODE: &str = r"[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?";
const STORAGE: &str = r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]";

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

fn startup(value: &str) -> Result<(), String> {
    let fits = value.split(',').all(|part| matches_whole(r"(order=)?\d+|(up|down)=\d+", part.trim()));
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

fn ports(value: &str) -> Result<(), String> {
    for item in value.split(',') {
        let numbers: Vec<&str> = item.split(':').collect();
        for number in &numbers {
            let named = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
            if !named && number.parse::<u16>().is_err() {
                return Err(format!("invalid port '{number}'\n"));
            }
        }
    }
    Ok(())
}

fn addresses(value: &str) -> Result<(), String> {
    if value.starts_with('+') || matches_whole("((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+", value) {
        return Ok(());
    }
    for item in value.split(',') {
        let range = item.split_once('-').is_some_and(|(from, to)| is_ip(from) && is_ip(to));
        if !(range || is_ip(item) || is_cidr4(item) || is_cidr6(item)) {
            return Err(format!("invalid IP address or CIDR '{item}'\n"));
        }
    }
    Ok(())
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

fn cpu(model: Option<&str>) -> Result<(), String> {
    let model = model.unwrap_or("kvm64");
    if let Some(custom) = model.strip_prefix("custom-") {
        return Err(format!("Custom cputype '{custom}' not found\n"));
    }
    if CPUS.split_whitespace().any(|known| known == model) {
        Ok(())
    } else {
        Err(format!("Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)\n"))
    }
}
