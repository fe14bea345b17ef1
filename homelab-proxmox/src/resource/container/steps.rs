//! The steps of declaring a container that cannot be left out, as types: what from, where, and its name.
use super::{Container, Plain, Source, Spec, Terms};
use crate::resource::{ContainerTemplate, Node, vm::host_name};
use homelab_core::{Field, Handle};
use std::{collections::BTreeMap, marker::PhantomData};

/// A container that has no node yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a container needs a node and a name: `.on(node).named(\"..\")`"]
pub struct ContainerFrom(Source);

/// A container that has a node and no name yet.
#[derive(Clone, Copy, Debug)]
#[must_use = "a container needs a name: `.named(\"..\")`"]
pub struct PlacedContainer {
    source: Source,
    node: Node,
    vmid: Option<u32>,
}

impl Container {
    /// A container with the system of this template.
    pub fn from_template(template: Handle<ContainerTemplate>) -> ContainerFrom {
        ContainerFrom(Source { volume: template.volume(), node: template.node() })
    }
}

impl ContainerFrom {
    /// On this node, which must have the template.
    pub fn on(self, node: Node) -> PlacedContainer {
        PlacedContainer { source: self.0, node, vmid: None }
    }
}

impl PlacedContainer {
    /// Under this number, 100 to 999,999,999. Without one it gets one of the node's range.
    ///
    /// # Panics
    /// When the number is not in that range.
    #[track_caller]
    pub fn id(self, vmid: u32) -> Self {
        PlacedContainer { vmid: Some(crate::resource::guest::checked_number(vmid)), ..self }
    }

    /// Named so, as a host is. The name makes its key, by which it is selected and referred to.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[must_use]
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Container<Plain> {
        let PlacedContainer { source, node, vmid } = self;
        let spec = Spec {
            name: host_name(name.into()),
            vmid,
            node,
            template: source,
            unprivileged: true,
            nesting: None,
            features: Field::Unmanaged,
            cores: None,
            memory: None,
            swap: None,
            root: None,
            mounts: BTreeMap::new(),
            devices: BTreeMap::new(),
            nics: BTreeMap::new(),
            ip: None,
            through: None,
            resolvers: Field::Unmanaged,
            search_domain: Field::Unmanaged,
            authorized_keys: None,
            password: None,
            tags: Field::Unmanaged,
            notes: Field::Unmanaged,
            start_on_boot: None,
            startup: Field::Unmanaged,
            protection: None,
            running: true,
            unfinished: Field::Cleared,
            privileged_because: None,
            terms: Terms::default(),
        };
        Container { spec, ty: PhantomData }
    }
}
