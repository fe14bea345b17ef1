//! What a running system says of itself: the description it was built from, in `/etc/homelab/pi.json`.
use crate::{
    Board, Pi, Release,
    config::{ContainerImage, List, Listen, Upstream},
    nix::fingerprint,
};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// A Pi's description with every address known, as it lies on the Pi. A plan compares it field by field with the one in the code.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Description<'a> {
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
    tree: String,
    records: BTreeMap<&'a str, IpAddr>,
}
