//! What Pi-hole and Unbound are to do.
use crate::unbound::{TlsResolver, Upstream};
use homelab_core::{Input, units::HostAddr};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// A list of domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List {
    /// Whether what is on it is let through rather than blocked.
    pub allow: bool,
    /// What it is, for people.
    pub about: String,
}

/// The clients that ask from everywhere, or only those of the Pi's own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// Whoever is one hop away. Other VLANs are refused.
    Local,
    /// Everybody who can reach the Pi; a firewall has to keep the Internet out.
    All,
}

/// What Pi-hole and Unbound are to do: part of a Pi's description, so that it cannot be put anywhere else.
///
/// ```
/// use homelab_core::units::Network;
/// use homelab_pi::config::PiHole;
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
/// let dns = PiHole::new()
///     .block("https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts", "StevenBlack")
///     .record("grogu", LAN.host(10))
///     .cname("proxmox", "grogu");
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct PiHole {
    /// The domain of the names that are ours alone; never asked of anybody else.
    pub(crate) domain: String,
    pub(crate) upstream: Upstream,
    pub(crate) listen: Listen,
    pub(crate) lists: BTreeMap<String, List>,
    pub(crate) records: BTreeMap<String, Input<IpAddr>>,
    pub(crate) cnames: BTreeMap<String, String>,
    /// How many days queries are remembered; 0 writes none to the card.
    pub(crate) history_days: u32,
    /// A name that is on the lists: no part of the configuration.
    #[serde(skip)]
    pub(crate) blocked: Option<String>,
}

impl Default for PiHole {
    fn default() -> Self {
        PiHole::new()
    }
}

impl PiHole {
    /// Unbound behind Pi-hole, asking the root servers; no lists, no records, the domain `lan`, a week of history.
    #[must_use]
    pub fn new() -> Self {
        PiHole {
            domain: "lan".into(),
            upstream: Upstream::Recursive,
            listen: Listen::Local,
            lists: BTreeMap::new(),
            records: BTreeMap::new(),
            cnames: BTreeMap::new(),
            history_days: 7,
            blocked: None,
        }
    }

    /// The domain of the names that are ours alone.
    ///
    /// # Panics
    /// When it is no domain.
    #[must_use]
    #[track_caller]
    pub fn domain(mut self, domain: &str) -> Self {
        assert!(is_name(domain), "`{domain}` is no domain: labels of letters, digits and `-`, with dots between them");
        self.domain = domain.to_ascii_lowercase();
        self
    }

    /// Asks resolvers over TLS instead of the root servers, for a provider that bends port 53 to its own.
    ///
    /// # Panics
    /// Without a resolver there would be nobody to ask.
    #[must_use]
    #[track_caller]
    pub fn forward_tls<'a>(mut self, resolvers: impl IntoIterator<Item = (IpAddr, &'a str)>) -> Self {
        let all: Vec<_> =
            resolvers.into_iter().map(|(address, name)| TlsResolver { address, name: name.to_owned() }).collect();
        assert!(!all.is_empty(), "without a resolver there is nobody to ask");
        self.upstream = Upstream::ForwardTls(all);
        self
    }

    /// Answers other networks than the Pi's own too.
    #[must_use]
    pub fn listen_to_all(mut self) -> Self {
        self.listen = Listen::All;
        self
    }

    /// Blocks what is on a list.
    #[must_use]
    #[track_caller]
    pub fn block(self, url: &str, about: &str) -> Self {
        self.list(url, about, false)
    }

    /// Lets through what is on a list, whatever the others say.
    #[must_use]
    #[track_caller]
    pub fn allow(self, url: &str, about: &str) -> Self {
        self.list(url, about, true)
    }

    #[track_caller]
    fn list(mut self, url: &str, about: &str, allow: bool) -> Self {
        let known = ["https://", "http://", "file://"].iter().any(|scheme| url.starts_with(scheme));
        assert!(known && !url.contains(char::is_whitespace), "`{url}` is no address of a list");
        let twice = self.lists.insert(url.to_owned(), List { allow, about: about.to_owned() });
        assert!(twice.is_none(), "the list {url} is named twice");
        self
    }

    /// A name of ours and its address: a constant, or the output of another resource.
    ///
    /// # Panics
    /// When it is no name, or has an address already.
    #[must_use]
    #[track_caller]
    pub fn record(mut self, name: &str, address: impl Into<Record>) -> Self {
        let full = self.full(name);
        assert!(!self.cnames.contains_key(&full), "the name `{full}` is an alias already");
        assert!(self.records.insert(full, address.into().0).is_none(), "the name `{name}` has an address already");
        self
    }

    /// Several names and their addresses.
    #[must_use]
    #[track_caller]
    pub fn records<'a, A: Into<Record>>(self, records: impl IntoIterator<Item = (&'a str, A)>) -> Self {
        records.into_iter().fold(self, |dns, (name, address)| dns.record(name, address))
    }

    /// Another name for a name of ours.
    ///
    /// # Panics
    /// When either is no name, or the alias has an address of its own.
    #[must_use]
    #[track_caller]
    pub fn cname(mut self, alias: &str, of: &str) -> Self {
        let (alias, of) = (self.full(alias), self.full(of));
        assert!(!self.records.contains_key(&alias), "the name `{alias}` has an address already");
        assert!(alias != of, "`{alias}` is an alias of itself");
        assert!(self.cnames.insert(alias, of).is_none(), "the alias is named twice");
        self
    }

    /// A name that is on the lists, by which a verification proves that they block.
    #[must_use]
    pub fn proven_by(mut self, blocked: &str) -> Self {
        self.blocked = Some(blocked.to_ascii_lowercase());
        self
    }

    /// How many days queries are remembered; 0 writes none to the card.
    #[must_use]
    pub fn history_days(mut self, days: u32) -> Self {
        self.history_days = days;
        self
    }

    /// A name with the domain behind it, unless it has one.
    #[track_caller]
    fn full(&self, name: &str) -> String {
        assert!(
            is_name(name),
            "`{name}` is no name of a host: labels of letters, digits and `-`, with dots between them"
        );
        let name = name.to_ascii_lowercase();
        match name.contains('.') {
            true => name,
            false => format!("{name}.{}", self.domain),
        }
    }

    /// The names that are ours and lead to an address, aliases too.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.records.keys().chain(self.cnames.keys()).map(String::as_str)
    }
}

/// What a name leads to.
#[derive(Clone, Debug)]
pub struct Record(pub(crate) Input<IpAddr>);

impl From<HostAddr> for Record {
    fn from(host: HostAddr) -> Self {
        Record(Input::Known(host.ip()))
    }
}
impl From<IpAddr> for Record {
    fn from(address: IpAddr) -> Self {
        Record(Input::Known(address))
    }
}
impl From<homelab_core::Output<IpAddr>> for Record {
    fn from(output: homelab_core::Output<IpAddr>) -> Self {
        Record(Input::From(output))
    }
}

/// Whether this is a name of labels (RFC 1123), each up to 63 characters, 253 in all.
pub(crate) fn is_name(name: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}
