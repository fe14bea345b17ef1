//! Keeping a simulated world in a directory, so that it survives the process.
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    marker::PhantomData,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// Why a world could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or file could not be used.
    #[error("cannot keep the simulated {what} in {path}: {reason}")]
    File {
        /// What is simulated.
        what: &'static str,
        /// The file in question.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is there and holds no world of this version.
    #[error("{path} holds no simulated {what} of this version ({reason}); remove the directory to start afresh")]
    Corrupt {
        /// What is simulated.
        what: &'static str,
        /// The file in question.
        path: PathBuf,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
}

impl From<StoreError> for crate::Failure {
    fn from(e: StoreError) -> Self {
        crate::Failure::new(e.to_string())
    }
}

/// The file that a world is kept in. Nothing is written before the world has changed, and only one process at a time keeps it:
/// another one that only looks sees the world as it was kept last, and keeps nothing.
#[derive(Debug)]
pub struct Store<T> {
    what: &'static str,
    path: PathBuf,
    /// The lock, held from the first change on; nothing if another process has it.
    lock: Arc<OnceLock<Option<File>>>,
    world: PhantomData<fn() -> T>,
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Store { what: self.what, path: self.path.clone(), lock: Arc::clone(&self.lock), world: PhantomData }
    }
}

impl<T> Store<T> {
    /// The store of a directory, which is made when something is kept in it. `what` is simulated: `Proxmox VE`.
    #[must_use]
    pub fn at(dir: &Path, what: &'static str) -> Self {
        Store { what, path: dir.join("world.json"), lock: Arc::default(), world: PhantomData }
    }

    /// The world that was kept, if any.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn load(&self) -> Result<Option<T>, StoreError>
    where
        T: DeserializeOwned,
    {
        match fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|reason| StoreError::Corrupt {
                what: self.what,
                path: self.path.clone(),
                reason,
            }),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(StoreError::File { what: self.what, path: self.path.clone(), reason }),
        }
    }

    /// Whether this process is the one that keeps the world; the first that changes it is.
    fn is_keeper(&self) -> io::Result<bool> {
        if let Some(lock) = self.lock.get() {
            return Ok(lock.is_some());
        }
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        let file = File::create(self.path.with_extension("lock"))?;
        let mine = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(e)) => return Err(e),
        };
        Ok(self.lock.get_or_init(|| mine).is_some())
    }

    /// Keeps a world: written beside, then renamed, so a reader never sees half of it. Only its owner may read it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, world: &impl Serialize) -> Result<(), StoreError> {
        let beside = self.path.with_extension("json.new");
        let write = || -> io::Result<()> {
            if !self.is_keeper()? {
                return Ok(());
            }
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(&serde_json::to_vec(world)?)?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(|reason| StoreError::File { what: self.what, path: self.path.clone(), reason })
    }
}
