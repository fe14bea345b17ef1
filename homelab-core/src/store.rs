//! A lab's memory on disk: the ledger, the journal of the run that is not over, and the lock that keeps runs apart.
use crate::{
    disk::DiskError,
    journal::{Damage, Journal, JournalError, Maybe, Record, replay},
    ledger::{Entry, Ledger, LedgerError},
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

    /// Drops one key from the memory without touching the thing, and ends the run. What else was begun and not ended stays.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(self, key: &str, memory: &Memory) -> Result<(), StoreError> {
        // Not even to be taken in again.
        let entry = memory.ledger.left(key).map(|entry| Entry { outlives: false, ..entry.clone() });
        if entry.is_some() {
            self.journal.append_lazily(Record::Done { key: key.to_owned(), entry });
        }
        self.journal.append_lazily(Record::Done { key: key.to_owned(), entry: None });
        self.close(memory.maybe.iter().all(|m| m.key == key))
    }

    /// Opens the memory in `dir` to make it anew, even if it is damaged: what could be read of it is given too.
    ///
    /// # Errors
    /// When another run holds the lock, the directory cannot be written, or the memory is another lab's or a newer version's.
    pub fn rebuild(dir: &Path, lab: &str, verb: &str) -> Result<(Rebuild, Option<Memory>), StoreError> {
        let lock = RunLock::take(&dir.join(LOCK), verb)?;
        let (ledger_path, journal_path) = (dir.join(LEDGER), dir.join(JOURNAL));
        let ledger = match Ledger::load(&ledger_path, lab) {
            Err(LedgerError::Damaged { .. }) => None,
            other => Some(other?),
        };
        let records = match Journal::read(&journal_path) {
            Err(JournalError::Damaged { why: Damage::Torn, .. }) => None,
            other => Some(other?),
        };
        let mut damaged = vec![];
        damaged.extend(ledger.is_none().then(|| ledger_path.clone()));
        damaged.extend(records.is_none().then(|| journal_path.clone()));
        let memory = ledger.zip(records).map(|(ledger, records)| remembered(ledger, records));
        Ok((Rebuild { ledger: ledger_path, journal: journal_path, damaged, _lock: lock }, memory))
    }
}

/// A memory that is being made anew. Dropping it changes nothing.
#[derive(Debug)]
pub struct Rebuild {
    ledger: PathBuf,
    journal: PathBuf,
    damaged: Vec<PathBuf>,
    _lock: RunLock,
}

impl Rebuild {
    /// Moves away what is damaged, saves this ledger, and drops what the journal said. Gives where the damaged files are now.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(self, mut ledger: Ledger) -> Result<Vec<PathBuf>, StoreError> {
        let mut kept = vec![];
        for path in &self.damaged {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".damaged");
            let aside = PathBuf::from(aside);
            std::fs::rename(path, &aside)
                .map_err(|e| LedgerError::from(DiskError::while_trying("move away", path)(e)))?;
            kept.push(aside);
        }
        ledger.save(&self.ledger)?;
        let (journal, _) = Journal::open(&self.journal, Redactor::default())?;
        journal.retire()?;
        Ok(kept)
    }
}

fn remembered(ledger: Ledger, records: Vec<Record>) -> Memory {
    let replayed = replay(ledger, records);
    Memory { ledger: replayed.ledger, maybe: replayed.maybe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn with_two_entries(dir: &Path) {
        let mut ledger = Ledger::empty("home");
        ledger.entries.insert("vm/a".into(), crate::ledger::tests::entry(1));
        ledger.entries.insert("vm/b".into(), crate::ledger::tests::entry(2));
        ledger.save(&dir.join(LEDGER)).unwrap();
    }

    #[test]
    fn forgetting_a_key_leaves_the_others_and_what_was_begun() {
        let dir = tempfile::tempdir().unwrap();
        with_two_entries(dir.path());
        let (store, _) = Store::open(dir.path(), "home", "deploy", Redactor::default()).unwrap();
        store.journal().append_lazily(Record::Started {
            key: "vm/c".into(),
            action: "create".into(),
            kind: "proxmox/vm".into(),
            site: "home".into(),
            id: None,
        });
        drop(store);
        let (store, memory) = Store::open(dir.path(), "home", "state forget", Redactor::default()).unwrap();
        store.forget("vm/a", &memory).unwrap();
        let memory = Store::peek(dir.path(), "home").unwrap();
        assert_eq!(memory.ledger.entries.keys().collect::<Vec<_>>(), ["vm/b"]);
        assert_eq!(memory.maybe.len(), 1, "vm/c may still be going on");
        let (store, memory) = Store::open(dir.path(), "home", "state forget", Redactor::default()).unwrap();
        store.forget("vm/c", &memory).unwrap();
        assert!(Store::peek(dir.path(), "home").unwrap().maybe.is_empty());
    }

    #[test]
    fn a_damaged_memory_is_made_anew_and_kept_aside() {
        let dir = tempfile::tempdir().unwrap();
        with_two_entries(dir.path());
        let (rebuild, memory) = Store::rebuild(dir.path(), "home", "state rebuild").unwrap();
        assert_eq!(memory.unwrap().ledger.entries.len(), 2);
        drop(rebuild);
        fs::write(dir.path().join(LEDGER), "{").unwrap();
        fs::write(dir.path().join(JOURNAL), "x\ny\n").unwrap();
        let (rebuild, memory) = Store::rebuild(dir.path(), "home", "state rebuild").unwrap();
        assert!(memory.is_none());
        let aside = rebuild.finish(Ledger::empty("home")).unwrap();
        assert_eq!(aside.len(), 2);
        assert_eq!(fs::read_to_string(&aside[0]).unwrap(), "{");
        assert!(Store::peek(dir.path(), "home").unwrap().ledger.entries.is_empty());
    }
}
