//! `Resource`, erased once, here: the planner and the engine only ever see trees.
use crate::{
    AnyHandle, Claim, Diagnostic, Failure, Lock, Permit, Turn,
    context::{Apply, Known, Look, StepLog},
    facts::Observed,
    plan::{Action, Change, Note},
    resource::Resource,
    site::{Boxed, Provider, Providers, Readers},
    tree::{self, Tree},
};
use serde_json::Value;
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// A kind of resource that lives at a provider `P`, without a resource of it at hand.
pub struct Kind<P> {
    any: Box<dyn AnyKind>,
    ty: PhantomData<fn() -> P>,
}

impl<P: Provider> Kind<P> {
    /// The kind of `R`.
    #[must_use]
    pub fn of<R: Resource<Provider = P>>() -> Self {
        let kind = Kind { any: Box::new(KindOf::<R>(PhantomData)), ty: PhantomData };
        kind.also::<R>()
    }

    /// Says that `R` is of this kind too. The code behind a resource is made where its kind is listed, once, and not in every lab that
    /// declares one: nothing else comes of it.
    #[must_use]
    pub fn also<R: Resource<Provider = P>>(self) -> Self {
        std::hint::black_box::<fn(R) -> Box<dyn Node>>(|resource| Box::new(Entry(resource)));
        self
    }

    pub(crate) fn any(&self) -> &dyn AnyKind {
        self.any.as_ref()
    }
}

/// What reading needs.
#[derive(Clone, Copy)]
pub(crate) struct Looking<'a> {
    pub(crate) readers: &'a Readers,
    pub(crate) known: Known<'a>,
}

/// What writing needs.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) providers: &'a Providers,
    pub(crate) permit: &'a Permit,
    pub(crate) known: Known<'a>,
    pub(crate) log: &'a dyn StepLog,
}

pub(crate) type Seen = Result<Option<Observed>, Failure>;

/// What a kind says of itself: see the constants of [`Resource`].
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) protected: bool,
    pub(crate) outlives: bool,
    pub(crate) observed: bool,
    pub(crate) common: bool,
    pub(crate) machine: bool,
    pub(crate) replace_on: &'static [&'static str],
    pub(crate) write_only: &'static [&'static str],
    pub(crate) derived: &'static [&'static str],
    pub(crate) said: &'static [&'static str],
}

/// A kind of resource. What is in an implementation is compiled for each kind, and read by rustc at each build of a lab: so there is
/// little of it, and no chain of iterators or closures.
pub(crate) trait AnyKind: Send + Sync {
    fn about(&self) -> &'static About;
    fn find<'a>(&'a self, site: &'a str, id: &'a Value, cx: Looking<'a>) -> Boxed<'a, Seen>;
    fn survey<'a>(&'a self, site: &'a str, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Observed>, Failure>>;
    fn delete<'a>(&'a self, site: &'a str, seen: &'a Observed, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>>;
}

/// A resource in a graph; as [`AnyKind`] in what it costs.
pub(crate) trait Node: Send + Sync {
    fn about(&self) -> &'static About;
    fn resource_name(&self) -> &str;
    fn site(&self) -> &'static str;
    fn spec(&self) -> Result<Tree, tree::TreeError>;
    fn claims(&self) -> Vec<Claim>;
    fn uses(&self) -> Vec<Claim>;
    fn problems(&self) -> Vec<Diagnostic>;
    fn leans_on(&self) -> Vec<Claim>;
    fn take_turn(&mut self, turn: Turn);
    fn locks(&self) -> Vec<Lock>;
    fn planned_id(&self) -> Option<Value>;
    fn lives_in(&self) -> Option<AnyHandle>;
    fn estimate(&self, action: Action) -> Duration;
    fn review(&self, now: Option<&Observed>, action: Action, changes: &[Change]) -> Vec<Note>;
    fn read<'a>(&'a self, cx: Looking<'a>) -> Boxed<'a, Seen>;
    fn inspect<'a>(&'a self, now: Option<&'a Observed>, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Note>, Failure>>;
    fn apply<'a>(&'a self, now: Option<&'a Observed>, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>>;
}

struct KindOf<R>(PhantomData<fn() -> R>);

impl<R: Resource> KindOf<R> {
    const ABOUT: About = About {
        name: R::KIND,
        protected: R::PROTECTED,
        outlives: R::OUTLIVES,
        observed: R::OBSERVED,
        common: R::COMMON,
        machine: R::MACHINE,
        replace_on: R::REPLACE_ON,
        write_only: R::WRITE_ONLY,
        derived: R::DERIVED,
        said: R::SAID,
    };
}

/// The state in its own type. A state is only ever handed back to the kind that it came from.
fn typed<R: Resource>(seen: &Observed) -> Result<&R::State, Failure> {
    match seen.state.downcast_ref() {
        Some(state) => Ok(state),
        None => Err(mixed_up(R::KIND)),
    }
}

fn typed_now<R: Resource>(now: Option<&Observed>) -> Result<Option<&R::State>, Failure> {
    match now {
        Some(seen) => Ok(Some(typed::<R>(seen)?)),
        None => Ok(None),
    }
}

fn mixed_up(kind: &str) -> Failure {
    Failure::stuck(format!("the state of a {kind} was mixed up with another kind's"))
}

fn spoiled(kind: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("the state of a {kind} does not serialise: {why}"))
}

fn unknown_id(key: &str, id: &Value, why: &serde_json::Error) -> Failure {
    Failure::stuck(format!("the ledger's identity {id} of {key} is not understood: {why}"))
        .hint("`state forget KEY` drops it from the ledger without touching the thing")
}

fn observed<R: Resource>(state: R::State) -> Result<Observed, Failure> {
    let tree = match tree::state(&state) {
        Ok(tree) => Arc::new(tree),
        Err(e) => return Err(spoiled(R::KIND, &e)),
    };
    let id = match serde_json::to_value(R::id(&state)) {
        Ok(id) => id,
        Err(e) => return Err(spoiled(R::KIND, &e)),
    };
    let (owner, data, login) = (R::owner(&state), R::data(&state), R::login(&state));
    Ok(Observed { tree, id, owner, data, login, state: Arc::new(state) })
}

fn seen<R: Resource>(read: Result<Option<R::State>, Failure>) -> Seen {
    match read {
        Ok(Some(state)) => match observed::<R>(state) {
            Ok(seen) => Ok(Some(seen)),
            Err(e) => Err(e),
        },
        Ok(None) => Ok(None),
        Err(e) => Err(e),
    }
}

impl<R: Resource> AnyKind for KindOf<R> {
    fn about(&self) -> &'static About {
        &Self::ABOUT
    }
    fn find<'a>(&'a self, site: &'a str, id: &'a Value, cx: Looking<'a>) -> Boxed<'a, Seen> {
        Box::pin(async move {
            let id: R::Id = match serde_json::from_value(id.clone()) {
                Ok(id) => id,
                Err(why) => return Err(unknown_id(&cx.known.mark.key, id, &why)),
            };
            let look = Look::<R::Provider>::new(site, cx)?;
            seen::<R>(R::find(&id, &look).await)
        })
    }
    fn survey<'a>(&'a self, site: &'a str, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Observed>, Failure>> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(site, cx)?;
            let mut all = vec![];
            for state in R::survey(&look).await? {
                all.push(observed::<R>(state)?);
            }
            Ok(all)
        })
    }
    fn delete<'a>(&'a self, site: &'a str, seen: &'a Observed, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let provider = cx.providers.typed::<R::Provider>(site)?;
            R::delete(typed::<R>(seen)?, &Apply::new(provider, &cx)).await
        })
    }
}

/// A resource in a graph.
pub(crate) struct Entry<R>(pub(crate) R);

impl<R: Resource> Node for Entry<R> {
    fn about(&self) -> &'static About {
        &KindOf::<R>::ABOUT
    }
    fn resource_name(&self) -> &str {
        self.0.name()
    }
    fn site(&self) -> &'static str {
        self.0.site().name()
    }
    fn spec(&self) -> Result<Tree, tree::TreeError> {
        tree::spec(&self.0)
    }
    fn claims(&self) -> Vec<Claim> {
        self.0.claims()
    }
    fn uses(&self) -> Vec<Claim> {
        self.0.uses()
    }
    fn problems(&self) -> Vec<Diagnostic> {
        self.0.problems()
    }
    fn leans_on(&self) -> Vec<Claim> {
        self.0.leans_on()
    }
    fn take_turn(&mut self, turn: Turn) {
        self.0.take_turn(turn);
    }
    fn locks(&self) -> Vec<Lock> {
        self.0.locks()
    }
    fn planned_id(&self) -> Option<Value> {
        match self.0.planned_id() {
            Some(id) => serde_json::to_value(id).ok(),
            None => None,
        }
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        self.0.lives_in()
    }
    fn estimate(&self, action: Action) -> Duration {
        self.0.estimate(action)
    }
    fn review(&self, now: Option<&Observed>, action: Action, changes: &[Change]) -> Vec<Note> {
        match typed_now::<R>(now) {
            Ok(now) => self.0.review(now, action, changes),
            Err(e) => vec![Note::refused(e.message)],
        }
    }
    fn read<'a>(&'a self, cx: Looking<'a>) -> Boxed<'a, Seen> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(self.site(), cx)?;
            seen::<R>(self.0.read(&look).await)
        })
    }
    fn inspect<'a>(&'a self, now: Option<&'a Observed>, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Note>, Failure>> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(self.site(), cx)?;
            self.0.inspect(typed_now::<R>(now)?, &look).await
        })
    }
    fn apply<'a>(&'a self, now: Option<&'a Observed>, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let provider = cx.providers.typed::<R::Provider>(self.site())?;
            self.0.apply(typed_now::<R>(now)?, &Apply::new(provider, &cx)).await
        })
    }
}
