//! Building the machines of nodes: where they answer, their ports, and what is plugged in.
use super::{Texts, World, node::bridge};
use std::net::IpAddr;

impl World {
    /// Gives a node that was added before a machine in the simulated network, at this address, as the installer sets it up: on `vmbr0`,
    /// whose port is `eno1`; `eno2` is free.
    #[must_use]
    pub fn with_machine(mut self, node: &str, address: IpAddr) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.addresses = vec![address];
            node.cabled = true;
            let port = || Texts::from([("type".to_owned(), "eth".to_owned())]);
            node.network.extend([("eno1".to_owned(), port()), ("eno2".to_owned(), port())]);
            let bridge = node.network.entry("vmbr0".to_owned()).or_insert_with(bridge);
            bridge.insert("bridge_ports".to_owned(), "eno1".to_owned());
            bridge.insert("cidr".to_owned(), format!("{address}/24"));
            if let IpAddr::V4(address) = address {
                let [a, b, c, _] = address.octets();
                bridge.insert("gateway".to_owned(), format!("{a}.{b}.{c}.1"));
            }
        }
        self
    }

    /// Gives a node another port.
    #[must_use]
    pub fn with_port(mut self, node: &str, port: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.network.insert(port.to_owned(), Texts::from([("type".to_owned(), "eth".to_owned())]));
        }
        self
    }

    /// Pulls the cable out of a port of a node.
    #[must_use]
    pub fn unplugged(mut self, node: &str, port: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.unplugged.push(port.to_owned());
        }
        self
    }
}
