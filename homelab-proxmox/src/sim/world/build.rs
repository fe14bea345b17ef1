//! Building worlds: the reference lab's kind, and the one that the recordings expect.
use super::super::pace::Pace;
use super::node::bridge;
use super::{
    Access, Firewall, Firmware, Guest, Ha, Image, Login, Node, NodeSpec, Os, PciDevice, Release, Texts, Token, Trouble,
    UsbDevice, User, Volume, World,
};
use std::collections::BTreeMap;

/// What kind of storage a builder adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A directory on each node; holds every kind of content.
    Dir,
    /// Thin volumes of LVM on each node; holds disks of guests.
    LvmThin,
    /// A ZFS pool on each node; holds disks of guests.
    ZfsPool,
    /// An NFS export that all nodes share; holds every kind of content.
    Nfs,
}

impl World {
    fn empty(release: Release) -> World {
        let mut access = Access::default();
        access.users.insert("root@pam".to_owned(), User { enable: true, ..User::default() });
        World {
            release,
            pace: Pace::realistic(),
            cluster: None,
            seed: 0x5eed,
            drawn: 0,
            now: 0,
            nodes: BTreeMap::new(),
            guests: BTreeMap::new(),
            storages: BTreeMap::new(),
            capacity: BTreeMap::new(),
            volumes: BTreeMap::new(),
            web: BTreeMap::new(),
            tasks: Vec::new(),
            access,
            pools: BTreeMap::new(),
            mappings: BTreeMap::new(),
            options: Texts::new(),
            firewall: Firewall::default(),
            guest_firewalls: BTreeMap::new(),
            ha: Ha::default(),
            jobs: BTreeMap::new(),
            replications: BTreeMap::new(),
            figures_read: 0,
            appliances: catalog(),
            trouble: Trouble::default(),
            apart: BTreeMap::new(),
            links: BTreeMap::new(),
            qdevice: None,
        }
    }

    /// A cluster of that name without nodes, release 9.2, with the storages `local` (a directory that also takes
    /// images to import) and `local-lvm`.
    #[must_use]
    pub fn cluster(name: &str) -> World {
        let mut world = World::empty(Release::V9_2);
        world.cluster = Some(name.to_owned());
        world.storage_of("local", StorageKind::Dir, 500 << 30).storage_of("local-lvm", StorageKind::LvmThin, 1 << 40)
    }

    /// The same of nodes that are no cluster yet: the first that is added answers, and others are made to stand
    /// [alone](World::alone).
    #[must_use]
    pub fn single() -> World {
        World { cluster: None, ..World::cluster("") }
    }

    /// Chooses the release.
    #[must_use]
    pub fn release(mut self, release: Release) -> World {
        self.release = release;
        self
    }

    /// Chooses how long tasks take; [`Pace::realistic`] otherwise.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> World {
        self.pace = pace;
        self
    }

    /// Chooses what MACs, UUIDs and secrets are drawn from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> World {
        self.seed = seed;
        self
    }

    /// Adds a node with the bridge `vmbr0`.
    #[must_use]
    pub fn with_node(mut self, name: &str, spec: NodeSpec) -> World {
        self.nodes.insert(name.to_owned(), Node::new(spec));
        self
    }

    /// Adds a bridge to a node that was added before.
    #[must_use]
    pub fn with_bridge(mut self, node: &str, name: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.network.insert(name.to_owned(), bridge());
        }
        self
    }

    /// The IOMMU of a node is off until its kernel is booted with `intel_iommu=on`.
    #[must_use]
    pub fn without_iommu(mut self, node: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.iommu_off = true;
        }
        self
    }

    /// Adds a PCI device to a node that was added before: `path` as `0000:01:00.0`, `id` as `1000:0097`.
    #[must_use]
    pub fn with_pci(mut self, node: &str, path: &str, id: &str, iommu_group: i64, name: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.pci.push(PciDevice {
                path: path.to_owned(),
                id: id.to_owned(),
                subsystem: None,
                iommu_group,
                name: name.to_owned(),
                class: "0x010700".to_owned(),
                disks: Vec::new(),
            });
        }
        self
    }

    /// What the PCI device that was added last is: `0x030000` a display, `0x010601` a SATA controller. A SAS controller without this.
    #[must_use]
    pub fn of_class(mut self, node: &str, class: &str) -> World {
        if let Some(device) = self.hardware_mut(node).and_then(|node| node.pci.last_mut()) {
            device.class = class.to_owned();
        }
        self
    }

    /// Plugs disks into the PCI device that was added last.
    #[must_use]
    pub fn with_disks(mut self, node: &str, disks: impl IntoIterator<Item = homelab_core::sim::Disk>) -> World {
        if let Some(device) = self.hardware_mut(node).and_then(|node| node.pci.last_mut()) {
            device.disks.extend(disks);
        }
        self
    }

    /// Takes all PCI devices out of a node, as before it gets another board.
    #[must_use]
    pub fn without_pci(mut self, node: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.pci.clear();
        }
        self
    }

    /// Plugs a USB device into a node that was added before: `port` as `1-2.1`, `id` as `10c4:ea60`.
    #[must_use]
    pub fn with_usb(mut self, node: &str, port: &str, id: &str, serial: Option<&str>, name: &str) -> World {
        if let Some(node) = self.hardware_mut(node) {
            node.usb.push(UsbDevice {
                port: port.to_owned(),
                id: id.to_owned(),
                serial: serial.map(str::to_owned),
                name: name.to_owned(),
            });
        }
        self
    }

    /// Adds a storage of so many bytes (on each node, unless it is shared).
    #[must_use]
    pub fn storage_of(mut self, name: &str, kind: StorageKind, bytes: u64) -> World {
        let all = "backup,images,import,iso,rootdir,snippets,vztmpl";
        let thin = format!("thinpool {name}");
        let options: &[(&str, &str)] = match kind {
            StorageKind::Dir => &[("type", "dir"), ("path", "/var/lib/vz"), ("content", all)],
            StorageKind::LvmThin => {
                &[("type", "lvmthin"), ("vgname", "pve"), ("thinpool", &thin[9..]), ("content", "images,rootdir")]
            }
            StorageKind::ZfsPool => &[("type", "zfspool"), ("pool", name), ("content", "images,rootdir")],
            StorageKind::Nfs => &[("type", "nfs"), ("server", "192.0.2.10"), ("export", "/export"), ("content", all)],
        };
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.storages.insert(name.to_owned(), options);
        self.capacity.insert(name.to_owned(), bytes);
        self
    }

    /// Adds an API token of full rights, `user@realm!name`; its user becomes an administrator.
    #[must_use]
    pub fn with_token(mut self, id: &str, secret: &str) -> World {
        let (user, name) = id.split_once('!').unwrap_or((id, "token"));
        let entry = self.access.users.entry(user.to_owned()).or_default();
        entry.enable = true;
        let token = Token { secret: secret.to_owned(), privsep: false, expire: 0, comment: None };
        entry.tokens.insert(name.to_owned(), token);
        if user != "root@pam" {
            let line = (("user".to_owned(), user.to_owned(), "Administrator".to_owned()), true);
            self.access.acl.entry("/".to_owned()).or_default().push(line);
        }
        self
    }

    /// Adds an API token that is allowed exactly these privileges, on everything.
    #[must_use]
    pub fn with_limited_token<'a>(
        mut self,
        id: &str,
        secret: &str,
        privileges: impl IntoIterator<Item = &'a str>,
    ) -> World {
        let (user, name) = id.split_once('!').unwrap_or((id, "token"));
        let role = format!("Only-{name}");
        self.access.roles.insert(role.clone(), privileges.into_iter().map(str::to_owned).collect());
        let entry = self.access.users.entry(user.to_owned()).or_default();
        entry.enable = true;
        let token = Token { secret: secret.to_owned(), privsep: false, expire: 0, comment: None };
        entry.tokens.insert(name.to_owned(), token);
        let line = (("user".to_owned(), user.to_owned(), role), true);
        self.access.acl.entry("/".to_owned()).or_default().push(line);
        self
    }

    /// Gives a user a password, so that it can log in.
    #[must_use]
    pub fn with_password(mut self, user: &str, password: &str) -> World {
        let hash = self.password_hash(user, password);
        let entry = self.access.users.entry(user.to_owned()).or_default();
        entry.enable = true;
        entry.password = Some(hash);
        self
    }

    /// Puts a file on the simulated internet. URLs that nobody put there hold [`Image::default`]; those of this
    /// machine itself (127.0.0.1, localhost) refuse the connection.
    #[must_use]
    pub fn with_image(mut self, url: &str, image: Image) -> World {
        self.web.insert(url.to_owned(), image);
        self
    }

    /// Adds a template for containers to the index, as its file is called: `debian-12-standard_12.13-1_amd64.tar.zst`.
    #[must_use]
    pub fn with_appliance(mut self, file: &str) -> World {
        self.appliances.push(file.to_owned());
        self
    }

    /// Puts a disk image on a storage, ready to import, on every node.
    #[must_use]
    pub fn with_import(mut self, volid: &str, image: &Image) -> World {
        let nodes: Vec<String> = self.nodes.keys().cloned().collect();
        for node in nodes {
            let volume = import(volid, image);
            self.put_volume(&node, volume);
        }
        self
    }

    /// The world that the recordings of 8.4.21 expect: one node `pve`, template 9000, one image to import.
    #[must_use]
    pub fn parity() -> World {
        let image = Image {
            size: 54_132_736,
            virtual_size: 128 << 20,
            agent: true,
            firmware: Firmware::Uefi,
            ..Image::default()
        };
        let spec = NodeSpec { cores: 4, memory: 8 << 30, disk: 60 << 30 };
        let mut world = World::empty(Release::V8_4)
            .storage_of("local", StorageKind::Dir, 200 << 30)
            .with_node("pve", spec)
            .with_import("local:import/miniguest.qcow2", &image);
        world.trouble.storage_network_down = true;
        // Its index was never downloaded.
        world.appliances.clear();
        if let Some(node) = world.nodes.get_mut("pve") {
            node.cgroup = 1;
            node.bare_bridges.push("vmbr1".to_owned());
            for (path, id) in [("0000:00:01.0", "1af4:1045"), ("0000:00:02.0", "1af4:1042")] {
                node.pci.push(PciDevice {
                    path: path.to_owned(),
                    id: id.to_owned(),
                    subsystem: Some("1af4:1100".to_owned()),
                    iommu_group: -1,
                    name: "Virtio device".to_owned(),
                    class: "0x010700".to_owned(),
                    disks: Vec::new(),
                });
            }
        }
        world.template_9000();
        world
    }

    fn template_9000(&mut self) {
        let (uuid, genid, mac) = (self.new_uuid(), self.new_uuid(), self.new_mac());
        let mut guest = Guest::new(9000, false, "pve", 0);
        for (key, value) in [
            ("name", "debian-12-tmpl"),
            ("template", "1"),
            ("memory", "384"),
            ("bios", "ovmf"),
            ("agent", "enabled=1"),
            ("boot", "order=scsi0"),
            ("scsihw", "virtio-scsi-single"),
            ("serial0", "socket"),
            ("ostype", "l26"),
            ("efidisk0", "local:9000/base-9000-disk-0.raw,efitype=4m,size=528K"),
            ("scsi0", "local:9000/base-9000-disk-1.qcow2,size=128M"),
            ("meta", "creation-qemu=9.2.0,ctime=1763800000"),
        ] {
            guest.set(key, value);
        }
        guest.set("smbios1", format!("uuid={uuid}"));
        guest.set("vmgenid", genid);
        guest.set("net0", format!("virtio={mac},bridge=vmbr0"));
        self.guests.insert(9000, guest);
        for (volid, format, size, os) in [
            ("local:9000/base-9000-disk-0.raw", "raw", 540_672, None),
            (
                "local:9000/base-9000-disk-1.qcow2",
                "qcow2",
                128 << 20,
                Some(Os { agent: true, firmware: Firmware::Uefi, login: Login::Debian }),
            ),
        ] {
            let volume = Volume {
                content: "images".to_owned(),
                format: format.to_owned(),
                size,
                used: size,
                vmid: Some(9000),
                holds: size,
                os,
                ..import(volid, &Image::default())
            };
            self.put_volume("pve", volume);
        }
    }
}

/// Templates for containers that Proxmox offered in autumn 2025, some of them.
pub(crate) fn catalog() -> Vec<String> {
    [
        "alpine-3.22-default_20250617_amd64.tar.xz",
        "debian-12-standard_12.12-1_amd64.tar.zst",
        "debian-13-standard_13.1-2_amd64.tar.zst",
        "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A file of content `import`.
fn import(volid: &str, image: &Image) -> Volume {
    Volume {
        volid: volid.to_owned(),
        node: String::new(),
        content: "import".to_owned(),
        format: volid.rsplit('.').next().unwrap_or("raw").to_owned(),
        size: image.size,
        used: image.size,
        vmid: None,
        ctime: 1_763_800_000,
        parent: None,
        os: Some(Os { agent: image.agent, firmware: image.firmware, login: Login::Root }),
        holds: image.virtual_size,
        notes: None,
        medium: None,
    }
}
