//! Looking at the world: reads in waves, and what the ledger has that the code has not.
use super::Engine;
use crate::{
    Failure,
    context::Known as Around,
    facts::{Facts, Observed},
    graph::Edge,
    journal::Maybe,
    kind::Looking,
    ledger::{Entry, Ledger},
    output::NodeId,
    plan::{Known, Stray},
    report::Event,
    resource::Owner,
    site::{Begun, Readers},
    store::Memory,
};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
        self.settle(&memory.maybe).await.map_err(|t| vec![t])?;
        let readers = self.providers.readers();
        let mut facts = Facts::default();
        let mut troubles = Troubles::default();
        for wave in self.waves() {
            let marks: Vec<_> = wave.iter().map(|id| self.mark(self.graph.key(*id))).collect();
            let (facts_so_far, readers) = (&facts, &readers);
            let reads = wave.iter().zip(&marks).map(|(id, mark)| async move {
                let node = &self.graph.vertex(*id).node;
                let entry = memory.ledger.entries.get(&mark.key).filter(|entry| entry.kind == node.name());
                let known = Around { id: entry.map(|entry| &entry.id), ..self.around(facts_so_far, mark) };
                let looking = Looking { readers, known };
                let seen = node.read(looking).await?;
                let notes = node.inspect(seen.as_ref(), looking).await?;
                Ok((seen, notes))
            });
            let seen: Vec<Result<_, Failure>> = join_all(reads).await;
            for (id, seen) in wave.iter().zip(seen) {
                match seen {
                    Ok((seen, notes)) => {
                        facts.set(*id, seen);
                        facts.note(*id, notes);
                    }
                    Err(failure) => troubles.add(self.graph.key(*id), failure),
                }
            }
        }
        let begun: BTreeSet<String> =
            memory.maybe.iter().filter(|m| m.action != "delete").map(|m| m.key.clone()).collect();
        let strays = self.strays(&memory.ledger, &memory.maybe, &readers, &mut troubles).await;
        troubles.into_result(Known { facts, strays, ledger: memory.ledger.clone(), begun })
    }

    /// Nodes whose values do not wait for each other, together: each wave uses only what the waves before it have seen.
    fn waves(&self) -> Vec<Vec<NodeId>> {
        let mut level = vec![0usize; self.graph.len()];
        let mut waves: Vec<Vec<NodeId>> = vec![];
        for id in self.graph.ids() {
            let uses = self.graph.needs(id).filter(|(_, e)| matches!(e, Edge::Uses(_) | Edge::Within));
            let at = uses.map(|(n, _)| level[n.index()] + 1).max().unwrap_or(0);
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

    async fn strays(&self, ledger: &Ledger, maybe: &[Maybe], readers: &Readers, troubles: &mut Troubles) -> Vec<Stray> {
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
                claims: vec![],
                protected: false,
                data: vec![],
                at: crate::units::now(),
            });
        }
        let (nothing, mut strays) = (Facts::default(), vec![]);
        for (key, entry) in wanted {
            let found = self.find(key, &entry, readers, &nothing).await;
            match found {
                Ok(seen) => strays.push(Stray { key: key.to_owned(), entry, seen }),
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
                                let protected = kind.protected();
                                let entry = self.entry(&key, kind.name(), site, protected, &seen);
                                entries.insert(key, entry);
                            }
                        }
                    }
                }
            }
        }
        troubles.into_result(entries)
    }

    /// What the ledger keeps of a thing. What it needs and claims comes from the code, while there is code.
    pub(super) fn entry(&self, key: &str, kind: &str, site: &str, protected: bool, seen: &Observed) -> Entry {
        let resource = self.graph.resource(key);
        let mut needs: Vec<String> = resource.iter().flat_map(|r| r.needs()).map(|(need, _)| need.to_owned()).collect();
        needs.dedup();
        Entry {
            kind: kind.to_owned(),
            site: site.to_owned(),
            id: seen.id.clone(),
            needs,
            claims: resource.iter().flat_map(|r| r.claims()).map(ToString::to_string).collect(),
            protected: protected || resource.is_some_and(|r| r.is_protected()),
            data: seen.data.clone(),
            at: crate::units::now(),
        }
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
    fn into_result<T>(self, value: T) -> Result<T, Vec<Trouble>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
