//! Planning: a pure function from a graph, what was observed and the ledger to data that prints, serialises and can be
//! snapshotted. Nothing here can reach the world.
mod bind;
mod decide;
mod diff;
mod orphan;
mod select;
mod show;
mod steps;
mod wishes;

use crate::{output::NodeId, tree::Tree};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

pub use bind::{Moved, SavedPlan};
pub use decide::plan;
pub use select::{Selection, SelectorError};
pub use show::{Palette, Shown, ShownItem};
pub use wishes::{Goal, Known, Stray, Wishes};

pub(crate) use decide::judge;
pub(crate) use diff::diff;
pub(crate) use select::similar;
pub(crate) use steps::{StepGraph, What, longest, schedule};

/// What is done to one resource, from the weakest to the strongest: a plan is a ceiling, and nothing stronger than it shows
/// is ever done under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing.
    Keep,
    /// Dropped from the ledger: it is gone, or was never ours.
    Forget,
    /// Taken over, with the changes that it needs.
    Adopt,
    /// Changed in place.
    Update,
    /// Made.
    Create,
    /// Deleted and made anew.
    Replace,
    /// Deleted.
    Delete,
}

impl Action {
    /// The word for a person: `create`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Action::Keep => "keep",
            Action::Forget => "forget",
            Action::Adopt => "adopt",
            Action::Update => "update",
            Action::Create => "create",
            Action::Replace => "replace",
            Action::Delete => "delete",
        }
    }

    /// What has been done: `created`.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Action::Keep => "unchanged",
            Action::Forget => "forgotten",
            Action::Adopt => "adopted",
            Action::Update => "updated",
            Action::Create => "created",
            Action::Replace => "replaced",
            Action::Delete => "deleted",
        }
    }

    /// The sign in front of a planned resource: `+`.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Action::Keep => " ",
            Action::Forget => "?",
            Action::Adopt => ">",
            Action::Update => "~",
            Action::Create => "+",
            Action::Replace => "±",
            Action::Delete => "-",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One field that would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The path of the field: `disks.scsi0.size`.
    pub field: String,
    /// What is there; `Null` when nothing is.
    pub from: Tree,
    /// What will be there; [`Tree::Unknown`] while it waits for another resource.
    pub to: Tree,
}

impl Change {
    /// The field itself, without what is below it: `disks`.
    #[must_use]
    pub fn top(&self) -> &str {
        self.field.split('.').next().unwrap_or(&self.field)
    }
}

/// Something a person must know of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What sort of thing.
    pub kind: NoteKind,
    /// What, one line.
    pub text: String,
    /// The way out, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The sorts of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// Why the step is there.
    Because,
    /// Good to know.
    Info,
    /// The guest or machine is restarted.
    Reboot,
    /// A service is away for a while.
    Downtime,
    /// Data goes with it; it was allowed by name.
    Loses,
    /// The step cannot or must not be done; nothing of the plan is applied.
    Refused,
}

impl Note {
    /// A note of a kind.
    #[must_use]
    pub fn new(kind: NoteKind, text: impl Into<String>) -> Self {
        Note { kind, text: text.into(), hint: None }
    }
    /// What forbids the step.
    #[must_use]
    pub fn refused(text: impl Into<String>) -> Self {
        Note::new(NoteKind::Refused, text)
    }
    /// A restart, with its reason.
    #[must_use]
    pub fn reboot(text: impl Into<String>) -> Self {
        Note::new(NoteKind::Reboot, text)
    }
    /// Good to know.
    #[must_use]
    pub fn info(text: impl Into<String>) -> Self {
        Note::new(NoteKind::Info, text)
    }
    /// The same with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What is planned for one resource. A replacement is one item here and two steps when it is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Kind and name.
    pub key: String,
    /// The kind.
    pub kind: String,
    /// The site.
    pub site: String,
    /// What is done.
    pub action: Action,
    /// What changes, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What a person must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The line that declares it, `lab/src/guests.rs:12`; nothing if it has left the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The key that it had until now, if it has got another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The node; nothing if it has left the code.
    #[serde(skip)]
    pub(crate) node: Option<NodeId>,
}

impl Item {
    /// Why it must not be done, if it must not.
    pub fn refusals(&self) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(|n| n.kind == NoteKind::Refused)
    }
}

/// What would be done, as data. It holds no secret and no way to write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format.
    pub format: u32,
    /// The lab.
    pub lab: String,
    /// What it is for.
    pub goal: Goal,
    /// What is done, in an order in which it can be done. Resources that are kept are counted, not listed.
    pub items: Vec<Item>,
    /// How many resources stay as they are.
    pub kept: usize,
    /// How many resources would change, but are left out by the selection.
    pub left_out: usize,
    /// The keys of those of them that are in the lab: they stay as they are, or are not there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<String>,
}

/// The version of [`Plan`]'s format.
pub const PLAN_FORMAT: u32 = 1;

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_noop(&self) -> bool {
        self.items.is_empty()
    }

    /// What is planned for a resource; nothing if it stays as it is.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|i| i.key == key)
    }

    /// Everything that forbids the plan: the item and the reason.
    #[must_use]
    pub fn refusals(&self) -> Vec<(&Item, &Note)> {
        self.items.iter().flat_map(|i| i.refusals().map(move |n| (i, n))).collect()
    }

    /// How many items have this action.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.items.iter().filter(|i| i.action == action).count()
    }
}
