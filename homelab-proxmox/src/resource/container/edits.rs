//! What of a container's configuration does not fit what is declared, as options to set and to delete. Pure.
use super::{
    Spec,
    parts::MountSpec,
    state::{DROPPED, SCRATCH, UNFINISHED, dropped, numbers, size_of},
};
use crate::{
    api::{
        DiskSize, Tags,
        lxc::{Device, LxcConfig, LxcNet, Mount},
        qemu::{Description, Mac as ApiMac},
    },
    client::Params,
    resource::{
        changes::Edits,
        mark::{Notes, rewritten, with_tag},
        vm::{
            declared_tags,
            parts::{Address, NetKey, NicSpec},
        },
    },
};
use homelab_core::{
    Field, Mark,
    units::{Mac, Size},
};
use std::{collections::BTreeSet, net::IpAddr};

/// The size of a root that does not declare one.
const ROOT: Size = Size::gib(8);

impl Spec {
    /// Everything that differs, but for the notes and what grows or moves.
    pub(super) fn edits(&self, config: &LxcConfig, mark: &Mark, resolvers: Option<&[IpAddr]>) -> Edits {
        let mut edits = Edits::default();
        self.machine(config, &mut edits);
        self.mount_points(config, &mut edits);
        self.device_nodes(config, &mut edits);
        for (key, nic) in &self.nics {
            nic_edits(*key, nic, config, mark, &mut edits);
        }
        if let Some(servers) = resolvers {
            let wanted: Vec<String> = servers.iter().map(ToString::to_string).collect();
            let is: Vec<&str> = config.nameserver.iter().flat_map(|list| list.split_whitespace()).collect();
            if is != wanted {
                edits.put("resolvers", "nameserver", wanted.join(" "));
            }
        }
        edits.field("search_domain", "searchdomain", &self.search_domain, config.searchdomain.as_ref());
        edits
    }

    fn machine(&self, config: &LxcConfig, edits: &mut Edits) {
        if config.hostname.as_deref() != Some(&self.name) {
            edits.put("name", "hostname", &self.name);
        }
        if let Some(cores) = self.cores.filter(|cores| config.cores != Some(*cores)) {
            edits.put("cores", "cores", cores);
        }
        for (key, wanted, is) in [("memory", self.memory, config.memory), ("swap", self.swap, config.swap)] {
            let wanted = wanted.map(|size| size.as_bytes() >> 20);
            if let Some(mib) = wanted.filter(|mib| *mib != is.unwrap_or(512)) {
                edits.put(key, key, mib);
            }
        }
        let before = config.features.clone().unwrap_or_default();
        let mut features = before.clone();
        if let Some(nesting) = self.nesting.filter(|on| *on != before.on("nesting")) {
            features = features.with("nesting", nesting);
        }
        if let Field::Set(names) = &self.features {
            features = names.iter().fold(features, |features, name| features.with(name, true));
        }
        // A list of features may not be sent when there is nothing to say: it is root's, but for one.
        if features != before {
            edits.put("nesting", "features", features);
        }
        let tags_before = config.tags.clone().unwrap_or_default();
        let tags: Tags = with_tag(declared_tags(&self.tags).unwrap_or_else(|| tags_before.clone()));
        if tags != tags_before {
            edits.put("tags", "tags", tags);
        }
        for (field, key, wanted, is) in [
            ("start_on_boot", "onboot", self.start_on_boot, config.onboot),
            ("protection", "protection", self.protection, config.protection),
        ] {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != is.unwrap_or(false)) {
                edits.put(field, key, u8::from(wanted));
            }
        }
        edits.field("startup", "startup", &self.startup, config.startup.as_ref());
    }

    fn mount_points(&self, config: &LxcConfig, edits: &mut Edits) {
        let mut taken: BTreeSet<u16> = config.mounts.keys().copied().collect();
        for (path, wanted) in &self.mounts {
            let is = number_of(config, path);
            match (wanted, is) {
                (Field::Set(mount), None) => {
                    let number = (0..=255).find(|n| !taken.contains(n)).unwrap_or(255);
                    taken.insert(number);
                    edits.put(format!("mounts.{path}"), format!("mp{number}"), self.new_mount(path, mount));
                }
                (Field::Set(mount), Some((number, is))) => {
                    let mut changed = is.clone();
                    for (wanted, option) in
                        [(mount.backup, &mut changed.backup), (mount.read_only, &mut changed.read_only)]
                    {
                        if let Some(wanted) = wanted.filter(|wanted| option.unwrap_or(false) != *wanted) {
                            *option = Some(wanted);
                        }
                    }
                    if let (true, Field::Set(source)) = (is.is_bind(), &mount.source) {
                        changed.source.clone_from(source);
                    }
                    if changed != *is {
                        edits.put(format!("mounts.{path}"), format!("mp{number}"), changed);
                    }
                }
                (Field::Cleared, Some((number, _))) => edits.drop(format!("mounts.{path}"), format!("mp{number}")),
                (Field::Cleared, None) | (Field::Unmanaged, _) => {}
            }
        }
    }

    fn new_mount(&self, path: &str, mount: &MountSpec) -> Mount {
        let at = Some(path.to_owned());
        let made = match &mount.source {
            Field::Set(source) => Mount::of(source.clone(), at),
            _ => {
                let size = mount.size.map_or(0, Size::as_bytes);
                Mount::allocate(mount.storage.unwrap_or(self.node.disks), DiskSize::bytes(size), at)
            }
        };
        let on = |option: Option<bool>| option.filter(|on| *on);
        Mount { backup: on(mount.backup), read_only: on(mount.read_only), ..made }
    }

    fn device_nodes(&self, config: &LxcConfig, edits: &mut Edits) {
        let mut taken: BTreeSet<u16> = config.devices.keys().copied().collect();
        for (path, wanted) in &self.devices {
            let is = config.devices.iter().find(|(_, device)| device.path == *path);
            match (wanted, is) {
                (Field::Set(device), is) => {
                    let mut made = is
                        .map_or_else(|| Device { path: path.clone(), other: Default::default() }, |(_, is)| is.clone());
                    if let Some(gid) = device.gid {
                        made.other.insert("gid".to_owned(), gid.to_string());
                    }
                    let number = is.map(|(number, _)| *number);
                    let number = number.or_else(|| (0..=255).find(|n| !taken.contains(n))).unwrap_or(255);
                    taken.insert(number);
                    if is.is_none_or(|(_, is)| *is != made) {
                        edits.put(format!("devices.{path}"), format!("dev{number}"), made);
                    }
                }
                (Field::Cleared, Some((number, _))) => edits.drop(format!("devices.{path}"), format!("dev{number}")),
                (Field::Cleared, None) | (Field::Unmanaged, _) => {}
            }
        }
    }

    /// What a container is made with, beside its configuration.
    pub(super) fn root_option(&self) -> Mount {
        let size = self.root.and_then(|root| root.size).unwrap_or(ROOT);
        Mount::allocate(self.root_storage(), DiskSize::bytes(size.as_bytes()), None)
    }

    /// What differs from nothing, as parameters of a creation.
    pub(super) fn creation(&self, edits: Edits, template: &str) -> Params {
        let params = Params::new()
            .set("ostemplate", template)
            .set("unprivileged", u8::from(self.unprivileged))
            .set("rootfs", self.root_option())
            .maybe("ssh-public-keys", self.authorized_keys.as_ref().map(|keys| keys.join("\n")));
        edits.set.into_iter().fold(params, |params, (key, value)| params.set(key, value))
    }

    /// The notes that the container should have: the declared text, our mark, what is unfinished, which volumes hold no data.
    pub(super) fn mark_notes(
        &self,
        vmid: u32,
        config: &LxcConfig,
        mark: &Mark,
        unfinished: Option<&str>,
    ) -> Description {
        let before = Notes::read(config.description.as_ref(), vmid);
        let mut scratch: BTreeSet<u16> = numbers(before.recall(SCRATCH)).into_iter().collect();
        scratch.retain(|number| config.mounts.contains_key(number));
        for (path, mount) in self.mounts.iter().filter_map(|(path, mount)| Some((path, mount.as_set()?))) {
            let Some((number, _)) = number_of(config, path) else { continue };
            match mount.data {
                Some(false) => drop(scratch.insert(number)),
                Some(true) => drop(scratch.remove(&number)),
                None => {}
            }
        }
        let mut gone: BTreeSet<String> = dropped(&before).into_iter().collect();
        let away = self.mounts.iter().filter(|(_, mount)| matches!(mount, Field::Cleared));
        let away = away.filter_map(|(path, _)| number_of(config, path));
        gone.extend(away.filter(|(number, _)| scratch.contains(number)).map(|(_, mount)| mount.source.clone()));
        // What is detached already is destroyed in the call that writes this.
        gone.retain(|volume| config.mounts.values().any(|mount| mount.source == *volume));
        let list = |words: Vec<String>| (!words.is_empty()).then(|| words.join(","));
        let memory = [
            (SCRATCH, list(scratch.iter().map(|number| format!("mp{number}")).collect())),
            (DROPPED, list(gone.into_iter().collect())),
            (UNFINISHED, unfinished.map(str::to_owned)),
        ];
        rewritten(vmid, config.description.as_ref(), &self.notes, mark, memory).description(vmid)
    }

    /// The volumes that are to grow, and those that are to move: `(option, size)` and `(option, storage)`.
    pub(super) fn growth(&self, config: &LxcConfig) -> Vec<(String, Size, Size)> {
        let root = self.root.and_then(|root| root.size).zip(config.rootfs.as_ref());
        let root = root.map(|(wanted, is)| ("rootfs".to_owned(), wanted, is));
        let mounts = self.mounts.iter().filter_map(|(path, mount)| {
            let (number, is) = number_of(config, path)?;
            Some((format!("mp{number}"), mount.as_set()?.size?, is))
        });
        let sized =
            root.into_iter().chain(mounts).map(|(key, wanted, is)| (key, wanted, size_of(is).unwrap_or(wanted)));
        sized.filter(|(_, wanted, is)| wanted != is).collect()
    }

    pub(super) fn moves(&self, config: &LxcConfig) -> Vec<(String, &'static str)> {
        let root = self.root.and_then(|root| root.storage).zip(config.rootfs.as_ref());
        let root = root.map(|(wanted, is)| ("rootfs".to_owned(), wanted, is));
        let mounts = self.mounts.iter().filter_map(|(path, mount)| {
            let (number, is) = number_of(config, path)?;
            Some((format!("mp{number}"), mount.as_set()?.storage?, is))
        });
        let all = root.into_iter().chain(mounts).filter(|(_, wanted, is)| is.storage() != Some(wanted));
        all.map(|(key, wanted, _)| (key, wanted)).collect()
    }
}

/// The number under which something is mounted at a path.
fn number_of<'a>(config: &'a LxcConfig, path: &str) -> Option<(u16, &'a Mount)> {
    let (number, mount) = config.mounts.iter().find(|(_, mount)| mount.path.as_deref() == Some(path))?;
    Some((*number, mount))
}

fn nic_edits(key: NetKey, wanted: &Field<NicSpec>, config: &LxcConfig, mark: &Mark, edits: &mut Edits) {
    let (NetKey(index), is) = (key, config.nets.get(&key.0));
    let field = format!("nics.net{index}");
    let spec = match wanted {
        Field::Set(spec) => spec,
        Field::Cleared => {
            if is.is_some() {
                edits.drop(field, format!("net{index}"));
            }
            return;
        }
        Field::Unmanaged => return,
    };
    let mut net = is.cloned().unwrap_or_else(|| LxcNet::on(format!("eth{index}"), spec.bridge));
    net.bridge = Some(spec.bridge.to_owned());
    match spec.vlan {
        Field::Set(vlan) => net.tag = Some(vlan.tag()),
        Field::Cleared => net.tag = None,
        Field::Unmanaged => {}
    }
    // A device that comes without an address of its own would get another one with every change.
    let derived = || Mac::derived(&mark.lab, &mark.key, index.into());
    if let Some(mac) = spec.mac.or_else(|| is.is_none().then(derived)) {
        net.mac = Some(ApiMac::new(mac.bytes()));
    }
    net.mtu = spec.mtu.or(net.mtu);
    if let Some(on) = spec.firewall.filter(|on| net.firewall.unwrap_or(false) != *on) {
        net.firewall = Some(on);
    }
    match spec.address {
        Some(Address::Dhcp) => net.ip = Some("dhcp".to_owned()),
        Some(Address::Fixed(host)) => net.ip = Some(host.cidr().to_string()),
        None => {}
    }
    match spec.gateway {
        Field::Set(gateway) => net.gateway = Some(gateway.to_string()),
        Field::Cleared => net.gateway = None,
        Field::Unmanaged => {}
    }
    if is != Some(&net) {
        edits.put(field, format!("net{index}"), net);
    }
}
