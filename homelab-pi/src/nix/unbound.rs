//! Unbound: behind Pi-hole, on loopback, validating.
use super::expr::{Binding, Expr, bind};
use crate::{
    Pi,
    config::{UNBOUND, Upstream},
};

/// Addresses that no name of the Internet may lead to (RFC 1918, RFC 4193, RFC 3927, RFC 4291).
const PRIVATE: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fd00::/8", "fe80::/10"];

/// The module.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    vec![bind(
        "services.unbound",
        Expr::set([
            ("enable", Expr::Bool(true)),
            // The Pi asks Pi-hole, so that it sees what everybody sees.
            ("resolveLocalQueries", false.into()),
            ("enableRootTrustAnchor", true.into()),
            ("settings", settings(pi)),
        ]),
    )]
}

fn settings(pi: &Pi) -> Expr {
    let mut all = vec![bind("server", Expr::Set(server(pi)))];
    if let Upstream::ForwardTls(resolvers) = &pi.dns.upstream {
        let addresses = resolvers.iter().map(|r| format!("{}@853#{}", r.address, r.name));
        let zone = [bind("name", "."), bind("forward-tls-upstream", true), bind("forward-addr", Expr::list(addresses))];
        all.push(bind("forward-zone", vec![Expr::Set(zone.into())]));
    }
    Expr::Set(all)
}

fn server(pi: &Pi) -> Vec<Binding> {
    let small = pi.board.is_small();
    let zone = format!("{}.", pi.dns.domain);
    let mut all = vec![
        bind("interface", Expr::list([UNBOUND.ip()])),
        bind("port", UNBOUND.port()),
        bind("access-control", Expr::list(["127.0.0.0/8 allow"])),
        // The networks of a lab are IPv4 ones.
        bind("do-ip6", false),
        bind("num-threads", 1u32),
        bind("hide-identity", true),
        bind("hide-version", true),
        bind("harden-glue", true),
        bind("harden-dnssec-stripped", true),
        bind("use-caps-for-id", false),
        // What passes every network without being split (the DNS flag day of 2020).
        bind("edns-buffer-size", 1232u32),
        bind("qname-minimisation", true),
        bind("prefetch", true),
        bind("msg-cache-size", if small { "25m" } else { "50m" }),
        bind("rrset-cache-size", if small { "50m" } else { "100m" }),
        // What was known goes on being answered while the line is down.
        bind("serve-expired", true),
        bind("serve-expired-client-timeout", 1800u32),
        bind("private-address", Expr::list(PRIVATE)),
        // Our own names are Pi-hole's; what it does not know of them nobody does.
        bind("domain-insecure", Expr::list([quoted(&zone)])),
        bind("local-zone", Expr::list([format!("{} static", quoted(&zone))])),
    ];
    if matches!(pi.dns.upstream, Upstream::ForwardTls(_)) {
        all.push(bind("tls-cert-bundle", "/etc/ssl/certs/ca-certificates.crt"));
    }
    all
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The same as the text of an `unbound.conf`, for trying it without NixOS: with another port and without a trust anchor's file.
#[must_use]
pub fn unbound_conf(pi: &Pi, port: u16) -> String {
    let Expr::Set(sections) = settings(pi) else { return String::new() };
    let mut out = String::new();
    for (section, value) in &sections {
        let all = match value {
            Expr::List(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        for one in all {
            out.push_str(&format!("{section}:\n"));
            let Expr::Set(bindings) = one else { continue };
            bindings.iter().for_each(|(name, value)| line(&mut out, name, value, port));
        }
    }
    out
}

fn line(out: &mut String, name: &str, value: &Expr, port: u16) {
    match value {
        Expr::List(items) => items.iter().for_each(|item| line(out, name, item, port)),
        Expr::Bool(b) => out.push_str(&format!("  {name}: {}\n", if *b { "yes" } else { "no" })),
        Expr::Int(_) if name == "port" => out.push_str(&format!("  port: {port}\n")),
        Expr::Int(n) => out.push_str(&format!("  {name}: {n}\n")),
        Expr::Str(text) => out.push_str(&format!("  {name}: {text}\n")),
        _ => {}
    }
}
