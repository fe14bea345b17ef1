//! What a step holds on to: the journal, the reporter, and what is known of its resource's past.
use crate::{
    Failure,
    context::StepLog,
    facts::Observed,
    journal::{Journal, JournalError, Record},
    ledger::Entry,
    report::{Event, Reporter},
    resource::Owner,
};
use async_trait::async_trait;
use serde_json::Value;

/// What a step has of the run around it: where it writes down, and how it gives locks back before its end.
#[derive(Clone, Copy)]
pub(super) struct Hold<'a> {
    pub(super) journal: &'a Journal,
    pub(super) release_shared: &'a (dyn Fn() + Send + Sync),
    pub(super) history: &'a History,
}

/// What a step has to know of its resource besides what is there.
#[derive(Default)]
pub(super) struct History {
    /// What the ledger had before this run.
    pub(super) entry: Option<Entry>,
    /// What was let go of and can be taken in again.
    pub(super) left: Option<Entry>,
    /// Whether a run that did not end began to make it.
    pub(super) begun: bool,
    /// Whether this run has changed what it lives in, so that what was seen before may not be so any more.
    pub(super) home_changed: bool,
    /// Whether what it lives in was made by this run, or by one that came to no good end.
    pub(super) home_fresh: bool,
}

impl History {
    /// Whether a thing that was seen is ours, or says itself whose it is.
    pub(super) fn knows(&self, seen: &Observed) -> bool {
        match seen.owner {
            Owner::Marked(_) => true,
            Owner::Unmarked => self.entry.as_ref().is_some_and(|e| e.is(&seen.id)),
            Owner::Unmarkable => self.begun || self.entry.as_ref().is_some_and(|e| e.is(&seen.id)),
        }
    }
}

/// Where a step writes down and reports to.
pub(super) struct Log<'a> {
    pub(super) key: &'a str,
    pub(super) hold: Hold<'a>,
    pub(super) reporter: &'a dyn Reporter,
}

#[async_trait]
impl StepLog for Log<'_> {
    async fn note(&self, task: Value) -> Result<(), Failure> {
        let record = Record::Noted { key: self.key.to_owned(), task };
        self.hold.journal.append(record).await.map_err(no_journal)
    }
    fn progress(&self, message: &str, percent: Option<u8>) {
        self.reporter.report(&Event::Progress { key: self.key.to_owned(), message: message.to_owned(), percent });
    }
    fn warn(&self, message: &str) {
        self.reporter.report(&Event::Warning { key: self.key.to_owned(), message: message.to_owned() });
    }
    fn release_shared(&self) {
        (self.hold.release_shared)();
    }
}

/// Without a journal nothing may be done.
pub(super) fn no_journal(e: JournalError) -> Failure {
    Failure::stuck(e.to_string()).hint(e.hint())
}
