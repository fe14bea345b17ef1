//! A saved plan, bound to what it rests on: the code, the ledger, and what was observed.
use super::{Known, Plan, Wishes};
use crate::{facts::Observed, graph::Graph, tree::Tree};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// A plan as a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The plan, for people and programs to read.
    pub plan: Plan,
    /// What was asked for; applying it asks for the same.
    pub wishes: Wishes,
    /// Whether it is for the sandbox or the real thing: `sandbox`, `live`.
    pub mode: String,
    code: BTreeMap<String, String>,
    ledger: String,
    world: BTreeMap<String, Option<Tree>>,
}

/// What has moved since a plan was saved, so that it must not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The plan is another lab's.
    Lab(String),
    /// The plan is for the sandbox and this is not, or the other way round.
    Mode(String),
    /// A resource's code has changed, come or gone.
    Code(String),
    /// The ledger has changed: another run was here.
    Ledger,
    /// Something in the world has changed.
    World {
        /// The resource.
        key: String,
        /// What of it.
        what: String,
    },
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moved::Lab(lab) => write!(f, "it is a plan of lab `{lab}`"),
            Moved::Mode(mode) => write!(f, "it was made for the {mode}"),
            Moved::Code(key) => write!(f, "the code of {key} has changed since it was made"),
            Moved::Ledger => write!(f, "another run has changed the ledger since it was made"),
            Moved::World { key, what } => write!(f, "{key} has changed since it was made: {what}"),
        }
    }
}

impl SavedPlan {
    /// Binds a plan to what it rests on.
    #[must_use]
    pub fn new(plan: Plan, wishes: Wishes, mode: &str, graph: &Graph, known: &Known) -> Self {
        SavedPlan {
            plan,
            wishes,
            mode: mode.to_owned(),
            code: code(graph),
            ledger: known.ledger.digest(),
            world: world(graph, known),
        }
    }

    /// Whether everything is still as it was.
    ///
    /// # Errors
    /// The first thing that has moved, in the order: lab, mode, code, world, ledger.
    pub fn check(&self, mode: &str, graph: &Graph, known: &Known) -> Result<(), Moved> {
        let plan = Plan { lab: graph.lab().to_owned(), ..self.plan.clone() };
        self.check_against(&SavedPlan::new(plan, self.wishes.clone(), mode, graph, known))
    }

    /// The same against a plan of now: for a caller that has put both through the same cleaning (a saved plan holds what was
    /// observed, and a file must not hold a secret even if the world shows one).
    ///
    /// # Errors
    /// As [`check`](SavedPlan::check).
    pub fn check_against(&self, now: &SavedPlan) -> Result<(), Moved> {
        if self.plan.lab != now.plan.lab {
            return Err(Moved::Lab(self.plan.lab.clone()));
        }
        if self.mode != now.mode {
            return Err(Moved::Mode(self.mode.clone()));
        }
        if let Some(key) = first_difference(&self.code, &now.code) {
            return Err(Moved::Code(key.to_owned()));
        }
        if let Some(key) = first_difference(&self.world, &now.world) {
            let (before, after) = (self.world.get(key).cloned().flatten(), now.world.get(key).cloned().flatten());
            return Err(Moved::World { key: key.to_owned(), what: what_moved(before.as_ref(), after.as_ref()) });
        }
        if self.ledger != now.ledger {
            return Err(Moved::Ledger);
        }
        Ok(())
    }
}

fn first_difference<'a, V: PartialEq>(a: &'a BTreeMap<String, V>, b: &'a BTreeMap<String, V>) -> Option<&'a str> {
    a.keys().chain(b.keys()).find(|k| a.get(*k) != b.get(*k)).map(String::as_str)
}

fn what_moved(before: Option<&Tree>, after: Option<&Tree>) -> String {
    match (before, after) {
        (None, _) => "it did not exist, and does now".into(),
        (_, None) => "it existed, and is gone".into(),
        (Some(before), Some(after)) => {
            let moved = super::diff(after, Some(before), &[]).into_iter().chain(
                super::diff(before, Some(after), &[]).into_iter().map(|c| super::Change {
                    from: c.to,
                    to: c.from,
                    ..c
                }),
            );
            moved
                .map(|c| format!("{} was {}, is {}", c.field, c.from, c.to))
                .next()
                .unwrap_or_else(|| "its state".into())
        }
    }
}

fn code(graph: &Graph) -> BTreeMap<String, String> {
    let name = |n| graph.key(n).to_owned();
    graph
        .ids()
        .map(|id| {
            let vertex = graph.vertex(id);
            let terms = format!("{}{}", u8::from(vertex.terms.protect), u8::from(vertex.terms.adopt));
            let text = format!("{terms}{}", serde_json::to_string(&vertex.spec.named(&name)).unwrap_or_default());
            (vertex.key.clone(), hex(&Sha256::digest(text.as_bytes())))
        })
        .collect()
}

fn world(graph: &Graph, known: &Known) -> BTreeMap<String, Option<Tree>> {
    let plain = |seen: Option<&Observed>| seen.map(|s| s.tree.as_ref().clone());
    graph
        .ids()
        .map(|id| (graph.key(id).to_owned(), plain(known.facts.get(id))))
        .chain(known.strays.iter().map(|s| (s.key.clone(), plain(s.seen.as_ref()))))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
