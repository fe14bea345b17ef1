//! Declaring resources.
use crate::{
    Site,
    diagnostic::Invalid,
    graph::{self, Graph},
    kind::{Entry, Node},
    output::NodeId,
    policy::Policy,
    resource::Resource,
};
use std::{fmt, ops::Deref, panic::Location};

/// A declared resource. `Copy`, so that it can be passed about freely; its outputs are its methods: `vm.ip()`.
pub struct Handle<R: Resource> {
    node: NodeId,
    site: Site<R::Provider>,
    outputs: R::Outputs,
}
impl<R: Resource> Clone for Handle<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R: Resource> Copy for Handle<R> {}
impl<R: Resource> Handle<R> {
    /// Where it lives: what is declared inside of it lives there too.
    #[must_use]
    pub const fn site(&self) -> Site<R::Provider> {
        self.site
    }
}
impl<R: Resource> Deref for Handle<R> {
    type Target = R::Outputs;
    fn deref(&self) -> &R::Outputs {
        &self.outputs
    }
}
impl<R: Resource> fmt::Debug for Handle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} #{})", R::KIND, self.node.0)
    }
}

/// A declared resource of any kind: what order and lifetime are said with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyHandle(pub(crate) NodeId);

impl<R: Resource> From<Handle<R>> for AnyHandle {
    fn from(h: Handle<R>) -> Self {
        AnyHandle(h.node)
    }
}
impl From<NodeId> for AnyHandle {
    fn from(node: NodeId) -> Self {
        AnyHandle(node)
    }
}

/// What is said of a resource in this lab, rather than what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) after: Vec<NodeId>,
    pub(crate) protect: bool,
    pub(crate) adopt: bool,
}

/// A resource together with the terms that this lab has for it. Made by the methods of [`ResourceExt`].
#[derive(Clone, Debug)]
pub struct With<R> {
    resource: R,
    terms: Terms,
}

/// What can be said of any resource before it is added.
pub trait ResourceExt: Declare + Sized {
    /// Made only after `other` is done, although no value of it is used.
    fn after(self, other: impl Into<AnyHandle>) -> With<Self::Resource> {
        let mut with = self.with_terms();
        with.terms.after.push(other.into().0);
        with
    }
    /// Never deleted or replaced by a plain run, nor once this code is gone, until it is allowed by key.
    fn protect(self) -> With<Self::Resource> {
        let mut with = self.with_terms();
        with.terms.protect = true;
        with
    }
    /// May be taken over if it exists and is not ours.
    fn adopt(self) -> With<Self::Resource> {
        let mut with = self.with_terms();
        with.terms.adopt = true;
        with
    }
}
impl<D: Declare> ResourceExt for D {}

/// What [`Lab::add`] accepts: a resource, or a resource with terms.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to a lab yet",
    label = "this is not a finished resource",
    note = "a guest needs a node and a name: `.on(node)`, then `.named(\"..\")`; only then can it be added"
)]
pub trait Declare {
    /// The resource.
    type Resource: Resource;
    /// The resource with what is said of it.
    #[doc(hidden)]
    fn with_terms(self) -> With<Self::Resource>;
}
impl<R: Resource> Declare for R {
    type Resource = R;
    fn with_terms(self) -> With<R> {
        With { resource: self, terms: Terms::default() }
    }
}
impl<R: Resource> Declare for With<R> {
    type Resource = R;
    fn with_terms(self) -> With<R> {
        self
    }
}

/// A declaration: the resource erased, and all that is said of it.
pub(crate) struct Declared {
    pub(crate) node: Box<dyn Node>,
    pub(crate) at: &'static Location<'static>,
    pub(crate) terms: Terms,
    pub(crate) group: Option<u32>,
}

/// A whole lab, declared: resources in the order in which they were added.
///
/// Handles come only from [`add`](Lab::add), so a reference always points backwards and a cycle cannot be written.
pub struct Lab {
    pub(crate) name: &'static str,
    pub(crate) declared: Vec<Declared>,
    pub(crate) groups: Vec<String>,
    pub(crate) policies: Vec<Policy>,
    current: Option<u32>,
    /// Where everything that is added now is said to be declared.
    place: Option<&'static Location<'static>>,
    /// Whether it is the recipe of something in another lab.
    pub(crate) recipe: bool,
}

impl Lab {
    /// An empty lab. The name marks what it owns, so it should be chosen once: lower case letters, digits and `-`.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Lab { name, declared: vec![], groups: vec![], policies: vec![], current: None, place: None, recipe: false }
    }

    /// What is on a machine that is made to be copied: a lab of its own, inside of another.
    pub(crate) fn recipe() -> Self {
        Lab { recipe: true, ..Lab::named("recipe") }
    }

    /// Adds a resource and gives back its handle.
    #[track_caller]
    pub fn add<D: Declare>(&mut self, resource: D) -> Handle<D::Resource> {
        let With { resource, terms } = resource.with_terms();
        let index = u32::try_from(self.declared.len()).expect("a lab has fewer than four billion resources");
        let node = NodeId::of(index, self.recipe);
        let site = resource.site();
        self.declared.push(Declared {
            node: Box::new(Entry(resource)),
            at: self.place.unwrap_or(Location::caller()),
            terms,
            group: self.current,
        });
        Handle { node, site, outputs: node.into() }
    }

    /// Declares some resources under a name by which people can select them: `--only stacks/arr`. Groups may be nested:
    /// the names are joined by `/`.
    pub fn group<T>(&mut self, name: &str, declare: impl FnOnce(&mut Lab) -> T) -> T {
        let outer = self.current;
        let full = match outer {
            Some(outer) => format!("{}/{name}", self.groups[outer as usize]),
            None => name.to_owned(),
        };
        let index = self.groups.iter().position(|g| *g == full).unwrap_or_else(|| {
            self.groups.push(full);
            self.groups.len() - 1
        });
        self.current = u32::try_from(index).ok();
        let made = declare(self);
        self.current = outer;
        made
    }

    /// Declares several resources for somebody else: all of them are said to stand where this was called, and in a function
    /// with `#[track_caller]` where that was called, for there a person can change something.
    #[track_caller]
    pub fn in_one_place<T>(&mut self, declare: impl FnOnce(&mut Lab) -> T) -> T {
        let outer = self.place;
        self.place = outer.or(Some(Location::caller()));
        let made = declare(self);
        self.place = outer;
        made
    }

    /// Adds a rule that the whole lab must keep.
    pub fn check(&mut self, policy: Policy) {
        self.policies.push(policy);
    }

    /// Assembles the graph and checks it: names, claims, references, policies.
    ///
    /// # Errors
    /// Every problem at once, each with its places in the code.
    pub fn build(self) -> Result<Graph, Invalid> {
        graph::build(self)
    }
}
