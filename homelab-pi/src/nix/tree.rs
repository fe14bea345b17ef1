//! The whole tree of files, and the fingerprint by which two trees are told apart.
use super::{base, container, flake, network, pihole, render, secrets, unbound};
use crate::{Pi, deploy::Description};
use homelab_core::Input;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{IpAddr, Ipv4Addr},
};

/// The files, by their path in the tree.
pub type NixTree = BTreeMap<&'static str, String>;
/// The addresses of the names that have one.
pub type Addresses = BTreeMap<String, IpAddr>;

/// The tree of a Pi whose names lead to these addresses. Names without one are left out.
#[must_use]
pub fn generate(pi: &Pi, addresses: &Addresses) -> NixTree {
    let mut tree = modules(pi, addresses);
    tree.insert("description.json", Description::of(pi, addresses).text());
    tree
}

/// Everything but the description, which holds the fingerprint of the rest.
fn modules(pi: &Pi, addresses: &Addresses) -> NixTree {
    let pihole = match &pi.system.container {
        Some(image) => container::bindings(pi, image, addresses),
        None => pihole::bindings(pi, addresses),
    };
    let files = [
        ("system.nix", "The system itself.", &["config", "constants", "lib"][..], base::bindings(pi)),
        ("network.nix", "The address, the way out, the open ports.", &["constants"], network::bindings(pi)),
        ("unbound.nix", "Unbound, behind Pi-hole.", &[], unbound::bindings(pi)),
        (
            "pihole.nix",
            "Pi-hole: what is blocked, and the names of the lab.",
            if pi.system.container.is_some() { &["pkgs"] } else { &[] },
            pihole,
        ),
        ("secrets.nix", "What is not in the store.", &["pkgs"], secrets::bindings(pi)),
    ];
    let mut tree = NixTree::new();
    let names: Vec<&str> = files.iter().map(|(path, ..)| *path).collect();
    tree.insert("flake.nix", flake::text(pi, &names));
    tree.insert("flake.lock", pi.system.pins.text.to_owned());
    tree.insert("constants.nix", render::value("What every file uses, said once.", &base::constants(pi)));
    for (path, about, arguments, bindings) in files {
        tree.insert(path, render::module(about, arguments, &bindings));
    }
    tree
}

/// Names a tree: two systems with the same are built from the same text. An address that another resource will have does not count; it
/// is compared by itself.
#[must_use]
pub fn fingerprint(pi: &Pi) -> String {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let known = |address: &Input<IpAddr>| match address {
        Input::Known(address) => *address,
        Input::From(_) => unknown,
    };
    let addresses = pi.dns.records.iter().map(|(name, address)| (name.clone(), known(address))).collect();
    let mut hash = Sha256::new();
    for (path, text) in modules(pi, &addresses) {
        hash.update(format!("{path}\0{}\0", text.len()));
        hash.update(text);
    }
    hash.finalize()[..8].iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
pub(super) fn all_bindings(pi: &Pi, addresses: &Addresses) -> Vec<super::Binding> {
    let mut all = base::bindings(pi);
    all.extend(network::bindings(pi));
    all.extend(unbound::bindings(pi));
    all.extend(secrets::bindings(pi));
    all.extend(match &pi.system.container {
        Some(image) => container::bindings(pi, image, addresses),
        None => pihole::bindings(pi, addresses),
    });
    all
}
