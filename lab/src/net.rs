//! The networks and every address that is given by hand. An address outside its network does not compile.
use homelab_core::units::{HostAddr, Network};

/// iDRAC and switches.
pub(crate) const MANAGEMENT: Network = Network::new("management", [10, 10, 1, 0], 24).vlan(1);
/// NFS, iSCSI and replication; no way out.
pub(crate) const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24).vlan(10);
/// Clients and infrastructure.
pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
/// Kubernetes: what its applications share (ingress, ArgoCD, cert-manager, Vault, SigNoz).
pub(crate) const K8S_SHARED: Network = Network::new("Kubernetes shared services", [10, 0, 1, 0], 24).vlan(30);
/// Kubernetes: applications.
pub(crate) const K8S_APPS: Network = Network::new("Kubernetes apps", [10, 0, 2, 0], 24).vlan(31);
/// Kubernetes: staging.
pub(crate) const K8S_TEST: Network = Network::new("Kubernetes test", [10, 0, 3, 0], 24).vlan(32);

/// All networks.
pub(crate) const NETWORKS: [Network; 6] = [MANAGEMENT, STORAGE, LAN, K8S_SHARED, K8S_APPS, K8S_TEST];

/// The way out.
pub(crate) const ROUTER: HostAddr = LAN.host(1);
/// The compute node, which answers for the cluster.
pub(crate) const GROGU: HostAddr = LAN.host(10);
/// The same on the storage network.
pub(crate) const GROGU_STORAGE: HostAddr = STORAGE.host(10);
/// The storage node.
pub(crate) const DIN: HostAddr = LAN.host(11);
/// The same on the storage network.
pub(crate) const DIN_STORAGE: HostAddr = STORAGE.host(11);
/// The primary NAS.
pub(crate) const NAS: HostAddr = LAN.host(13);
/// The same on the storage network.
pub(crate) const NAS_STORAGE: HostAddr = STORAGE.host(13);
/// The backup NAS.
pub(crate) const NAS_BACKUP: HostAddr = LAN.host(14);
/// The same on the storage network.
pub(crate) const NAS_BACKUP_STORAGE: HostAddr = STORAGE.host(14);
/// DNS for everybody: on a Raspberry Pi and never on Proxmox, so that it answers while Proxmox is worked on.
pub(crate) const PIHOLE: HostAddr = LAN.host(53);
/// The example service.
pub(crate) const NEWSERVICE: HostAddr = LAN.host(202);

/// Films and music, until Kubernetes takes them over.
pub(crate) const JELLYFIN: HostAddr = LAN.host(210);
/// Whatever becomes a template, while it is built.
pub(crate) const BUILD: HostAddr = LAN.host(250);
/// The example container.
pub(crate) const NEWCONTAINER: HostAddr = LAN.host(203);

/// Everybody who has an address, for looking somebody up.
pub(crate) const HOSTS: [(&str, HostAddr); 14] = [
    ("router", ROUTER),
    ("grogu", GROGU),
    ("grogu (storage)", GROGU_STORAGE),
    ("din", DIN),
    ("din (storage)", DIN_STORAGE),
    ("truenas", NAS),
    ("truenas (storage)", NAS_STORAGE),
    ("truenas-backup", NAS_BACKUP),
    ("truenas-backup (storage)", NAS_BACKUP_STORAGE),
    ("pihole", PIHOLE),
    ("newservice-server", NEWSERVICE),
    ("newservice-container", NEWCONTAINER),
    ("jellyfin", JELLYFIN),
    ("template", BUILD),
];
