//! Questions and changes that go to a machine together, in one message and with one answer.
use super::{Action, Command, HostPath, NoAnswer, Output, Probe, Query, Reply, action::Ownership};
use crate::Permit;
use std::fmt;

/// What a machine is asked for in one go. Changes are made in the order in which they were added; questions between the same
/// two changes are answered together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    items: Vec<Item>,
    part: usize,
}

/// One part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is about.
    pub what: What,
    /// Whether nothing after it in its part may be begun unless it works.
    pub barrier: bool,
    /// Which part of the batch it belongs to: what was [joined](Batch::join) stays apart.
    pub part: usize,
}

/// A question or a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A question.
    Probe(Probe),
    /// A change.
    Action(Action),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Probe(probe) => probe.fmt(f),
            What::Action(action) => action.fmt(f),
        }
    }
}

/// Where in the replies an item's answer will be.
#[derive(Clone, Copy, Debug)]
pub struct Slot<T> {
    index: usize,
    take: fn(super::Answer) -> Option<T>,
}

impl<T> Slot<T> {
    /// The answer, from the replies to the batch that the slot came from.
    ///
    /// # Errors
    /// What went wrong with this item alone.
    pub fn of(&self, replies: &[Reply]) -> Result<T, NoAnswer> {
        let reply = replies.get(self.index).ok_or_else(NoAnswer::strange)?;
        (self.take)(reply.clone()?).ok_or_else(NoAnswer::strange)
    }
}

impl Batch {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Batch::default()
    }

    /// Asks something.
    pub fn ask<T>(&mut self, query: Query<T>) -> Slot<T> {
        self.push(What::Probe(query.probe));
        Slot { index: self.items.len() - 1, take: query.take }
    }

    /// Changes something. Only what carries out a plan has a permit.
    pub fn act(&mut self, _permit: &Permit, action: Action) -> Slot<()> {
        self.push(What::Action(action));
        Slot { index: self.items.len() - 1, take: |_| Some(()) }
    }

    /// Runs a command that changes something.
    pub fn run(&mut self, _permit: &Permit, command: Command) -> Slot<Output> {
        self.push(What::Action(Action::Run(command)));
        let take = |answer| match answer {
            super::Answer::Output(output) => Some(output),
            _ => None,
        };
        Slot { index: self.items.len() - 1, take }
    }

    /// Makes the change that was just added a barrier: unless it works, nothing after it is begun, and what comes after it answers
    /// [`NoAnswer::Skipped`]. A question is never one.
    pub fn barrier(&mut self) {
        if let Some(last) = self.items.last_mut() {
            last.barrier = matches!(last.what, What::Action(_));
        }
    }

    /// Puts a batch behind this one, in the same message. What fails in one of them is no matter of the other: a barrier ends the part
    /// that it came in. Questions alone need no part of their own, so that those of a kind are still asked by one process.
    pub fn join(&mut self, other: &Batch) {
        let apart = !(self.is_reading() && other.is_reading());
        let first = if apart && !self.is_empty() { self.part + 1 } else { self.part };
        self.items.extend(other.items.iter().map(|item| Item { part: first + item.part, ..item.clone() }));
        self.part = first + other.part;
    }

    /// Its items, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether it changes nothing, so that it may simply be asked again.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.items.iter().all(|i| matches!(i.what, What::Probe(_)))
    }

    pub(crate) fn push(&mut self, what: What) {
        self.items.push(Item { what, barrier: false, part: self.part });
    }
}

impl Item {
    /// What makes the item impossible on any machine.
    pub(crate) fn impossible(&self) -> Option<String> {
        let name = |name: &String| {
            (name.is_empty() || name.contains(['\0', '\n', ':']) || name.starts_with('-'))
                .then(|| format!("`{}` is no name", name.escape_debug()))
        };
        let command = |c: &Command| c.has_nul().then(|| "an argument has a NUL in it".to_owned());
        let mode = |mode: u32| (mode > 0o7777).then(|| format!("{mode:o} is no mode"));
        let owner = |owner: &Ownership| name(&owner.user).or_else(|| name(&owner.group));
        let root = |path: &HostPath| {
            path.as_bytes().iter().all(|b| matches!(b, b'/' | b'.')).then(|| "this is everything".to_owned())
        };
        match &self.what {
            What::Probe(probe) => match probe {
                Probe::User(n) | Probe::Group(n) | Probe::Package(n) | Probe::Policy(n) | Probe::Unit(n) => name(n),
                Probe::Sysctl(key) => (key.is_empty() || key.contains(['\0', '\n']) || key.contains(".."))
                    .then(|| format!("`{}` is no kernel parameter", key.escape_debug())),
                Probe::Command(c) => command(c),
                Probe::Stat { .. } | Probe::Read(_) | Probe::ReadLink(_) | Probe::List(_) | Probe::System => None,
            },
            What::Action(action) => match action {
                Action::Write { mode: m, owner: o, .. } | Action::MakeDir { mode: m, owner: o, .. } => {
                    mode(*m).or_else(|| o.as_ref().and_then(owner))
                }
                Action::Link { to, .. } => {
                    (to.is_empty() || to.contains(&0)).then(|| "a link cannot point there".to_owned())
                }
                Action::RemoveAll(path) => root(path),
                Action::SetMode { mode: m, .. } => mode(*m),
                Action::SetOwner { owner: o, .. } => owner(o),
                Action::Run(c) => command(c),
                Action::Remove(_) => None,
            },
        }
    }
}
