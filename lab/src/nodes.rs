//! The machines that run Proxmox VE.
use crate::{net, sites::PVE, storage};
use homelab_core::{
    AnyHandle, Declare, Lab, ResourceExt, With,
    host::Computer,
    units::{HostAddr, Size, SizeUnits},
};
use homelab_proxmox::{
    Node, NodeConfig,
    resource::{Bridge, Cluster, NodeNetwork, PciOn, VlanInterface},
    site::{Device, Drive, Hardware},
};

/// Dell PowerEdge R630: compute. It boots from one SATA drive in the optical bay.
pub(crate) const GROGU: Node =
    Node::of(PVE, "grogu").disks("local-lvm").images("local").bridge("vmbr0").boots_from(GROGU_BOOTS_FROM);
/// Dell PowerEdge R730xd: storage and compute. It boots from two SATA SSD, which also hold the NAS guest's boot disk.
pub(crate) const DIN: Node =
    Node::of(PVE, "din").disks("local-lvm").images("local").bridge("vmbr0").boots_from(DIN_BOOTS_FROM);

/// The chipset's own SATA controller, with the drive in grogu's optical bay.
pub(crate) const GROGU_BOOTS_FROM: &str = "8086:8d02";
/// The chipset's second SATA controller, with the two SSD in din's rear slots.
pub(crate) const DIN_BOOTS_FROM: &str = "8086:8d62";
/// Dell H330 Mini in IT mode, in din: five disks of 8 TB, and two SSDs for their intent log.
pub(crate) const H330: &str = "1000:0097";
/// LSI 9201-8e, in din: the DS2246 shelf, 24 disks of 900 GB, each on two paths.
pub(crate) const LSI_9201_8E: &str = "1000:0072";
/// Intel Arc A310 Eco, in grogu: transcodes for Jellyfin.
pub(crate) const ARC_A310: &str = "8086:56a6";
/// The controller of the MD1200 shelf, in grogu. The list of hardware does not name it, so it cannot be passed to the backup NAS:
/// `lspci -nn` on grogu tells it. Until it stands here that NAS has no pool, nothing is replicated to it, and its notes say so.
pub(crate) const MD1200_CONTROLLER: Option<&str> = None;

/// The port of both nodes that the installer has put on the bridge. Put the name of yours here: `ip -br link`.
pub(crate) const PORT: &str = "eno1";

/// What both nodes are set up with. The installer has been run by hand, and root's key is there; the rest is this.
///
/// Nothing tells which release that installer was of. It is the current one here; a plan refuses a node of another, and says what to
/// write instead.
fn usual(names: AnyHandle) -> NodeConfig {
    NodeConfig::release_9()
        .no_subscription()
        .without_notice()
        .ssh()
        // The router has the time when the Internet has not.
        .time([net::ROUTER.ip().to_string().as_str()])
        .node_exporter()
        .passthrough()
        // While a node is away, names are answered, or it does not go.
        .restart_after(names)
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

/// Both nodes, as they should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready(pub(crate) [AnyHandle; 2]);

impl Ready {
    /// This comes after it. While one of two nodes is away the other has no quorum, so nothing can be changed on either.
    pub(crate) fn before<D: Declare>(self, resource: D) -> With<D::Resource> {
        let Ready([grogu, din]) = self;
        resource.after(grogu).after(din)
    }

    /// The same for a device of a node.
    pub(crate) fn before_naming(self, device: PciOn) -> PciOn {
        self.0.into_iter().fold(device, PciOn::after)
    }
}

/// Makes both nodes a cluster, and sets them up: `node configure grogu`, `node configure din`. Their networks are changed and they are restarted one after the
/// other, and only while names are answered.
///
/// din gives its SAS controllers to the NAS, so their driver must not take them; its own disks hang on the chipset. grogu gives its
/// graphics card away.
pub(crate) fn ready(lab: &mut Lab, names: impl Into<AnyHandle>) -> Ready {
    let names = names.into();
    // The vote would be that of a machine which is no guest of these two. The Pi is the only one, and its system is a NixOS that nobody
    // installs anything on by hand, which `pvecm qdevice setup` does. So a node is restarted while nothing else is changed, and what is
    // made on them comes after both restarts.
    let cluster = Cluster::create("home").on(GROGU, net::GROGU).join(DIN, net::DIN);
    cluster.without_third_vote("the Pi is the only other machine, and its NixOS has no corosync-qnetd").add_to(lab);
    let grogu = usual(names).claim([ARC_A310]);
    let din = usual(names).keep_drivers_off(["mpt3sas"]);
    Ready([
        one(lab, GROGU, [net::GROGU, net::GROGU_STORAGE], grogu, names),
        one(lab, DIN, [net::DIN, net::DIN_STORAGE], din, names),
    ])
}

/// A node: its network, which is taken over from the installer, and then the rest.
fn one(lab: &mut Lab, node: Node, [lan, storage]: [HostAddr; 2], config: NodeConfig, names: AnyHandle) -> AnyHandle {
    let machine = lab.add(Computer::named(node.name(), lan).login("root"));
    let network = network(node, lan, storage).adopt().after(machine).after(names);
    let network = lab.group(&format!("node/{}", node.name()), |lab| lab.add(network));
    config.restart_after(network).add_to(lab, node, machine).ready.into()
}

/// What the sandbox simulates of grogu: 2x E5-2699 v3.
#[must_use]
pub(crate) fn grogu() -> Hardware {
    Hardware { cores: 72, memory: memory(), disk: 1.tib() }
}

/// What the sandbox simulates of din: 2x E5-2680 v3.
#[must_use]
pub(crate) fn din() -> Hardware {
    Hardware { cores: 48, memory: memory(), disk: 1.tib() }
}

/// What the sandbox simulates of their cards and disks. The disks are those of [`storage`], so that the NAS finds what its pools name.
#[must_use]
pub(crate) fn devices(md1200: Option<&'static str>) -> Vec<(Node, Device)> {
    let bulk = storage::BULK.map(|serial| disk(serial, "WDC WD80EFAX", 8_001_563_222_016));
    let log =
        storage::LOG.map(|serial| Drive { rotational: false, ..disk(serial, "INTEL SSDSC2BA20", 200_049_647_616) });
    let fast = storage::FAST.map(|serial| Drive { paths: 2, ..disk(serial, "ST900MM0006", 900_185_481_216) });
    let backup = storage::BACKUP_DISKS.map(|serial| disk(serial, "ST33000650SS", 3_000_592_982_016));
    let h330 = Device::controller("0000:03:00.0", H330, 30, "SAS3008").drives(bulk).drives(log);
    let lsi = Device::controller("0000:04:00.0", LSI_9201_8E, 31, "SAS2008").drives(fast);
    let shelf = md1200.map(|id| Device::controller("0000:05:00.0", id, 33, "MD1200").drives(backup));
    let known = [
        (DIN, Device::controller("0000:00:11.4", DIN_BOOTS_FROM, 20, "C610 sSATA")),
        (DIN, h330),
        (DIN, lsi),
        (GROGU, Device::controller("0000:00:1f.2", GROGU_BOOTS_FROM, 20, "C610 SATA")),
        (GROGU, Device::display("0000:04:00.0", ARC_A310, 32, "DG2 [Arc A310]")),
    ];
    known.into_iter().chain(shelf.map(|shelf| (GROGU, shelf))).collect()
}

/// A disk on one path.
fn disk(serial: &str, model: &str, bytes: u64) -> Drive {
    Drive { serial: serial.into(), model: model.into(), size: Size::bytes(bytes), rotational: true, paths: 1 }
}

/// The two have 192 to 320 GB together; half of the lower figure is sure to be there.
fn memory() -> Size {
    96.gib()
}
