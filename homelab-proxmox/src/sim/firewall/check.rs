//! Single values of a rule.
use super::is_alias;
use std::net::IpAddr;

/// Names of services that ports may be given as; a usual system knows some hundred more.
const SERVICES: &str = "echo discard daytime chargen ftp-data ftp ssh telnet smtp time whois domain tftp gopher finger \
    http kerberos pop3 sunrpc auth nntp ntp imap2 snmp snmp-trap bgp irc imap3 ldap https microsoft-ds kpasswd \
    submission submissions ldaps rtsp imaps pop3s syslog printer ipp nfs mysql postgresql rsync openvpn ms-sql-s \
    xmpp-client xmpp-server sip sip-tls mdns amqp redis http-alt isakmp l2tp radius radius-acct munin zabbix-agent git \
    svn";

const PROTOCOLS: &str = "ip icmp igmp ggp ipencap st tcp egp igp pup udp hmp xns-idp rdp iso-tp4 dccp xtp ddp idpr-cmtp \
    ipv6 ipv6-route ipv6-frag idrp rsvp gre esp ah skip ipv6-icmp icmpv6 ipv6-nonxt ipv6-opts rspf vmtp eigrp ospf \
    ax.25 ipip etherip encap pim ipcomp vrrp l2tp isis sctp fc mobility-header udplite mpls-in-ip manet hip shim6 wesp \
    rohc hopopt";

const ICMP: &str = "any echo-reply destination-unreachable network-unreachable host-unreachable protocol-unreachable \
    port-unreachable fragmentation-needed source-route-failed network-unknown host-unknown network-prohibited \
    host-prohibited TOS-network-unreachable TOS-host-unreachable communication-prohibited host-precedence-violation \
    precedence-cutoff source-quench redirect network-redirect host-redirect TOS-network-redirect TOS-host-redirect \
    echo-request router-advertisement router-solicitation time-exceeded ttl-zero-during-transit \
    ttl-zero-during-reassembly parameter-problem ip-header-bad required-option-missing timestamp-request \
    timestamp-reply address-mask-request address-mask-reply";

const ICMP6: &str = "destination-unreachable no-route communication-prohibited beyond-scope address-unreachable \
    port-unreachable failed-policy reject-route packet-too-big time-exceeded ttl-zero-during-transit \
    ttl-zero-during-reassembly parameter-problem bad-header unknown-header-type unknown-option echo-request echo-reply \
    router-solicitation router-advertisement neighbor-solicitation neighbour-solicitation neighbor-advertisement \
    neighbour-advertisement redirect";

fn knows(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// A list without gaps: what a split and a join leave unchanged.
fn items(text: &str) -> Result<Vec<&str>, String> {
    if text.is_empty() || text.ends_with(',') {
        return Err("extraneous commas in list\n".to_owned());
    }
    Ok(text.split(',').collect())
}

/// Ports by number, range or name; with `icmp`, types of ICMP as well.
pub(crate) fn ports(text: &str, icmp: bool) -> Result<(), String> {
    let (mut count, mut types) = (0, false);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("invalid port '{text}'\n"));
    for item in items(text)? {
        if let Some((from, to)) = item.split_once(':').filter(|(from, to)| digits(from) && digits(to)) {
            count += 2;
            if port(from)? > port(to)? {
                return Err(format!("backwards range '{from}:{to}' not allowed, did you mean '{to}:{from}'?\n"));
            }
        } else if digits(item) {
            count += 1;
            port(item)?;
        } else if icmp && (knows(ICMP, item) || knows(ICMP6, item)) {
            types = true;
        } else if !knows(SERVICES, item) {
            return Err(format!("invalid port '{item}'\n"));
        }
    }
    if types && count > 0 {
        return Err("ICMP ports not allowed in port range\n".to_owned());
    }
    if count > 15 {
        return Err("too many entries in port list (> 15 numbers)\n".to_owned());
    }
    Ok(())
}

/// Addresses as a rule's source or destination.
pub(crate) fn addresses(text: &str) -> Result<(), String> {
    address_version(text).map(|_| ())
}

/// The version of IP that addresses are of; a name tells nothing here.
pub(crate) fn address_version(text: &str) -> Result<Option<u8>, String> {
    if text.len() > 1 && text.starts_with('+') && !text.contains(char::is_whitespace) {
        return if text.len() > 65 { Err("ipset name too long\n".to_owned()) } else { Ok(None) };
    }
    if is_alias(text) {
        return if text.len() > 64 { Err("alias name too long\n".to_owned()) } else { Ok(None) };
    }
    let (all, mut version) = (items(text)?, None);
    let range = all.iter().any(|item| item.contains('-'));
    for item in &all {
        let found = one(item).map_err(|problem| format!("invalid IP address: {problem}\n"))?;
        if version.is_some_and(|version| version != found) {
            return Err(format!("detected mixed ipv4/ipv6 addresses in address list '{text}'\n"));
        }
        version = Some(found);
    }
    if range && all.len() > 1 {
        return Err("you can't use a range in a list\n".to_owned());
    }
    Ok(version)
}

/// One address, range or network, judged as the library does that the firewall uses.
fn one(text: &str) -> Result<u8, String> {
    if let Some((from, to)) = text.split_once('-') {
        let (first, last) = (single(from.trim())?, single(to.trim())?);
        if first > last {
            return Err(format!("begin address is greater than end address {from}-{to}"));
        }
        return Ok(if first.is_ipv4() { 4 } else { 6 });
    }
    let Some((ip, bits)) = text.split_once('/') else { return single(text).map(|ip| if ip.is_ipv4() { 4 } else { 6 }) };
    let address = single(ip)?;
    let (bytes, most, version) = match address {
        IpAddr::V4(ip) => (ip.octets().to_vec(), 32, 4),
        IpAddr::V6(ip) => (ip.octets().to_vec(), 128, 6),
    };
    let Ok(length) = bits.parse::<usize>() else { return Err(format!("Invalid prefix length /{bits}")) };
    if length > most {
        return Err(format!("Prefix length {length} is longer than IP address ({most})"));
    }
    let binary: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    if binary[length..].contains('1') {
        return Err(format!("Invalid prefix {binary}/{length}"));
    }
    Ok(version)
}

fn single(ip: &str) -> Result<IpAddr, String> {
    if let Ok(address) = ip.parse() {
        return Ok(address);
    }
    Err(if ip.contains(':') {
        format!("Invalid IP address {ip}")
    } else if !ip.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || ip.is_empty() {
        format!("Invalid chars in IP {ip}")
    } else if ip.starts_with('.') {
        format!("Invalid IP {ip} - starts with a dot")
    } else if ip.ends_with('.') {
        format!("Invalid IP {ip} - ends with a dot")
    } else if ip.matches('.').count() > 3 {
        format!("Invalid IP address {ip}")
    } else if ip.contains("..") {
        format!("Empty quad in IP address {ip}")
    } else if let Some(quad) = ip.split('.').find(|quad| quad.parse::<u8>().is_err()) {
        format!("Invalid quad in IP address {ip} - {quad}")
    } else {
        format!("Invalid IP address {ip}")
    })
}

/// A protocol by name or number.
pub(crate) fn protocol(text: &str) -> Result<(), String> {
    let numbered = text.parse::<u8>().is_ok();
    if matches!(text, "" | "0") || numbered || knows(PROTOCOLS, text) {
        return Ok(());
    }
    Err(format!("unknown protocol '{text}'\n"))
}

/// A type of ICMP, of either version.
pub(crate) fn icmp_type(text: &str) -> Result<(), String> {
    if text.is_empty() || knows(ICMP, text) || knows(ICMP6, text) {
        return Ok(());
    }
    Err(format!("invalid icmp-type value '{text}'\n"))
}

/// Whether a type is one of the protocol's.
pub(super) fn icmp_fits(kind: &str, proto: &str) -> bool {
    match proto {
        "icmp" => knows(ICMP, kind),
        "icmpv6" | "ipv6-icmp" => knows(ICMP6, kind),
        _ => true,
    }
}

/// Helpers of connection tracking.
pub(crate) fn helpers(text: &str) -> Result<(), String> {
    let known = "amanda ftp irc netbios-ns pptp sane sip snmp tftp";
    match items(text)?.into_iter().find(|helper| !knows(known, helper)) {
        Some(helper) => Err(format!("unknown helper {helper} at /usr/share/perl5/PVE/Firewall.pm line 1167.\n")),
        None => Ok(()),
    }
}
