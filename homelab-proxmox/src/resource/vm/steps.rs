//! The steps of declaring a VM that cannot be left out, as types: what from, where, and its name.
use super::{Source, Spec, Terms, Vm, host_name};
use crate::resource::{
    Node, Template,
    firmware::{Bios, Firmware, NoCloudInit, Setup, Uefi},
};
use homelab_core::{Field, Handle};
use std::{collections::BTreeMap, marker::PhantomData};

/// A clone of a template that has no node yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a guest needs a node and a name: `.on(node).named(\"..\")`"]
pub struct CloneOf<F, C> {
    source: Source,
    ty: PhantomData<fn() -> (F, C)>,
}

/// An empty guest that has no node yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a guest needs a node and a name: `.on(node).named(\"..\")`"]
pub struct Blank<F>(PhantomData<fn() -> F>);

/// A guest that has a node and no name yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a guest needs a name: `.named(\"..\")`"]
pub struct Placed<F, C> {
    source: Option<Source>,
    node: Node,
    vmid: Option<u32>,
    ty: PhantomData<fn() -> (F, C)>,
}

impl Vm {
    /// A clone of a template, with its firmware.
    pub fn clone_from<F: Firmware, C: Setup>(template: Handle<Template<F, C>>) -> CloneOf<F, C> {
        let source = Source {
            vmid: template.vmid(),
            node: template.node(),
            login: template.login(),
            disk: template.disk(),
            linked: None,
            handle: template.into(),
        };
        CloneOf { source, ty: PhantomData }
    }

    /// A guest without a system: empty disks, to be installed by hand or from within.
    pub fn blank() -> Blank<Bios> {
        Blank(PhantomData)
    }
}

impl<F> Blank<F> {
    /// With UEFI: OVMF, machine `q35`, and a disk for its variables.
    pub fn uefi(self) -> Blank<Uefi> {
        Blank(PhantomData)
    }

    /// On this node.
    pub fn on(self, node: Node) -> Placed<F, NoCloudInit> {
        Placed { source: None, node, vmid: None, ty: PhantomData }
    }
}

impl<F, C> CloneOf<F, C> {
    /// On this node. If the template is on another one, the clone goes there directly when its disks are on storage that both
    /// share, and is made beside the template and then moved otherwise.
    pub fn on(self, node: Node) -> Placed<F, C> {
        Placed { source: Some(self.source), node, vmid: None, ty: PhantomData }
    }
}

impl<F: Firmware, C: Setup> Placed<F, C> {
    /// Under this number, 100 to 999,999,999. Without one it gets one of the node's range.
    ///
    /// # Panics
    /// When the number is not in that range.
    #[track_caller]
    pub fn id(self, vmid: u32) -> Self {
        Placed { vmid: Some(crate::resource::guest::checked_number(vmid)), ..self }
    }

    /// Named so, as a host is. The name makes its key, by which it is selected and referred to.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Vm<F, C> {
        let Placed { source, node, vmid, .. } = self;
        let spec = Spec {
            name: host_name(name.into()),
            vmid,
            node,
            clone_of: source,
            firmware: F::IS,
            cloud_init: C::CLOUD_INIT.then_some(true),
            cores: None,
            sockets: None,
            cpu: None,
            memory: None,
            balloon: Field::Unmanaged,
            disks: BTreeMap::new(),
            cdroms: BTreeMap::new(),
            installer: None,
            nics: BTreeMap::new(),
            hostpci: BTreeMap::new(),
            usb: BTreeMap::new(),
            ip: None,
            resolvers: Field::Unmanaged,
            search_domain: Field::Unmanaged,
            user: Field::Unmanaged,
            authorized_keys: Field::Unmanaged,
            password: None,
            agent: None,
            tags: Field::Unmanaged,
            notes: Field::Unmanaged,
            boot_order: None,
            start_on_boot: None,
            startup: Field::Unmanaged,
            protection: None,
            running: true,
            unfinished: Field::Cleared,
            terms: Terms::default(),
        };
        Vm { spec, ty: PhantomData }
    }
}
