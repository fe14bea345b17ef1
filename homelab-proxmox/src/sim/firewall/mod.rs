//! Judging firewall rules with the firewall's own words: ports, addresses, protocols, macros.
mod check;
mod macros;

pub(crate) use check::{addresses, helpers, icmp_type, ports, protocol};
pub(crate) use macros::names;

use super::check::matches_whole;
use super::world::{Firewall, Texts};
use macros::conflict;

/// What kind of rules a rule is among; it decides what a rule may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    Cluster,
    Host,
    Guest { lxc: bool },
    Group,
}

impl Among {
    fn name(self) -> &'static str {
        match self {
            Among::Cluster => "cluster",
            Among::Host => "host",
            Among::Guest { lxc: true } => "ct",
            Among::Guest { lxc: false } => "vm",
            Among::Group => "group",
        }
    }

    fn types(self) -> &'static [&'static str] {
        match self {
            Among::Guest { .. } => &["in", "out", "group"],
            Among::Group => &["in", "out", "forward"],
            Among::Cluster | Among::Host => &["in", "out", "forward", "group"],
        }
    }
}

/// The configuration that a rule's names are looked up in: the cluster's, and the guest's or node's own.
pub(crate) struct Names<'f> {
    pub(crate) cluster: &'f Firewall,
    pub(crate) own: Option<&'f Firewall>,
}

const NAME: &str = "[A-Za-z][A-Za-z0-9_-]+";

impl Names<'_> {
    /// The address of an alias, its scope written in front or not.
    fn alias(&self, text: &str) -> Option<&str> {
        let (scope, bare) = text.split_once('/').map_or(("", text), |(scope, bare)| (scope, bare));
        let name = bare.to_lowercase();
        let own = self.own.filter(|_| scope != "dc").and_then(|own| own.aliases.get(&name));
        let found = own.or_else(|| self.cluster.aliases.get(&name).filter(|_| scope != "guest"));
        found.and_then(|alias| alias.get("cidr")).map(String::as_str)
    }

    fn has_alias(&self, text: &str) -> bool {
        let name = text.rsplit('/').next().unwrap_or_default().to_lowercase();
        self.cluster.aliases.contains_key(&name) || self.own.is_some_and(|own| own.aliases.contains_key(&name))
    }

    fn has_set(&self, name: &str) -> bool {
        self.cluster.ipsets.contains_key(name) || self.own.is_some_and(|own| own.ipsets.contains_key(name))
    }

    /// An alias that a set may hold, or the words of its absence.
    pub(crate) fn resolve(&self, text: &str) -> Result<(), String> {
        let bare = text.rsplit('/').next().unwrap_or_default();
        self.alias(text).map(|_| ()).ok_or_else(|| format!("no such alias '{bare}'"))
    }
}

/// Whether a text is an alias's name, with or without its scope.
pub(crate) fn is_alias(text: &str) -> bool {
    matches_whole(&format!("(dc/|guest/)?{NAME}"), text)
}

/// The version of IP that a rule is about; the error is the parameter that is wrong, and why.
pub(crate) fn judge(rule: &Texts, among: Among, names: &Names<'_>) -> Result<Option<u8>, (String, String)> {
    let wrong = |key: &str, text: String| Err((key.to_owned(), text.trim_end().to_owned()));
    let get = |key: &str| rule.get(key).map(String::as_str).filter(|text| !matches!(*text, "" | "0"));
    let (kind, action) = (get("type").unwrap_or_default(), get("action").unwrap_or_default());
    if !among.types().contains(&kind) {
        return wrong("type", format!("invalid rule type '{kind}' for rule_env '{}'", among.name()));
    }
    if kind == "group" {
        if !matches_whole(NAME, action) {
            return wrong("action", "invalid characters in security group name".to_owned());
        }
    } else if kind == "forward" && action == "REJECT" {
        return wrong("action", "cannot define REJECT rules on forward chain".to_owned());
    } else if !matches!(action, "ACCEPT" | "DROP" | "REJECT") {
        return wrong("action", format!("unknown action '{action}'"));
    }
    if let Some(iface) = get("iface") {
        if among == Among::Group {
            return wrong("type", "parameter -i not allowed for this rule type".to_owned());
        }
        if matches!(among, Among::Guest { .. }) && !matches_whole(r"net\d+", iface) {
            return wrong("iface", r"value does not match the regex pattern 'net\d+'".to_owned());
        }
    }
    if let Some(name) = get("macro").filter(|name| macros::find(name).is_none()) {
        return wrong("macro", format!("unknown macro '{name}'"));
    }
    let proto = get("proto");
    let icmp = proto.is_some_and(|proto| matches!(proto, "icmp" | "icmpv6" | "ipv6-icmp" | "1" | "58"));
    let mut version = match proto {
        Some("icmp") => Some(4),
        Some("icmpv6" | "ipv6-icmp") => Some(6),
        _ => None,
    };
    ports_of(get("dport"), "dport", proto, icmp, true)?;
    icmp_of(rule, proto, icmp)?;
    ports_of(get("sport"), "sport", proto, icmp, false)?;
    for key in ["source", "dest"] {
        let Some(text) = get(key) else { continue };
        let found = check::address_version(text).map_err(|problem| (key.to_owned(), problem.trim_end().to_owned()))?;
        version = merge(version, found).map_err(|problem| (key.to_owned(), problem))?;
        let alias = named(text, key, names)?;
        version = merge(version, alias).map_err(|problem| (key.to_owned(), problem))?;
    }
    if let Some((name, problem)) = get("macro").and_then(|name| conflict(name, rule, version)) {
        return wrong(&name, problem);
    }
    Ok(version)
}

fn merge(known: Option<u8>, found: Option<u8>) -> Result<Option<u8>, String> {
    match (known, found) {
        (Some(known), Some(found)) if known != found => Err("detected mixed ipv4/ipv6 addresses in rule".to_owned()),
        (known, found) => Ok(found.or(known)),
    }
}

/// A set or an alias must be there; an alias tells the version of its address.
fn named(text: &str, key: &str, names: &Names<'_>) -> Result<Option<u8>, (String, String)> {
    let wrong = |text: String| Err((key.to_owned(), text));
    if let Some(set) = text.strip_prefix('+') {
        let bare = set.trim_start_matches("guest/").trim_start_matches("dc/").trim_start_matches("sdn/");
        if !matches_whole(NAME, bare) {
            return wrong(format!("invalid ipset name '{text}'"));
        }
        return if names.has_set(bare) { Ok(None) } else { wrong(format!("no such ipset '{bare}'")) };
    }
    if !is_alias(text) {
        return Ok(None);
    }
    if !names.has_alias(text) {
        return wrong(format!("no such alias '{text}'"));
    }
    Ok(names.alias(text).map(|cidr| if cidr.contains(':') { 6 } else { 4 }))
}

fn ports_of(
    text: Option<&str>,
    key: &str,
    proto: Option<&str>,
    icmp: bool,
    dport: bool,
) -> Result<(), (String, String)> {
    let Some(text) = text else { return Ok(()) };
    let wrong = |key: &str, text: String| Err((key.to_owned(), text));
    if let Err(problem) = ports(text, dport && icmp) {
        return wrong(key, problem.trim_end().to_owned());
    }
    let Some(proto) = proto else {
        return wrong("proto", format!("missing property - '{key}' requires this property"));
    };
    let with_ports = ["udp", "17", "udplite", "136", "tcp", "6", "dccp", "33", "sctp", "132"];
    if !(with_ports.contains(&proto) || dport && icmp) {
        return wrong(key, format!("protocol '{proto}' does not support ports"));
    }
    Ok(())
}

fn icmp_of(rule: &Texts, proto: Option<&str>, icmp: bool) -> Result<(), (String, String)> {
    let Some(kind) = rule.get("icmp-type").filter(|kind| !kind.is_empty()) else { return Ok(()) };
    let wrong = |key: &str, text: String| Err((key.to_owned(), text));
    if !icmp {
        return wrong("proto", "missing property - 'icmp-type' requires this property".to_owned());
    }
    if rule.contains_key("dport") {
        return wrong("icmp-type", "'icmp-type' cannot be specified together with 'dport'".to_owned());
    }
    let proto = proto.unwrap_or_default();
    if !check::icmp_fits(kind, proto) {
        return wrong("icmp-type", format!("invalid icmp-type '{kind}' for proto '{proto}'"));
    }
    Ok(())
}
