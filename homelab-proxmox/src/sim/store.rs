//! Keeping the world in a directory, so that it survives the process.
use super::world::World;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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

/// The file that a world is kept in.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: PathBuf,
}

impl Store {
    /// The store of a directory, which is made when it is missing.
    pub(crate) fn at(dir: &Path) -> Result<Store, StoreError> {
        let path = dir.join("world.json");
        std::fs::create_dir_all(dir).map_err(|reason| StoreError::File { path: path.clone(), reason })?;
        Ok(Store { path })
    }

    /// The world that was kept, if any.
    pub(crate) fn load(&self) -> Result<Option<World>, StoreError> {
        match std::fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|reason| StoreError::Corrupt { path: self.path.clone(), reason }),
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(StoreError::File { path: self.path.clone(), reason }),
        }
    }

    /// Keeps a world: written beside, then renamed, so a reader never sees half of it.
    pub(crate) fn save(&self, world: &World) -> Result<(), StoreError> {
        let beside = self.path.with_extension("json.new");
        let write = || -> std::io::Result<()> {
            File::create(&beside)?.write_all(&serde_json::to_vec(world)?)?;
            std::fs::rename(&beside, &self.path)
        };
        write().map_err(|reason| StoreError::File { path: self.path.clone(), reason })
    }
}
