//! What a plan is made from: what the person at the keyboard wants and allows, and what is known of the world.
use super::Selection;
use crate::{
    facts::{Facts, Observed},
    ledger::{Entry, Ledger},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// The world as the code says.
    Deploy,
    /// Nothing of this lab left.
    Destroy,
}

/// What the person at the keyboard asks for and allows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wishes {
    /// What the plan is for.
    pub goal: Goal,
    /// Which part of the lab.
    pub selection: Selection,
    /// Whether things that exist and are not ours may be taken over.
    pub adopt: bool,
    /// Keys whose protection is lifted.
    pub allow_destroy: BTreeSet<String>,
}

impl Wishes {
    /// Everything, nothing allowed beyond the ordinary.
    #[must_use]
    pub fn new(goal: Goal) -> Self {
        Wishes { goal, selection: Selection::everything(), adopt: false, allow_destroy: BTreeSet::new() }
    }
}

/// What is known of the world when a plan is made.
#[derive(Clone, Debug)]
pub struct Known {
    /// What was observed of the graph's nodes.
    pub facts: Facts,
    /// What the ledger has and the code has not, as it was found.
    pub strays: Vec<Stray>,
    /// Ownership.
    pub ledger: Ledger,
    /// Keys of things whose making was begun by a run that did not end. Where things bear no marks, what is found there is ours.
    pub begun: BTreeSet<String>,
    /// Keys of what was made by runs that came to no good end: what is inside of it came with it.
    pub fresh: BTreeSet<String>,
}

/// Something that is ours and has no code any more.
#[derive(Clone, Debug)]
pub struct Stray {
    /// The key that it had.
    pub key: String,
    /// What the ledger kept.
    pub entry: Entry,
    /// What is there now.
    pub seen: Option<Observed>,
}
