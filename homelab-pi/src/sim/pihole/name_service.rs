//! The name service: what FTL's dnsmasq was seen to answer, in the order in which it decides.
use super::{
    domains,
    simulator::State,
    upstream::{Found, Rr, is_within, plain, record},
};
use crate::dns::{EDE, PAYLOAD, Via};
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType, rdata::opt::EdnsOption},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// "Blocked", "synthesized", "not ready", "network error", "invalid data" (RFC 8914).
const BLOCKED: u16 = 15;
const SYNTHESIZED: u16 = 29;
const NETWORK: u16 = 23;
const INVALID: u16 = 24;
const NOT_READY: u16 = 14;
/// Zones that are never asked for upstream (RFC 6761), besides the own domain.
const LOCAL_ZONES: [&str; 2] = ["test", "invalid"];

/// An answer in the making.
struct Reply {
    code: ResponseCode,
    records: Vec<Record>,
    extended: Option<(u16, String)>,
    authoritative: bool,
}

impl Reply {
    fn code(code: ResponseCode) -> Reply {
        Reply { code, records: vec![], extended: None, authoritative: false }
    }
    fn records(records: Vec<Record>) -> Reply {
        let authoritative = !records.is_empty();
        Reply { code: ResponseCode::NoError, records, extended: None, authoritative }
    }
    fn because(mut self, code: u16, text: &str) -> Reply {
        self.extended = Some((code, text.to_owned()));
        self
    }
}

/// Answers a message; nothing is silence.
pub(super) fn answer(state: &mut State, via: Via, bytes: &[u8]) -> Option<Vec<u8>> {
    let query = Message::from_vec(bytes).ok()?;
    if query.metadata.message_type != MessageType::Query {
        return None;
    }
    let reply = match (query.metadata.op_code, query.queries.as_slice()) {
        (OpCode::Query, [_]) => decide(state, via, &query)?,
        (OpCode::Query, _) => Reply::code(ResponseCode::Refused).because(INVALID, ""),
        _ => Reply::code(ResponseCode::NotImp),
    };
    let mut message = Message::new(query.metadata.id, MessageType::Response, query.metadata.op_code);
    message.metadata.recursion_desired = query.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.metadata.checking_disabled = query.metadata.checking_disabled;
    message.metadata.authoritative = reply.authoritative;
    message.metadata.response_code = reply.code;
    message.add_queries(query.queries.iter().cloned());
    message.add_answers(reply.records);
    if let Some(asked) = &query.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD).set_dnssec_ok(asked.flags().dnssec_ok);
        if let Some((code, text)) = reply.extended {
            let data = [&code.to_be_bytes()[..], text.as_bytes()].concat();
            edns.options_mut().insert(EdnsOption::Unknown(EDE, data));
        }
        message.set_edns(edns);
    }
    let whole = message.to_vec().ok()?;
    let room = query.edns.as_ref().map_or(512, |edns| edns.max_payload().clamp(512, PAYLOAD));
    if via == Via::Udp && whole.len() > usize::from(room) {
        let mut short = message.truncate();
        short.metadata.truncation = true;
        return short.to_vec().ok();
    }
    Some(whole)
}

fn decide(state: &mut State, via: Via, query: &Message) -> Option<Reply> {
    let question = &query.queries[0];
    let (name, kind) = (plain(question.name()), question.query_type());
    if question.query_class() == DNSClass::CH {
        return Some(chaos(state, &name));
    }
    state.asked = (state.asked.0 + 1, name.clone(), kind.to_string());
    if let Some(reply) =
        special(&name, kind).or_else(|| blocked(state, &name, kind)).or_else(|| local(state, &name, kind))
    {
        return Some(reply);
    }
    if state.world.lines("dns.upstreams").is_empty() {
        return Some(Reply::code(ResponseCode::Refused).because(NOT_READY, ""));
    }
    match state.world.upstream.resolve(&name, kind, query.metadata.checking_disabled) {
        Found::Answer(code, records) => {
            // What stands behind another name is blocked as well.
            let behind = records.iter().filter_map(|record| match &record.data {
                RData::CNAME(target) => Some(plain(&target.0)),
                _ => None,
            });
            let behind: Vec<String> = behind.collect();
            if let Some(mut reply) = behind.iter().find_map(|target| blocked(state, target, kind)) {
                let alias = records.into_iter().filter(|record| record.record_type() == RecordType::CNAME);
                reply.records = alias.chain(reply.records).collect();
                return Some(reply);
            }
            Some(Reply { code, records, extended: None, authoritative: false })
        }
        Found::Disbelieved(code) => Some(Reply::code(ResponseCode::ServFail).because(code, "")),
        // Over UDP there is silence, over TCP a refusal (pi-notes section 12).
        Found::Silence if via == Via::Udp => None,
        Found::Silence => Some(Reply::code(ResponseCode::Refused).because(NETWORK, "")),
    }
}

fn of(name: &str, ttl: u32, kind: &str, data: &str) -> Vec<Record> {
    record(name, ttl, &Rr { kind: kind.to_owned(), data: data.to_owned() }).into_iter().collect()
}

/// An address as the type that is asked for; nothing for another type.
fn address(name: &str, ttl: u32, kind: RecordType, addresses: &[IpAddr]) -> Vec<Record> {
    let fits = |ip: &&IpAddr| match kind {
        RecordType::A => ip.is_ipv4(),
        RecordType::AAAA => ip.is_ipv6(),
        RecordType::ANY => true,
        _ => false,
    };
    let word = |ip: &IpAddr| if ip.is_ipv4() { "A" } else { "AAAA" };
    addresses.iter().filter(fits).flat_map(|ip| of(name, ttl, word(ip), &ip.to_string())).collect()
}

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Names that Pi-hole answers by itself, whatever is configured.
fn special(name: &str, kind: RecordType) -> Option<Reply> {
    match name {
        "pi.hole" => {
            let records = address(name, 2, kind, &LOOPBACK);
            let reply = Reply::records(records.clone());
            Some(if records.is_empty() { reply } else { reply.because(SYNTHESIZED, "synthesized") })
        }
        "use-application-dns.net" | "mask.icloud.com" | "mask-h2.icloud.com" => {
            Some(Reply::code(ResponseCode::NXDomain).because(BLOCKED, "special"))
        }
        "_dns.resolver.arpa" => Some(Reply::code(ResponseCode::NoError).because(BLOCKED, "special")),
        _ if is_within(name, "localhost") => Some(Reply::records(address(name, 0, kind, &LOOPBACK))),
        "1.0.0.127.in-addr.arpa" if kind == RecordType::PTR => Some(Reply::records(of(name, 0, "PTR", "localhost."))),
        _ => None,
    }
}

/// What the lists and rules say.
fn blocked(state: &mut State, name: &str, kind: RecordType) -> Option<Reply> {
    if state.world.setting("dns.blocking.active") != true {
        return None;
    }
    let why = verdict(state, name, kind)?;
    let ttl = u32::try_from(state.world.setting("dns.blockTTL").as_u64().unwrap_or(2)).unwrap_or(2);
    let mode = state.world.setting("dns.blocking.mode").as_str().unwrap_or("NULL").to_owned();
    let nowhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let mut reply = match mode.as_str() {
        "NX" => Reply::code(ResponseCode::NXDomain),
        "NODATA" => Reply::code(ResponseCode::NoError),
        "IP" => Reply::records(address(name, ttl, kind, &LOOPBACK)),
        "IP_NODATA_AAAA" => Reply::records(address(name, ttl, kind, &LOOPBACK[..1])),
        _ => Reply::records(address(name, ttl, kind, &nowhere)),
    };
    // Why comes with the second answer only.
    let is_told = !state.told.insert((name.to_owned(), kind.into()));
    let edns = state.world.setting("dns.blocking.edns").as_str().unwrap_or("TEXT");
    if is_told && edns != "NONE" {
        reply = reply.because(BLOCKED, if edns == "TEXT" { why } else { "" });
    }
    Some(reply)
}

/// Allowed beats denied, one domain beats an expression, and rules beat lists.
fn verdict(state: &State, name: &str, kind: RecordType) -> Option<&'static str> {
    let counts = |groups: &[u32]| {
        // Everybody who asks here is in the default group.
        groups.contains(&0) && state.world.groups.iter().any(|group| group.id == 0 && group.enabled)
    };
    let exact = |kind: &str| {
        let mut rules = state.world.domains.iter().filter(|d| d.enabled && d.form == "exact" && counts(&d.groups));
        rules.any(|d| d.kind == kind && d.domain == name)
    };
    let regex = |word: &str| {
        let mut rules = state.world.domains.iter().filter(|d| d.enabled && d.form == "regex" && counts(&d.groups));
        rules.any(|d| {
            let (_, options) = domains::split(&d.domain);
            let types = options.iter().find_map(|option| option.strip_prefix("querytype="));
            let fits = types.is_none_or(|types| types.split(',').any(|ty| ty.eq_ignore_ascii_case(&kind.to_string())));
            d.kind == word && fits && domains::compile(&d.domain).is_ok_and(|regex| regex.is_match(name))
        })
    };
    let list = |kind: &str| {
        let mut lists = state.world.lists.iter().filter(|l| l.enabled && l.kind == kind && counts(&l.groups));
        lists.any(|l| l.domains.iter().any(|d| d == name))
    };
    if exact("allow") {
        None
    } else if exact("deny") {
        Some("denylist")
    } else if regex("allow") || list("allow") {
        None
    } else if list("block") {
        Some("gravity")
    } else if regex("deny") {
        Some("regex")
    } else {
        None
    }
}

/// Local records, other names, and the own domain, which is never asked for upstream.
fn local(state: &State, name: &str, kind: RecordType) -> Option<Reply> {
    let world = &state.world;
    let host = |name: &str| -> Vec<IpAddr> {
        let lines = world.lines("dns.hosts").into_iter().filter_map(|line| {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let ip = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(ip)
        });
        lines.collect()
    };
    let here = host(name);
    if !here.is_empty() {
        return Some(Reply::records(address(name, 0, kind, &here)));
    }
    let cname = world.lines("dns.cnameRecords").into_iter().find_map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let ttl = fields.last().and_then(|field| field.parse::<u32>().ok());
        let target = fields.len().checked_sub(1 + usize::from(ttl.is_some()))?;
        fields[..target].contains(&name).then(|| (fields[target].to_owned(), ttl.unwrap_or(0)))
    });
    if let Some((target, ttl)) = cname {
        let mut records = of(name, ttl, "CNAME", &format!("{target}."));
        // What is not local is not followed.
        if kind != RecordType::CNAME {
            records.extend(address(&target, 0, kind, &host(&target)));
        }
        return Some(Reply::records(records));
    }
    if kind == RecordType::PTR
        && let Some(ip) = reverse(name)
    {
        let mut lines = world.lines("dns.hosts").into_iter();
        let found = lines.find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next()?.parse::<IpAddr>().ok()? == IpAddr::V4(ip)).then(|| words.next().map(str::to_owned))?
        });
        return match found {
            Some(host) => Some(Reply::records(of(name, 0, "PTR", &format!("{host}.")))),
            None if ip.is_private() && world.setting("dns.bogusPriv") == true => {
                Some(Reply::code(ResponseCode::NXDomain))
            }
            None => None,
        };
    }
    let domain = world.setting("dns.domain.name").as_str().unwrap_or("lan");
    if name == domain && world.setting("dns.domain.local") == true {
        return Some(Reply::code(ResponseCode::NoError));
    }
    let own = LOCAL_ZONES.into_iter().chain([domain]).any(|zone| is_within(name, zone));
    own.then(|| Reply::code(ResponseCode::NXDomain))
}

fn reverse(name: &str) -> Option<Ipv4Addr> {
    let mut octets = name.strip_suffix(".in-addr.arpa")?.split('.').rev();
    let mut next = || octets.next()?.parse::<u8>().ok();
    Some(Ipv4Addr::new(next()?, next()?, next()?, next()?))
}

/// What a server says of itself.
fn chaos(state: &State, name: &str) -> Reply {
    let cache = state.world.setting("dns.cache.size").to_string();
    let text = match name {
        "version.bind" => "dnsmasq-pi-hole-v2.92test21",
        "authors.bind" => "Simon Kelley",
        "cachesize.bind" => &cache,
        "version.ftl" => "UNKNOWN (not a GIT build)",
        _ => return Reply::code(ResponseCode::NotImp),
    };
    let mut records = of(name, 0, "TXT", &format!("\"{text}\""));
    records.iter_mut().for_each(|record| record.dns_class = DNSClass::CH);
    Reply::records(records)
}
