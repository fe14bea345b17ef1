//! What of a guest's configuration does not fit what is declared, as options to set and to delete. Pure: the same code makes a
//! new guest's first configuration and a running one's changes.
use super::{
    Spec, declared_tags,
    parts::{Address, NetKey, NicSpec},
    review::MAKING,
    state::{BOOT, DATA, HOST_KEY, OURS, UNFINISHED, is_disk, slots_in, sorted},
};
use crate::{
    api::{
        DiskSize, Tags, VolumeId,
        qemu::{
            Agent, Boot, Change, Cpu, Description, Disk as DiskConfig, Ip4, Mac as ApiMac, Net, QemuConfig, Slot,
            SshKeys,
        },
    },
    client::Params,
    resource::{
        changes::Edits,
        mark::{Notes, rewritten, with_tag},
        template::state::LOGIN,
    },
};
use homelab_core::{Field, Mark, SecretValue, units::Mac};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// What the notes remember beside the mark; what is not said stays as it was.
#[derive(Clone, Copy, Default)]
pub(super) struct Memo<'a> {
    /// What is still to be done; not said is nothing.
    pub(super) unfinished: Option<&'a str>,
    /// The user of the template.
    pub(super) login: Option<&'a str>,
    /// The host key, without its type.
    pub(super) host_key: Option<&'a str>,
}

/// What is known besides the specification.
pub(super) struct Around<'a> {
    pub(super) mark: &'a Mark,
    /// What the CD drives are to have in them; nothing where they are to be empty.
    pub(super) media: BTreeMap<Slot, Option<VolumeId>>,
    /// Values of resolvers, in order, if any are declared.
    pub(super) resolvers: Option<Vec<IpAddr>>,
    /// Given while the guest is being made: what is only used then is sent.
    pub(super) making: Option<Making>,
}

/// What is only used when a guest is made.
pub(super) struct Making {
    pub(super) password: Option<SecretValue>,
}

/// As a change that fits only this configuration. What is taken away goes with its volume.
pub(super) fn change(edits: &Edits, digest: Option<&str>) -> Change {
    let change = edits.change(digest);
    if edits.delete.iter().any(|key| key.parse::<Slot>().is_ok()) { change.destroying_disks() } else { change }
}

impl Spec {
    /// Everything that differs, but for the notes: see [`notes`](Spec::mark_notes).
    pub(super) fn edits(&self, config: &QemuConfig, around: &Around<'_>) -> Edits {
        let mut edits = Edits::default();
        self.machine(config, &mut edits);
        self.drives(config, &mut edits);
        self.cdrom_edits(config, around, &mut edits);
        for (key, nic) in &self.nics {
            self.nic(*key, nic, config, around, &mut edits);
        }
        self.device_edits(config, &mut edits);
        self.cloud_init(config, around, &mut edits);
        self.options(config, &mut edits);
        edits
    }

    fn machine(&self, config: &QemuConfig, edits: &mut Edits) {
        if config.name.as_deref() != Some(&self.name) {
            edits.put("name", "name", &self.name);
        }
        let number = |edits: &mut Edits, key: &str, wanted: Option<u64>, is: u64| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
                edits.put(key, key, wanted);
            }
        };
        number(edits, "cores", self.cores.map(u64::from), config.cores.unwrap_or(1).into());
        number(edits, "sockets", self.sockets.map(u64::from), config.sockets.unwrap_or(1).into());
        number(edits, "memory", self.memory.map(|memory| memory.as_bytes() >> 20), config.memory.unwrap_or(512));
        if let Some(model) = &self.cpu
            && config.cpu.as_ref().and_then(|cpu| cpu.kind.as_deref()).unwrap_or("kvm64") != model
        {
            let cpu = config.cpu.clone().unwrap_or_default();
            edits.put("cpu", "cpu", Cpu { kind: Some(model.clone()), ..cpu });
        }
        let balloon = match self.balloon {
            Field::Set(least) => Field::Set(least.as_bytes() >> 20),
            Field::Cleared => Field::Cleared,
            Field::Unmanaged => Field::Unmanaged,
        };
        edits.field("balloon", "balloon", &balloon, config.balloon.as_ref());
    }

    fn drives(&self, config: &QemuConfig, edits: &mut Edits) {
        for (slot, wanted) in &self.disks {
            let is = config.disks.get(slot);
            match (wanted, is) {
                (Field::Set(disk), None) => {
                    let storage = disk.storage.unwrap_or(self.node.disks);
                    let mut made = DiskConfig::allocate(storage, DiskSize::bytes(disk.size.as_bytes()));
                    set_options(&mut made, disk);
                    edits.allocates = true;
                    edits.put(format!("disks.{slot}"), slot, made);
                }
                (Field::Set(disk), Some(is)) => {
                    let mut changed = is.clone();
                    set_options(&mut changed, disk);
                    if changed != *is {
                        for (name, _) in disk
                            .options()
                            .iter()
                            .filter(|(name, on)| on.is_some() && option(is, name) != option(&changed, name))
                        {
                            edits.fields.push(format!("disks.{slot}.{name}"));
                        }
                        edits.set.push((slot.to_string(), changed.to_string()));
                    }
                }
                (Field::Cleared, Some(_)) => edits.drop(format!("disks.{slot}"), slot),
                (Field::Cleared, None) | (Field::Unmanaged, _) => {}
            }
        }
        // What was taken out with its volume kept (by hand, or by a call that was cut short) stays: it may hold data.
    }

    fn nic(&self, key: NetKey, wanted: &Field<NicSpec>, config: &QemuConfig, around: &Around<'_>, edits: &mut Edits) {
        let (NetKey(index), is) = (key, config.nets.get(&key.0));
        let (field, ip_key) = (format!("nics.net{index}"), format!("ipconfig{index}"));
        let spec = match wanted {
            Field::Set(spec) => spec,
            Field::Cleared => {
                if is.is_some() {
                    edits.drop(&*field, format!("net{index}"));
                }
                if config.ipconfigs.contains_key(&index) {
                    edits.drop(format!("{field}.address"), ip_key);
                }
                return;
            }
            Field::Unmanaged => return,
        };
        let mut net = is.cloned().unwrap_or_else(|| Net::on(spec.bridge));
        net.bridge = Some(spec.bridge.to_owned());
        match spec.vlan {
            Field::Set(vlan) => net.tag = Some(vlan.tag()),
            Field::Cleared => net.tag = None,
            Field::Unmanaged => {}
        }
        // A device that comes without an address of its own would get another one with every change.
        let derived = || Mac::derived(&around.mark.lab, &around.mark.key, index.into());
        let fresh = around.making.is_some() || is.is_none();
        if let Some(mac) = spec.mac.or_else(|| fresh.then(derived)) {
            net.mac = Some(ApiMac::new(mac.bytes()));
        }
        net.mtu = spec.mtu.or(net.mtu);
        if let Some(on) = spec.firewall
            && net.firewall.unwrap_or(false) != on
        {
            net.firewall = Some(on);
        }
        if is != Some(&net) {
            edits.put(&*field, format!("net{index}"), net);
        }
        let Some(address) = spec.address else { return };
        let before = config.ipconfigs.get(&index).cloned().unwrap_or_default();
        let mut ip = before.clone();
        ip.ip = Some(ip4(address));
        ip.gateway = match spec.gateway {
            Field::Set(IpAddr::V4(gateway)) => Some(gateway),
            Field::Cleared => None,
            _ => ip.gateway,
        };
        if ip != before {
            edits.put(format!("{field}.address"), ip_key, ip);
        }
    }

    fn cloud_init(&self, config: &QemuConfig, around: &Around<'_>, edits: &mut Edits) {
        if self.cloud_init == Some(true) && config.cloud_init_drive().is_none() {
            edits.allocates = true;
            edits.put("cloud_init", Slot::ide(2), DiskConfig::cloud_init(self.node.disks));
        }
        if let Some(servers) = &around.resolvers {
            let wanted: Vec<String> = servers.iter().map(ToString::to_string).collect();
            let is: Vec<&str> = config.nameserver.iter().flat_map(|list| list.split_whitespace()).collect();
            if is != wanted {
                edits.put("resolvers", "nameserver", wanted.join(" "));
            }
        }
        edits.field("search_domain", "searchdomain", &self.search_domain, config.searchdomain.as_ref());
        edits.field("user", "ciuser", &self.user, config.ciuser.as_ref());
        let keys = config.sshkeys.as_ref().map(|keys| sorted(keys.iter().map(str::to_owned)));
        match &self.authorized_keys {
            Field::Set(wanted) if keys.as_ref() != Some(wanted) => {
                edits.put("authorized_keys", "sshkeys", SshKeys::new(wanted.iter().cloned()));
            }
            Field::Cleared if keys.is_some() => edits.drop("authorized_keys", "sshkeys"),
            _ => {}
        }
        if let Some(password) = around.making.as_ref().and_then(|making| making.password.as_ref()) {
            edits.put("password", "cipassword", password.expose());
        }
    }

    fn options(&self, config: &QemuConfig, edits: &mut Edits) {
        let flag = |edits: &mut Edits, field: &str, key: &str, wanted: Option<bool>, is: bool| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
                edits.put(field, key, u8::from(wanted));
            }
        };
        if let Some(wanted) = self.agent
            && config.agent.as_ref().is_some_and(|agent| agent.enabled) != wanted
        {
            let agent = config.agent.clone().unwrap_or_else(|| Agent::enabled(wanted));
            edits.put("agent", "agent", Agent { enabled: wanted, ..agent });
        }
        let before = config.tags.clone().unwrap_or_default();
        let tags: Tags = with_tag(declared_tags(&self.tags).unwrap_or_else(|| before.clone()));
        if tags != before {
            edits.put("tags", "tags", tags);
        }
        if let Some(devices) = &self.boot_order {
            let wanted = Boot::order(devices);
            if config.boot.as_ref() != Some(&wanted) {
                edits.put("boot_order", "boot", wanted);
            }
        }
        flag(edits, "start_on_boot", "onboot", self.start_on_boot, config.onboot.unwrap_or(false));
        flag(edits, "protection", "protection", self.protection, config.protection.unwrap_or(false));
        edits.field("startup", "startup", &self.startup, config.startup.as_ref());
    }

    /// The notes that the guest should have: the declared text, our mark, what is unfinished, which disks are ours and which hold
    /// data.
    pub(super) fn mark_notes(&self, vmid: u32, config: &QemuConfig, mark: &Mark, memo: Memo<'_>) -> Description {
        let before = Notes::read(config.description.as_ref(), vmid);
        let recalled = |what| before.recall(what).into_iter().flat_map(slots_in).collect::<BTreeSet<Slot>>();
        let (mut data, mut ours) = (recalled(DATA), recalled(OURS));
        if before.recall(UNFINISHED) == Some(MAKING) {
            // What came with the clone.
            ours.extend(config.disks.iter().filter(|(_, disk)| is_disk(disk)).map(|(slot, _)| *slot));
        }
        for (slot, disk) in &self.disks {
            match disk {
                Field::Set(disk) => {
                    ours.insert(*slot);
                    match disk.data {
                        Some(true) => drop(data.insert(*slot)),
                        Some(false) => drop(data.remove(slot)),
                        None => {}
                    }
                }
                Field::Cleared => {
                    data.remove(slot);
                    ours.remove(slot);
                }
                Field::Unmanaged => {}
            }
        }
        let listed = |slots: BTreeSet<Slot>| {
            let slots: Vec<String> = slots.iter().map(ToString::to_string).collect();
            (!slots.is_empty()).then(|| slots.join(","))
        };
        let memory = [(DATA, listed(data)), (OURS, listed(ours)), (UNFINISHED, memo.unfinished.map(str::to_owned))];
        let kept = |what, new: Option<&str>| (what, new.or_else(|| before.recall(what)).map(str::to_owned));
        let memory = memory.into_iter().chain([kept(LOGIN, memo.login), kept(HOST_KEY, memo.host_key)]);
        rewritten(vmid, config.description.as_ref(), &self.notes, mark, memory).description(vmid)
    }

    /// The options of an empty guest that nothing declares.
    pub(super) fn blank_options(&self) -> Params {
        let params = Params::new().set("ostype", "l26").set("scsihw", "virtio-scsi-single");
        let params = match self.first_boot(BOOT) {
            Some(order) => params.set("boot", order),
            None => params,
        };
        if !self.is_uefi() {
            return params;
        }
        let variables = crate::api::qemu::EfiDisk::allocate(self.disk_storage(), false);
        params.set("bios", "ovmf").set("machine", "q35").set("efidisk0", variables)
    }
}

fn ip4(address: Address) -> Ip4 {
    match address {
        Address::Dhcp => Ip4::Dhcp,
        Address::Fixed(host) => match host.ip() {
            IpAddr::V4(ip) => Ip4::Fixed(ip, host.prefix()),
            // Networks of a lab are IPv4.
            IpAddr::V6(_) => Ip4::Dhcp,
        },
    }
}

/// Sets the declared options that differ from what holds.
fn set_options(config: &mut DiskConfig, disk: &super::Disk) {
    for (name, wanted) in disk.options() {
        let Some(wanted) = wanted.filter(|wanted| option(config, name) != *wanted) else { continue };
        match name {
            "ssd" => config.ssd = Some(wanted),
            "discard" => config.discard = Some(wanted),
            "iothread" => config.iothread = Some(wanted),
            _ => config.backup = Some(wanted),
        }
    }
}

fn option(config: &DiskConfig, name: &str) -> bool {
    match name {
        "ssd" => config.ssd.unwrap_or(false),
        "discard" => config.discard.unwrap_or(false),
        "iothread" => config.iothread.unwrap_or(false),
        _ => config.backup.unwrap_or(true),
    }
}
