//! [`Cluster`]: what a person says of a cluster that is to be.
use super::{ClusterNode, Witness, two_nodes_have_a_third_vote};
use crate::resource::Node;
use homelab_core::{
    AnyHandle, Handle, Lab, ResourceExt,
    host::{Computer, Package},
    units::HostAddr,
};
use std::{collections::BTreeSet, net::IpAddr};

/// A cluster of nodes that the installer has left alone. All of them stand in the group `cluster/NAME`, so that they are made alone by
/// `deploy --only cluster/NAME`.
///
/// ```
/// # use homelab_core::{Lab, Site, units::Network};
/// # use homelab_proxmox::{Node, resource::Cluster};
/// # const GROGU: Node = Node::of(Site::named("pve"), "grogu");
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// let cluster = Cluster::create("home").on(GROGU, LAN.host(10)).join(DIN, LAN.host(11));
/// cluster.without_third_vote("both are switched on by hand").add_to(&mut lab);
/// ```
///
/// - The first node keeps what it has: guests, users, tokens, storages. The API of the lab's site has to be this node's until then.
/// - A node that joins must have no guests, and its users, tokens and storages are those of the cluster then; it gets another
///   certificate. Whatever is made on it comes after that.
/// - root is logged in to at the given addresses, by a key; these are also how the nodes reach each other, by their first link.
/// - A cluster that is there already is used as it is, if its name and links are these.
/// - What leaves the code is forgotten. A node is taken out of a cluster by hand, for it has to be installed anew after that.
#[derive(Clone, Debug)]
#[must_use = "it is declared by `.add_to(&mut lab)`"]
pub struct Cluster {
    name: &'static str,
    nodes: Vec<(Node, IpAddr)>,
    links: Vec<Vec<IpAddr>>,
    qdevice: Option<QDevice>,
    why_none: Option<&'static str>,
}

/// A cluster that no node begins yet.
#[derive(Clone, Debug)]
#[must_use = "a cluster is begun by a node: `.on(node, address)`"]
pub struct NewCluster {
    name: &'static str,
}

impl Cluster {
    /// A cluster of this name, of at most 15 letters, digits and `-`. It cannot be changed later.
    ///
    /// # Panics
    /// On another name.
    #[track_caller]
    pub fn create(name: &'static str) -> NewCluster {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fits =
            (1..=15).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') && !name.ends_with('-');
        assert!(fits, "`{name}` is no name of a cluster: at most 15 letters, digits and `-`");
        NewCluster { name }
    }

    /// This node joins, one after the other as they are told here.
    pub fn join(mut self, node: Node, at: HostAddr) -> Self {
        self.nodes.push((node, at.ip()));
        self
    }

    /// One more link, by which they reach each other when the first fails: an address of each node, in the order of the nodes.
    pub fn link(mut self, addresses: impl IntoIterator<Item = HostAddr>) -> Self {
        self.links.push(addresses.into_iter().map(|at| at.ip()).collect());
        self
    }

    /// This machine has a vote too, so that of two nodes one can be away.
    pub fn qdevice(mut self, qdevice: QDevice) -> Self {
        self.qdevice = Some(qdevice);
        self
    }

    /// Two nodes are to do without a third vote, for this reason: while one of them is away nothing can be changed on the other.
    pub fn without_third_vote(mut self, why: &'static str) -> Self {
        self.why_none = Some(why);
        self
    }

    /// Declares all of it, and gives the last step: what has to find the cluster whole comes `.after` it. What is declared on one of the
    /// nodes comes after its joining by itself.
    ///
    /// # Panics
    /// When a link has not one address for each node, or an address is given twice.
    #[track_caller]
    pub fn add_to(self, lab: &mut Lab) -> AnyHandle {
        for link in &self.links {
            let (has, nodes) = (link.len(), self.nodes.len());
            assert!(
                has == nodes,
                "a link of cluster {} has {has} addresses and {nodes} nodes: one for each",
                self.name
            );
        }
        let mut taken = BTreeSet::new();
        let all = self.nodes.iter().map(|(_, at)| at).chain(self.links.iter().flatten());
        all.for_each(|at| {
            assert!(taken.insert(*at), "{at} is given twice in cluster {}: corosync would fail", self.name)
        });
        lab.check(two_nodes_have_a_third_vote);
        lab.in_one_place(|lab| lab.group(&format!("cluster/{}", self.name), |lab| self.declare(lab)))
    }

    fn declare(self, lab: &mut Lab) -> AnyHandle {
        let mut last: Option<Handle<ClusterNode>> = None;
        let first = self.nodes[0];
        for (place, (node, at)) in self.nodes.iter().enumerate() {
            let more = self.links.iter().map(|link| link[place]);
            let member = ClusterNode::of(self.name, *node, *at, more.collect()).alone_for(self.why_none);
            last = Some(match last {
                None => lab.add(member),
                // One after the other: while one joins there may be no quorum.
                Some(before) => lab.add(member.joining(first).after(before)),
            });
        }
        match (last, self.qdevice) {
            (Some(last), Some(qdevice)) => qdevice.declare(lab, last, first),
            (Some(last), None) => last.into(),
            (None, _) => unreachable!("a cluster has the node that begins it"),
        }
    }
}

impl NewCluster {
    /// This node begins it. root is logged in to at this address, which is that of its first link too.
    pub fn on(self, node: Node, at: HostAddr) -> Cluster {
        Cluster { name: self.name, nodes: vec![(node, at.ip())], links: vec![], qdevice: None, why_none: None }
    }
}

/// A machine beside the nodes that has a vote: anything with Debian that is not a guest of theirs.
#[derive(Clone, Debug)]
#[must_use = "it is given to a cluster: `.qdevice(..)`"]
pub struct QDevice {
    machine: Handle<Computer>,
    at: IpAddr,
    nodes: Vec<Handle<Computer>>,
}

impl QDevice {
    /// This machine, with its address. It gets the package `corosync-qnetd`; root is logged in to by a key, also by a node while it is
    /// set up.
    pub fn at(machine: Handle<Computer>, at: HostAddr) -> Self {
        QDevice { machine, at: at.ip(), nodes: vec![] }
    }

    /// The machines of the nodes, all of them: each gets the package `corosync-qdevice`.
    pub fn asked_by(mut self, nodes: impl IntoIterator<Item = Handle<Computer>>) -> Self {
        self.nodes.extend(nodes);
        self
    }

    fn declare(self, lab: &mut Lab, last: Handle<ClusterNode>, (node, at): (Node, IpAddr)) -> AnyHandle {
        let mut witness = Witness::of(self.at, node, at).after(last);
        witness = witness.after(lab.add(Package::on(self.machine, "corosync-qnetd")));
        for machine in self.nodes {
            witness = witness.after(lab.add(Package::on(machine, "corosync-qdevice")));
        }
        lab.add(witness).into()
    }
}
