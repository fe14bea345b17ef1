//! Carrying out a plan: as a run of its own, with a memory on the disk, or as a part of a step of another run.
use super::{Engine, Failed, Interrupt, Outcome, run::Run};
use crate::{
    Failure,
    journal::Journal,
    plan::{Action, Item, Known, Plan},
    report::Event,
    store::Store,
};
use std::collections::BTreeSet;
use tokio::time::Instant;

impl Engine<'_> {
    /// Does what `plan` says. The plan must come from `known`; nothing of a plan that holds a refusal is done.
    ///
    /// The journal tells everything that happened, whatever happens to us; at the end of a run that was not cut short the
    /// ledger is saved and the journal retired.
    pub async fn carry_out(&self, plan: &Plan, known: Known, store: Store, interrupt: Interrupt) -> Outcome {
        let began = Instant::now();
        if let Some(refused) = refused(plan) {
            return refused;
        }
        if let Some(closed) = self.closed(plan).await {
            return closed;
        }
        let mut outcome = Run::whole(self, plan, &known, store.journal(), interrupt).await;
        // What is still running or unknown stays in the journal for the next run; everything else becomes the ledger.
        let whole = outcome.in_flight.is_empty() && outcome.unknown.is_empty();
        if let Err(e) = store.close(whole) {
            outcome.forgetful = Some(e);
        }
        self.reporter.report(&Event::RunFinished {
            done: outcome.done.len(),
            failed: outcome.failed.len(),
            skipped: outcome.skipped.len() + outcome.in_flight.len(),
            millis: began.elapsed().as_millis() as u64,
        });
        outcome
    }

    /// The same within a step of another run, whose journal says that it was begun: nothing is remembered, for if it is cut off
    /// all of it is begun anew.
    pub(crate) async fn carry_out_within(&self, plan: &Plan, known: &Known) -> Outcome {
        // The run around it is the one to be interrupted.
        let (_held, interrupt) = Interrupt::pair();
        match refused(plan) {
            Some(refused) => refused,
            None => Run::whole(self, plan, known, &Journal::nowhere(), interrupt).await,
        }
    }
}

impl Engine<'_> {
    /// How a plan ends that would change a site where nothing can be changed: with one failure, and not with one for each step.
    async fn closed(&self, plan: &Plan) -> Option<Outcome> {
        let changes = |item: &&Item| item.action > Action::Forget;
        let sites: BTreeSet<&str> = plan.items.iter().filter(changes).map(|item| item.site.as_str()).collect();
        for site in sites {
            let Ok(provider) = self.providers.any(site) else { continue };
            let Some(failure) = provider.closed().await else { continue };
            let first = plan.items.iter().find(|item| changes(item) && item.site == site)?;
            let failed = vec![Failed { key: first.key.clone(), action: first.action, failure }];
            let others = plan.items.iter().filter(|item| changes(item) && item.key != first.key);
            let skipped = others.map(|item| (item.key.clone(), Some(first.key.clone()))).collect();
            return Some(Outcome { failed, skipped, ..Outcome::default() });
        }
        None
    }
}

/// How a plan ends that holds a refusal.
fn refused(plan: &Plan) -> Option<Outcome> {
    let (item, note) = plan.refusals().first().copied()?;
    let failure = Failure { hint: note.hint.clone(), ..Failure::new(note.text.clone()) };
    let failed = vec![Failed { key: item.key.clone(), action: item.action, failure }];
    Some(Outcome { failed, ..Outcome::default() })
}
