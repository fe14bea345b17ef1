//! Unbound's settings, typed, in one place: `services.unbound.settings` of the Nix configuration and an `unbound.conf` are both
//! rendered from what is here.
//!
//! Values and names are those of unbound.conf(5) 1.13 to 1.22; `unbound-checkconf` passes what [`Unbound::conf`] writes.
use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

/// Where Pi-hole asks it.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5335);
/// What it answers from an old record, when upstream does not within this time, in milliseconds (RFC 8767).
const CLIENT_PATIENCE: u64 = 1800;
/// Networks that no public name may point at (rebinding): RFC 1918, link-local and unique local addresses.
const PRIVATE: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fd00::/8", "fe80::/10"];

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upstream {
    /// From the authorities themselves. Needs port 53 to the whole world.
    Recursive,
    /// From these resolvers, over TLS: for networks whose provider hijacks port 53.
    ForwardTls(Vec<TlsResolver>),
}

/// A resolver that is asked over TLS (port 853).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TlsResolver {
    /// Its address.
    pub address: IpAddr,
    /// The name that its certificate must have.
    pub name: String,
}

/// How much memory its caches may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// 25 MiB of messages and 50 MiB of records: a Pi with 1 GB.
    Small,
    /// Twice as much.
    Normal,
}

/// A validating resolver for one Pi-hole, on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where answers come from.
    pub upstream: Upstream,
    /// How much memory its caches may take.
    pub memory: Memory,
    /// Whether the network has a way to IPv6.
    pub ipv6: bool,
    /// Domains of the own network: never asked upstream and never validated, for nobody signs them.
    pub local: Vec<String>,
}

impl Default for Unbound {
    /// Recursive, on 127.0.0.1 port 5335, without IPv6, for a Pi with 2 GB or more, and `lan` as the own domain.
    fn default() -> Self {
        Unbound {
            listen: ADDRESS,
            upstream: Upstream::Recursive,
            memory: Memory::Normal,
            ipv6: false,
            local: vec!["lan".into()],
        }
    }
}

/// The value of one option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `yes` or `no`.
    Flag(bool),
    /// A number.
    Number(u64),
    /// Anything else, as it stands in the file.
    Text(String),
    /// An option that is given several times.
    List(Vec<String>),
}

/// Options, in order.
pub type Section = Vec<(&'static str, Setting)>;

impl Unbound {
    /// The options of the section `server`, without the trust anchor: NixOS adds that itself (`enableRootTrustAnchor`), a file of
    /// one's own gets it from [`conf`](Unbound::conf).
    #[must_use]
    pub fn server(&self) -> Section {
        let flag = Setting::Flag;
        let number = Setting::Number;
        let text = |text: &str| Setting::Text(text.to_owned());
        let half = match self.memory {
            Memory::Small => 25,
            Memory::Normal => 50,
        };
        let loopback = ["127.0.0.0/8", "::1/128"];
        let mut server: Section = vec![
            ("interface", Setting::List(vec![self.listen.ip().to_string()])),
            ("port", number(u64::from(self.listen.port()))),
            ("access-control", Setting::List(loopback.iter().map(|net| format!("{net} allow")).collect())),
            ("do-ip4", flag(true)),
            ("do-ip6", flag(self.ipv6)),
            ("do-udp", flag(true)),
            ("do-tcp", flag(true)),
            ("hide-identity", flag(true)),
            ("hide-version", flag(true)),
            ("harden-glue", flag(true)),
            ("harden-dnssec-stripped", flag(true)),
            ("use-caps-for-id", flag(false)),
            ("qname-minimisation", flag(true)),
            ("edns-buffer-size", number(1232)),
            // Why an answer is refused: without it a wrong clock looks like an attack.
            ("ede", flag(true)),
            ("prefetch", flag(true)),
            ("num-threads", number(1)),
            ("so-rcvbuf", text("1m")),
            ("msg-cache-size", text(&format!("{half}m"))),
            ("rrset-cache-size", text(&format!("{}m", half * 2))),
            // Names that are known keep being answered while the provider is away.
            ("serve-expired", flag(true)),
            ("serve-expired-client-timeout", number(CLIENT_PATIENCE)),
            ("private-address", Setting::List(PRIVATE.iter().map(ToString::to_string).collect())),
        ];
        if !self.local.is_empty() {
            let quoted = |end: &str| Setting::List(self.local.iter().map(|name| format!("\"{name}.\"{end}")).collect());
            server.push(("private-domain", quoted("")));
            server.push(("domain-insecure", quoted("")));
            server.push(("local-zone", quoted(" static")));
        }
        if let Upstream::ForwardTls(_) = self.upstream {
            server.push(("tls-system-cert", flag(true)));
        }
        server
    }

    /// The sections `forward-zone`: none when it asks the authorities itself.
    #[must_use]
    pub fn forward_zones(&self) -> Vec<Section> {
        let Upstream::ForwardTls(resolvers) = &self.upstream else { return vec![] };
        let address = |r: &TlsResolver| format!("{}@853#{}", r.address, r.name);
        vec![vec![
            ("name", Setting::Text("\".\"".into())),
            ("forward-tls-upstream", Setting::Flag(true)),
            ("forward-addr", Setting::List(resolvers.iter().map(address).collect())),
        ]]
    }

    /// The whole file, with the trust anchor at `anchor`, which Unbound itself keeps fresh (RFC 5011).
    #[must_use]
    pub fn conf(&self, anchor: &str) -> String {
        let mut server = self.server();
        server.push(("auto-trust-anchor-file", Setting::Text(format!("\"{anchor}\""))));
        let mut text = String::new();
        write_section(&mut text, "server", &server);
        for zone in self.forward_zones() {
            write_section(&mut text, "forward-zone", &zone);
        }
        text
    }
}

fn write_section(text: &mut String, name: &str, section: &Section) {
    let _ = writeln!(text, "{name}:");
    for (option, value) in section {
        let values = match value {
            Setting::Flag(true) => vec!["yes".to_owned()],
            Setting::Flag(false) => vec!["no".to_owned()],
            Setting::Number(number) => vec![number.to_string()],
            Setting::Text(text) => vec![text.clone()],
            Setting::List(values) => values.clone(),
        };
        for value in values {
            let _ = writeln!(text, "  {option}: {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_an_option_a_line_and_repeats_what_is_given_several_times() {
        let conf = Unbound::default().conf("/var/lib/unbound/root.key");
        for line in [
            "  port: 5335",
            "  access-control: 127.0.0.0/8 allow",
            "  access-control: ::1/128 allow",
            "  harden-dnssec-stripped: yes",
            "  do-ip6: no",
            "  local-zone: \"lan.\" static",
            "  msg-cache-size: 50m",
            "  rrset-cache-size: 100m",
            "  auto-trust-anchor-file: \"/var/lib/unbound/root.key\"",
        ] {
            assert!(conf.lines().any(|l| l == line), "{line} is not in\n{conf}");
        }
        assert!(!conf.contains("forward-zone"));
    }

    #[test]
    fn forwarding_over_tls_names_whom_it_trusts() {
        let quad9 = TlsResolver { address: IpAddr::from([9, 9, 9, 9]), name: "dns.quad9.net".into() };
        let unbound =
            Unbound { upstream: Upstream::ForwardTls(vec![quad9]), memory: Memory::Small, ..Unbound::default() };
        let conf = unbound.conf("/k");
        assert!(conf.contains(
            "forward-zone:\n  name: \".\"\n  forward-tls-upstream: yes\n  forward-addr: 9.9.9.9@853#dns.quad9.net\n"
        ));
        assert!(conf.contains("tls-system-cert: yes") && conf.contains("msg-cache-size: 25m"));
    }

    #[test]
    fn no_option_is_given_twice() {
        let mut names: Vec<&str> = Unbound::default().server().iter().map(|(name, _)| *name).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
