//! [`Rule`]: a line of a firewall, and how a list of them is made what was declared.
use crate::{
    Pve,
    client::{Params, Reader, call::Call},
    http::Method,
    resource::definition::{Row, text},
};
use homelab_core::{Apply, Failure, Text};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

/// What a claim of a set of addresses is called.
pub(super) const SET: &str = "IP set";
/// What a claim of a security group is called.
pub(super) const GROUP: &str = "security group";
/// What a rule can say.
const FIELDS: [&str; 13] = [
    "type",
    "action",
    "enable",
    "iface",
    "macro",
    "source",
    "dest",
    "proto",
    "dport",
    "sport",
    "icmp-type",
    "log",
    "comment",
];

/// A rule. The first that fits decides.
///
/// ```
/// # use homelab_proxmox::resource::Rule;
/// Rule::accept().service("SSH").from("+admins").comment("From the desks.");
/// Rule::accept().tcp("8096,8920").from("192.168.30.0/24");
/// Rule::drop().outgoing().to("10.10.10.0/24");
/// Rule::group("web");
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    #[serde(flatten)]
    fields: BTreeMap<&'static str, Text>,
    #[serde(skip)]
    names: BTreeSet<(&'static str, String)>,
}

impl Rule {
    fn new(kind: &'static str, action: impl Into<Text>) -> Rule {
        let fields =
            BTreeMap::from([("type", Text::from(kind)), ("action", action.into()), ("enable", Text::from("1"))]);
        Rule { fields, names: BTreeSet::new() }
    }

    fn with(mut self, key: &'static str, value: impl Into<Text>) -> Rule {
        self.fields.insert(key, value.into());
        self
    }

    /// Lets it through, coming in.
    #[must_use]
    pub fn accept() -> Rule {
        Rule::new("in", "ACCEPT")
    }

    /// Refuses it, coming in.
    #[must_use]
    pub fn reject() -> Rule {
        Rule::new("in", "REJECT")
    }

    /// Drops it without a word, coming in.
    #[must_use]
    pub fn drop() -> Rule {
        Rule::new("in", "DROP")
    }

    /// All rules of a [`SecurityGroup`](super::SecurityGroup), by its name.
    #[must_use]
    pub fn group(name: &str) -> Rule {
        let mut rule = Rule::new("group", name.to_owned());
        rule.names.insert((GROUP, name.to_owned()));
        rule
    }

    /// Going out in place of coming in.
    #[must_use]
    pub fn outgoing(self) -> Rule {
        self.with("type", "out")
    }

    /// From these addresses: one, a network, a range, a list with commas, or an [`IpSet`](super::IpSet) with a plus before its name.
    #[must_use]
    pub fn from(self, addresses: impl Display) -> Rule {
        self.addresses("source", addresses.to_string())
    }

    /// To these addresses.
    #[must_use]
    pub fn to(self, addresses: impl Display) -> Rule {
        self.addresses("dest", addresses.to_string())
    }

    fn addresses(mut self, key: &'static str, addresses: String) -> Rule {
        if let Some(name) = addresses.strip_prefix('+') {
            self.names.insert((SET, name.trim_start_matches("dc/").to_owned()));
        }
        self.with(key, addresses)
    }

    /// From what another resource says, a guest's address say.
    #[must_use]
    pub fn from_text(self, address: impl Into<Text>) -> Rule {
        self.with("source", address)
    }

    /// To what another resource says.
    #[must_use]
    pub fn to_text(self, address: impl Into<Text>) -> Rule {
        self.with("dest", address)
    }

    /// A service that the firewall knows by name: `SSH`, `HTTPS`, `Ping`, `DNS`.
    #[must_use]
    pub fn service(self, name: &str) -> Rule {
        self.with("macro", name.to_owned())
    }

    /// TCP to these ports: `22`, `80,443`, `8000:8010`.
    #[must_use]
    pub fn tcp(self, ports: impl Display) -> Rule {
        self.with("proto", "tcp").with("dport", ports.to_string())
    }

    /// UDP to these ports.
    #[must_use]
    pub fn udp(self, ports: impl Display) -> Rule {
        self.with("proto", "udp").with("dport", ports.to_string())
    }

    /// Another protocol: `icmp`, `gre`.
    #[must_use]
    pub fn protocol(self, name: &str) -> Rule {
        self.with("proto", name.to_owned())
    }

    /// By this network device alone: `net0` of a guest, `vmbr0` of a node.
    #[must_use]
    pub fn by(self, device: &str) -> Rule {
        self.with("iface", device.to_owned())
    }

    /// Written to the log, at this level: `info`, `warning`.
    #[must_use]
    pub fn log(self, level: &str) -> Rule {
        self.with("log", level.to_owned())
    }

    /// What it is for.
    #[must_use]
    pub fn comment(self, text: &str) -> Rule {
        self.with("comment", text.trim().to_owned())
    }

    /// Switched off.
    #[must_use]
    pub fn disabled(self) -> Rule {
        self.with("enable", "0")
    }

    /// What it names.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.names.iter().map(|(what, name)| (*what, name.as_str()))
    }

    fn filled(&self, cx: &Apply<'_, Pve>) -> Result<BTreeMap<String, String>, Failure> {
        self.fields.iter().map(|(key, value)| Ok(((*key).to_owned(), cx.text(value)?.expose().to_owned()))).collect()
    }
}

/// The rules of a list by its place in the API: `/cluster/firewall/rules`, or a security group's own.
pub(super) async fn list(reader: &Reader, place: &str) -> Result<Arc<Vec<Row>>, Failure> {
    Ok(reader.once(Call::get("list", "a firewall's rules", place)).await?)
}

/// What a rule says, as it is declared.
pub(super) fn shown(row: &Row) -> BTreeMap<String, String> {
    let field = |key: &&str| match *key {
        "enable" => Some(text(row, "enable").unwrap_or_else(|| "0".to_owned())),
        key => text(row, key),
    };
    FIELDS.iter().filter_map(|key| Some(((*key).to_owned(), field(key)?))).collect()
}

/// Makes a list what it should be. What is new comes to the top, the last of it first, and only then goes what is not declared, from the
/// bottom: so there is no moment in which a rule that was there and stays does not hold. What the list ends with already stays as it is.
pub(super) async fn settle(cx: &Apply<'_, Pve>, place: &str, wanted: &[Rule]) -> Result<(), Failure> {
    let wanted: Vec<BTreeMap<String, String>> = wanted.iter().map(|rule| rule.filled(cx)).collect::<Result<_, _>>()?;
    let now: Vec<BTreeMap<String, String>> = list(cx, place).await?.iter().map(shown).collect();
    let same = now.iter().rev().zip(wanted.iter().rev()).take_while(|(is, rule)| is == rule).count();
    for rule in wanted[..wanted.len() - same].iter().rev() {
        let params = rule.iter().fold(Params::new(), |params, (key, value)| params.set(key.as_str(), value));
        cx.write(cx.permit(), Call::new(Method::Post, "add", "a firewall's rule", place).with(params)).await?;
    }
    loop {
        let now = list(cx, place).await?;
        let Some(last) = now.len().checked_sub(same + 1).filter(|_| now.len() > wanted.len()) else { return Ok(()) };
        let digest = text(&now[last], "digest");
        let call = Call::new(Method::Delete, "remove", "a firewall's rule", format!("{place}/{last}"));
        cx.write(cx.permit(), call.with(Params::new().maybe("digest", digest))).await?;
    }
}
