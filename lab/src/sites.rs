//! How the lab's systems are reached.
use crate::{net, nodes, pi};
use homelab_core::{Site, Sites, units::HostAddr};
use homelab_pi::{PIS, PiSite};
use homelab_proxmox::{Pve, site::Cluster};
use homelab_truenas::Nas;

/// The cluster of grogu and din.
pub const PVE: Site<Pve> = Site::named("pve");

/// The primary NAS, a guest of din.
pub const NAS: Site<Nas> = Site::named("nas");
/// The backup NAS, a guest of grogu.
pub const BACKUP: Site<Nas> = Site::named("backup");

/// The cluster: where it answers, and what the sandbox simulates of it.
#[must_use]
pub fn cluster() -> Cluster {
    let address = |node: HostAddr| format!("https://{}:8006", node.ip());
    // Each node signs its own certificate: pin both with `.fingerprint(..)`, or set PROXMOX_FINGERPRINT or PROXMOX_CA_FILE.
    let cluster = Cluster::at([address(net::GROGU), address(net::DIN)])
        .node(nodes::GROGU, nodes::grogu())
        .node(nodes::DIN, nodes::din())
        .machine(nodes::GROGU, net::GROGU)
        .machine(nodes::DIN, net::DIN);
    nodes::devices().into_iter().fold(cluster, |cluster, (node, device)| cluster.device(node, device))
}

/// The ways to all sites. Credentials come from the environment or `.env`; without any, everything is simulated.
#[must_use]
pub fn sites() -> Sites {
    Sites::new().with(PVE, cluster()).with(PIS, PiSite::of([pi::pihole()]))
}
