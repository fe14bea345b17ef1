//! What can be declared of a container once it has its node and its name.
use super::{
    Container, Nested, Spec, Through,
    parts::{DeviceSpec, MountSpec, Root},
};
use crate::{
    api::qemu::Startup,
    resource::vm::{
        Nic,
        parts::{NetKey, NicSpec},
        sorted, tag_list, whole_mib,
    },
};
use homelab_core::{
    Field, Handle, Input, Secret,
    host::Computer,
    units::{HostAddr, Size, Span},
};
use std::{collections::BTreeSet, marker::PhantomData, net::IpAddr};

impl<N> Container<N> {
    fn with(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self
    }

    /// May run containers itself: what Docker needs, and the systemd of recent distributions.
    #[must_use]
    pub fn nesting(self) -> Container<Nested> {
        let Container { mut spec, .. } = self;
        spec.nesting = Some(true);
        Container { spec, ty: PhantomData }
    }

    /// With root of its own being root of the node, for this reason, which the plan shows. It cannot be changed later: the
    /// container is made anew.
    ///
    /// # Panics
    /// When the reason is empty.
    #[must_use]
    #[track_caller]
    pub fn privileged(self, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        assert!(!reason.trim().is_empty(), "a privileged container needs a reason that others can read");
        self.with(|spec| {
            spec.unprivileged = false;
            spec.privileged_because = Some(reason);
        })
    }

    /// One more feature than nesting: `keyctl`, `fuse`, `mount=nfs`. Only root may set these.
    #[must_use]
    pub fn feature(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.with(|spec| match &mut spec.features {
            Field::Set(names) => {
                names.push(name);
                names.sort_unstable();
            }
            other => *other = Field::Set(vec![name]),
        })
    }

    /// Processors that it may use; all without this.
    #[must_use]
    pub fn cores(self, cores: u32) -> Self {
        self.with(|spec| spec.cores = Some(cores))
    }

    /// Memory; 512 MiB without this.
    ///
    /// # Panics
    /// When it is no whole number of MiB, or less than 16 of them.
    #[must_use]
    #[track_caller]
    pub fn memory(self, memory: Size) -> Self {
        whole_mib(memory);
        self.with(|spec| spec.memory = Some(memory))
    }

    /// Swap; 512 MiB without this. `Size::ZERO` is none.
    ///
    /// # Panics
    /// When it is no whole number of MiB.
    #[must_use]
    #[track_caller]
    pub fn swap(self, swap: Size) -> Self {
        assert!(swap.whole_mib().is_some(), "swap is a whole number of MiB: {swap} is not");
        self.with(|spec| spec.swap = Some(swap))
    }

    /// The size of the volume with the system; 8 GiB without this. It grows to this size and never shrinks.
    #[must_use]
    pub fn root(self, size: Size) -> Self {
        self.with(|spec| spec.root = Some(Root { size: Some(size), storage: spec.root.and_then(|root| root.storage) }))
    }

    /// The storage of that volume, if not the node's usual one.
    #[must_use]
    pub fn root_on(self, storage: &'static str) -> Self {
        self.with(|spec| spec.root = Some(Root { storage: Some(storage), size: spec.root.and_then(|root| root.size) }))
    }

    /// A volume with data, mounted at this path: neither it nor its container is ever deleted by a plain run, even when this line
    /// is gone. Backups take it. It grows and never shrinks.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn volume(self, path: impl Into<String>, size: Size) -> Self {
        self.mount(path.into(), Field::Set(MountSpec::volume(size, true)))
    }

    /// The same on another storage than the node's usual one.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn volume_on(self, storage: &'static str, path: impl Into<String>, size: Size) -> Self {
        let volume = MountSpec { storage: Some(storage), ..MountSpec::volume(size, true) };
        self.mount(path.into(), Field::Set(volume))
    }

    /// A volume that may be lost with its container; backups leave it out.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn scratch_volume(self, path: impl Into<String>, size: Size) -> Self {
        self.mount(path.into(), Field::Set(MountSpec::volume(size, false)))
    }

    /// A directory of the node, mounted at this path: `.bind("/mnt/pve/storage", "/data")`. Only root may set it: no token, of
    /// whatever rights.
    ///
    /// # Panics
    /// When a path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn bind(self, source: impl Into<String>, path: impl Into<String>) -> Self {
        let source = absolute(source.into());
        self.mount(path.into(), Field::Set(MountSpec::bind(source, false)))
    }

    /// The same, to be read only.
    ///
    /// # Panics
    /// When a path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn bind_read_only(self, source: impl Into<String>, path: impl Into<String>) -> Self {
        let source = absolute(source.into());
        self.mount(path.into(), Field::Set(MountSpec::bind(source, true)))
    }

    /// Nothing mounted at this path: what is there is taken away, unless it holds data.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn no_mount(self, path: impl Into<String>) -> Self {
        self.mount(path.into(), Field::Cleared)
    }

    #[track_caller]
    fn mount(self, path: String, mount: Field<MountSpec>) -> Self {
        let path = absolute(path);
        self.with(|spec| {
            spec.mounts.insert(path, mount);
        })
    }

    /// A device of the node that it sees, such as `/dev/dri/renderD128`, with the group inside that may use it (104 is `render`
    /// in Debian 12, 993 in Ubuntu 24.04). Only root may set it.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn device(self, path: impl Into<String>, gid: Option<u32>) -> Self {
        let path = absolute(path.into());
        self.with(|spec| {
            spec.devices.insert(path, Field::Set(DeviceSpec { gid }));
        })
    }

    /// Without this device.
    #[must_use]
    pub fn no_device(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.with(|spec| {
            spec.devices.insert(path, Field::Cleared);
        })
    }

    /// Its next network device: the first, `eth0`, if there is none yet.
    #[must_use]
    pub fn nic(self, nic: Nic) -> Self {
        self.with(|spec| {
            let index = spec.nics.len() as u16;
            spec.put_nic(index, nic);
        })
    }

    /// Its first network device in the network of this address: tagged as that is, with this address, and with its way out.
    #[must_use]
    pub fn at(self, host: HostAddr) -> Self {
        self.with(|spec| spec.put_nic(0, Nic::at(host)))
    }

    /// Without the next network device: what is there is removed.
    #[must_use]
    pub fn no_nic(self) -> Self {
        self.with(|spec| {
            spec.nics.insert(NetKey(spec.nics.len() as u16), Field::Cleared);
        })
    }

    /// One more name server that it asks.
    #[must_use]
    pub fn resolver(self, server: impl Into<Input<IpAddr>>) -> Self {
        let server = server.into();
        self.with(|spec| match &mut spec.resolvers {
            Field::Set(servers) => servers.push(server),
            other => *other = Field::Set(vec![server]),
        })
    }

    /// The domain in which it looks for short names.
    #[must_use]
    pub fn search_domain(self, domain: impl Into<String>) -> Self {
        let domain = domain.into();
        self.with(|spec| spec.search_domain = Field::Set(domain))
    }

    /// The public keys that may log in as root, as lines of `authorized_keys`. They are given when it is made; a later change is
    /// not seen from outside.
    #[must_use]
    pub fn authorized_keys<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        let keys = sorted(keys.into_iter().map(|key| key.into().trim().to_owned()).filter(|key| !key.is_empty()));
        self.with(|spec| spec.authorized_keys = (!keys.is_empty()).then_some(keys))
    }

    /// The password of root, given when it is made. The server never shows it, so a later change is not seen.
    #[must_use]
    pub fn password(self, secret: Secret) -> Self {
        self.with(|spec| spec.password = Some(secret))
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

    /// Whether it starts with its node.
    #[must_use]
    pub fn start_on_boot(self, on: bool) -> Self {
        self.with(|spec| spec.start_on_boot = Some(on))
    }

    /// Its place among the guests that start with the node, and how long to wait after it, in place of the one that follows from the
    /// graph, as for a [`Vm`](super::super::Vm::startup). Setting it needs `Sys.Modify` on `/`.
    #[must_use]
    pub fn startup(self, order: u32, up: Option<Span>) -> Self {
        self.with(|spec| spec.startup = Field::Set(Startup::at(order, up)))
    }

    /// Without the place in the order of start that follows from what the lab's machines need of each other: its `startup` is as
    /// somebody's hand left it.
    #[must_use]
    pub fn unordered(self) -> Self {
        self.with(|spec| spec.terms.ordered = false)
    }

    /// Whether Proxmox VE itself refuses to delete it or its volumes.
    #[must_use]
    pub fn protection(self, on: bool) -> Self {
        self.with(|spec| spec.protection = Some(on))
    }

    /// What lives in it is configured through its node, `pct exec` over SSH to this machine: neither sshd nor an address is needed in
    /// it. The machine is the node that it is [on](super::ContainerFrom::on), which is compared before anything is done, and the login there is
    /// root or may use sudo.
    #[must_use]
    pub fn through(self, node: Handle<Computer>) -> Self {
        self.with(|spec| {
            spec.through = Some(Through { address: node.address(), login: node.login(), hostname: node.hostname() })
        })
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

    /// How long it has to be up after a start; 2 minutes without this.
    #[must_use]
    pub fn ready_within(self, span: Span) -> Self {
        self.with(|spec| spec.terms.ready_within = span)
    }

    /// How long it has to shut down when it is restarted; 1 minute without this.
    #[must_use]
    pub fn shutdown_within(self, span: Span) -> Self {
        self.with(|spec| spec.terms.shutdown_within = span)
    }
}

impl Spec {
    fn put_nic(&mut self, index: u16, nic: Nic) {
        let nic = NicSpec::of(nic, index, self.node.bridge, true);
        if index == 0 {
            self.ip = nic.host.map(|host| host.ip());
        }
        self.nics.insert(NetKey(index), Field::Set(nic));
    }

    /// Where its root is, as far as the code says.
    pub(super) fn root_storage(&self) -> &'static str {
        self.root.and_then(|root| root.storage).unwrap_or(self.node.disks)
    }

    /// The storages that it is made on, as far as the code says.
    pub(super) fn storages(&self) -> BTreeSet<&'static str> {
        let named = self.mounts.values().filter_map(Field::as_set).filter_map(|mount| mount.storage);
        named.chain([self.root_storage(), self.node.disks]).collect()
    }
}

#[track_caller]
fn absolute(path: String) -> String {
    let inside = path.split('/').all(|part| part != "..") && !path.contains([',', '=', '\n']);
    assert!(path.starts_with('/') && path.len() > 1 && inside, "`{path}` is no absolute path");
    path
}
