//! A node of a Proxmox cluster, as a constant of a lab's code.
use crate::Pve;
use homelab_core::{Claim, Site, plan::Note};
use serde::{Serialize, Serializer};
use std::ops::RangeInclusive;

/// A machine that runs Proxmox VE, with what is usual on it.
///
/// ```
/// use homelab_core::Site;
/// use homelab_proxmox::{Node, Pve};
/// pub const PVE: Site<Pve> = Site::named("pve");
/// pub const DIN: Node = Node::of(PVE, "din").disks("local-lvm").images("local").bridge("vmbr0");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub(crate) site: Site<Pve>,
    pub(crate) name: &'static str,
    pub(crate) disks: &'static str,
    pub(crate) shared: bool,
    pub(crate) images: &'static str,
    pub(crate) bridge: &'static str,
    pub(crate) ids: (u32, u32),
    pub(crate) boots_from: Option<&'static str>,
}

impl Node {
    /// The node of this name at a site. Unless said otherwise its disks are on `local-lvm`, its images on `local`, and its
    /// guests on the bridge `vmbr0`, as the installer of Proxmox VE sets them up.
    #[must_use]
    pub const fn of(site: Site<Pve>, name: &'static str) -> Node {
        let (disks, images, bridge) = ("local-lvm", "local", "vmbr0");
        Node { site, name, disks, shared: false, images, bridge, ids: (5000, 5999), boots_from: None }
    }

    /// The storage for disks that do not name one.
    #[must_use]
    pub const fn disks(mut self, storage: &'static str) -> Node {
        (self.disks, self.shared) = (storage, false);
        self
    }

    /// The same, on a storage that all nodes of the cluster see alike (Ceph, NFS): its guests can be cloned to and moved
    /// between nodes without copying.
    #[must_use]
    pub const fn shared_disks(mut self, storage: &'static str) -> Node {
        (self.disks, self.shared) = (storage, true);
        self
    }

    /// The storage that cloud images are fetched to. It keeps files and must have the content type `import`.
    #[must_use]
    pub const fn images(mut self, storage: &'static str) -> Node {
        self.images = storage;
        self
    }

    /// The bridge of guests that do not name one. It must be VLAN-aware if their networks are tagged.
    #[must_use]
    pub const fn bridge(mut self, bridge: &'static str) -> Node {
        self.bridge = bridge;
        self
    }

    /// The numbers for guests that do not name one, 5000 to 5999 unless said otherwise.
    ///
    /// # Panics
    /// When they are not in 100 to 999,999,999; in a constant that is a compile error.
    #[must_use]
    pub const fn ids(mut self, ids: RangeInclusive<u32>) -> Node {
        assert!(
            *ids.start() >= 100 && *ids.start() <= *ids.end() && *ids.end() <= 999_999_999,
            "the numbers of guests are 100 to 999,999,999"
        );
        self.ids = (*ids.start(), *ids.end());
        self
    }

    /// The controller of the disks that it boots from, by vendor and device (`8086:8d62`) or place (`0000:00:1f.2`): the API does
    /// not tell it. Neither it nor what shares its IOMMU group is ever passed to a guest.
    #[must_use]
    pub const fn boots_from(mut self, controller: &'static str) -> Node {
        self.boots_from = Some(controller);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The cluster that it belongs to.
    #[must_use]
    pub const fn site(&self) -> Site<Pve> {
        self.site
    }

    /// What it claims that has the node in its cluster, and what everything uses that is made on the node.
    pub(crate) fn claim(&self) -> Claim {
        Claim::new("node", self.name).within(self.site.name())
    }

    /// What is said of something on it that cannot be looked at yet.
    pub(crate) fn joins_first(&self) -> Note {
        Note::info(format!(
            "{} is not a node of the cluster yet: what is on it is looked at when it has joined",
            self.name
        ))
    }

    pub(crate) fn free_ids(&self) -> RangeInclusive<u32> {
        self.ids.0..=self.ids.1
    }
}

/// As its name.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name)
    }
}
