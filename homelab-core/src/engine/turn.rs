//! Whose turn it is: the ready steps, the longest way first, as far as semaphores and people allow.
use super::{INSIDE, run::Run};
use crate::{output::NodeId, plan::What};
use std::{cmp::Reverse, collections::HashMap};

/// How many steps run.
struct Busy {
    /// Inside each machine.
    inside: HashMap<NodeId, usize>,
    elsewhere: usize,
    parallel: usize,
}

impl Busy {
    /// Whether one more may run, inside this machine or elsewhere. All inside one machine count as one.
    fn has_room(&self, machine: Option<NodeId>) -> bool {
        match machine.and_then(|machine| self.inside.get(&machine)) {
            Some(there) => *there < INSIDE && self.parallel > 1,
            None => self.elsewhere + self.inside.len() < self.parallel,
        }
    }

    fn is_full(&self) -> bool {
        !self.has_room(None) && self.inside.keys().all(|machine| !self.has_room(Some(*machine)))
    }
}

impl Run<'_> {
    /// The machine that a step works inside of.
    fn inside(&self, step: usize) -> Option<NodeId> {
        let step = &self.steps.steps[step];
        let id = step.item.filter(|_| !matches!(step.what, What::Recheck(_))).and_then(|i| self.plan.items[i].node)?;
        let graph = self.engine.graph;
        graph.within(id).filter(|home| graph.vertex(*home).node.about().machine)
    }

    fn busy(&self) -> Busy {
        let mut busy = Busy { inside: HashMap::new(), elsewhere: 0, parallel: self.engine.parallel.max(1) };
        for step in &self.running {
            match self.inside(*step) {
                Some(machine) => *busy.inside.entry(machine).or_insert(0) += 1,
                None => busy.elsewhere += 1,
            }
        }
        busy
    }

    /// The ready step with the longest way behind it whose semaphores are free, and for which there is room.
    pub(super) fn pick(&mut self) -> Option<usize> {
        let busy = self.busy();
        if busy.is_full() {
            return None;
        }
        let mut passed = vec![];
        let mut found = None;
        while let Some((path, Reverse(step))) = self.ready.pop() {
            let locks = &self.steps.steps[step].locks;
            let is_free = locks.iter().all(|l| self.held.get(&l.name).copied().unwrap_or(0) < l.permits);
            if is_free && busy.has_room(self.inside(step)) {
                for lock in locks {
                    *self.held.entry(lock.name.clone()).or_insert(0) += 1;
                }
                found = Some(step);
                break;
            }
            passed.push((path, Reverse(step)));
        }
        self.ready.extend(passed);
        if let Some(step) = found {
            self.running.insert(step);
        }
        found
    }

    /// Gives back what a step holds, or only what it holds together with others.
    pub(super) fn give_back(&mut self, step: usize, shared: bool) {
        // It may have ended before its message was heard.
        if shared && !self.running.contains(&step) {
            return;
        }
        let before = self.released.contains(&step);
        for lock in &self.steps.steps[step].locks {
            let is_shared = lock.permits > 1;
            if (shared && !is_shared) || (before && is_shared) {
                continue;
            }
            if let Some(held) = self.held.get_mut(&lock.name) {
                *held -= 1;
            }
        }
        if shared {
            self.released.insert(step);
        }
    }
}
