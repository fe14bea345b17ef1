//! The machines that run Proxmox VE.
use crate::{sites::PVE, storage};
use homelab_core::units::{Size, SizeUnits};
use homelab_proxmox::{
    Node,
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
