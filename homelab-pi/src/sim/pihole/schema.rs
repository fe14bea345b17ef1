//! The settings that the simulator knows: their types, defaults, and what Pi-hole says of a wrong value.
//!
//! Not all of Pi-hole's 150, but those that a lab has a reason to set. Defaults are those of FTL 6.4.1.
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    U16,
    U32,
    Text,
    Password,
    Choice(&'static [&'static str]),
    Texts,
}

/// One setting.
pub(super) struct Known {
    pub(super) path: &'static str,
    pub(super) ty: Type,
    default: &'static str,
    /// FTL starts itself anew after a change.
    pub(super) restarts: bool,
    /// A change ends all sessions.
    pub(super) ends_sessions: bool,
}

const fn known(path: &'static str, ty: Type, default: &'static str, restarts: bool) -> Known {
    Known { path, ty, default, restarts, ends_sessions: false }
}
const fn ending(path: &'static str, ty: Type) -> Known {
    Known { path, ty, default: "\"\"", restarts: false, ends_sessions: true }
}

const MODES: &[&str] = &["NULL", "IP_NODATA_AAAA", "IP", "NX", "NODATA"];
const EDNS: &[&str] = &["NONE", "CODE", "TEXT"];
const LISTENING: &[&str] = &["LOCAL", "SINGLE", "BIND", "ALL", "NONE"];

pub(super) const KNOWN: &[Known] = &[
    known("dns.upstreams", Type::Texts, "[]", true),
    known("dns.CNAMEdeepInspect", Type::Bool, "true", false),
    known("dns.blockESNI", Type::Bool, "true", false),
    known("dns.EDNS0ECS", Type::Bool, "true", false),
    known("dns.ignoreLocalhost", Type::Bool, "false", false),
    known("dns.showDNSSEC", Type::Bool, "true", false),
    known("dns.analyzeOnlyAandAAAA", Type::Bool, "false", false),
    known("dns.piholePTR", Type::Choice(&["NONE", "HOSTNAME", "HOSTNAMEFQDN", "PI.HOLE"]), "\"PI.HOLE\"", true),
    known("dns.replyWhenBusy", Type::Choice(&["BLOCK", "ALLOW", "REFUSE", "DROP"]), "\"ALLOW\"", false),
    known("dns.blockTTL", Type::U32, "2", false),
    known("dns.hosts", Type::Texts, "[]", false),
    known("dns.domainNeeded", Type::Bool, "false", true),
    known("dns.expandHosts", Type::Bool, "false", true),
    known("dns.domain.name", Type::Text, "\"lan\"", true),
    known("dns.domain.local", Type::Bool, "true", true),
    known("dns.bogusPriv", Type::Bool, "true", true),
    known("dns.dnssec", Type::Bool, "false", true),
    known("dns.interface", Type::Text, "\"\"", true),
    known("dns.hostRecord", Type::Text, "\"\"", true),
    known("dns.listeningMode", Type::Choice(LISTENING), "\"LOCAL\"", true),
    known("dns.queryLogging", Type::Bool, "true", true),
    known("dns.cnameRecords", Type::Texts, "[]", true),
    known("dns.port", Type::U16, "53", true),
    known("dns.localise", Type::Bool, "true", true),
    known("dns.revServers", Type::Texts, "[]", true),
    known("dns.cache.size", Type::U32, "10000", true),
    known("dns.cache.optimizer", Type::U32, "3600", true),
    known("dns.cache.upstreamBlockedTTL", Type::U32, "86400", false),
    known("dns.blocking.active", Type::Bool, "true", false),
    known("dns.blocking.mode", Type::Choice(MODES), "\"NULL\"", false),
    known("dns.blocking.edns", Type::Choice(EDNS), "\"TEXT\"", false),
    known("dns.specialDomains.mozillaCanary", Type::Bool, "true", false),
    known("dns.specialDomains.iCloudPrivateRelay", Type::Bool, "true", false),
    known("dns.specialDomains.designatedResolver", Type::Bool, "true", false),
    known("dns.rateLimit.count", Type::U32, "1000", false),
    known("dns.rateLimit.interval", Type::U32, "60", false),
    known("dhcp.active", Type::Bool, "false", true),
    known("ntp.ipv4.active", Type::Bool, "true", true),
    known("ntp.ipv6.active", Type::Bool, "true", true),
    known("ntp.sync.active", Type::Bool, "true", true),
    known("ntp.sync.server", Type::Text, "\"pool.ntp.org\"", true),
    known("resolver.resolveIPv4", Type::Bool, "true", false),
    known("resolver.resolveIPv6", Type::Bool, "true", false),
    known("resolver.networkNames", Type::Bool, "true", false),
    known("database.maxDBdays", Type::U32, "91", false),
    known("database.DBinterval", Type::U32, "60", false),
    known("webserver.domain", Type::Text, "\"pi.hole\"", true),
    known("webserver.port", Type::Text, "\"80o,443os,[::]:80o,[::]:443os\"", true),
    known("webserver.session.timeout", Type::U32, "1800", false),
    known("webserver.session.restore", Type::Bool, "true", false),
    known("webserver.api.max_sessions", Type::U16, "16", false),
    known("webserver.api.app_sudo", Type::Bool, "false", false),
    known("webserver.api.cli_pw", Type::Bool, "true", true),
    ending("webserver.api.password", Type::Password),
    ending("webserver.api.pwhash", Type::Text),
    ending("webserver.api.app_pwhash", Type::Text),
    ending("webserver.api.totp_secret", Type::Text),
    known("misc.privacylevel", Type::U16, "0", false),
    known("misc.etc_dnsmasq_d", Type::Bool, "false", true),
    known("misc.readOnly", Type::Bool, "false", false),
];

impl Known {
    pub(super) fn default(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or_default()
    }

    pub(super) const fn word(&self) -> &'static str {
        match self.ty {
            Type::Bool => "boolean",
            Type::U16 => "unsigned integer (16 bit)",
            Type::U32 => "unsigned integer",
            Type::Text => "string",
            Type::Password => "password (write-only string)",
            Type::Choice(_) => "enum (string)",
            Type::Texts => "string array",
        }
    }

    /// What Pi-hole says of a value of the wrong type.
    pub(super) fn wrong(&self, value: &Value) -> Option<String> {
        let says = |text: &str| Some(format!("{}: {text}", self.path));
        let whole = |limit: u64| value.as_u64().is_some_and(|n| n <= limit);
        match self.ty {
            Type::Bool if !value.is_boolean() => says("not of type bool"),
            Type::U16 if !whole(u64::from(u16::MAX)) => says("not of type unsigned integer (16bit)"),
            Type::U32 if !whole(u64::from(u32::MAX)) => says("not of type unsigned integer"),
            Type::Text | Type::Password if !value.is_string() => says("not of type string"),
            Type::Choice(_) if !value.is_string() => says("not of type string"),
            Type::Choice(all) if !value.as_str().is_some_and(|v| all.contains(&v)) => says("invalid option"),
            Type::Texts if !value.is_array() => says("not of type array"),
            Type::Texts if value.as_array().into_iter().flatten().any(|v| !v.is_string()) => {
                says("array has invalid elements")
            }
            _ => None,
        }
    }

    /// What Pi-hole says of a value of the right type that makes no sense.
    pub(super) fn senseless(&self, value: &Value) -> Option<String> {
        let items = value.as_array().into_iter().flatten().filter_map(Value::as_str).enumerate();
        let each = |check: fn(&str) -> Option<String>| {
            items.clone().find_map(|(n, item)| Some(format!("{}[{n}]: {}", self.path, check(item)?)))
        };
        match self.path {
            "dns.hosts" => each(wrong_host),
            "dns.cnameRecords" => each(|item| {
                (item.split(',').count() < 2).then(|| "not a valid CNAME definition (too few elements)".to_owned())
            }),
            "dns.revServers" => each(|item| {
                (item.split(',').count() < 3).then(|| {
                    "entry does not have all required elements (<enabled>,<ip-address>[/<prefix-len>],<server>[#<port>][,<domain>])"
                        .to_owned()
                })
            }),
            "dns.domain.name" => {
                let name = value.as_str().unwrap_or_default();
                let bad = name.contains(|c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c)));
                bad.then(|| format!("dns.domain.name: not a valid domain (\"{name}\")"))
            }
            _ => None,
        }
    }

    /// Whether dnsmasq itself would refuse to start with it; its words are not matched by anybody.
    pub(super) fn is_refused_by_dnsmasq(&self, value: &Value) -> bool {
        let mut items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        match self.path {
            "dns.upstreams" => items.any(|item| {
                let (ip, port) = item.split_once('#').unwrap_or((item, "53"));
                ip.parse::<IpAddr>().is_err() || port.parse::<u16>().is_err()
            }),
            "dns.cnameRecords" => items.any(|item| item.split(',').next() == item.split(',').nth(1)),
            _ => false,
        }
    }
}

/// A line is an address and names; comments and doubled blanks pass.
fn wrong_host(item: &str) -> Option<String> {
    let text = item.split('#').next().unwrap_or_default();
    let mut words = text.split_whitespace();
    let ip = words.next().unwrap_or_default();
    if ip.parse::<IpAddr>().is_err() {
        return Some(format!("neither a valid IPv4 nor IPv6 address (\"{ip}\")"));
    }
    let mut names = words.peekable();
    if names.peek().is_none() {
        return Some(format!("entry does not have at least one hostname (\"{item}\")"));
    }
    names.find(|name| name.split('.').any(str::is_empty)).map(|name| format!("invalid hostname (\"{name}\")"))
}

pub(super) fn find(path: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.path == path)
}

pub(super) fn defaults() -> Value {
    let mut tree = Value::Object(Map::new());
    for known in KNOWN {
        let mut at = &mut tree;
        for name in known.path.split('.') {
            if !at.is_object() {
                *at = json!({});
            }
            at = at
                .as_object_mut()
                .map_or_else(|| unreachable!("made above"), |map| map.entry(name).or_insert(Value::Null));
        }
        *at = known.default();
    }
    tree
}

pub(super) fn at_mut<'a>(tree: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(tree, |tree, name| tree.get_mut(name))
}
