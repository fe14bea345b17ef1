//! What can be declared of a VM once it has its node and its name.
use super::{
    Disk, Nic, Spec, Vm,
    parts::{NetKey, NicSpec},
    state::{BOOT, sorted},
    tag_list, whole_mib,
};
use crate::{
    api::qemu::{Slot, Startup},
    resource::firmware::{ChoosesFirmware, Firmware, FirmwareKind, HasCloudInit, Setup},
};
use homelab_core::{
    Field, Input, Secret,
    units::{HostAddr, Size, Span},
};
use std::{collections::BTreeSet, net::IpAddr};

impl<F: Firmware, C: Setup> Vm<F, C> {
    fn with(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self
    }

    /// Not here: a clone has its template's firmware, and an empty guest chooses before it has a node.
    #[doc(hidden)]
    #[must_use]
    pub fn uefi(self) -> Self
    where
        Self: ChoosesFirmware,
    {
        self
    }

    /// A linked clone: made in a second or two, for its disk stands on the template's, which can then not be deleted or made
    /// anew. It stays on its template's node unless the storage is shared. Without this all disks are copied.
    #[must_use]
    pub fn linked(self) -> Self {
        self.with(|spec| {
            if let Some(source) = &mut spec.clone_of {
                source.linked = Some(true);
            }
        })
    }

    /// Cores of each socket.
    #[must_use]
    pub fn cores(self, cores: u32) -> Self {
        self.with(|spec| spec.cores = Some(cores))
    }

    /// Sockets.
    #[must_use]
    pub fn sockets(self, sockets: u32) -> Self {
        self.with(|spec| spec.sockets = Some(sockets))
    }

    /// The model of the processor: `host`, `x86-64-v2-AES`.
    #[must_use]
    pub fn cpu(self, model: impl Into<String>) -> Self {
        let model = model.into();
        self.with(|spec| spec.cpu = Some(model))
    }

    /// Memory.
    ///
    /// # Panics
    /// When it is no whole number of MiB, or less than 16 of them.
    #[must_use]
    #[track_caller]
    pub fn memory(self, memory: Size) -> Self {
        whole_mib(memory);
        self.with(|spec| spec.memory = Some(memory))
    }

    /// Lets the node take memory back when it is short, down to this much.
    ///
    /// # Panics
    /// When it is no whole number of MiB, or less than 16 of them.
    #[must_use]
    #[track_caller]
    pub fn ballooning(self, least: Size) -> Self {
        whole_mib(least);
        self.with(|spec| spec.balloon = Field::Set(least))
    }

    /// Keeps all of its memory, always.
    #[must_use]
    pub fn no_ballooning(self) -> Self {
        self.with(|spec| spec.balloon = Field::Set(Size::ZERO))
    }

    /// The disk with the system, `scsi0`: a size, or a [`Disk`]. It grows to this size and never shrinks.
    #[must_use]
    pub fn disk(self, disk: impl Into<Disk>) -> Self {
        self.put(BOOT, disk.into(), None)
    }

    /// A disk with data: neither it nor its guest is ever deleted by a plain run, even when this line is gone.
    ///
    /// # Panics
    /// When the slot is not one for disks.
    #[must_use]
    #[track_caller]
    pub fn data_disk(self, slot: Slot, disk: impl Into<Disk>) -> Self {
        assert!(slot.is_drive(), "{slot} is no slot for a disk with data: use ide, sata, scsi or virtio");
        self.put(slot, disk.into(), Some(true))
    }

    /// A disk that may be lost with its guest.
    ///
    /// # Panics
    /// When the slot is not one for disks.
    #[must_use]
    #[track_caller]
    pub fn scratch_disk(self, slot: Slot, disk: impl Into<Disk>) -> Self {
        assert!(slot.is_drive(), "{slot} is no slot for a disk: use ide, sata, scsi or virtio");
        self.put(slot, disk.into(), Some(false))
    }

    /// Without a disk in this slot: what is there is removed and destroyed, unless it holds data.
    #[must_use]
    pub fn no_disk(self, slot: Slot) -> Self {
        self.with(|spec| {
            spec.disks.insert(slot, Field::Cleared);
        })
    }

    fn put(self, slot: Slot, disk: Disk, data: Option<bool>) -> Self {
        let mut disk = disk;
        disk.data = data;
        self.with(|spec| {
            spec.disks.insert(slot, Field::Set(disk));
        })
    }

    /// Its next network device: the first, if there is none yet.
    #[must_use]
    pub fn nic(self, nic: Nic) -> Self {
        self.with(|spec| {
            let index = spec.nics.len() as u16;
            let nic = NicSpec::of(nic, index, spec.node.bridge, C::CLOUD_INIT);
            if index == 0 {
                spec.ip = nic.host.map(|host| host.ip());
            }
            spec.nics.insert(NetKey(index), Field::Set(nic));
        })
    }

    /// Without the next network device: what is there is removed.
    #[must_use]
    pub fn no_nic(self) -> Self {
        self.with(|spec| {
            spec.nics.insert(NetKey(spec.nics.len() as u16), Field::Cleared);
        })
    }

    /// Whether a guest agent is installed in it. One that is switched on and missing delays every shutdown.
    #[must_use]
    pub fn agent(self, installed: bool) -> Self {
        self.with(|spec| spec.agent = Some(installed))
    }

    /// Its tags; without any, all are removed. The server keeps them in lower case.
    ///
    /// # Panics
    /// When one has other symbols than letters, digits, `_`, `-`, `+` and `.`.
    #[must_use]
    #[track_caller]
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = tag_list(tags);
        self.with(|spec| spec.tags = tags)
    }

    /// Its notes; our mark stands below them.
    #[must_use]
    pub fn notes(self, text: impl Into<String>) -> Self {
        let text = text.into().trim().to_owned();
        self.with(|spec| spec.notes = if text.is_empty() { Field::Cleared } else { Field::Set(text) })
    }

    /// What it boots from, in order: `["scsi0", "net0"]`.
    #[must_use]
    pub fn boot_order<D: Into<String>>(self, devices: impl IntoIterator<Item = D>) -> Self {
        let devices = devices.into_iter().map(Into::into).collect();
        self.with(|spec| spec.boot_order = Some(devices))
    }

    /// Whether it starts with its node.
    #[must_use]
    pub fn start_on_boot(self, on: bool) -> Self {
        self.with(|spec| spec.start_on_boot = Some(on))
    }

    /// Its place among the guests that start with the node, and how long to wait after it, in place of the one that follows from the
    /// graph: a machine that mounts what another one serves comes after it. Setting it needs `Sys.Modify` on `/`.
    #[must_use]
    pub fn startup(self, order: u32, wait: Option<Span>) -> Self {
        self.with(|spec| spec.startup = Field::Set(Startup::at(order, wait)))
    }

    /// Without the place in the order of start that follows from what the lab's machines need of each other: its `startup` is as
    /// somebody's hand left it.
    #[must_use]
    pub fn unordered(self) -> Self {
        self.with(|spec| spec.terms.ordered = false)
    }

    /// Whether Proxmox VE itself refuses to delete it and its disks.
    #[must_use]
    pub fn protection(self, on: bool) -> Self {
        self.with(|spec| spec.protection = Some(on))
    }

    /// Kept off.
    #[must_use]
    pub fn stopped(self) -> Self {
        self.with(|spec| spec.running = false)
    }

    /// Never restarts it: changes that it cannot take while it runs wait for its next start.
    #[must_use]
    pub fn no_restarts(self) -> Self {
        self.with(|spec| spec.terms.restarts = false)
    }

    /// How long it has to be up after a start; 5 minutes without this.
    #[must_use]
    pub fn ready_within(self, span: Span) -> Self {
        self.with(|spec| spec.terms.ready_within = span)
    }

    /// How long it has to shut down when it is restarted; 3 minutes without this.
    #[must_use]
    pub fn shutdown_within(self, span: Span) -> Self {
        self.with(|spec| spec.terms.shutdown_within = span)
    }

    /// Its first network device in the network of this address: tagged as that is, with this address, and with its way out.
    #[must_use]
    pub fn at(self, host: HostAddr) -> Self
    where
        C: HasCloudInit,
    {
        self.with(|spec| {
            let nic = NicSpec::of(Nic::at(host), 0, spec.node.bridge, C::CLOUD_INIT);
            spec.ip = Some(host.ip());
            spec.nics.insert(NetKey(0), Field::Set(nic));
        })
    }

    /// One more name server that it asks.
    #[must_use]
    pub fn resolver(self, server: impl Into<Input<IpAddr>>) -> Self
    where
        C: HasCloudInit,
    {
        let server = server.into();
        self.with(|spec| match &mut spec.resolvers {
            Field::Set(servers) => servers.push(server),
            other => *other = Field::Set(vec![server]),
        })
    }

    /// The domain in which it looks for short names.
    #[must_use]
    pub fn search_domain(self, domain: impl Into<String>) -> Self
    where
        C: HasCloudInit,
    {
        let domain = domain.into();
        self.with(|spec| spec.search_domain = Field::Set(domain))
    }

    /// The user that cloud-init makes; without this it is the image's own, `ubuntu` or `debian`.
    #[must_use]
    pub fn user(self, name: impl Into<String>) -> Self
    where
        C: HasCloudInit,
    {
        let name = name.into();
        self.with(|spec| spec.user = Field::Set(name))
    }

    /// The public keys that may log in as that user, as lines of `authorized_keys`; without any, all are removed.
    #[must_use]
    pub fn authorized_keys<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self
    where
        C: HasCloudInit,
    {
        let keys = sorted(keys.into_iter().map(|key| key.into().trim().to_owned()).filter(|key| !key.is_empty()));
        self.with(|spec| spec.authorized_keys = if keys.is_empty() { Field::Cleared } else { Field::Set(keys) })
    }

    /// The password of that user, given when the guest is made. The server never shows it, so a later change is not seen.
    #[must_use]
    pub fn password(self, secret: Secret) -> Self
    where
        C: HasCloudInit,
    {
        self.with(|spec| spec.password = Some(secret))
    }
}

impl Spec {
    /// Where its disks are, as far as the code says.
    pub(super) fn disk_storage(&self) -> &'static str {
        let boot = self.disks.get(&BOOT).and_then(Field::as_set);
        boot.and_then(|disk| disk.storage).unwrap_or(self.node.disks)
    }

    /// The storages that it is made on, as far as the code says.
    pub(super) fn storages(&self) -> BTreeSet<&'static str> {
        let named = self.disks.values().filter_map(Field::as_set).filter_map(|disk| disk.storage);
        named.chain([self.node.disks]).collect()
    }

    pub(super) fn is_uefi(&self) -> bool {
        self.firmware == FirmwareKind::Uefi
    }
}
