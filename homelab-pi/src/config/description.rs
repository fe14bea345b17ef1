//! What a running system says of itself: the description it was built from, in `/etc/homelab/pi.json`.
use super::{ContainerImage, List, Listen, Pi, Release};
use crate::{
    Board,
    nix::{fingerprint, nameservers},
    unbound::Upstream,
};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// A Pi's description. In a specification its addresses may be outputs of other resources; on the Pi they are known.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Description<'a, A> {
    board: Board,
    release: Release,
    nixpkgs: String,
    address: String,
    gateway: Option<IpAddr>,
    nameservers: Vec<IpAddr>,
    login: &'a str,
    keys: &'a [&'static str],
    time_zone: &'a str,
    ntp: &'a [IpAddr],
    state_version: &'a str,
    generations: u32,
    container: Option<&'a ContainerImage>,
    domain: &'a str,
    upstream: &'a Upstream,
    listen: Listen,
    history_days: u32,
    lists: &'a BTreeMap<String, List>,
    cnames: &'a BTreeMap<String, String>,
    records: &'a BTreeMap<String, A>,
    /// Names the generated files; it differs too when the same description is generated in another way.
    tree: String,
    /// Whether it is the boot default too. Only a specification says so; a file on the Pi cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed: Option<bool>,
}

impl<'a, A> Description<'a, A> {
    pub(crate) fn of(pi: &'a Pi, records: &'a BTreeMap<String, A>) -> Self {
        let dns = &pi.dns;
        Description {
            board: pi.board,
            release: pi.system.release,
            nixpkgs: pi.system.pins.nixpkgs(),
            address: pi.address.to_string(),
            gateway: pi.address.gateway(),
            nameservers: nameservers(pi),
            login: pi.login.user,
            keys: &pi.login.keys,
            time_zone: pi.time_zone,
            ntp: &pi.ntp,
            state_version: pi.state_version,
            generations: pi.generations,
            container: pi.system.container.as_ref(),
            domain: &dns.domain,
            upstream: &dns.upstream,
            listen: dns.listen,
            history_days: dns.history_days,
            lists: &dns.lists,
            cnames: &dns.cnames,
            records,
            tree: fingerprint(pi),
            confirmed: None,
        }
    }

    /// The same as a specification: it runs, and is what the Pi boots.
    pub(crate) fn confirmed(self) -> Self {
        Description { confirmed: Some(true), ..self }
    }
}
