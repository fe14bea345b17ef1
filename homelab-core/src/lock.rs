//! The run lock: one run at a time for each lab. The operating system holds it, so a killed run leaves none behind.
use crate::{disk::DiskError, units};
use serde::{Deserialize, Serialize};
use std::{
    env, fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process,
};

/// A lab that is held: nobody else plans or applies it until this is dropped, or the process is gone.
#[derive(Debug)]
pub struct RunLock(File);

/// Who holds a lock, as its file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// What it does: `deploy`.
    pub verb: String,
    /// Its process.
    pub pid: u32,
    /// The machine that it runs on, if that has a name.
    pub host: Option<String>,
    /// Who started it, if that is known.
    pub user: Option<String>,
    /// Since when, RFC 3339 in UTC.
    pub since: String,
}

/// A lock that was not to be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run holds this lab{}", match holder { Some(h) => format!(" since {h}"), None => String::new() })]
    Held {
        /// Which, unless it has only just begun.
        holder: Option<Holder>,
    },
    /// Its file could not be opened, written or locked.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl LockError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            LockError::Held { .. } => "wait for it, or stop it: a run that was stopped is finished by the next one",
            LockError::Disk(e) => e.hint(),
        }
    }
}

impl RunLock {
    /// Takes the lock, or says at once who has it. The file stays when the lock goes: only the lock on it means
    /// anything.
    ///
    /// # Errors
    /// When another run holds it, or the file cannot be written or locked.
    pub fn take(path: &Path, verb: &str) -> Result<RunLock, LockError> {
        let trouble = |e| LockError::from(DiskError::while_trying("lock", path)(e));
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open.map_err(trouble)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: read(path) }),
            Err(TryLockError::Error(e)) => return Err(trouble(e)),
        }
        write(&mut file, &Holder::this_process(verb)).map_err(trouble)?;
        Ok(RunLock(file))
    }
}

/// Who holds the lock right now, without taking it: for verbs that only look and want to say so. Of a holder that has only just
/// begun nothing is known yet, and nothing is said.
#[must_use]
pub fn holder(path: &Path) -> Option<Holder> {
    // Only what a killed run left in the file is mistaken for a holder; the lock on it tells the two apart.
    let holder = read(path)?;
    let file = File::open(path).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(holder)
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // That nothing is left in it is only for those who look. Closing the file would release the lock too, but not while
        // a child of ours that has not yet executed its program holds a copy of it.
        let _ = self.0.set_len(0);
        let _ = self.0.unlock();
    }
}

impl Holder {
    fn this_process(verb: &str) -> Holder {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| env::var("HOSTNAME").ok());
        Holder {
            verb: verb.to_owned(),
            pid: process::id(),
            host: host.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
            user: env::var("USER").or_else(|_| env::var("LOGNAME")).ok(),
            since: units::now(),
        }
    }
}

/// `2026-11-22 19:02 UTC (deploy, pid 4711 of sven on din)`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, pid {}", units::to_the_minute(&self.since), self.verb, self.pid)?;
        self.user.iter().try_for_each(|user| write!(f, " of {user}"))?;
        self.host.iter().try_for_each(|host| write!(f, " on {host}"))?;
        f.write_str(")")
    }
}

/// Who holds the lock; `None` in the moment between taking it and writing this.
fn read(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("{}\n", serde_json::to_string(holder)?).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_at_once_are_refused_by_naming_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = RunLock::take(&path, "deploy").unwrap();
        let second = RunLock::take(&path, "destroy").unwrap_err();
        let LockError::Held { holder: Some(holder) } = &second else { panic!("{second}") };
        assert_eq!((holder.verb.as_str(), holder.pid), ("deploy", process::id()));
        assert!(second.to_string().starts_with("another run holds this lab since 2"), "{second}");
        assert!(second.hint().starts_with("wait for it, or stop it"));
        drop(first);
        drop(RunLock::take(&path, "destroy").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn what_a_killed_run_left_behind_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let long = "x".repeat(500);
        // A kill closes the file without clearing it.
        fs::write(&path, format!(r#"{{"verb":"{long}","pid":1,"host":null,"user":null,"since":""}}"#)).unwrap();
        let lock = RunLock::take(&path, "plan").unwrap();
        assert_eq!(read(&path).unwrap().verb, "plan");
        drop(lock);
    }

    #[test]
    fn a_run_that_has_only_just_begun_is_not_named_wrongly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let other = File::create(&path).unwrap();
        other.try_lock().unwrap();
        let error = RunLock::take(&path, "deploy").unwrap_err();
        assert_eq!(error.to_string(), "another run holds this lab");
    }

    #[test]
    fn who_only_looks_hears_of_a_run_that_is_going_on_and_of_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert_eq!(holder(&path), None);
        let lock = RunLock::take(&path, "deploy").unwrap();
        assert_eq!(holder(&path).unwrap().verb, "deploy");
        let left_behind = fs::read(&path).unwrap();
        drop(lock);
        fs::write(&path, left_behind).unwrap();
        assert_eq!(holder(&path), None, "that run was killed");
    }

    #[test]
    fn a_holder_is_told_as_a_sentence() {
        let mut holder = Holder {
            verb: "deploy".into(),
            pid: 4711,
            host: Some("din".into()),
            user: Some("sven".into()),
            since: "2026-11-22T19:02:41Z".into(),
        };
        assert_eq!(holder.to_string(), "2026-11-22 19:02 UTC (deploy, pid 4711 of sven on din)");
        (holder.host, holder.user) = (None, None);
        assert_eq!(holder.to_string(), "2026-11-22 19:02 UTC (deploy, pid 4711)");
    }

    #[test]
    fn a_lock_in_no_directory_names_its_path() {
        let error = RunLock::take(Path::new("/no/such/lock"), "deploy").unwrap_err();
        assert!(error.to_string().starts_with("cannot lock /no/such/lock: "));
    }
}
