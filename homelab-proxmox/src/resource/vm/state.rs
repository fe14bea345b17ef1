//! What can be observed of a VM.
use super::{
    cdrom,
    devices::{self, HostPciKey, HostPciState, UsbKey, UsbState},
    parts::NetKey,
};
use crate::{
    api::{
        VolumeId,
        qemu::{Bus, Disk, Ip4, IpConfig, Net, QemuConfig, Slot, Startup},
    },
    resource::{
        firmware::FirmwareKind,
        guest::{self, Found},
        mark,
        template::state::{BOOT_DISK, LOGIN, firmware, memory},
    },
};
use homelab_core::{
    Owner, outputs,
    units::{Mac, Size, Vlan},
};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// What the mark remembers of work that was begun: `making`, `restart`.
pub(super) const UNFINISHED: &str = "unfinished";
/// What the mark remembers of disks with data.
pub(super) const DATA: &str = "data";
/// What the mark remembers of disks that this lab made.
pub(super) const OURS: &str = "disks";
/// What the mark remembers of its SSH host key, which only its agent can tell.
pub(super) const HOST_KEY: &str = "hostkey";
/// The type of that key.
pub(in crate::resource) const KEY_TYPE: &str = "ssh-ed25519";

/// What can be observed of a VM.
#[derive(Clone, Debug, Serialize)]
pub struct VmState {
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: Option<String>,
    /// The node it is on.
    pub node: String,
    /// Its firmware.
    pub firmware: FirmwareKind,
    /// Whether it has a cloud-init drive.
    pub cloud_init: bool,
    /// Cores of each socket.
    pub cores: u32,
    /// Sockets.
    pub sockets: u32,
    /// The model of its processor.
    pub cpu: String,
    /// Memory.
    pub memory: Size,
    /// The least memory that ballooning leaves; nothing if that is not said.
    pub balloon: Option<Size>,
    /// Its disks by slot; no CD drives.
    pub disks: BTreeMap<Slot, DiskState>,
    /// What is in its CD drives, by slot; none that is empty.
    pub cdroms: BTreeMap<Slot, VolumeId>,
    /// Its network devices.
    pub(super) nics: BTreeMap<NetKey, NicState>,
    /// PCI devices of its node that it has.
    pub(super) hostpci: BTreeMap<HostPciKey, HostPciState>,
    /// USB devices of its node that it has.
    pub(super) usb: BTreeMap<UsbKey, UsbState>,
    /// Name servers that cloud-init sets.
    pub resolvers: Option<Vec<String>>,
    /// Search domain that cloud-init sets.
    pub search_domain: Option<String>,
    /// The user that cloud-init makes.
    pub user: Option<String>,
    /// Who may log in as that user.
    pub authorized_keys: Option<Vec<String>>,
    /// Whether the server expects a guest agent in it.
    pub agent: bool,
    /// Its tags, without our own.
    pub tags: Option<Vec<String>>,
    /// Its notes, without our mark.
    pub notes: Option<String>,
    /// What it boots from, in order.
    pub boot_order: Option<Vec<String>>,
    /// Whether it starts with its node.
    pub start_on_boot: bool,
    /// Its place in that order.
    pub startup: Option<Startup>,
    /// Whether Proxmox VE refuses to delete it.
    pub protection: bool,
    /// Whether it runs.
    pub running: bool,
    /// The address of its first device, if it can be told.
    pub ip: Option<IpAddr>,
    /// The hardware address of its first device.
    pub mac: Option<Mac>,
    /// Whom it lets in: the user that cloud-init made, or that its image comes with; `root` where nobody knows.
    pub login: String,
    /// Its SSH host key, as its agent told when it was made (`ssh-ed25519 AAAA..`); empty if it told none.
    pub host_key: String,
    /// What is still to be done with it: it was made and never seen up (`making`), or waits for a restart (`restart`).
    pub unfinished: Option<String>,
    /// The slots that are taken, by whatever.
    #[serde(skip)]
    pub(super) slots: Vec<Slot>,
    /// Volumes that would go with it although no lab made them: disks that somebody attached, and detached ones.
    #[serde(skip)]
    pub(super) foreign: Vec<String>,
    #[serde(skip)]
    pub(super) template: bool,
    #[serde(skip)]
    pub(super) agent_needed: bool,
    #[serde(skip)]
    pub(super) uuid: Option<String>,
    #[serde(skip)]
    pub(super) owner: Owner,
}

/// A disk of a VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskState {
    /// Its size.
    pub size: Size,
    /// The storage that it is on.
    pub storage: Option<String>,
    /// Whether the guest sees a solid-state disk.
    pub ssd: bool,
    /// Whether freed space goes back to the storage.
    pub discard: bool,
    /// Whether it has an I/O thread of its own.
    pub iothread: bool,
    /// Whether backups take it.
    pub backup: bool,
    /// Whether it holds data that must not be lost.
    pub data: bool,
}

/// A network device of a VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NicState {
    /// The bridge.
    pub bridge: Option<String>,
    /// The VLAN.
    pub vlan: Option<Vlan>,
    /// The hardware address.
    pub mac: Option<Mac>,
    /// The MTU.
    pub mtu: Option<u32>,
    /// Whether Proxmox VE's firewall filters.
    pub firewall: bool,
    /// The address that cloud-init gives it: `192.168.0.202/24`, `dhcp`.
    pub address: Option<String>,
    /// The way out that cloud-init gives it.
    pub gateway: Option<IpAddr>,
}

outputs!(
    /// What others need to know of a VM.
    VmOutputs of VmState {
        /// Its number.
        vmid: u32,
        /// Its name.
        name: String,
        /// The node it is on.
        node: String,
        /// The address of its first device.
        ip: IpAddr,
        /// The hardware address of its first device.
        mac: Mac,
        /// Whom it lets in.
        login: String,
        /// Its SSH host key; empty if its agent told none.
        host_key: String,
        /// Whether it runs.
        running: bool,
    }
);

impl VmState {
    pub(super) fn of(found: &Found, running: bool) -> Self {
        let (config, notes) = (&*found.config, found.notes());
        let data: Vec<Slot> = notes.recall(DATA).into_iter().flat_map(slots_in).collect();
        let ours: Vec<Slot> = notes.recall(OURS).into_iter().flat_map(slots_in).collect();
        let nics: BTreeMap<NetKey, NicState> = nics(config);
        let first = nics.get(&NetKey(0));
        let fixed = config.ipconfigs.get(&0).and_then(|config| match config.ip {
            Some(Ip4::Fixed(ip, _)) => Some(IpAddr::V4(ip)),
            _ => None,
        });
        let agent = config.agent.as_ref().is_some_and(|agent| agent.enabled);
        VmState {
            vmid: found.guest.vmid,
            name: config.name.clone(),
            node: found.guest.node.clone(),
            firmware: firmware(config),
            cloud_init: config.cloud_init_drive().is_some(),
            cores: config.cores.unwrap_or(1),
            sockets: config.sockets.unwrap_or(1),
            cpu: config.cpu.as_ref().and_then(|cpu| cpu.kind.clone()).unwrap_or_else(|| "kvm64".to_owned()),
            memory: memory(config),
            balloon: config.balloon.map(Size::mib),
            disks: disks(config, &data),
            cdroms: cdrom::media(config),
            slots: config.disks.keys().copied().collect(),
            hostpci: devices::hostpci(config),
            usb: devices::usb(config),
            resolvers: config.nameserver.as_ref().map(|list| list.split_whitespace().map(str::to_owned).collect()),
            search_domain: config.searchdomain.clone(),
            user: config.ciuser.clone(),
            authorized_keys: config.sshkeys.as_ref().map(|keys| sorted(keys.iter().map(str::to_owned))),
            agent,
            tags: mark::own_tags(config.tags.as_ref()),
            notes: notes.text.clone(),
            boot_order: match &config.boot {
                Some(crate::api::qemu::Boot::Order(devices)) => Some(devices.clone()),
                _ => None,
            },
            start_on_boot: config.onboot.unwrap_or(false),
            startup: config.startup.clone(),
            protection: config.protection.unwrap_or(false),
            running,
            ip: fixed,
            mac: first.and_then(|nic| nic.mac),
            login: config
                .ciuser
                .clone()
                .or_else(|| notes.recall(LOGIN).map(str::to_owned))
                .unwrap_or_else(|| "root".into()),
            host_key: notes.recall(HOST_KEY).map(|key| format!("{KEY_TYPE} {key}")).unwrap_or_default(),
            unfinished: notes.recall(UNFINISHED).map(str::to_owned),
            foreign: foreign(config, &ours),
            template: config.template,
            agent_needed: running && agent && fixed.is_none(),
            uuid: guest::uuid(config),
            owner: notes.owner(),
            nics,
        }
    }

    /// What would be lost with it.
    pub(super) fn data(&self) -> Vec<String> {
        let on = |disk: &DiskState| disk.storage.as_deref().map(|name| format!(" on {name}")).unwrap_or_default();
        let disks = self.disks.iter().filter(|(_, disk)| disk.data);
        let disks = disks.map(|(slot, disk)| format!("{slot}: {}{}", disk.size, on(disk)));
        disks
            .chain(self.foreign.iter().cloned())
            .chain(self.protection.then(|| "its protection in Proxmox VE".to_owned()))
            .collect()
    }
}

fn foreign(config: &QemuConfig, ours: &[Slot]) -> Vec<String> {
    let attached = config.disks.iter().filter(|(slot, disk)| is_disk(disk) && !ours.contains(slot));
    let attached = attached.map(|(slot, disk)| {
        let size = disk.size.map(|size| format!(" of {}", Size::bytes(size.as_bytes()))).unwrap_or_default();
        format!("{slot}: a disk{size} that this lab did not make")
    });
    attached.chain(config.unused.iter().map(|(slot, volume)| format!("{slot}: the detached volume {volume}"))).collect()
}

/// The slots that a mark remembers.
pub(super) fn slots_in(text: &str) -> Vec<Slot> {
    text.split(',').filter_map(|slot| slot.parse().ok()).collect()
}

pub(crate) fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn disks(config: &QemuConfig, data: &[Slot]) -> BTreeMap<Slot, DiskState> {
    let drives = config.disks.iter().filter(|(_, disk)| is_disk(disk));
    drives.map(|(slot, disk)| (*slot, disk_state(disk, data.contains(slot)))).collect()
}

pub(super) fn is_disk(disk: &Disk) -> bool {
    !disk.cdrom && !disk.is_cloud_init()
}

fn disk_state(disk: &Disk, data: bool) -> DiskState {
    DiskState {
        size: disk.size.map_or(Size::ZERO, |size| Size::bytes(size.as_bytes())),
        storage: disk.source.storage().map(str::to_owned),
        ssd: disk.ssd.unwrap_or(false),
        discard: disk.discard.unwrap_or(false),
        iothread: disk.iothread.unwrap_or(false),
        backup: disk.backup.unwrap_or(true),
        data,
    }
}

fn nics(config: &QemuConfig) -> BTreeMap<NetKey, NicState> {
    config.nets.iter().map(|(index, net)| (NetKey(*index), nic_state(net, config.ipconfigs.get(index)))).collect()
}

fn nic_state(net: &Net, ip: Option<&IpConfig>) -> NicState {
    NicState {
        bridge: net.bridge.clone(),
        vlan: net.tag.and_then(Vlan::checked),
        mac: net.mac.map(|mac| Mac::new(mac.bytes())),
        mtu: net.mtu,
        firewall: net.firewall.unwrap_or(false),
        address: ip.and_then(|config| config.ip).map(|ip| ip.to_string()),
        gateway: ip.and_then(|config| config.gateway).map(IpAddr::V4),
    }
}

/// Whether a slot is on a bus that takes disks while the guest runs (pve-notes section 8).
pub(super) fn hotplugs(slot: Slot) -> bool {
    matches!(slot.bus(), Bus::Scsi | Bus::Virtio)
}

/// The disk with the system.
pub(super) const BOOT: Slot = BOOT_DISK;
