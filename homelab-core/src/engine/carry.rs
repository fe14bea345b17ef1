//! Carrying out a plan: as a run of its own, with a memory on the disk, or as a part of a step of another run.
use super::{Engine, Failed, Interrupt, Outcome, run::Run};
use crate::{
    Failure,
    journal::Journal,
    plan::{Known, Plan},
    report::Event,
    store::Store,
};
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

/// How a plan ends that holds a refusal.
fn refused(plan: &Plan) -> Option<Outcome> {
    let (item, note) = plan.refusals().first().copied()?;
    let failure = Failure { hint: note.hint.clone(), ..Failure::new(note.text.clone()) };
    let failed = vec![Failed { key: item.key.clone(), action: item.action, failure }];
    Some(Outcome { failed, ..Outcome::default() })
}
