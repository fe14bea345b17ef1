//! One step: look, decide again, write down, do, look again, compare, write down.
use super::{
    ATTEMPTS, Engine, LOOK_AGAIN_AFTER, PATIENCE, READ_BACK_AFTER, READ_BACKS, RETRY_AFTER,
    hold::{Hold, Log, no_journal},
};
use crate::{
    Failure, Nature, Permit,
    context::Known as Around,
    facts::{Facts, Observed},
    journal::{Journal, Record},
    kind::{Looking, Writing},
    ledger::Entry,
    output::NodeId,
    plan::{Action, Item, Stray, diff, judge},
    report::Event,
    resource::{Mark, Owner},
    site::Begun,
};
use serde_json::Value;
use tokio::time::Instant;

/// How a step ended well.
pub(super) struct Ended {
    /// What was done: `Keep` if nothing had to be.
    pub(super) action: Action,
    /// What is there now; nothing after a deletion.
    pub(super) seen: Option<Observed>,
    /// What the ledger holds from now on.
    pub(super) entry: Option<Entry>,
}

/// How a step ended badly.
pub(super) struct Broken {
    pub(super) failure: Failure,
    pub(super) left: Left,
}

/// What a failed step left behind.
pub(super) enum Left {
    /// What the ledger says stays true.
    AsBefore,
    /// This, or nothing.
    Is(Option<Box<Entry>>),
    /// Nobody could look: the next run has to.
    Unknown,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Broken { failure, left: Left::AsBefore }
    }
}

impl Engine<'_> {
    /// Creates, updates or adopts a node.
    pub(super) async fn make(
        &self,
        item: &Item,
        id: NodeId,
        facts: &Facts,
        hold: Hold<'_>,
        permit: &Permit,
    ) -> Result<Ended, Broken> {
        let mut began = false;
        let made = self.try_to_make(item, id, facts, hold, permit, &mut began).await;
        let failure = match made {
            Ok(ended) => return Ok(ended),
            Err(failure) => failure,
        };
        // What a failed creation left behind is ours if it bears our mark, or cannot bear any and was not there before.
        let made_anew = matches!(item.action, Action::Create | Action::Replace);
        if !began || !made_anew {
            return Err(Broken { failure, left: Left::AsBefore });
        }
        let mark = self.mark(&item.key);
        let left = match self.look(id, facts, &mark).await {
            Ok(seen) => {
                Left::Is(self.entry_of(id, seen.filter(|s| self.is_marked(Some(s), &mark)).as_ref()).map(Box::new))
            }
            Err(_) => Left::Unknown,
        };
        Err(Broken { failure, left })
    }

    async fn try_to_make(
        &self,
        item: &Item,
        id: NodeId,
        facts: &Facts,
        hold: Hold<'_>,
        permit: &Permit,
        began: &mut bool,
    ) -> Result<Ended, Failure> {
        let vertex = self.graph.vertex(id);
        let ceiling = match item.action {
            Action::Replace => Action::Create,
            // The changes that a takeover needs were shown with it.
            Action::Adopt => Action::Update,
            shown => shown,
        };
        let mark = self.mark(&vertex.key);
        let log = Log { key: &vertex.key, hold, reporter: self.reporter };
        let lookup = |r| facts.lookup(r);
        let mut there = facts.get(id).cloned();
        let history = hold.history;
        if history.home_changed {
            there = self.first_look(id, facts, &mark).await?;
        }
        let before = there.as_ref().filter(|seen| !history.knows(seen));
        // What came with something new asks no question; what was there before is asked for in a plan.
        let adopting = before.is_some();
        if let Some(seen) = before.filter(|_| history.home_changed && item.action != Action::Adopt) {
            let right = judge(vertex, Some(seen), &lookup).action == Action::Keep;
            if right && vertex.node.about().common {
                return Ok(Ended { action: Action::Keep, entry: None, seen: there });
            }
            if !history.home_fresh && !vertex.terms.adopt {
                return Err(Failure::new(format!("{} exists and was not made by this lab", vertex.key))
                    .hint("it could not be seen before; the next plan shows what it would change"));
            }
        }
        let mut attempt = 1;
        loop {
            let verdict = judge(vertex, there.as_ref(), &lookup);
            // Taking over and renaming change the mark alone, which is no field.
            let must = item.action == Action::Adopt || item.was.is_some() || !self.is_marked(there.as_ref(), &mark);
            if verdict.action == Action::Keep && !must {
                return Ok(Ended { action: Action::Keep, entry: self.entry_of(id, there.as_ref()), seen: there });
            }
            if verdict.action > ceiling {
                let fields = verdict.changes.iter().map(|c| c.field.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Failure::new(format!(
                    "{} would now need {}, and the plan allows {ceiling}: {}",
                    vertex.key,
                    verdict.action,
                    if there.is_none() { "it is gone" } else { &fields }
                ))
                .hint("something changed since the plan was made; plan again"));
            }
            if attempt == 1 {
                self.begin(hold.journal, item, there.as_ref().map(|t| t.id.clone()).or(vertex.node.planned_id()))
                    .await?;
                *began = !adopting;
            }
            let known = Around { left: history.left.as_ref(), ..self.around(facts, &mark) };
            let writing = Writing { providers: self.providers, permit, known, log: &log };
            let tried = match vertex.node.apply(there.as_ref(), writing).await {
                Ok(()) => self.read_back(id, facts, &mark).await,
                Err(failure) => Err(failure),
            };
            match tried {
                Ok(seen) => {
                    let entry = self.entry_of(id, Some(&seen));
                    return Ok(Ended { action: item.action, seen: Some(seen), entry });
                }
                Err(failure) if failure.nature == Nature::Passing && attempt < ATTEMPTS => {
                    self.pause(&vertex.key, attempt, &failure).await;
                    attempt += 1;
                    there = self.look_again(item, id, facts, &mark).await?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Deletes what is there under a key: a node of the graph, or something that has left the code.
    pub(super) async fn delete(
        &self,
        item: &Item,
        target: &Target<'_>,
        hold: Hold<'_>,
        permit: &Permit,
    ) -> Result<Ended, Failure> {
        let (facts, mark) = (Facts::default(), self.mark(&item.key));
        let log = Log { key: &item.key, hold, reporter: self.reporter };
        let ended = Ended { action: item.action, seen: None, entry: None };
        let entry = target.entry;
        let kind = self
            .providers
            .any(&entry.site)?
            .kind(&entry.kind)
            .ok_or_else(|| Failure::new(format!("this program does not know how to delete a {}", entry.kind)))?;
        let mut attempt = 1;
        loop {
            // Time has passed since it was observed: what is deleted is what is there now, and still ours.
            let there = self.find(&item.key, entry, &self.providers.readers(), &facts).await?;
            let Some(there) = there else { return Ok(ended) };
            if there.owner != target.seen.owner {
                return Err(Failure::new("what is there now is not what was planned to be deleted".to_owned())
                    .hint("somebody changed its mark since the plan was made; plan again"));
            }
            if attempt == 1 {
                self.begin(hold.journal, item, Some(there.id.clone())).await?;
            }
            let known = self.around(&facts, &mark);
            let writing = Writing { providers: self.providers, permit, known, log: &log };
            let tried = match kind.delete(&entry.site, &there, writing).await {
                Ok(()) => self.gone(item, entry, &facts).await,
                Err(failure) => Err(failure),
            };
            match tried {
                Ok(()) => return Ok(ended),
                Err(failure) if failure.nature == Nature::Passing && attempt < ATTEMPTS => {
                    self.pause(&item.key, attempt, &failure).await;
                    attempt += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// A resource that is kept must still be right, now that what it uses has changed.
    pub(super) fn recheck(&self, id: NodeId, facts: &Facts) -> Result<Ended, Failure> {
        let vertex = self.graph.vertex(id);
        let there = facts.get(id);
        let verdict = judge(vertex, there, &|r| facts.lookup(r));
        if verdict.action == Action::Keep {
            return Ok(Ended { action: Action::Keep, seen: there.cloned(), entry: self.entry_of(id, there) });
        }
        let change = verdict.changes.first().map(|c| format!(": {} is {} and would be {}", c.field, c.from, c.to));
        Err(Failure::new(format!(
            "the plan keeps {} as it is, but what it uses has changed{}",
            vertex.key,
            change.unwrap_or_default()
        ))
        .hint("run again: the next plan shows this change"))
    }

    /// Looks at something inside of what this run has made or changed: that may need a while until it answers.
    async fn first_look(&self, id: NodeId, facts: &Facts, mark: &Mark) -> Result<Option<Observed>, Failure> {
        let began = Instant::now();
        loop {
            match self.look(id, facts, mark).await {
                Err(failure)
                    if failure.nature == Nature::Passing && began.elapsed() < failure.patience.unwrap_or(PATIENCE) =>
                {
                    let message = format!("waits, for {} s so far: {failure}", began.elapsed().as_secs());
                    self.reporter.report(&Event::Progress { key: mark.key.clone(), message, percent: None });
                    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                }
                seen => return seen,
            }
        }
    }

    /// Looks at one node, afresh.
    pub(super) async fn look(&self, id: NodeId, facts: &Facts, mark: &Mark) -> Result<Option<Observed>, Failure> {
        let readers = self.providers.readers();
        let known = Around { id: facts.get(id).map(|seen| &seen.id), ..self.around(facts, mark) };
        self.graph.vertex(id).node.read(Looking { readers: &readers, known }).await
    }

    /// Reads back what was made, until it is as it was asked to be.
    async fn read_back(&self, id: NodeId, facts: &Facts, mark: &Mark) -> Result<Observed, Failure> {
        let vertex = self.graph.vertex(id);
        let spec = vertex.spec.resolve(&|r| facts.lookup(r));
        let mut tries = 1;
        loop {
            let seen = self.look(id, facts, mark).await?;
            let left = match &seen {
                None => vec!["it is not there".to_owned()],
                Some(seen) => {
                    let unmarked = (!self.is_marked(Some(seen), mark)).then(|| "it does not bear our mark".to_owned());
                    let fields = diff(&spec, Some(&seen.tree), vertex.node.about().write_only);
                    fields
                        .iter()
                        .map(|c| format!("{} is {} and should be {}", c.field, c.from, c.to))
                        .chain(unmarked)
                        .collect()
                }
            };
            match seen {
                Some(seen) if left.is_empty() => return Ok(seen),
                _ if tries < READ_BACKS => tries += 1,
                _ => {
                    return Err(Failure::new(format!(
                        "{} did not become what it should be: {}",
                        vertex.key,
                        left.join("; ")
                    ))
                    .hint("the call was accepted, but reading back shows something else; nothing was hidden"));
                }
            }
            tokio::time::sleep(READ_BACK_AFTER).await;
        }
    }

    async fn gone(&self, item: &Item, entry: &Entry, facts: &Facts) -> Result<(), Failure> {
        for _ in 0..READ_BACKS {
            let there = self.find(&item.key, entry, &self.providers.readers(), facts).await?;
            if there.is_none() {
                return Ok(());
            }
            tokio::time::sleep(READ_BACK_AFTER).await;
        }
        Err(Failure::new(format!("{} is still there although deleting it was accepted", item.key)))
    }

    /// Looks after a try of which the end is not known: waits until nothing works on the thing any more, and makes sure that
    /// what is there is not somebody else's.
    async fn look_again(
        &self,
        item: &Item,
        id: NodeId,
        facts: &Facts,
        mark: &Mark,
    ) -> Result<Option<Observed>, Failure> {
        let vertex = self.graph.vertex(id);
        let place = facts.get(id).map(|t| t.id.clone()).or(vertex.node.planned_id());
        let begun = Begun { kind: vertex.node.about().name, id: place.as_ref(), task: None };
        self.providers.any(vertex.node.site())?.settle(&begun).await?;
        let there = self.look(id, facts, mark).await?;
        let foreign = matches!(item.action, Action::Create | Action::Replace) && !self.is_marked(there.as_ref(), mark);
        if foreign {
            return Err(Failure::new(format!("{} exists now and was not made by this lab", vertex.key))
                .hint("somebody made it in the meantime; plan again"));
        }
        Ok(there)
    }

    async fn begin(&self, journal: &Journal, item: &Item, id: Option<Value>) -> Result<(), Failure> {
        let record = Record::Started {
            key: item.key.clone(),
            action: item.action.word().to_owned(),
            kind: item.kind.clone(),
            site: item.site.clone(),
            id,
        };
        journal.append(record).await.map_err(no_journal)
    }

    async fn pause(&self, key: &str, attempt: u32, failure: &Failure) {
        let wait = RETRY_AFTER * 2u32.pow(attempt - 1);
        self.reporter.report(&Event::Retrying {
            key: key.to_owned(),
            attempt,
            of: ATTEMPTS,
            reason: failure.message.clone(),
            wait_ms: wait.as_millis() as u64,
        });
        tokio::time::sleep(wait).await;
    }

    fn is_marked(&self, seen: Option<&Observed>, mark: &Mark) -> bool {
        seen.is_none_or(|s| match &s.owner {
            Owner::Marked(found) => found == mark,
            Owner::Unmarked => false,
            Owner::Unmarkable => true,
        })
    }

    pub(super) fn entry_of(&self, id: NodeId, seen: Option<&Observed>) -> Option<Entry> {
        let vertex = self.graph.vertex(id);
        let owned = seen.filter(|_| !vertex.node.about().observed);
        owned.map(|s| self.entry(&vertex.key, vertex.node.about().name, vertex.node.site(), false, s))
    }
}

/// What a deletion is about.
pub(super) struct Target<'a> {
    pub(super) entry: &'a Entry,
    pub(super) seen: &'a Observed,
}

impl<'a> Target<'a> {
    pub(super) fn stray(stray: &'a Stray) -> Option<Self> {
        Some(Target { entry: &stray.entry, seen: stray.seen.as_ref()? })
    }
}
