//! `/etc/network/interfaces`: the options of a node's interfaces as text, and back, so that what is done to the file on a node's
//! machine is done to the node.
use super::world::Texts;
use std::collections::BTreeMap;

/// Where a simulated machine keeps its configuration.
pub(super) const FILE: &str = "/etc/network/interfaces";

/// Names of options that differ by more than `_` and `-`.
const NAMES: [(&str, &str); 4] = [
    ("slaves", "bond-slaves"),
    ("bond-primary", "bond-primary"),
    ("vlan-id", "vlan-id"),
    ("vlan-raw-device", "vlan-raw-device"),
];

/// The file of these interfaces.
pub(super) fn render(network: &BTreeMap<String, Texts>) -> String {
    let mut text = "auto lo\niface lo inet loopback\n".to_owned();
    for (name, options) in network {
        text.push('\n');
        if options.get("autostart").is_some_and(|on| on == "1") {
            text.push_str(&format!("auto {name}\n"));
        }
        let method = if options.contains_key("cidr") { "static" } else { "manual" };
        text.push_str(&format!("iface {name} inet {method}\n"));
        for (key, value) in options {
            let line = match key.as_str() {
                "type" if matches!(value.as_str(), "bridge" | "bond" | "vlan" | "eth") => continue,
                "autostart" | "cidr6" | "gateway6" => continue,
                "type" => format!("ovs_type {value}"),
                "cidr" => format!("address {value}"),
                "bridge_vlan_aware" => "bridge-vlan-aware yes".to_owned(),
                key if key.starts_with("comments") => continue,
                key => format!("{} {value}", written(key)),
            };
            text.push_str(&format!("\t{line}\n"));
        }
        for line in options.get("comments").iter().flat_map(|text| text.lines()) {
            text.push_str(&format!("#{line}\n"));
        }
        if let Some(cidr) = options.get("cidr6") {
            text.push_str(&format!("\niface {name} inet6 static\n\taddress {cidr}\n"));
            text.extend(options.get("gateway6").map(|gateway| format!("\tgateway {gateway}\n")));
        }
    }
    text
}

fn written(key: &str) -> String {
    NAMES
        .iter()
        .find(|(name, _)| *name == key)
        .map_or_else(|| key.replace('_', "-"), |(_, written)| (*written).to_owned())
}

fn read(key: &str) -> String {
    NAMES
        .iter()
        .find(|(_, written)| *written == key)
        .map_or_else(|| key.replace('-', "_"), |(name, _)| (*name).to_owned())
}

/// The interfaces of a file.
pub(super) fn parse(text: &str) -> BTreeMap<String, Texts> {
    let mut network: BTreeMap<String, Texts> = BTreeMap::new();
    let (mut name, mut six, mut auto) = (String::new(), false, Vec::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["auto", names @ ..] => auto.extend(names.iter().map(|name| (*name).to_owned())),
            ["iface", found, family, _] => {
                (name, six) = ((*found).to_owned(), *family == "inet6");
                network.entry(name.clone()).or_default();
            }
            _ if line.starts_with('#') => {
                let options = network.entry(name.clone()).or_default();
                let comments = options.entry("comments".to_owned()).or_default();
                comments.push_str(&format!("{}{}", if comments.is_empty() { "" } else { "\n" }, &line[1..]));
            }
            [key, value @ ..] => {
                let (key, value) = match *key {
                    "address" => (if six { "cidr6" } else { "cidr" }.to_owned(), value.join(" ")),
                    "gateway" => (if six { "gateway6" } else { "gateway" }.to_owned(), value.join(" ")),
                    "bridge-vlan-aware" => ("bridge_vlan_aware".to_owned(), "1".to_owned()),
                    "ovs_type" => ("type".to_owned(), value.join(" ")),
                    key => (read(key), value.join(" ")),
                };
                network.entry(name.clone()).or_default().insert(key, value);
            }
            [] => {}
        }
    }
    network.remove("lo");
    for (name, options) in &mut network {
        let kind = match () {
            () if options.contains_key("bridge_ports") => "bridge",
            () if options.contains_key("slaves") => "bond",
            () if name.contains('.') || options.contains_key("vlan-raw-device") => "vlan",
            () => "eth",
        };
        options.entry("type".to_owned()).or_insert_with(|| kind.to_owned());
        if auto.contains(name) {
            options.insert("autostart".to_owned(), "1".to_owned());
        }
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let interface = |options: &[(&str, &str)]| -> Texts {
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let network = BTreeMap::from([
            ("eno1".to_owned(), interface(&[("type", "eth")])),
            ("bond0".to_owned(), interface(&[("type", "bond"), ("slaves", "eno1 eno2"), ("bond_mode", "802.3ad")])),
            (
                "vmbr0".to_owned(),
                interface(&[
                    ("type", "bridge"),
                    ("autostart", "1"),
                    ("bridge_ports", "bond0"),
                    ("bridge_fd", "0"),
                    ("bridge_vlan_aware", "1"),
                    ("bridge_vids", "10 20"),
                    ("comments", "homelab: home proxmox/node-network/din"),
                ]),
            ),
            (
                "vmbr0.20".to_owned(),
                interface(&[
                    ("type", "vlan"),
                    ("cidr", "192.168.0.11/24"),
                    ("gateway", "192.168.0.1"),
                    ("cidr6", "fd00::1/64"),
                ]),
            ),
        ]);
        assert_eq!(parse(&render(&network)), network);
    }
}
