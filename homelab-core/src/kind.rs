//! `Resource`, erased once, here: the planner and the engine only ever see trees.
use crate::{
    Claim, Diagnostic, Failure, Lock, Permit, Turn,
    context::{Apply, Known, Look, StepLog},
    facts::Observed,
    output::NodeId,
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

pub(crate) trait AnyKind: Send + Sync {
    fn name(&self) -> &'static str;
    fn protected(&self) -> bool;
    fn outlives(&self) -> bool;
    fn observed(&self) -> bool;
    fn common(&self) -> bool;
    fn is_machine(&self) -> bool;
    fn find<'a>(&'a self, site: &'a str, id: &'a Value, cx: Looking<'a>) -> Boxed<'a, Seen>;
    fn survey<'a>(&'a self, site: &'a str, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Observed>, Failure>>;
    fn delete<'a>(&'a self, site: &'a str, seen: &'a Observed, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>>;
}

/// A resource in a graph.
pub(crate) trait Node: AnyKind {
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
    fn lives_in(&self) -> Option<NodeId>;
    fn replace_on(&self) -> &'static [&'static str];
    fn write_only(&self) -> &'static [&'static str];
    fn derived(&self) -> &'static [&'static str];
    fn said(&self) -> &'static [&'static str];
    fn estimate(&self, action: Action) -> Duration;
    fn review(&self, now: Option<&Observed>, action: Action, changes: &[Change]) -> Vec<Note>;
    fn read<'a>(&'a self, cx: Looking<'a>) -> Boxed<'a, Seen>;
    fn inspect<'a>(&'a self, now: Option<&'a Observed>, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Note>, Failure>>;
    fn apply<'a>(&'a self, now: Option<&'a Observed>, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>>;
}

struct KindOf<R>(PhantomData<fn() -> R>);

/// The state in its own type. A state is only ever handed back to the kind that it came from.
fn typed<R: Resource>(seen: &Observed) -> Result<&R::State, Failure> {
    seen.state
        .downcast_ref()
        .ok_or_else(|| Failure::stuck(format!("the state of a {} was mixed up with another kind's", R::KIND)))
}

fn observed<R: Resource>(state: R::State) -> Result<Observed, Failure> {
    let spoiled =
        |e: &dyn std::fmt::Display| Failure::new(format!("the state of a {} does not serialise: {e}", R::KIND));
    Ok(Observed {
        tree: Arc::new(tree::state(&state).map_err(|e| spoiled(&e))?),
        id: serde_json::to_value(R::id(&state)).map_err(|e| spoiled(&e))?,
        owner: R::owner(&state),
        data: R::data(&state),
        login: R::login(&state),
        state: Arc::new(state),
    })
}

impl<R: Resource> AnyKind for KindOf<R> {
    fn name(&self) -> &'static str {
        R::KIND
    }
    fn protected(&self) -> bool {
        R::PROTECTED
    }
    fn outlives(&self) -> bool {
        R::OUTLIVES
    }
    fn observed(&self) -> bool {
        R::OBSERVED
    }
    fn common(&self) -> bool {
        R::COMMON
    }
    fn is_machine(&self) -> bool {
        R::MACHINE
    }
    fn find<'a>(&'a self, site: &'a str, id: &'a Value, cx: Looking<'a>) -> Boxed<'a, Seen> {
        Box::pin(async move {
            let id: R::Id = serde_json::from_value(id.clone()).map_err(|e| {
                Failure::stuck(format!("the ledger's identity {id} of {} is not understood: {e}", cx.known.mark.key))
                    .hint("`state forget KEY` drops it from the ledger without touching the thing")
            })?;
            let look = Look::<R::Provider>::new(site, cx)?;
            R::find(&id, &look).await?.map(observed::<R>).transpose()
        })
    }
    fn survey<'a>(&'a self, site: &'a str, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Observed>, Failure>> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(site, cx)?;
            R::survey(&look).await?.into_iter().map(observed::<R>).collect()
        })
    }
    fn delete<'a>(&'a self, site: &'a str, seen: &'a Observed, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let provider = cx.providers.typed::<R::Provider>(site)?;
            R::delete(typed::<R>(seen)?, &Apply::new(provider, &cx)).await
        })
    }
}

/// A resource in a graph: itself, and its kind.
pub(crate) struct Entry<R>(pub(crate) R);

impl<R: Resource> AnyKind for Entry<R> {
    fn name(&self) -> &'static str {
        R::KIND
    }
    fn protected(&self) -> bool {
        R::PROTECTED
    }
    fn outlives(&self) -> bool {
        R::OUTLIVES
    }
    fn observed(&self) -> bool {
        R::OBSERVED
    }
    fn common(&self) -> bool {
        R::COMMON
    }
    fn is_machine(&self) -> bool {
        R::MACHINE
    }
    fn find<'a>(&'a self, site: &'a str, id: &'a Value, cx: Looking<'a>) -> Boxed<'a, Seen> {
        Box::pin(async move { KindOf::<R>(PhantomData).find(site, id, cx).await })
    }
    fn survey<'a>(&'a self, site: &'a str, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Observed>, Failure>> {
        Box::pin(async move { KindOf::<R>(PhantomData).survey(site, cx).await })
    }
    fn delete<'a>(&'a self, site: &'a str, seen: &'a Observed, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move { KindOf::<R>(PhantomData).delete(site, seen, cx).await })
    }
}

impl<R: Resource> Node for Entry<R> {
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
        self.0.planned_id().and_then(|id| serde_json::to_value(id).ok())
    }
    fn lives_in(&self) -> Option<NodeId> {
        self.0.lives_in().map(|h| h.0)
    }
    fn replace_on(&self) -> &'static [&'static str] {
        R::REPLACE_ON
    }
    fn write_only(&self) -> &'static [&'static str] {
        R::WRITE_ONLY
    }
    fn derived(&self) -> &'static [&'static str] {
        R::DERIVED
    }
    fn said(&self) -> &'static [&'static str] {
        R::SAID
    }
    fn estimate(&self, action: Action) -> Duration {
        self.0.estimate(action)
    }
    fn review(&self, now: Option<&Observed>, action: Action, changes: &[Change]) -> Vec<Note> {
        match now.map(typed::<R>).transpose() {
            Ok(now) => self.0.review(now, action, changes),
            Err(e) => vec![Note::refused(e.message)],
        }
    }
    fn read<'a>(&'a self, cx: Looking<'a>) -> Boxed<'a, Seen> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(self.site(), cx)?;
            self.0.read(&look).await?.map(observed::<R>).transpose()
        })
    }
    fn inspect<'a>(&'a self, now: Option<&'a Observed>, cx: Looking<'a>) -> Boxed<'a, Result<Vec<Note>, Failure>> {
        Box::pin(async move {
            let look = Look::<R::Provider>::new(self.site(), cx)?;
            self.0.inspect(now.map(typed::<R>).transpose()?, &look).await
        })
    }
    fn apply<'a>(&'a self, now: Option<&'a Observed>, cx: Writing<'a>) -> Boxed<'a, Result<(), Failure>> {
        Box::pin(async move {
            let provider = cx.providers.typed::<R::Provider>(self.site())?;
            let now = now.map(typed::<R>).transpose()?;
            self.0.apply(now, &Apply::new(provider, &cx)).await
        })
    }
}
