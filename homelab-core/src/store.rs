//! A lab's memory on disk: the ledger, the journal of the run that is not over, and the lock that keeps runs apart.
use crate::{
    journal::{Journal, JournalError, Maybe, Record, replay},
    ledger::{Ledger, LedgerError},
    lock::{LockError, RunLock},
    redact::Redactor,
};
use std::path::{Path, PathBuf};

/// What is remembered: the ledger as the journal leaves it, and what was begun and not ended.
#[derive(Clone, Debug)]
pub struct Memory {
    /// What is ours.
    pub ledger: Ledger,
    /// What was begun by a run that did not end.
    pub maybe: Vec<Maybe>,
}

impl Memory {
    /// The memory of a lab that owns nothing yet.
    #[must_use]
    pub fn empty(lab: &str) -> Self {
        Memory { ledger: Ledger::empty(lab), maybe: vec![] }
    }
}

/// Why a lab's memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another run.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl StoreError {
    /// The way out, one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            StoreError::Ledger(e) => e.hint().into(),
            StoreError::Journal(e) => e.hint().into(),
            StoreError::Lock(e) => e.hint().into(),
        }
    }
}

/// A lab's memory, open for a run that writes.
#[derive(Debug)]
pub struct Store {
    lab: String,
    run: String,
    ledger: PathBuf,
    journal_path: PathBuf,
    journal: Journal,
    // Let go of last: until then no other run may look.
    _lock: RunLock,
}

const LEDGER: &str = "ledger.json";
const JOURNAL: &str = "journal.jsonl";
const LOCK: &str = "lock";

impl Store {
    /// What is remembered in `dir`, for verbs that only look. Takes no lock and changes nothing.
    ///
    /// # Errors
    /// When ledger or journal cannot be read or are damaged.
    pub fn peek(dir: &Path, lab: &str) -> Result<Memory, StoreError> {
        let ledger = Ledger::load(&dir.join(LEDGER), lab)?;
        Ok(remembered(ledger, Journal::read(&dir.join(JOURNAL))?))
    }

    /// Opens the memory in `dir` for a run: nobody else can until it is closed or dropped.
    ///
    /// # Errors
    /// As [`peek`](Store::peek), and when another run holds the lock or the directory cannot be written.
    pub fn open(dir: &Path, lab: &str, verb: &str, redactor: Redactor) -> Result<(Store, Memory), StoreError> {
        let lock = RunLock::take(&dir.join(LOCK), verb)?;
        let ledger = dir.join(LEDGER);
        let before = Ledger::load(&ledger, lab)?;
        let journal_path = dir.join(JOURNAL);
        let (journal, records) = Journal::open(&journal_path, redactor)?;
        let (at, pid) = (crate::units::now(), std::process::id());
        let run = format!("{at}-{pid}");
        journal.append_lazily(Record::Opened { run: run.clone(), verb: verb.to_owned(), at, pid });
        let store = Store { lab: lab.to_owned(), run, ledger, journal_path, journal, _lock: lock };
        Ok((store, remembered(before, records)))
    }

    /// The journal of this run.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Ends the run. If it is `whole`, everything that was begun has ended: the ledger is saved and the journal retired. If not,
    /// the journal stays, and the next run reads in it what may still be going on.
    ///
    /// # Errors
    /// When the disk refuses. What was journaled stays journaled.
    pub fn close(self, whole: bool) -> Result<(), StoreError> {
        self.journal.append_lazily(Record::Closed { run: self.run });
        if !whole {
            return Ok(self.journal.flush()?);
        }
        self.journal.flush()?;
        let Memory { mut ledger, .. } =
            remembered(Ledger::load(&self.ledger, &self.lab)?, Journal::read(&self.journal_path)?);
        ledger.save(&self.ledger)?;
        Ok(self.journal.retire()?)
    }

    /// Puts another ledger in the place of the one that is there, and drops what the journal says: after a rebuild, or when
    /// somebody has told us to forget something.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn replace_ledger(self, mut ledger: Ledger) -> Result<(), StoreError> {
        ledger.save(&self.ledger)?;
        Ok(self.journal.retire()?)
    }
}

fn remembered(ledger: Ledger, records: Vec<Record>) -> Memory {
    let replayed = replay(ledger, records);
    Memory { ledger: replayed.ledger, maybe: replayed.maybe }
}
