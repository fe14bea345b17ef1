//! A run: the ready steps, the longest way first, as many at once as semaphores and people allow.
use super::{
    Done, Engine, Failed, Interrupt, Outcome,
    hold::{History, Hold},
    step::{Broken, Ended, Left, Target},
};
use crate::{
    Failure, Permit,
    facts::{Facts, Observed},
    journal::{Journal, Record},
    ledger::Entry,
    output::NodeId,
    plan::{Action, Known, Plan, StepGraph, What, schedule},
    report::Event,
    resource::Owner,
    site::Boxed,
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// A step's end: which, how long it took, and what came of it.
type End = (usize, Duration, Result<Ended, Broken>);

pub(super) struct Run<'r> {
    pub(super) engine: &'r Engine<'r>,
    pub(super) plan: &'r Plan,
    known: &'r Known,
    journal: &'r Journal,
    pub(super) steps: StepGraph,
    facts: Facts,
    pub(super) ready: BinaryHeap<(Duration, Reverse<usize>)>,
    pub(super) held: HashMap<String, usize>,
    /// Steps that gave their shared locks back before their end, and how they say so.
    pub(super) released: BTreeSet<usize>,
    release: mpsc::UnboundedSender<usize>,
    pub(super) running: BTreeSet<usize>,
    settled: Vec<bool>,
    outcome: Outcome,
}

impl<'r> Run<'r> {
    /// Carries out a plan without refusals that comes from `known`.
    pub(super) async fn whole(
        engine: &'r Engine<'r>,
        plan: &'r Plan,
        known: &'r Known,
        journal: &'r Journal,
        mut interrupt: Interrupt,
    ) -> Outcome {
        let steps = schedule(engine.graph, plan, &known.ledger);
        let (release, mut releases) = mpsc::unbounded_channel();
        let ready = steps.steps.iter().enumerate().filter(|(_, s)| s.waits == 0);
        let mut run = Run {
            engine,
            plan,
            known,
            journal,
            settled: vec![false; steps.steps.len()],
            ready: ready.map(|(i, s)| (s.path, Reverse(i))).collect(),
            steps,
            facts: known.facts.clone(),
            held: HashMap::new(),
            released: BTreeSet::new(),
            release,
            running: BTreeSet::new(),
            outcome: Outcome::default(),
        };
        run.remember();
        run.all(&mut interrupt, &mut releases).await;
        if run.outcome.is_success() && !run.outcome.interrupted {
            run.settle_in();
        }
        run.outcome
    }

    /// Before anything new begins, the ledger learns what was observed: what an interrupted run began, what bears our mark
    /// although a ledger was lost, and what the code says differently by now (a protection, a dependency).
    fn remember(&self) {
        let graph = self.engine.graph;
        for id in graph.ids() {
            let key = graph.key(id);
            let seen = self.facts.get(id).filter(|seen| self.is_known_ours(key, seen));
            let before = self.known.ledger.entries.get(key);
            let fresh = self.known.fresh.contains(key);
            let now = self.engine.entry_of(id, seen).map(|now| Entry { fresh, ..now });
            match (&now, before) {
                (Some(now), Some(before)) if Entry { at: before.at.clone(), ..now.clone() } == *before => {}
                (None, _) if !self.known.begun.contains(key) => {}
                _ => self.journal.append_lazily(Record::Done { key: key.to_owned(), entry: now }),
            }
        }
        for stray in self.known.strays.iter().filter(|s| self.known.begun.contains(&s.key)) {
            let seen = stray.seen.as_ref().filter(|seen| self.is_known_ours(&stray.key, seen));
            let entry = seen.map(|s| self.engine.entry(&stray.key, &stray.entry.kind, &stray.entry.site, false, s));
            self.journal.append_lazily(Record::Done { key: stray.key.clone(), entry });
        }
    }

    /// What was made by this run, or by those before it that came to no good end, is a thing like any other from now on.
    fn settle_in(&self) {
        let graph = self.engine.graph;
        for id in graph.ids().filter(|id| graph.is_home(*id)) {
            let key = graph.key(id);
            let fresh = self.known.fresh.contains(key) || self.is_remade(id);
            if let Some(entry) = self.engine.entry_of(id, self.facts.get(id)).filter(|_| fresh) {
                self.journal.append_lazily(Record::Done { key: key.to_owned(), entry: Some(entry) });
            }
        }
    }

    /// What a step has to know of its resource besides what is there.
    fn history(&self, id: NodeId) -> History {
        let key = self.engine.graph.key(id);
        let home = self.engine.graph.within(id);
        let changed = |home| self.plan.items.iter().any(|i| i.node == Some(home) && i.action > Action::Forget);
        History {
            entry: self.known.ledger.entries.get(key).cloned(),
            left: self.known.ledger.left(key).cloned(),
            begun: self.known.begun.contains(key),
            home_changed: home.is_some_and(changed),
            home_fresh: home.is_some_and(|h| self.is_remade(h) || self.known.fresh.contains(self.engine.graph.key(h))),
        }
    }

    /// Whether what was seen is ours beyond doubt: by its mark, by the ledger, or by the journal where there are no marks.
    fn is_known_ours(&self, key: &str, seen: &Observed) -> bool {
        let by_ledger = self.known.ledger.entries.get(key).is_some_and(|e| e.is(&seen.id));
        match &seen.owner {
            Owner::Marked(mark) => mark.lab == self.engine.graph.lab() && mark.key == key,
            Owner::Unmarked => by_ledger,
            Owner::Unmarkable => by_ledger || self.known.begun.contains(key),
        }
    }

    async fn all(&mut self, interrupt: &mut Interrupt, releases: &mut mpsc::UnboundedReceiver<usize>) {
        let mut futures: FuturesUnordered<Boxed<'_, End>> = FuturesUnordered::new();
        let mut level = 0;
        loop {
            while level == 0
                && let Some(step) = self.pick()
            {
                futures.push(self.start(step));
            }
            if futures.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Ok(()) = interrupt.0.changed() => {
                    level = *interrupt.0.borrow_and_update();
                    let running = self.running.iter().map(|s| self.key(*s)).collect();
                    self.outcome.interrupted = true;
                    self.engine.reporter.report(&Event::Interrupted { level: level.min(2), running });
                    if level >= 2 {
                        self.outcome.in_flight = self.running.iter().map(|s| self.key(*s)).collect();
                        break;
                    }
                }
                Some(step) = releases.recv() => self.give_back(step, true),
                Some(end) = futures.next() => {
                    if self.finish(end).is_err() {
                        // Without a journal nothing new may begin.
                        level = level.max(1);
                    }
                }
            }
        }
        drop(futures);
        for step in 0..self.steps.steps.len() {
            if !self.settled[step] && !self.running.contains(&step) {
                self.skip(step, None);
            }
        }
    }

    fn start(&self, index: usize) -> Boxed<'r, End> {
        let step = &self.steps.steps[index];
        let (engine, plan, known, journal) = (self.engine, self.plan, self.known, self.journal);
        let item = step.item.map(|i| &plan.items[i]);
        if let Some(item) = item {
            // The two halves of a replacement are told apart.
            let action = match (item.action, step.what) {
                (Action::Replace, What::Delete) => Action::Delete,
                (Action::Replace, What::Make) => Action::Create,
                (action, _) => action,
            };
            engine.reporter.report(&Event::StepStarted { key: item.key.clone(), action });
        }
        let node = match step.what {
            What::Recheck(id) => Some(id),
            _ => item.and_then(|i| i.node),
        };
        let facts = self.part(node, step.what);
        let history = node.filter(|_| step.what == What::Make).map(|id| self.history(id)).unwrap_or_default();
        let what = step.what;
        let began = Instant::now();
        let permit = Permit::granted();
        let release = self.release.clone();
        Box::pin(async move {
            // If nobody listens any more, nobody waits for a lock.
            let release_shared = || {
                let _ = release.send(index);
            };
            let hold = Hold { journal, release_shared: &release_shared, history: &history };
            let result = match (what, item, node) {
                // What is left out may differ, or not be there: nobody asked for it.
                (What::Recheck(id), ..) if plan.spared.contains(engine.graph.key(id)) => {
                    Ok(Ended { action: Action::Keep, seen: facts.get(id).cloned(), entry: None })
                }
                (What::Recheck(id), ..) => engine.recheck(id, &facts).map_err(Broken::from),
                (What::Forget, Some(item), _) => Ok(Ended { action: item.action, seen: None, entry: None }),
                (What::Make, Some(item), Some(id)) => engine.make(item, id, &facts, hold, &permit).await,
                (What::Delete, Some(item), Some(id)) => match facts.get(id) {
                    Some(seen) => {
                        let vertex = engine.graph.vertex(id);
                        let entry =
                            engine.entry(&vertex.key, vertex.node.about().name, vertex.node.site(), false, seen);
                        let target = Target { entry: &entry, seen };
                        engine.delete(item, &target, hold, &permit).await.map_err(Broken::from)
                    }
                    None => Ok(Ended { action: item.action, seen: None, entry: None }),
                },
                (What::Delete, Some(item), None) => {
                    match known.strays.iter().find(|s| s.key == item.key).and_then(Target::stray) {
                        Some(target) => engine.delete(item, &target, hold, &permit).await.map_err(Broken::from),
                        None => Ok(Ended { action: item.action, seen: None, entry: None }),
                    }
                }
                (What::Make | What::Delete | What::Forget, _, _) => {
                    Err(Failure::stuck("a step without a resource: the plan does not fit the lab").into())
                }
            };
            let result = result.and_then(|ended| {
                if let Some(item) = item {
                    let is_gone = matches!(what, What::Delete | What::Forget);
                    engine.secrets.follow(&item.key, is_gone, item.was.as_deref()).map_err(Failure::from)?;
                }
                Ok(ended)
            });
            (index, began.elapsed(), result)
        })
    }

    /// What a step may know: what is there under its own node, and the nodes that it uses.
    fn part(&self, node: Option<NodeId>, what: What) -> Facts {
        let Some(id) = node else { return Facts::default() };
        let graph = self.engine.graph;
        let mut facts = self.facts.part(graph.needs(id).map(|(n, _)| n).chain([id]));
        let remade = graph.needs(id).any(|(n, e)| e == crate::graph::Edge::Within && self.is_remade(n));
        if what == What::Make && remade {
            facts.set(id, None);
        }
        facts
    }

    fn is_remade(&self, id: NodeId) -> bool {
        self.plan.items.iter().any(|i| i.node == Some(id) && matches!(i.action, Action::Create | Action::Replace))
    }

    fn finish(&mut self, (index, took, result): End) -> Result<(), ()> {
        self.running.remove(&index);
        self.settled[index] = true;
        self.give_back(index, false);
        let (key, action) = (self.key(index), self.action(index));
        match result {
            Ok(ended) => {
                self.succeed(index, &key, action, took, ended);
                Ok(())
            }
            Err(broken) => self.fail(index, key, action, broken),
        }
    }

    fn succeed(&mut self, index: usize, key: &str, action: Action, took: Duration, ended: Ended) {
        let step = &self.steps.steps[index];
        let half = step.what == What::Delete && action == Action::Replace;
        let node = match step.what {
            What::Recheck(id) => Some(id),
            _ => step.item.and_then(|i| self.plan.items[i].node),
        };
        if let Some(id) = node {
            self.facts.set(id, ended.seen);
        }
        if !matches!(step.what, What::Recheck(_)) {
            if let Some(was) = step.item.and_then(|i| self.plan.items[i].was.clone()) {
                self.journal.append_lazily(Record::Done { key: was, entry: None });
            }
            // What lives in it is made in the same run, or by the next one if this one is killed.
            let made = matches!(action, Action::Create | Action::Replace) || self.known.fresh.contains(key);
            let fresh = made && node.is_some_and(|id| self.engine.graph.is_home(id));
            let entry = ended.entry.map(|e| Entry { fresh, ..e });
            self.journal.append_lazily(Record::Done { key: key.to_owned(), entry });
            if !half {
                let millis = took.as_millis() as u64;
                self.engine.reporter.report(&Event::StepDone { key: key.to_owned(), action: ended.action, millis });
                self.outcome.done.push(Done { key: key.to_owned(), action: ended.action });
            }
        }
        for next in self.steps.steps[index].next.clone() {
            let step = &mut self.steps.steps[next];
            step.waits -= 1;
            if step.waits == 0 && !self.settled[next] {
                self.ready.push((step.path, Reverse(next)));
            }
        }
    }

    fn fail(&mut self, index: usize, key: String, action: Action, Broken { failure, left }: Broken) -> Result<(), ()> {
        self.engine.reporter.report(&Event::failed(&key, action, &failure));
        let failed = Record::Failed { key: key.clone(), error: failure.message.clone() };
        match left {
            Left::AsBefore => self.journal.append_lazily(failed),
            Left::Is(entry) => {
                self.journal.append_lazily(failed);
                self.journal.append_lazily(Record::Done { key: key.clone(), entry: entry.map(|e| *e) });
            }
            // Its start stays without an end, which is the truth.
            Left::Unknown => self.outcome.unknown.push(key.clone()),
        }
        self.outcome.failed.push(Failed { key: key.clone(), action, failure });
        let mut open = self.steps.steps[index].next.clone();
        while let Some(step) = open.pop() {
            if !self.settled[step] {
                self.skip(step, Some(key.clone()));
                open.extend(self.steps.steps[step].next.iter().copied());
            }
        }
        if self.journal.is_broken() { Err(()) } else { Ok(()) }
    }

    fn skip(&mut self, step: usize, because: Option<String>) {
        self.settled[step] = true;
        if matches!(self.steps.steps[step].what, What::Recheck(_)) {
            return;
        }
        let (key, action) = (self.key(step), self.action(step));
        if self.outcome.skipped.iter().any(|(k, _)| *k == key) {
            return;
        }
        self.engine.reporter.report(&Event::StepSkipped { key: key.clone(), action, because: because.clone() });
        self.outcome.skipped.push((key, because));
    }

    fn key(&self, step: usize) -> String {
        match (self.steps.steps[step].what, self.steps.steps[step].item) {
            (What::Recheck(id), _) => self.engine.graph.key(id).to_owned(),
            (_, Some(item)) => self.plan.items[item].key.clone(),
            (_, None) => String::new(),
        }
    }

    fn action(&self, step: usize) -> Action {
        self.steps.steps[step].item.map_or(Action::Keep, |i| self.plan.items[i].action)
    }
}
