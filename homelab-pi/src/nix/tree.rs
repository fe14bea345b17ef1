//! The whole tree of files, and the fingerprint by which two trees are told apart.
use super::{Binding, base, container, flake, network, pihole, render, secrets, unbound};
use crate::{Pi, config::Description};
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
    let description =
        serde_json::to_string_pretty(&Description::of(pi, addresses)).unwrap_or_else(|e| unreachable!("{e}"));
    tree.insert("description.json", description + "\n");
    tree
}

/// Everything but the description, which holds the fingerprint of the rest.
fn modules(pi: &Pi, addresses: &Addresses) -> NixTree {
    let files = files(pi, addresses);
    let mut tree = NixTree::new();
    let names: Vec<&str> = files.iter().map(|f| f.path).collect();
    tree.insert("flake.nix", flake::text(pi, &names));
    tree.insert("flake.lock", pi.system.pins.text.to_owned());
    tree.insert("constants.nix", render::value("What every file uses, said once.", &base::constants(pi)));
    if pi.system.container.is_some() {
        tree.insert("lists.sql", container::lists(pi));
    }
    for file in files {
        tree.insert(file.path, render::module(file.about, file.arguments, &file.bindings));
    }
    tree
}

/// One module of the system.
struct File {
    path: &'static str,
    about: &'static str,
    arguments: &'static [&'static str],
    bindings: Vec<Binding>,
}

fn files(pi: &Pi, addresses: &Addresses) -> [File; 5] {
    let (packages, pihole): (&[&str], _) = match &pi.system.container {
        Some(image) => (&["config", "pkgs"], container::bindings(pi, image, addresses)),
        None => (&[], pihole::bindings(pi, addresses)),
    };
    let file = |path, about, arguments, bindings| File { path, about, arguments, bindings };
    [
        file("system.nix", "The system itself.", &["config", "constants", "lib", "pkgs"], base::bindings(pi)),
        file("network.nix", "The address, the way out, the open ports.", &["constants"], network::bindings(pi)),
        file("unbound.nix", "Unbound, behind Pi-hole.", &[], unbound::bindings(pi)),
        file("pihole.nix", "Pi-hole: what is blocked, and the names of the lab.", packages, pihole),
        file("secrets.nix", "What is not in the store.", &["pkgs"], secrets::bindings(pi)),
    ]
}

/// Every option that the modules set, with its value: for checking names and types.
#[must_use]
pub fn bindings(pi: &Pi, addresses: &Addresses) -> Vec<Binding> {
    files(pi, addresses).into_iter().flat_map(|f| f.bindings).collect()
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
