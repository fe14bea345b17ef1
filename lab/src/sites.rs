//! How the lab's systems are reached.
use crate::{TOLD, Told, net, nodes, pi, storage};
use homelab_core::{
    Secret, Site, Sites,
    host::{HOSTS, Ssh},
    units::HostAddr,
};
use homelab_pi::{
    PIS, PiSite,
    pihole::{Pihole, PiholeAt},
};
use homelab_proxmox::{Pve, site::Cluster};
use homelab_truenas::{Nas, site::TrueNas};

/// The cluster of grogu and din.
pub(crate) const PVE: Site<Pve> = Site::named("pve");

/// The name server of the Pi, as it is asked.
pub(crate) const PIHOLE: Site<Pihole> = Site::named("pihole");
/// The primary NAS, a guest of din.
pub(crate) const NAS: Site<Nas> = Site::named("nas");
/// The backup NAS, a guest of grogu.
pub(crate) const BACKUP: Site<Nas> = Site::named("backup");

/// The cluster: where it answers, and what the sandbox simulates of it.
#[must_use]
pub(crate) fn cluster(md1200: Option<&'static str>) -> Cluster {
    let address = |node: HostAddr| format!("https://{}:8006", node.ip());
    // Each node signs its own certificate: pin both with `.fingerprint(..)`, or set PROXMOX_FINGERPRINT or PROXMOX_CA_FILE.
    let cluster = Cluster::at([address(net::GROGU), address(net::DIN)])
        .node(nodes::GROGU, nodes::grogu())
        .node(nodes::DIN, nodes::din())
        .machine(nodes::GROGU, net::GROGU)
        .machine(nodes::DIN, net::DIN);
    nodes::devices(md1200).into_iter().fold(cluster, |cluster, (node, device)| cluster.device(node, device))
}

/// A NAS: where it answers, the key that opens it, and in the sandbox the guest whose disks it has.
fn nas(at: HostAddr, key: Secret, guest: u32, told: Told) -> TrueNas {
    let guest = format!("proxmox/{}/{guest}", PVE.name());
    let nas = TrueNas::at(at.ip().to_string()).key(key).computer(guest);
    if told.installer.is_some() { nas.bare() } else { nas.just_installed() }
}

/// The ways to all sites. Credentials come from the environment or `.env`; without any, everything is simulated.
#[must_use]
pub(crate) fn sites() -> Sites {
    with(TOLD)
}

/// The same, with what is told: the sandbox has the hardware that is named, and NAS that are installed already or not.
#[must_use]
pub(crate) fn with(told: Told) -> Sites {
    Sites::new()
        // The nodes stand alone until the lab makes them a cluster; till then grogu, the first, answers for it, and its token becomes
        // the cluster's.
        .with(PVE, cluster(told.md1200).from_single_nodes())
        .with(NAS, nas(net::NAS, storage::NAS_KEY, 300, told))
        .with(BACKUP, nas(net::NAS_BACKUP, storage::BACKUP_KEY, 301, told))
        .with(PIS, PiSite::of([pi::pihole()]))
        .with(PIHOLE, PiholeAt::address(net::PIHOLE).without_password())
        .with(HOSTS, Ssh)
}
