//! Where resources live: named sites, and the providers that reach them. A graph is assembled without any connection.
use crate::{Failure, kind::Kind};
use serde_json::Value;
use std::{any::Any, collections::BTreeMap, fmt, future::Future, marker::PhantomData, pin::Pin};

/// The name of a provider: which Proxmox cluster, which NAS, which fleet of machines. A constant in a lab's code.
pub struct Site<P> {
    name: &'static str,
    ty: PhantomData<fn() -> P>,
}
impl<P> Clone for Site<P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for Site<P> {}
impl<P> fmt::Debug for Site<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({})", self.name)
    }
}
impl<P> Site<P> {
    /// A site of this name.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Site { name, ty: PhantomData }
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// A connection to one site. What plans is only ever given its [`Reader`](Provider::Reader).
pub trait Provider: Send + Sync + Sized + 'static {
    /// The reading side: made anew for each look at the world, so it may share one listing among many resources.
    type Reader: Send + Sync + 'static;

    /// A fresh reading side.
    fn reader(&self) -> Self::Reader;

    /// The kinds of resources that live at such a site, so that what has left the code can still be found and deleted.
    fn kinds() -> Vec<Kind<Self>>;

    /// Waits until nothing that was begun there goes on any more, so that what is observed next holds still: the task that
    /// was noted, or whatever works on the thing itself. Work that nobody remembers any more is over.
    fn settle(&self, begun: &Begun<'_>) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = begun;
        async { Ok(()) }
    }

    /// What forbids every change there at the moment, asked once before a plan with steps for it is carried out: a cluster that has no
    /// quorum. Without this each step would find it out for itself.
    fn closed(&self) -> impl Future<Output = Option<Failure>> + Send {
        async { None }
    }
}

/// Something that was begun, and of which nobody heard the end.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// The kind of the resource.
    pub kind: &'a str,
    /// How the thing is found, as far as it was known.
    pub id: Option<&'a Value>,
    /// What was noted last (`cx.note`).
    pub task: Option<&'a Value>,
}

/// The sites of a run, by name.
#[derive(Default)]
pub struct Providers(BTreeMap<&'static str, Box<dyn AnyProvider>>);

impl Providers {
    /// These and one more.
    #[must_use]
    pub fn with<P: Provider>(mut self, site: Site<P>, provider: P) -> Self {
        self.0.insert(site.name, Box::new(Held { provider, kinds: P::kinds() }));
        self
    }

    /// The provider of a site.
    ///
    /// # Errors
    /// When the lab names a site that nobody connected.
    pub fn get<P: Provider>(&self, site: Site<P>) -> Result<&P, Failure> {
        self.typed(site.name)
    }

    pub(crate) fn typed<P: Provider>(&self, name: &str) -> Result<&P, Failure> {
        self.any(name)?.as_any().downcast_ref::<P>().ok_or_else(|| {
            Failure::new(format!("site `{name}` is connected to another kind of system than its resources need"))
        })
    }

    pub(crate) fn any(&self, name: &str) -> Result<&dyn AnyProvider, Failure> {
        self.0.get(name).map(AsRef::as_ref).ok_or_else(|| {
            Failure::new(format!("no connection is given for site `{name}`"))
                .hint("add it to the sites that the lab's `main` hands to the command line")
        })
    }

    /// The names of the sites.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    pub(crate) fn readers(&self) -> Readers {
        Readers(self.0.iter().map(|(name, p)| (*name, p.any_reader())).collect())
    }
}

/// One reading side for each site: one look at the world.
pub(crate) struct Readers(BTreeMap<&'static str, Box<dyn Any + Send + Sync>>);

impl Readers {
    pub(crate) fn get<P: Provider>(&self, site: &str) -> Result<&P::Reader, Failure> {
        self.0
            .get(site)
            .and_then(|r| r.downcast_ref())
            .ok_or_else(|| Failure::new(format!("no connection is given for site `{site}`")))
    }
}

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A provider whose type is forgotten.
pub(crate) trait AnyProvider: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn any_reader(&self) -> Box<dyn Any + Send + Sync>;
    fn settle<'a>(&'a self, begun: &'a Begun<'a>) -> Boxed<'a, Result<(), Failure>>;
    fn closed(&self) -> Boxed<'_, Option<Failure>>;
    fn kind(&self, name: &str) -> Option<&dyn crate::kind::AnyKind>;
    fn all_kinds(&self) -> Vec<&dyn crate::kind::AnyKind>;
}

struct Held<P: Provider> {
    provider: P,
    kinds: Vec<Kind<P>>,
}

impl<P: Provider> AnyProvider for Held<P> {
    fn as_any(&self) -> &dyn Any {
        &self.provider
    }
    fn any_reader(&self) -> Box<dyn Any + Send + Sync> {
        Box::new(self.provider.reader())
    }
    fn settle<'a>(&'a self, begun: &'a Begun<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(self.provider.settle(begun))
    }
    fn closed(&self) -> Boxed<'_, Option<Failure>> {
        Box::pin(self.provider.closed())
    }
    fn kind(&self, name: &str) -> Option<&dyn crate::kind::AnyKind> {
        self.kinds.iter().map(|k| k.any()).find(|k| k.about().name == name)
    }
    fn all_kinds(&self) -> Vec<&dyn crate::kind::AnyKind> {
        self.kinds.iter().map(|k| k.any()).collect()
    }
}
