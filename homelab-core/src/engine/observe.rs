//! Looking at the world: reads in waves, and what the ledger has that the code has not.
use super::{Engine, LOOK_AGAIN_AFTER};
use crate::{
    Failure, Nature,
    context::Known as Around,
    facts::{Facts, Observed},
    graph::Edge,
    journal::Maybe,
    kind::Looking,
    ledger::{Entry, Ledger},
    output::NodeId,
    plan::{Action, Goal, Known, Note, Stray, Wishes, judge},
    report::Event,
    resource::Owner,
    site::{Begun, Readers},
    store::Memory,
};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// What could not be looked at.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The resource; several if they failed alike.
    pub keys: Vec<String>,
    /// Why.
    pub failure: Failure,
}

impl Engine<'_> {
    /// Waits for what an interrupted run left working, then looks at every resource, and at everything that is ours and has left
    /// the code. Reads only.
    ///
    /// # Errors
    /// Everything that could not be looked at; resources that fail alike are named together.
    pub async fn observe(&self, memory: &Memory) -> Result<Known, Vec<Trouble>> {
        self.observe_for(memory, None).await
    }

    /// The same for a plan that is already known to be wished for: what goes with something that is to be destroyed is not asked
    /// for, so that a machine that does not answer any more can be got rid of.
    ///
    /// # Errors
    /// As [`observe`](Engine::observe).
    pub async fn observe_for(&self, memory: &Memory, wishes: Option<&Wishes>) -> Result<Known, Vec<Trouble>> {
        let selected = |goal| match wishes {
            Some(wishes) if wishes.goal == goal => wishes.selection.nodes(self.graph, goal),
            _ => vec![false; self.graph.len()],
        };
        let (going, wished) = (selected(Goal::Destroy), selected(Goal::Deploy));
        let mut lost = Lost { engine: self, ledger: &memory.ledger, going, wished, unasked: BTreeSet::new() };
        self.settle(&memory.maybe).await.map_err(|t| vec![t])?;
        let mut readers = self.providers.readers();
        let mut facts = Facts::said_by(self.graph);
        let mut troubles = Troubles::default();
        for wave in self.waves() {
            let wave: Vec<NodeId> = wave.into_iter().filter(|id| !lost.takes(*id, &facts)).collect();
            let seen = self.look_patiently(&wave, memory, &facts, &mut readers).await;
            for (id, seen) in wave.iter().zip(seen) {
                match seen {
                    Ok((seen, notes)) => {
                        facts.set(*id, seen);
                        facts.note(*id, notes);
                    }
                    // It is made anew with what it lives in, which need not answer any more.
                    Err(_) if self.graph.within(*id).is_some_and(|home| lost.is_remade(home, &facts)) => {}
                    // Its step looks again, once what it lives in has been brought to its end.
                    Err(failure) if failure.nature == Nature::Passing && self.is_in_unfinished(*id, &memory.maybe) => {}
                    // What it lives in was looked at together with it, and says it already.
                    Err(failure)
                        if self.graph.within(*id).is_some_and(|home| troubles.has(self.graph.key(home), &failure)) => {}
                    Err(failure) => troubles.add(self.graph.key(*id), failure),
                }
            }
        }
        let begun: BTreeSet<String> =
            memory.maybe.iter().filter(|m| m.action != "delete").map(|m| m.key.clone()).collect();
        let made =
            memory.maybe.iter().filter(|m| m.action == Action::Create.word() || m.action == Action::Replace.word());
        let fresh = memory.ledger.entries.iter().filter(|(_, e)| e.fresh).map(|(key, _)| key);
        let fresh = fresh.chain(made.map(|m| &m.key)).cloned().collect();
        let strays = self.strays(memory, &readers, &lost, &facts, &mut troubles).await;
        troubles.into_result(Known { facts, strays, ledger: memory.ledger.clone(), begun, fresh })
    }

    /// Looks at nodes together, in their order. What cannot be looked at yet, and surely can be soon, is waited for; what is read from
    /// then on is read afresh.
    async fn look_patiently(
        &self,
        wave: &[NodeId],
        memory: &Memory,
        facts: &Facts,
        readers: &mut Readers,
    ) -> Vec<Result<(Option<Observed>, Vec<Note>), Failure>> {
        let began = Instant::now();
        let mut told: BTreeSet<NodeId> = BTreeSet::new();
        let mut seen: BTreeMap<NodeId, Result<_, Failure>> = BTreeMap::new();
        let mut left = wave.to_vec();
        loop {
            let around = &*readers;
            let reads = left.iter().map(|id| async move { (*id, self.look_at(*id, memory, facts, around).await) });
            seen.extend(join_all(reads).await);
            let waits = |failure: &Failure| failure.patience.is_some_and(|patience| began.elapsed() < patience);
            left.retain(|id| matches!(&seen[id], Err(failure) if waits(failure)));
            let Some((id, Err(failure))) = left.first().map(|id| (id, &seen[id])) else { break };
            if told.insert(*id) {
                let (key, message) = (self.graph.key(*id).to_owned(), format!("it is waited for: {failure}"));
                self.reporter.report(&Event::Warning { key, message });
            }
            tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            *readers = self.providers.readers();
        }
        wave.iter().filter_map(|id| seen.remove(id)).collect()
    }

    async fn look_at(
        &self,
        id: NodeId,
        memory: &Memory,
        facts: &Facts,
        readers: &Readers,
    ) -> Result<(Option<Observed>, Vec<Note>), Failure> {
        let node = &self.graph.vertex(id).node;
        let mark = self.mark(self.graph.key(id));
        let entry = memory.ledger.entries.get(&mark.key).filter(|entry| entry.kind == node.about().name);
        let left = memory.ledger.left(&mark.key).filter(|entry| entry.kind == node.about().name);
        let home = self.graph.within(id);
        let first = self.graph.needs(id).all(|(need, _)| Some(need) == home);
        let known = Around { id: entry.map(|entry| &entry.id), left, first, ..self.around(facts, &mark) };
        let looking = Looking { readers, known };
        let seen = node.read(looking).await?;
        let notes = node.inspect(seen.as_ref(), looking).await?;
        Ok((seen, notes))
    }

    /// Nodes whose values do not wait for each other, together: each wave uses only what the waves before it have seen, and what the
    /// code [says](crate::Resource::SAID).
    pub(super) fn waves(&self) -> Vec<Vec<NodeId>> {
        let mut level = vec![0usize; self.graph.len()];
        let mut waves: Vec<Vec<NodeId>> = vec![];
        for id in self.graph.ids() {
            let waits = |(need, edge): &(NodeId, Edge)| {
                let said = self.graph.vertex(*need).node.about().said;
                match edge {
                    Edge::Uses(field) => !said.contains(field),
                    Edge::Within => said.is_empty(),
                    Edge::Names | Edge::After => false,
                }
            };
            let at = self.graph.needs(id).filter(waits).map(|(n, _)| level[n.index()] + 1).max().unwrap_or(0);
            level[id.index()] = at;
            if waves.len() <= at {
                waves.resize_with(at + 1, Vec::new);
            }
            waves[at].push(id);
        }
        waves
    }

    async fn settle(&self, maybe: &[Maybe]) -> Result<(), Trouble> {
        for one in maybe {
            self.reporter.report(&Event::Settling { key: one.key.clone() });
            let begun = Begun { kind: &one.kind, id: one.id.as_ref(), task: one.task.as_ref() };
            let settled = match self.providers.any(&one.site) {
                Ok(provider) => provider.settle(&begun).await,
                Err(gone) => Err(gone),
            };
            settled.map_err(|failure| Trouble { keys: vec![one.key.clone()], failure })?;
        }
        Ok(())
    }

    /// Whether an interrupted run was at work on what a node lives in: it may be half made, or about to start.
    fn is_in_unfinished(&self, id: NodeId, maybe: &[Maybe]) -> bool {
        self.graph.within(id).is_some_and(|home| {
            let begun = |one: &Maybe| one.key == self.graph.key(home) && one.action != Action::Delete.word();
            maybe.iter().any(begun) || self.is_in_unfinished(home, maybe)
        })
    }

    async fn strays(
        &self,
        Memory { ledger, maybe }: &Memory,
        readers: &Readers,
        lost: &Lost<'_>,
        facts: &Facts,
        troubles: &mut Troubles,
    ) -> Vec<Stray> {
        let mut wanted: BTreeMap<&str, Entry> = BTreeMap::new();
        for (key, entry) in ledger.entries.iter().filter(|(key, _)| self.graph.id(key).is_none()) {
            wanted.insert(key, entry.clone());
        }
        for begun in maybe.iter().filter(|m| self.graph.id(&m.key).is_none()) {
            wanted.entry(&begun.key).or_insert_with(|| Entry {
                kind: begun.kind.clone(),
                site: begun.site.clone(),
                id: begun.id.clone().unwrap_or(Value::Null),
                needs: vec![],
                within: None,
                fresh: false,
                claims: vec![],
                protected: false,
                outlives: false,
                data: vec![],
                at: crate::units::now(),
            });
        }
        let (nothing, mut strays) = (Facts::default(), vec![]);
        let keys: BTreeSet<&str> = wanted.keys().copied().collect();
        let asked = wanted.iter().map(|(key, entry)| async {
            let unasked = entry.within.as_deref().is_some_and(|p| keys.contains(p) || lost.with(p, facts));
            let seen = if unasked { Ok(None) } else { self.find(key, entry, readers, &nothing).await };
            (*key, entry.clone(), seen)
        });
        for (key, entry, found) in join_all(asked).await {
            let home = entry.within.as_deref().and_then(|home| self.graph.id(home));
            match found {
                Ok(seen) => strays.push(Stray { key: key.to_owned(), entry, seen }),
                Err(_) if home.is_some_and(|home| lost.is_remade(home, facts)) => {
                    strays.push(Stray { key: key.to_owned(), entry, seen: None });
                }
                Err(failure) => troubles.add(key, failure),
            }
        }
        strays
    }

    /// Finds what the ledger knows, by its identity, or by its mark if it was begun before it had one.
    pub(super) async fn find(
        &self,
        key: &str,
        entry: &Entry,
        readers: &Readers,
        facts: &Facts,
    ) -> Result<Option<Observed>, Failure> {
        let kind = self.providers.any(&entry.site)?.kind(&entry.kind).ok_or_else(|| {
            Failure::new(format!("this program does not know how to handle a {}", entry.kind))
                .hint(format!("use the version that made it, or `state forget {key}` to leave it as it is"))
        })?;
        let mark = self.mark(key);
        let looking = Looking { readers, known: self.around(facts, &mark) };
        if entry.id.is_null() {
            let all = kind.survey(&entry.site, looking).await?;
            return Ok(all.into_iter().find(|o| o.owner == Owner::Marked(mark.clone())));
        }
        kind.find(&entry.site, &entry.id, looking).await
    }

    /// Everything in the world that bears a mark of this lab, by key: what a lost ledger is rebuilt from.
    ///
    /// # Errors
    /// What could not be looked at.
    pub async fn survey(&self) -> Result<BTreeMap<String, Entry>, Vec<Trouble>> {
        let (readers, nothing) = (self.providers.readers(), Facts::default());
        let mark = self.mark("");
        let mut troubles = Troubles::default();
        let mut entries = BTreeMap::new();
        for site in self.providers.names() {
            let Ok(provider) = self.providers.any(site) else { continue };
            for kind in provider.all_kinds() {
                let looking = Looking { readers: &readers, known: self.around(&nothing, &mark) };
                match kind.survey(site, looking).await {
                    Err(failure) => troubles.add(site, failure),
                    Ok(all) => {
                        for seen in all {
                            let Owner::Marked(found) = &seen.owner else { continue };
                            if found.lab == self.graph.lab() {
                                let key = found.key.clone();
                                let about = kind.about();
                                let entry = self.entry(&key, about.name, site, about.protected, &seen);
                                entries.insert(key, entry);
                            }
                        }
                    }
                }
            }
        }
        troubles.into_result(entries)
    }

    fn outlives(&self, kind: &str, site: &str) -> bool {
        self.providers.any(site).is_ok_and(|provider| provider.kind(kind).is_some_and(|kind| kind.about().outlives))
    }

    /// What the ledger keeps of a thing. What it needs and claims comes from the code, while there is code.
    pub(super) fn entry(&self, key: &str, kind: &str, site: &str, protected: bool, seen: &Observed) -> Entry {
        let resource = self.graph.resource(key);
        let mut needs: Vec<String> = resource.iter().flat_map(|r| r.needs()).map(|(need, _)| need.to_owned()).collect();
        needs.dedup();
        let within = self.graph.id(key).and_then(|id| self.graph.within(id));
        Entry {
            within: within.map(|n| self.graph.key(n).to_owned()),
            fresh: false,
            kind: kind.to_owned(),
            site: site.to_owned(),
            id: seen.id.clone(),
            needs,
            claims: resource.iter().flat_map(|r| r.claims()).map(ToString::to_string).collect(),
            outlives: self.outlives(kind, site),
            protected: protected || resource.is_some_and(|r| r.is_protected()),
            data: seen.data.clone(),
            at: crate::units::now(),
        }
    }
}

/// What is not asked for, because it goes or has gone with what it lives in.
struct Lost<'a> {
    engine: &'a Engine<'a>,
    ledger: &'a Ledger,
    /// Nodes that the person wants to be rid of.
    going: Vec<bool>,
    /// Nodes that the person wants to be as the code says.
    wished: Vec<bool>,
    unasked: BTreeSet<NodeId>,
}

impl Lost<'_> {
    /// Whether a node goes with what it lives in.
    fn takes(&mut self, id: NodeId, facts: &Facts) -> bool {
        let gone = self.engine.graph.within(id).is_some_and(|home| self.goes(home, facts));
        if gone {
            self.unasked.insert(id);
        }
        gone
    }

    /// Whether what is inside of a node is lost: it will be deleted. Only what is ours is.
    fn goes(&self, home: NodeId, facts: &Facts) -> bool {
        let vertex = self.engine.graph.vertex(home);
        let ours = |seen: &Observed| match &seen.owner {
            Owner::Marked(mark) => mark.lab == self.engine.graph.lab(),
            _ => self.ledger.entries.get(&vertex.key).is_some_and(|e| e.is(&seen.id)),
        };
        let deleted = self.going[home.index()] && facts.get(home).is_none_or(ours);
        !vertex.node.about().observed && (self.unasked.contains(&home) || deleted)
    }

    /// Whether a node will be deleted and made anew: then what is inside of it is too.
    fn is_remade(&self, home: NodeId, facts: &Facts) -> bool {
        let vertex = self.engine.graph.vertex(home);
        let verdict = || judge(vertex, facts.get(home), &|r| facts.lookup(r)).action;
        self.wished[home.index()] && !vertex.node.about().observed && verdict() == Action::Replace
    }

    /// Whether what has left the code is gone with what it lived in.
    fn with(&self, home: &str, facts: &Facts) -> bool {
        let Some(id) = self.engine.graph.id(home) else { return false };
        let absent = facts.get(id).is_none() && !self.engine.graph.vertex(id).node.about().observed;
        absent || self.goes(id, facts)
    }
}

/// Failures, those that are alike together.
#[derive(Default)]
struct Troubles(Vec<Trouble>);

impl Troubles {
    fn add(&mut self, key: &str, failure: Failure) {
        match self.0.iter_mut().find(|t| t.failure == failure) {
            Some(known) => known.keys.push(key.to_owned()),
            None => self.0.push(Trouble { keys: vec![key.to_owned()], failure }),
        }
    }
    fn has(&self, key: &str, failure: &Failure) -> bool {
        self.0.iter().any(|t| t.failure == *failure && t.keys.iter().any(|k| k == key))
    }
    fn into_result<T>(self, value: T) -> Result<T, Vec<Trouble>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
