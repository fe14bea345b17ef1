//! The machines that run Proxmox VE.
use crate::sites::PVE;
use homelab_core::units::{Size, SizeUnits};
use homelab_proxmox::{Node, site::Hardware};

/// Dell PowerEdge R630: compute. It boots from one SATA drive in the optical bay.
pub const GROGU: Node = Node::of(PVE, "grogu").disks("local-lvm").images("local").bridge("vmbr0");
/// Dell PowerEdge R730xd: storage and compute. It boots from two SATA SSD, which also hold the NAS guest's boot disk.
pub const DIN: Node = Node::of(PVE, "din").disks("local-lvm").images("local").bridge("vmbr0");

/// What the sandbox simulates of grogu: 2x E5-2699 v3.
#[must_use]
pub fn grogu() -> Hardware {
    Hardware { cores: 72, memory: memory(), disk: 1.tib() }
}

/// What the sandbox simulates of din: 2x E5-2680 v3.
#[must_use]
pub fn din() -> Hardware {
    Hardware { cores: 48, memory: memory(), disk: 1.tib() }
}

/// The two have 192 to 320 GB together; half of the lower figure is sure to be there.
fn memory() -> Size {
    96.gib()
}
