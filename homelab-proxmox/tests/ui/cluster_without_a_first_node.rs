//! A cluster is begun by a node: without one there is nothing to join.
use homelab_core::{Lab, Site, units::Network};
use homelab_proxmox::{Node, resource::Cluster};

const DIN: Node = Node::of(Site::named("pve"), "din");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

fn main() {
    let mut lab = Lab::named("home");
    Cluster::create("home").join(DIN, LAN.host(11)).add_to(&mut lab);
}
