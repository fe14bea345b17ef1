//! What texts look like: names, addresses, domains.
use super::check::matches_whole;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const NODE: &str = r"[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?";
pub(super) const STORAGE: &str = r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]";
pub(super) const IFACE: &str = r"(?i)[a-z][a-z0-9_]{1,20}([:\.]\d+)?";
pub(super) const ALIAS: &str = "((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+";
pub(super) const EMAIL_USER: &str = r"[\w+\-~]+(\.[\w+\-~]+)*";

pub(super) fn is_email(value: &str) -> bool {
    matches_whole(&format!("{EMAIL_USER}@[a-zA-Z0-9-]+(\\.[a-zA-Z0-9-]+)*"), value)
}

/// Whether a text begins as a pattern says; what follows is free.
pub(super) fn matches_start(value: &str, pattern: &str) -> bool {
    matches_whole(&format!("{}(?s:.*)", pattern.trim_start_matches('^')), value)
}

pub(super) fn dots_end(value: &str) -> bool {
    value.ends_with("/.") || value.ends_with("/..")
}

pub(super) const HA_ID: &str = "value does not look like a valid ha resource id";

/// `user@realm`, as every user id looks.
pub(crate) fn is_userid(value: &str) -> bool {
    value.len() <= 64 && matches_whole(r"[^\s:/]+@[A-Za-z][A-Za-z0-9\.\-_]+", value)
}

pub(super) fn is_dns(value: &str) -> bool {
    matches_whole(r"(([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?)\.)*([A-Za-z0-9]([A-Za-z0-9\-]*[A-Za-z0-9])?)", value)
}

pub(super) fn is_ip(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

pub(super) fn is_cidr4(value: &str) -> bool {
    value.split_once('/').is_some_and(|(ip, bits)| {
        ip.parse::<Ipv4Addr>().is_ok() && bits.parse().is_ok_and(|bits: u8| (8..=32).contains(&bits))
    })
}

pub(super) fn is_cidr6(value: &str) -> bool {
    value.split_once('/').is_some_and(|(ip, bits)| {
        ip.parse::<Ipv6Addr>().is_ok() && bits.parse().is_ok_and(|bits: u8| (8..=128).contains(&bits))
    })
}
