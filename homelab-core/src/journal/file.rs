//! The file of a journal: group commit, torn tails, and what happens when the disk says no.
use super::{Damage, Record};
use crate::{
    disk::{self, DiskError},
    redact::Redactor,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::watch, task::spawn_blocking};

/// A journal that cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// A line that is not the last is not what was written.
    #[error("the journal {} is damaged at line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: Damage,
    },
    /// The file could not be read or written. After a failed write the journal accepts nothing more.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl JournalError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            JournalError::Damaged { why: Damage::Torn, .. } => {
                "run `state rebuild`: the marks on the objects say what is ours, and the damaged file is kept aside"
            }
            JournalError::Damaged { why: Damage::Unknown, .. } => {
                "use the version of the program that wrote it, or a later one"
            }
            JournalError::Disk(e) => e.hint(),
        }
    }
}

/// An open journal. Only the holder of the run lock may have one.
///
/// Records that arrive while the disk is busy share the next write and the next `fdatasync`, so many steps at once pay
/// little more than one. At most as many records wait as there are steps in flight, and the lazy ones between two
/// commits. The writing is done on tokio's blocking threads, one at a time and only while there is something to write;
/// a paused clock stands still meanwhile. Dropping a journal writes what is queued.
#[derive(Debug)]
pub struct Journal(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    redactor: Redactor,
    queue: Mutex<Queue>,
    /// Held by whoever writes. Never waited for while the queue is locked.
    file: Mutex<File>,
    durable: watch::Sender<Durable>,
}

#[derive(Debug, Default)]
struct Queue {
    text: String,
    /// How many records were ever queued.
    count: u64,
    writing: bool,
}

#[derive(Debug, Default)]
struct Durable {
    /// How many records are on the disk.
    count: u64,
    failed: Option<JournalError>,
}

impl Journal {
    /// Opens a lab's journal, or starts one, and gives what an earlier run left in it: empty after a run that ended in
    /// good order. What a crash tore off at the end is cut away. Texts are cleaned of the redactor's secrets as they
    /// are written.
    ///
    /// # Errors
    /// When the file cannot be read or written, or another line than the last is damaged.
    pub fn open(path: &Path, redactor: Redactor) -> Result<(Journal, Vec<Record>), JournalError> {
        let Sound { records, length } = read_sound(path)?;
        let opened = || {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            file.set_len(length)?;
            file.sync_all()?;
            disk::sync_directory_of(path)?;
            Ok(file)
        };
        let file = opened().map_err(DiskError::while_trying("open the journal", path))?;
        Ok((Journal::over(file, path, redactor), records))
    }

    /// A journal that nothing is written to: of work that is begun anew if it is cut off.
    pub(crate) fn nowhere() -> Journal {
        Journal(None)
    }

    fn over(file: File, path: &Path, redactor: Redactor) -> Journal {
        Journal(Some(Arc::new(Inner {
            path: path.to_owned(),
            redactor,
            queue: Mutex::default(),
            file: Mutex::new(file),
            durable: watch::Sender::default(),
        })))
    }

    /// What a journal holds, without touching it: for verbs that only look. A file that is not there is empty.
    ///
    /// # Errors
    /// When the file cannot be read, or another line than the last is damaged.
    pub fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
        read_sound(path).map(|sound| sound.records)
    }

    /// Writes a record and returns once it, and everything before it, is on the disk. The order of the calls is the
    /// order in the file. Giving up on the future does not take the record back.
    ///
    /// # Errors
    /// When the disk refuses. Then the record may or may not be there, no later one is accepted, and **no effect may be
    /// started any more**.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn append(&self, record: Record) -> Result<(), JournalError> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let (mine, start_writing) = {
            let mut queue = inner.queue(record);
            let idle = !std::mem::replace(&mut queue.writing, true);
            (queue.count, idle)
        };
        let mut durable = inner.durable.subscribe();
        if start_writing {
            // Begun behind whoever is about to append too. Nobody waits for the task itself: whoever waits, waits for the count.
            drop(crate::spawn(Arc::clone(inner).write_behind()));
        }
        let reached = durable.wait_for(|d| d.count >= mine || d.failed.is_some()).await;
        let reached = reached.expect("the sending side lives in this journal");
        match &reached.failed {
            Some(error) if reached.count < mine => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Queues a record that goes to the disk with the next commit, or when the journal is retired or dropped. A failure
    /// to write it is the next [`append`](Journal::append)'s, or [`retire`](Journal::retire)'s.
    pub fn append_lazily(&self, record: Record) {
        if let Some(inner) = &self.0 {
            drop(inner.queue(record));
        }
    }

    /// Whether the disk has refused a record: then no effect may be started any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.durable.borrow().failed.is_some())
    }

    /// Writes what is queued and returns once it is on the disk. Blocks for a moment.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&self) -> Result<(), JournalError> {
        let Some(inner) = &self.0 else { return Ok(()) };
        inner.write_queued();
        inner.durable.borrow().failed.clone().map_or(Ok(()), Err)
    }

    /// Ends a journal whose run has closed and whose ledger is saved: writes what is queued and renames the file to
    /// `journal.last.jsonl` beside it, in place of the one before. Blocks for a moment.
    ///
    /// # Errors
    /// When the disk refuses; the journal is then replayed by the next run, which is harmless.
    pub fn retire(self) -> Result<(), JournalError> {
        self.flush()?;
        let Some(inner) = &self.0 else { return Ok(()) };
        let path = &inner.path;
        let renamed = fs::rename(path, last(path)).and_then(|()| disk::sync_directory_of(path));
        Ok(renamed.map_err(DiskError::while_trying("retire the journal", path))?)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever needs to know of a failure has waited for it already.
        if let Some(inner) = &self.0 {
            inner.write_queued();
        }
    }
}

impl Inner {
    fn queue(&self, record: Record) -> MutexGuard<'_, Queue> {
        let line = record.redacted(&self.redactor).line();
        let mut queue = lock(&self.queue);
        queue.text.push_str(&line);
        queue.count += 1;
        queue
    }

    /// Writes until nothing is queued, while others work. It tells of it from here and not from the thread that writes, so that those
    /// who wait for the same commit go on at the same time.
    async fn write_behind(self: Arc<Self>) {
        loop {
            let inner = Arc::clone(&self);
            let Ok(Some(upto)) = spawn_blocking(move || inner.write_once()).await else { return };
            self.tell(upto);
        }
    }

    /// Writes until nothing is queued.
    fn write_queued(&self) {
        while let Some(upto) = self.write_once() {
            self.tell(upto);
        }
    }

    /// One write and one sync for all that has come together; gives how many records are on the disk then, and nothing if there was
    /// nothing to write. The first failure is the last thing that is written: everybody who waits, and who comes later, hears of it.
    fn write_once(&self) -> Option<u64> {
        let mut file = lock(&self.file);
        let (text, upto) = {
            let mut queue = lock(&self.queue);
            if queue.text.is_empty() || self.durable.borrow().failed.is_some() {
                queue.writing = false;
                return None;
            }
            (std::mem::take(&mut queue.text), queue.count)
        };
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        match written.map_err(DiskError::while_trying("write to the journal", &self.path)) {
            Ok(()) => Some(upto),
            Err(error) => {
                self.durable.send_modify(|d| d.failed = Some(error.into()));
                lock(&self.queue).writing = false;
                None
            }
        }
    }

    fn tell(&self, upto: u64) {
        self.durable.send_modify(|d| d.count = d.count.max(upto));
    }
}

/// A panic elsewhere leaves queue and file as usable as before: a record is queued whole or not at all.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last(path: &Path) -> PathBuf {
    path.with_extension("last.jsonl")
}

/// The records of a file, and how many of its bytes they are: what comes after was torn off by a crash.
struct Sound {
    records: Vec<Record>,
    length: u64,
}

fn read_sound(path: &Path) -> Result<Sound, JournalError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => vec![],
        Err(e) => return Err(DiskError::while_trying("read the journal", path)(e).into()),
    };
    let mut sound = Sound { records: vec![], length: 0 };
    let mut lines = bytes.split_inclusive(|b| *b == b'\n').enumerate().peekable();
    while let Some((n, line)) = lines.next() {
        let record = match line.strip_suffix(b"\n") {
            Some(line) => Record::parse(line),
            None => Err(Damage::Torn),
        };
        match record {
            Ok(record) => {
                sound.records.push(record);
                sound.length += line.len() as u64;
            }
            // Nobody went on after a line that was not wholly on the disk.
            Err(Damage::Torn) if lines.peek().is_none() => break,
            Err(why) => return Err(JournalError::Damaged { path: path.to_owned(), line: n + 1, why }),
        }
    }
    Ok(sound)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
