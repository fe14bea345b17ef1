//! The one trait that a resource's author implements.
use crate::{
    Apply, Claim, Diagnostic, Failure, Lock, Look, Site, Turn,
    lab::AnyHandle,
    output::NodeId,
    plan::{Action, Change, Note},
    site::Provider,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt, future::Future, time::Duration};

/// A desired thing. Its `Serialize` *is* its specification; [`State`](Resource::State) is what can be observed of it.
///
/// The author writes no diff: a field of the spec is compared with the state's field of the same name, maps by their keys.
/// A field that the spec leaves out (`None`, [`Field::Unmanaged`](crate::Field)) is not managed. After every apply the engine reads
/// back and compares again, so a field that did not take is an error, never silent drift.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to a lab",
    label = "this is not a finished resource",
    note = "a guest needs a node and a name: `.on(node).named(\"..\")`; what else can be missing stands in the type's documentation"
)]
pub trait Resource: Serialize + Send + Sync + 'static {
    /// Domain and kind: `proxmox/vm`. With the name it makes the key by which people select a resource.
    const KIND: &'static str;
    /// Fields whose change means delete and create anew.
    const REPLACE_ON: &'static [&'static str] = &[];
    /// Fields that are used when the thing is made and cannot be observed later; they are never compared.
    const WRITE_ONLY: &'static [&'static str] = &[];
    /// Fields that follow from others, as a file's hash does from its content: not known while anything about the thing changes, so
    /// what depends on one of them is planned together with the change. So "it has changed" is an output like any other.
    const DERIVED: &'static [&'static str] = &[];
    /// Pools, datasets, data disks: never deleted by a plain run, and the ledger remembers it when the code is gone.
    const PROTECTED: bool = false;
    /// A deletion leaves its data where it is, and the thing can be taken in again: an exported pool. The ledger remembers what was
    /// let go of, and hands it to whoever declares it again ([`Look::left`]).
    const OUTLIVES: bool = false;
    /// Only looked at, and waited for: something that is there already, or that nobody takes apart again once it was brought about, as
    /// a cluster of nodes. It is never taken over, owned or deleted, and the ledger does not know it.
    const OBSERVED: bool = false;
    /// Fields of the state that the specification of an [`OBSERVED`](Resource::OBSERVED) thing says already, under the same name: the
    /// address of a machine that is there. What lives in it and uses nothing else of it is looked at together with it, not after it.
    const SAID: &'static [&'static str] = &[];

    /// Commonly there already: a package, a user, a file of the distribution. One that is there and as it should be is used as
    /// it is, without a step and without becoming ours, so it is never deleted by us. One that is there and differs is shown
    /// with its difference and has to be adopted.
    const COMMON: bool = false;

    /// A machine that can be logged in to: see [`login`](Resource::login).
    const MACHINE: bool = false;

    /// What it is reached through.
    type Provider: Provider;
    /// What can be observed of it.
    type State: Serialize + Send + Sync + 'static;
    /// What it is found by when its code is gone; kept in the ledger, so it must not hold a secret. It must tell *this* thing from
    /// another that somebody put in its place: with a VMID goes the guest's UUID.
    type Id: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Its outputs, made by [`outputs!`](crate::outputs); [`NoOutputs`] if it has none.
    type Outputs: From<NodeId> + Copy;

    /// Its name, unique among its kind in the lab, or in what it [lives in](Resource::lives_in): `/etc/motd` in the guest `web` has the
    /// key `host/file/web/etc/motd`.
    fn name(&self) -> &str;

    /// Where it lives.
    fn site(&self) -> Site<Self::Provider>;

    /// What no other resource may hold too.
    fn claims(&self) -> Vec<Claim> {
        vec![]
    }

    /// What it uses by its name, as others claim it: a storage, a bridge. If this lab makes that, this comes after it. Secrets of
    /// the specification are looked at without being told here.
    fn uses(&self) -> Vec<Claim> {
        vec![]
    }

    /// What is wrong with it that its own builder could not say, each with its places: the graph names this resource too. Only what
    /// is there before anything is looked at.
    fn problems(&self) -> Vec<Diagnostic> {
        vec![]
    }

    /// What it must find running when it starts, as others claim it: the address of its name server. That says nothing of the order
    /// in which things are made, only of [`take_turn`](Resource::take_turn).
    fn leans_on(&self) -> Vec<Claim> {
        vec![]
    }

    /// For a machine, when the lab is assembled: its place in the order in which the machines of its site start. A kind that can
    /// have the site keep that order puts it into its specification, unless its author was told one. Machines that have nothing to
    /// do with each other are not told.
    fn take_turn(&mut self, turn: Turn) {
        let _ = turn;
    }

    /// Which semaphores a step of it takes.
    fn locks(&self) -> Vec<Lock> {
        vec![]
    }

    /// The resource that this one lives inside and is named within: when that is deleted or replaced, this is gone with it.
    fn lives_in(&self) -> Option<AnyHandle> {
        None
    }

    /// About how long an action takes. Only the order of work depends on it: the longest path is started first.
    fn estimate(&self, action: Action) -> Duration {
        let _ = action;
        Duration::from_secs(1)
    }

    /// What a person must know of a planned action, or what forbids it: a reboot, a migration, a disk that cannot shrink.
    /// A pure function: it sees what was observed and what would change. `now` is `None` only for a creation.
    fn review(&self, now: Option<&Self::State>, action: Action, changes: &[Change]) -> Vec<Note> {
        let _ = (now, action, changes);
        vec![]
    }

    /// Looks. `Ok(None)` when it is not there, or when what it lives in does not exist yet.
    ///
    /// # Errors
    /// When the world does not answer or refuses to.
    fn read(&self, cx: &Look<'_, Self::Provider>) -> impl Future<Output = Result<Option<Self::State>, Failure>> + Send;

    /// What only the world can tell of whether this can be done: a device that is missing, a privilege that the credential lacks.
    /// Asked right after [`read`](Resource::read), of which `now` is the answer, and shown only if the plan does something with
    /// the thing. Only what is still to be done counts: what is there already needs no leave.
    ///
    /// # Errors
    /// As [`read`](Resource::read).
    fn inspect(
        &self,
        now: Option<&Self::State>,
        cx: &Look<'_, Self::Provider>,
    ) -> impl Future<Output = Result<Vec<Note>, Failure>> + Send {
        let _ = (now, cx);
        async { Ok(vec![]) }
    }

    /// Looks for a thing that has left the code, by what the ledger kept of it.
    ///
    /// # Errors
    /// As [`read`](Resource::read).
    fn find(
        id: &Self::Id,
        cx: &Look<'_, Self::Provider>,
    ) -> impl Future<Output = Result<Option<Self::State>, Failure>> + Send;

    /// Every thing of this kind at a site that bears a mark of any lab, for rebuilding a lost ledger.
    ///
    /// # Errors
    /// As [`read`](Resource::read).
    fn survey(cx: &Look<'_, Self::Provider>) -> impl Future<Output = Result<Vec<Self::State>, Failure>> + Send {
        let _ = cx;
        async { Ok(vec![]) }
    }

    /// What `find` will need.
    fn id(state: &Self::State) -> Self::Id;

    /// The same before the thing is there, if it can be told: it lets a run after a crash find what was begun although its
    /// code has gone meanwhile.
    fn planned_id(&self) -> Option<Self::Id> {
        None
    }

    /// Where it is logged in to, if it is a machine that runs.
    fn login(state: &Self::State) -> Option<crate::host::Spot> {
        let _ = state;
        None
    }

    /// Whose mark the thing bears.
    fn owner(state: &Self::State) -> Owner {
        let _ = state;
        Owner::Unmarkable
    }

    /// What would be lost with the thing, in words that a person recognises: `scsi1: 500 GiB on tank`. Deleting or replacing
    /// a thing that names anything here is refused unless it is allowed by key.
    fn data(state: &Self::State) -> Vec<String> {
        let _ = state;
        vec![]
    }

    /// Brings the thing from `now` to what `self` says. It must cope with a half-made one: after a crash it is called again
    /// with whatever is there. Marks the thing as ours ([`Apply::mark`]) in the same call that creates it, where that can be.
    ///
    /// # Errors
    /// What the world said. A failure that [may pass](crate::Nature::Passing) makes the engine look again and go on.
    fn apply(
        &self,
        now: Option<&Self::State>,
        cx: &Apply<'_, Self::Provider>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Deletes the thing. Takes the state, not `self`: what has left the code has no spec any more. Deleting what is not
    /// there any more is no error.
    ///
    /// # Errors
    /// What the world said.
    fn delete(state: &Self::State, cx: &Apply<'_, Self::Provider>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A mark on a thing: which lab made it, as what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Mark {
    /// The lab's name.
    pub lab: String,
    /// The resource's key: `proxmox/vm/web`.
    pub key: String,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of lab `{}`", self.key, self.lab)
    }
}

/// Whose a thing is, as far as the thing itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It bears a mark.
    Marked(Mark),
    /// It could bear a mark and has none.
    Unmarked,
    /// Things of this kind bear no marks; the ledger alone knows.
    Unmarkable,
}

/// The outputs of a resource that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoOutputs;

impl From<NodeId> for NoOutputs {
    fn from(_: NodeId) -> Self {
        NoOutputs
    }
}
