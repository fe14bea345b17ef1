//! Carrying a plan out: who shows it, and what is said at its end.
use super::{
    args::Manner,
    exit::Exit,
    session::Session,
    stop::{Problem, Stop, exit_of, named},
    world::World,
};
use crate::{
    Failure,
    engine::{Engine, Failed, Outcome},
    plan::{Action, Known, Plan, longest},
    report::{Event, Json, Live, Plain, Reporter, Voice, human},
    store::Store,
};
use tokio::time::Instant;

/// How one run is carried out and told of.
pub(super) struct Carry<'c> {
    pub(super) session: &'c Session<'c>,
    pub(super) manner: &'c Manner,
    pub(super) verb: &'static str,
}

impl Carry<'_> {
    /// Where people read: beside the events, if those are for a program.
    pub(super) fn voice(&self) -> &Voice {
        let console = self.session.console;
        if self.manner.json { &console.err } else { &console.out }
    }

    /// Who tells of what comes before the run.
    pub(super) fn early_reporter(&self) -> Box<dyn Reporter> {
        let console = self.session.console;
        if self.manner.json { Box::new(Json(console.out.clone())) } else { Box::new(Plain::new(console.err.clone())) }
    }

    fn reporter(&self, plan: &Plan, known: &Known) -> Box<dyn Reporter> {
        match self.session.terminal.take().filter(|_| !self.manner.json && !plan.is_noop()) {
            Some(target) => {
                let estimate = longest(&self.session.graph, plan, &known.ledger);
                Box::new(Live::new(self.session.console.err.clone(), target, estimate))
            }
            None => self.early_reporter(),
        }
    }

    /// Does it. A plan without changes is carried out too: what an interrupted run began is settled by it.
    pub(super) async fn out(&self, world: &World<'_>, plan: &Plan, known: Known, store: Store) -> Exit {
        let reporter = self.reporter(plan, &known);
        let began = Instant::now();
        reporter.report(&Event::RunStarted {
            version: crate::report::EVENTS_VERSION,
            lab: self.session.graph.lab().to_owned(),
            verb: self.verb.to_owned(),
            mode: self.session.mode.word().to_owned(),
            steps: plan.items.len(),
        });
        let engine = Engine { parallel: usize::from(self.manner.parallel), ..world.engine(reporter.as_ref()) };
        let outcome = engine.carry_out(plan, known, store, world.interrupt.clone()).await;
        let exit = self.problems(&outcome);
        if !plan.is_noop() {
            let took = human(began.elapsed());
            self.voice().line(format_args!("{} in {took}", summary(&outcome)));
        }
        exit
    }

    /// Says what did not work, and what was not begun because of it.
    fn problems(&self, outcome: &Outcome) -> Exit {
        let mut exit = Exit::Done;
        let mut problems: Vec<Problem> = vec![];
        for (alike, failure) in alike(&outcome.failed) {
            exit = exit.worse(exit_of(failure));
            let keys: Vec<&str> = alike.iter().map(|f| f.key.as_str()).collect();
            problems.push(Problem::of(failure, &format!("{}: {} failed: ", named(&keys), alike[0].action)));
        }
        if let Some(e) = &outcome.forgetful {
            exit = exit.worse(Exit::Refused);
            problems.push(Problem::new(format!("what was done could not be kept: {e}")).hint(e.hint()));
        }
        self.session.console.say_stop(&Stop { problems, exit }, self.session.globals.verbose);
        let mut reasons: Vec<&Option<String>> = outcome.skipped.iter().map(|(_, because)| because).collect();
        reasons.sort();
        reasons.dedup();
        for because in reasons {
            let keys: Vec<&str> =
                outcome.skipped.iter().filter(|(_, b)| b == because).map(|(k, _)| k.as_str()).collect();
            let stopped = if outcome.interrupted { "the interruption" } else { "the journal, which cannot be written" };
            let of = because.as_deref().unwrap_or(stopped);
            self.say(format_args!("not begun because of {of}: {}", keys.join(", ")));
        }
        if !outcome.in_flight.is_empty() {
            self.say(format_args!("left working, the next run looks after it: {}", outcome.in_flight.join(", ")));
        }
        if !outcome.unknown.is_empty() {
            self.say(format_args!("nobody knows how it ended, the next run looks: {}", outcome.unknown.join(", ")));
        }
        if outcome.interrupted { Exit::Interrupted } else { exit }
    }

    fn say(&self, text: impl std::fmt::Display) {
        self.session.console.err.line(text);
    }
}

/// Failures, those that say the same together.
fn alike(failed: &[Failed]) -> Vec<(Vec<&Failed>, &Failure)> {
    let mut groups: Vec<(Vec<&Failed>, &Failure)> = vec![];
    for one in failed {
        match groups.iter_mut().find(|(all, failure)| **failure == one.failure && all[0].action == one.action) {
            Some((all, _)) => all.push(one),
            None => groups.push((vec![one], &one.failure)),
        }
    }
    groups
}

/// `2 created, 1 updated, 1 failed, 3 not begun`.
fn summary(outcome: &Outcome) -> String {
    use Action::{Adopt, Create, Delete, Forget, Keep, Replace, Update};
    let done = [Create, Adopt, Update, Replace, Delete, Forget, Keep]
        .map(|action| (outcome.done.iter().filter(|d| d.action == action).count(), action.past()));
    let rest = [
        (outcome.failed.len(), "failed"),
        (outcome.skipped.len(), "not begun"),
        (outcome.in_flight.len(), "left to the next run"),
    ];
    let parts = done.into_iter().chain(rest).filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "nothing done".to_owned() } else { parts.join(", ") }
}
