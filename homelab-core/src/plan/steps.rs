//! The steps of a plan and what waits for what. A replacement is two steps: everything that lives in the old thing goes
//! first, everything that needs the new one comes after.
use super::{Action, Item, Plan};
use crate::{
    claim::Lock,
    graph::{Edge, Graph},
    ledger::Ledger,
    output::NodeId,
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Creates, updates or adopts.
    Make,
    /// Deletes, alone or as the first half of a replacement.
    Delete,
    /// Drops from the ledger.
    Forget,
    /// Looks whether a resource that is kept is still right, now that what it uses has changed.
    Recheck(NodeId),
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The plan's item; a recheck has none.
    pub(crate) item: Option<usize>,
    pub(crate) what: What,
    pub(crate) locks: Vec<Lock>,
    pub(crate) estimate: Duration,
    /// How many steps it waits for.
    pub(crate) waits: usize,
    /// Which steps wait for it.
    pub(crate) next: Vec<usize>,
    /// How long the longest way from its start to the end of the run is: the largest goes first.
    pub(crate) path: Duration,
}

/// All steps of a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepGraph {
    pub(crate) steps: Vec<Step>,
}

struct Builder<'a> {
    graph: &'a Graph,
    ledger: &'a Ledger,
    steps: Vec<Step>,
    edges: BTreeSet<(usize, usize)>,
    make: HashMap<NodeId, usize>,
    delete: HashMap<NodeId, usize>,
    /// Nodes that go with what they live in.
    forget: HashMap<NodeId, usize>,
}

/// Lays out the steps of `plan`.
pub(crate) fn schedule(graph: &Graph, plan: &Plan, ledger: &Ledger) -> StepGraph {
    let mut b = Builder {
        graph,
        ledger,
        steps: vec![],
        edges: BTreeSet::new(),
        make: HashMap::new(),
        delete: HashMap::new(),
        forget: HashMap::new(),
    };
    let mut strays = vec![];
    for (index, item) in plan.items.iter().enumerate() {
        b.item(index, item, &mut strays);
    }
    b.rechecks();
    b.between_nodes();
    b.strays(plan, &strays);
    b.finish()
}

/// About how long the longest chain of steps takes.
pub(crate) fn longest(graph: &Graph, plan: &Plan, ledger: &Ledger) -> Duration {
    schedule(graph, plan, ledger).steps.iter().map(|s| s.path).max().unwrap_or_default()
}

impl Builder<'_> {
    fn item(&mut self, index: usize, item: &Item, strays: &mut Vec<(usize, usize)>) {
        let Some(node) = item.node else {
            let what = if item.action == Action::Forget { What::Forget } else { What::Delete };
            let step = self.add(Some(index), what, vec![], Duration::from_secs(1));
            strays.push((index, step));
            return;
        };
        let vertex = self.graph.vertex(node);
        let locks = vertex.node.locks();
        if matches!(item.action, Action::Delete | Action::Replace) {
            let step = self.add(Some(index), What::Delete, locks.clone(), vertex.node.estimate(Action::Delete));
            self.delete.insert(node, step);
        }
        if item.action == Action::Forget {
            let step = self.add(Some(index), What::Forget, vec![], Duration::ZERO);
            self.forget.insert(node, step);
        }
        if matches!(item.action, Action::Create | Action::Update | Action::Adopt | Action::Replace) {
            let action = if item.action == Action::Replace { Action::Create } else { item.action };
            let step = self.add(Some(index), What::Make, locks, vertex.node.estimate(action));
            self.make.insert(node, step);
            if let Some(delete) = self.delete.get(&node) {
                self.edges.insert((*delete, step));
            }
        }
    }

    fn add(&mut self, item: Option<usize>, what: What, locks: Vec<Lock>, estimate: Duration) -> usize {
        self.steps.push(Step { item, what, locks, estimate, waits: 0, next: vec![], path: Duration::ZERO });
        self.steps.len() - 1
    }

    /// Resources that are kept, but come after something that is not.
    fn rechecks(&mut self) {
        for id in self.graph.ids() {
            if !self.make.contains_key(&id)
                && !self.delete.contains_key(&id)
                && self.graph.needs(id).any(|(n, _)| self.make.contains_key(&n))
            {
                let step = self.add(None, What::Recheck(id), vec![], Duration::ZERO);
                self.make.insert(id, step);
            }
        }
    }

    fn between_nodes(&mut self) {
        // A node is tainted if something that it needs, at whatever distance, is replaced: its making waits for a deletion.
        let mut tainted = vec![false; self.graph.len()];
        for id in self.graph.ids() {
            tainted[id.index()] =
                self.delete.contains_key(&id) || self.graph.needs(id).any(|(n, _)| tainted[n.index()]);
            for (need, edge) in self.graph.needs(id) {
                if let (Some(a), Some(b)) = (self.make.get(&need), self.make.get(&id)) {
                    self.edges.insert((*a, *b));
                }
                if let (Some(a), Some(b)) = (self.delete.get(&id), self.delete.get(&need)) {
                    self.edges.insert((*a, *b));
                }
                // What goes with something is forgotten once that is gone.
                if edge == Edge::Within
                    && let (Some(a), Some(b)) =
                        (self.delete.get(&need).or(self.forget.get(&need)), self.forget.get(&id))
                {
                    self.edges.insert((*a, *b));
                }
                // Nothing is torn down before what its successor needs is there.
                if let (Some(a), Some(b)) = (self.make.get(&need), self.delete.get(&id))
                    && !tainted[need.index()]
                {
                    self.edges.insert((*a, *b));
                }
                // What lives in something that goes is remade after it, and is not touched before.
                if edge == Edge::Within
                    && let (Some(a), Some(b)) = (self.delete.get(&need), self.make.get(&id))
                {
                    self.edges.insert((*a, *b));
                }
            }
        }
    }

    /// What has left the code goes after everything that used it, and before what takes its place.
    fn strays(&mut self, plan: &Plan, strays: &[(usize, usize)]) {
        let key = |index: usize| plan.items[index].key.as_str();
        for (index, step) in strays.iter().filter(|(index, _)| plan.items[*index].action == Action::Forget) {
            let Some(home) = self.ledger.entries.get(key(*index)).and_then(|e| e.within.as_deref()) else { continue };
            let stray = strays.iter().find(|(other, _)| key(*other) == home).map(|(_, step)| *step);
            let node = self.graph.id(home).and_then(|id| self.delete.get(&id).or(self.forget.get(&id)).copied());
            if let Some(gone) = stray.or(node) {
                self.order(gone, *step);
            }
        }
        for (index, step) in strays {
            for (other, other_step) in strays {
                if self.needs(key(*index), key(*other)) {
                    self.order(*step, *other_step);
                }
            }
            for id in self.graph.ids() {
                if let Some(make) = self.make.get(&id).copied()
                    && self.needs(self.graph.key(id), key(*index))
                {
                    self.order(make, *step);
                }
                if let Some(delete) = self.delete.get(&id).copied()
                    && self.needs(key(*index), self.graph.key(id))
                {
                    self.order(*step, delete);
                }
            }
        }
        for (index, step) in strays {
            let Some(entry) = self.ledger.entries.get(key(*index)) else { continue };
            for id in self.graph.ids() {
                let Some(make) = self.make.get(&id).copied() else { continue };
                let shared = self.graph.vertex(id).claims.iter().any(|c| entry.claims.contains(&c.to_string()));
                if shared {
                    self.order(*step, make);
                }
            }
        }
    }

    fn needs(&self, key: &str, other: &str) -> bool {
        self.ledger.entries.get(key).is_some_and(|e| e.needs.iter().any(|n| n == other))
    }

    /// `first` before `second`, unless the code's own order already says the opposite: what the ledger remembers is advice.
    fn order(&mut self, first: usize, second: usize) {
        if !self.leads_to(second, first) {
            self.edges.insert((first, second));
        }
    }

    fn leads_to(&self, from: usize, to: usize) -> bool {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                open.extend(self.edges.range((at, 0)..(at + 1, 0)).map(|(_, b)| *b));
            }
        }
        false
    }

    fn finish(mut self) -> StepGraph {
        for (a, b) in &self.edges {
            self.steps[*a].next.push(*b);
            self.steps[*b].waits += 1;
        }
        let mut waits: Vec<usize> = self.steps.iter().map(|s| s.waits).collect();
        let mut order: Vec<usize> = (0..self.steps.len()).filter(|s| waits[*s] == 0).collect();
        let mut at = 0;
        while let Some(step) = order.get(at).copied() {
            at += 1;
            for next in &self.steps[step].next {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    order.push(*next);
                }
            }
        }
        debug_assert_eq!(order.len(), self.steps.len(), "steps wait for each other in a circle");
        for step in order.into_iter().rev() {
            let after = self.steps[step].next.iter().map(|n| self.steps[*n].path).max().unwrap_or_default();
            self.steps[step].path = self.steps[step].estimate + after;
        }
        StepGraph { steps: self.steps }
    }
}
