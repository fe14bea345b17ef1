//! Which nodes make up the cluster, which stand alone, and whether the cluster may write.
use super::{Node, World};
use serde::{Deserialize, Serialize};

/// A node that is not in the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Apart {
    pub(crate) node: Node,
    /// The guests that it has.
    pub(crate) guests: Vec<u32>,
    /// Another cluster that it is in.
    pub(crate) cluster: Option<String>,
}

impl World {
    /// A node that was added before is not in the cluster: it stands alone, as the installer left it, and only its own machine knows
    /// of it.
    #[must_use]
    pub fn alone(mut self, name: &str) -> World {
        if let Some(node) = self.nodes.remove(name) {
            self.apart.insert(name.to_owned(), Apart { node, guests: vec![], cluster: None });
        }
        self
    }

    /// A node that stands alone has a guest of this number.
    #[must_use]
    pub fn with_guest_apart(mut self, name: &str, vmid: u32) -> World {
        self.apart.entry(name.to_owned()).and_modify(|apart| apart.guests.push(vmid));
        self
    }

    /// A node that is not in this cluster is in another one of that name.
    #[must_use]
    pub fn in_another_cluster(mut self, name: &str, cluster: &str) -> World {
        self.apart.entry(name.to_owned()).and_modify(|apart| apart.cluster = Some(cluster.to_owned()));
        self
    }

    /// A node with its hardware, wherever it stands.
    pub(crate) fn hardware(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name).or_else(|| self.apart.get(name).map(|apart| &apart.node))
    }

    /// The same, to change it.
    pub(crate) fn hardware_mut(&mut self, name: &str) -> Option<&mut Node> {
        match self.nodes.get_mut(name) {
            Some(node) => Some(node),
            None => self.apart.get_mut(name).map(|apart| &mut apart.node),
        }
    }

    /// All nodes, wherever they stand.
    pub(crate) fn all_nodes(&self) -> impl Iterator<Item = (&String, &Node)> {
        self.nodes.iter().chain(self.apart.iter().map(|(name, apart)| (name, &apart.node)))
    }

    /// Whether a node is up, wherever it stands.
    pub(crate) fn is_up(&self, name: &str) -> bool {
        self.is_online(name)
            || self.apart.get(name).is_some_and(|apart| apart.node.online && apart.node.booted <= self.now)
    }

    /// Whether the cluster may write: more than half of the votes are there, that of a QDevice among them. A node alone always may.
    pub(crate) fn is_quorate(&self) -> bool {
        let third = usize::from(self.qdevice.is_some());
        let there = self.nodes.keys().filter(|name| self.is_online(name)).count() + third;
        !self.trouble.no_quorum && (self.cluster.is_none() || there * 2 > self.nodes.len() + third)
    }

    /// The address by which a node is known to the others.
    pub(crate) fn link_of(&self, name: &str) -> String {
        let place = self.nodes.keys().position(|node| node == name).unwrap_or_default();
        let links = self.links.get(name).and_then(|links| links.first()).cloned();
        let own = || self.nodes.get(name).and_then(|node| node.addresses.first()).map(ToString::to_string);
        links.or_else(own).unwrap_or_else(|| format!("192.0.2.{}", 10 + place))
    }
}
