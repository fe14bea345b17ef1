//! Keeping the world in a directory, so that it survives the process.
use super::world::World;
use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// Why a world could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or file could not be used.
    #[error("cannot keep the simulated Proxmox VE in {path}: {reason}")]
    File {
        /// The file in question.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is there and holds no world of this version.
    #[error("{path} holds no simulated Proxmox VE of this version ({reason}); remove the directory to start afresh")]
    Corrupt {
        /// The file in question.
        path: PathBuf,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
}

/// The file that a world is kept in. Nothing is written before the world has changed, and only one process at a time keeps it:
/// another one that only looks sees the world as it was kept last, and keeps nothing.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// The lock, held from the first change on; nothing if another process has it.
    lock: Arc<OnceLock<Option<File>>>,
}

impl Store {
    /// The store of a directory, which is made when something is kept in it.
    pub(crate) fn at(dir: &Path) -> Store {
        Store { path: dir.join("world.json"), lock: Arc::default() }
    }

    /// The world that was kept, if any.
    pub(crate) fn load(&self) -> Result<Option<World>, StoreError> {
        match fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|reason| StoreError::Corrupt { path: self.path.clone(), reason }),
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(StoreError::File { path: self.path.clone(), reason }),
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

    /// Keeps a world: written beside, then renamed, so a reader never sees half of it.
    pub(crate) fn save(&self, world: &World) -> Result<(), StoreError> {
        let beside = self.path.with_extension("json.new");
        let write = || -> io::Result<()> {
            if !self.is_keeper()? {
                return Ok(());
            }
            File::create(&beside)?.write_all(&serde_json::to_vec(world)?)?;
            fs::rename(&beside, &self.path)
        };
        write().map_err(|reason| StoreError::File { path: self.path.clone(), reason })
    }
}
