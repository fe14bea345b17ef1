//! How the nodes themselves are set up: their configuration and their networks. Nothing of it is part of [`lab`](crate::lab) yet.
use crate::{
    net,
    nodes::{ARC_A310, DIN, GROGU},
};
use homelab_core::{AnyHandle, Lab, ResourceExt, host::Computer, units::HostAddr};
use homelab_proxmox::{
    Node, NodeConfig,
    resource::{Bridge, NodeNetwork, VlanInterface, node_config::Configured},
};

/// The port of both nodes that the installer has put on the bridge.
pub(crate) const PORT: &str = "eno1";

/// What both nodes are set up with. The installer has been run by hand, and root's key is there; the rest is this.
fn usual(name_service: AnyHandle) -> NodeConfig {
    NodeConfig::release_8()
        .no_subscription()
        .without_notice()
        .ssh()
        // The router has the time when the Internet has not.
        .time([net::ROUTER.ip().to_string().as_str()])
        .node_exporter()
        .passthrough()
        // While a node is away, names are answered, or it does not go.
        .restart_after(name_service)
}

/// The network of a node: one bridge that carries every VLAN to the guests, and the node itself in two of them.
///
/// The installer has put the node's address on the bridge, without a VLAN: it moves into the VLAN of its network, under a watchdog on
/// the node. The switch has to carry that VLAN tagged, or the node puts its old network back.
fn network(node: Node, lan: HostAddr, storage: HostAddr) -> NodeNetwork {
    NodeNetwork::of(node)
        .part(Bridge::named("vmbr0").port(PORT).vlans(net::NETWORKS))
        .part(VlanInterface::on("vmbr0", lan).way_out())
        .part(VlanInterface::on("vmbr0", storage))
        .watched_at(lan)
}

/// Both nodes as they should be: `node configure grogu`, `node configure din`. They are restarted one after the other, and only after
/// the name service is as it should be.
///
/// din gives its SAS controllers to the NAS, so their driver must not take them; its own disks hang on the chipset. grogu gives its
/// graphics card away.
pub(crate) fn configure(lab: &mut Lab, name_service: impl Into<AnyHandle>) -> [Configured; 2] {
    let name_service = name_service.into();
    let grogu = lab.add(Computer::named("grogu", net::GROGU).login("root"));
    let grogu = usual(name_service).claim([ARC_A310]).add_to(lab, GROGU, grogu);
    joined(lab, GROGU, network(GROGU, net::GROGU, net::GROGU_STORAGE), name_service);
    let din = lab.add(Computer::named("din", net::DIN).login("root"));
    let din = usual(name_service).keep_drivers_off(["mpt3sas"]).add_to(lab, DIN, din);
    joined(lab, DIN, network(DIN, net::DIN, net::DIN_STORAGE), name_service);
    [grogu, din]
}

/// A node's network, in the node's group. It is taken over from the installer, and changed while names are answered.
fn joined(lab: &mut Lab, node: Node, network: NodeNetwork, name_service: AnyHandle) {
    lab.group(&format!("node/{}", node.name()), |lab| lab.add(network.adopt().after(name_service)));
}
