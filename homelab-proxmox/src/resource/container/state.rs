//! What can be observed of a container.
use super::find::Found;
use crate::{
    api::{
        lxc::{LxcConfig, LxcNet, Mount},
        qemu::Startup,
    },
    resource::{
        mark,
        vm::{NicState, parts::NetKey},
    },
};
use homelab_core::{
    Owner,
    host::Spot,
    outputs,
    units::{Mac, Size, Vlan},
};
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// What the mark remembers of work that was begun: `making`, `restart`.
pub(super) const UNFINISHED: &str = "unfinished";
/// What the mark remembers of volumes that hold nothing of worth, by number: all others do.
pub(super) const SCRATCH: &str = "scratch";
/// What the mark remembers of volumes without data that were declared away: they are destroyed once they are detached.
pub(super) const DROPPED: &str = "dropped";
/// The word for a container that has such volumes still.
const DETACHED: &str = "detached";

/// What can be observed of a container.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerState {
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: Option<String>,
    /// The node it is on.
    pub node: String,
    /// Whether its root is nobody on the node.
    pub unprivileged: bool,
    /// Whether it may run containers itself.
    pub nesting: bool,
    /// What else it may do beyond the ordinary.
    pub features: Option<Vec<String>>,
    /// Processors that it may use; nothing: all.
    pub cores: Option<u32>,
    /// Memory.
    pub memory: Size,
    /// Swap.
    pub swap: Size,
    /// The volume with the system.
    pub root: RootState,
    /// What is mounted, by path.
    pub mounts: BTreeMap<String, MountState>,
    /// Devices of the node that it sees, by path.
    pub devices: BTreeMap<String, DeviceState>,
    /// Its network devices.
    pub(super) nics: BTreeMap<NetKey, NicState>,
    /// Name servers that it is given.
    pub resolvers: Option<Vec<String>>,
    /// Search domain that it is given.
    pub search_domain: Option<String>,
    /// Its tags, without our own.
    pub tags: Option<Vec<String>>,
    /// Its notes, without our mark.
    pub notes: Option<String>,
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
    /// How it is logged in to while it runs: at its address, or through its node.
    pub spot: Option<Spot>,
    /// What is still to be done with it: it was made and never seen up (`making`), or waits for a restart (`restart`).
    pub unfinished: Option<String>,
    /// Volumes that are mounted nowhere.
    #[serde(skip)]
    pub(super) unused: Vec<String>,
    #[serde(skip)]
    pub(super) template: bool,
    #[serde(skip)]
    pub(super) owner: Owner,
}

/// The volume with the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RootState {
    /// Its size.
    pub size: Size,
    /// Its storage.
    pub storage: Option<String>,
}

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MountState {
    /// The directory of the node; nothing for a volume.
    pub source: Option<String>,
    /// The size of the volume.
    pub size: Option<Size>,
    /// Its storage.
    pub storage: Option<String>,
    /// Whether backups take it.
    pub backup: bool,
    /// Whether it can only be read.
    pub read_only: bool,
    /// Whether it holds data that must not be lost.
    pub data: bool,
}

/// A device of the node that a container sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceState {
    /// The group inside that may use it.
    pub gid: Option<u32>,
}

outputs!(
    /// What others need to know of a container.
    ContainerOutputs of ContainerState {
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
        /// Whether it runs.
        running: bool,
        /// How it is logged in to.
        spot: Spot,
    }
);

impl ContainerState {
    pub(super) fn of(found: &Found, running: bool) -> Self {
        let (config, notes) = (&*found.config, found.notes());
        let scratch = numbers(notes.recall(SCRATCH));
        let nics: BTreeMap<NetKey, NicState> =
            config.nets.iter().map(|(index, net)| (NetKey(*index), nic_state(net))).collect();
        let first = config.nets.get(&0);
        let fixed = first.and_then(|net| net.ip.as_deref()?.split('/').next()?.parse().ok());
        ContainerState {
            vmid: found.guest.vmid,
            name: config.hostname.clone(),
            node: found.guest.node.clone(),
            unprivileged: config.unprivileged,
            nesting: config.features.as_ref().is_some_and(|features| features.on("nesting")),
            features: beyond_nesting(config),
            cores: config.cores,
            memory: Size::mib(config.memory.unwrap_or(512)),
            swap: Size::mib(config.swap.unwrap_or(512)),
            root: RootState {
                size: config.rootfs.as_ref().and_then(size_of).unwrap_or(Size::ZERO),
                storage: config.rootfs.as_ref().and_then(Mount::storage).map(str::to_owned),
            },
            mounts: mounts(config, &scratch),
            devices: config
                .devices
                .values()
                .map(|device| {
                    let gid = device.other.get("gid").and_then(|gid| gid.parse().ok());
                    (device.path.clone(), DeviceState { gid })
                })
                .collect(),
            resolvers: config.nameserver.as_ref().map(|list| list.split_whitespace().map(str::to_owned).collect()),
            search_domain: config.searchdomain.clone(),
            tags: mark::own_tags(config.tags.as_ref()),
            notes: notes.text.clone(),
            start_on_boot: config.onboot.unwrap_or(false),
            startup: config.startup.clone(),
            protection: config.protection.unwrap_or(false),
            running,
            ip: fixed,
            spot: None,
            mac: first.and_then(|net| net.mac).map(|mac| Mac::new(mac.bytes())),
            unfinished: unfinished(config, &notes),
            unused: config
                .unused
                .iter()
                .filter(|(_, volume)| !dropped(&notes).contains(&volume.to_string()))
                .map(|(n, volume)| format!("unused{n}: the detached volume {volume}"))
                .collect(),
            template: config.template,
            owner: notes.owner(),
            nics,
        }
    }

    /// What would be lost with it.
    pub(super) fn data(&self) -> Vec<String> {
        let volume = |(path, mount): (&String, &MountState)| {
            let on = mount.storage.as_deref().map(|name| format!(" on {name}")).unwrap_or_default();
            format!("{path}: {}{on}", mount.size.unwrap_or(Size::ZERO))
        };
        let volumes = self.mounts.iter().filter(|(_, mount)| mount.data).map(volume);
        volumes
            .chain(self.unused.iter().cloned())
            .chain(self.protection.then(|| "its protection in Proxmox VE".to_owned()))
            .collect()
    }
}

/// One that is still locked by its making has no notes yet that could say so.
fn unfinished(config: &LxcConfig, notes: &mark::Notes) -> Option<String> {
    let making = config.lock.as_deref() == Some("create");
    let detached = || (!detached(config, notes).is_empty()).then_some(DETACHED);
    notes.recall(UNFINISHED).or(making.then_some(super::review::MAKING)).or_else(detached).map(str::to_owned)
}

/// The volumes without data that were declared away.
pub(super) fn dropped(notes: &mark::Notes) -> Vec<String> {
    notes.recall(DROPPED).into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
}

/// Those of them that are mounted nowhere any more, by number.
pub(super) fn detached(config: &LxcConfig, notes: &mark::Notes) -> Vec<u16> {
    let dropped = dropped(notes);
    let gone = config.unused.iter().filter(|(_, volume)| dropped.contains(&volume.to_string()));
    gone.map(|(number, _)| *number).collect()
}

fn beyond_nesting(config: &LxcConfig) -> Option<Vec<String>> {
    let rest = config.features.clone()?.with("nesting", false);
    let names: Vec<String> = rest.iter().collect();
    (!names.is_empty()).then_some(names)
}

pub(super) fn size_of(mount: &Mount) -> Option<Size> {
    mount.size.map(|size| Size::bytes(size.as_bytes()))
}

/// The numbers of mount points that a mark remembers: `mp0,mp3`.
pub(super) fn numbers(text: Option<&str>) -> Vec<u16> {
    text.into_iter().flat_map(|list| list.split(',')).filter_map(|mp| mp.strip_prefix("mp")?.parse().ok()).collect()
}

fn mounts(config: &LxcConfig, scratch: &[u16]) -> BTreeMap<String, MountState> {
    let state = |(number, mount): (&u16, &Mount)| {
        let path = mount.path.clone().unwrap_or_default();
        let state = MountState {
            source: mount.is_bind().then(|| mount.source.clone()),
            size: size_of(mount),
            storage: mount.storage().map(str::to_owned),
            backup: mount.backup.unwrap_or(false),
            read_only: mount.read_only.unwrap_or(false),
            data: !mount.is_bind() && !scratch.contains(number),
        };
        (path, state)
    };
    config.mounts.iter().map(state).collect()
}

fn nic_state(net: &LxcNet) -> NicState {
    NicState {
        bridge: net.bridge.clone(),
        vlan: net.tag.and_then(Vlan::checked),
        mac: net.mac.map(|mac| Mac::new(mac.bytes())),
        mtu: net.mtu,
        firewall: net.firewall.unwrap_or(false),
        address: net.ip.clone(),
        gateway: net.gateway.as_ref().and_then(|gateway| gateway.parse().ok()),
    }
}
