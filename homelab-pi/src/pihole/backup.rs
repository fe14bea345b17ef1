//! A backup of a Pi-hole (its "teleporter" archive): checked before it is kept, for Pi-hole answers 200 in any case. It holds the
//! password's hash, so it never touches a disk in clear: whoever keeps it is handed the bytes once and seals them.
use std::{collections::BTreeSet, fmt, io::Cursor};
use zip::ZipArchive;

/// What a backup must have to be one: settings and lists.
const NEEDED: [&str; 2] = ["etc/pihole/pihole.toml", "etc/pihole/gravity.db"];

/// The archive. Prints its names, never its content.
pub struct Backup {
    bytes: Vec<u8>,
    files: BTreeSet<String>,
}

impl fmt::Debug for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Backup({:?})", self.files)
    }
}

/// Why an archive is no backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// It is no archive.
    #[error("what Pi-hole gave as its backup is no archive: {0}")]
    NoArchive(String),
    /// It lacks something.
    #[error("Pi-hole's backup lacks {0}, so it could not be restored")]
    Lacks(&'static str),
}

impl Backup {
    /// Checks an archive.
    ///
    /// # Errors
    /// When it is none, or lacks what a backup is for.
    pub fn read(bytes: Vec<u8>) -> Result<Backup, BackupError> {
        let archive = ZipArchive::new(Cursor::new(&bytes)).map_err(|e| BackupError::NoArchive(e.to_string()))?;
        let files: BTreeSet<String> = archive.file_names().map(str::to_owned).collect();
        match NEEDED.into_iter().find(|needed| !files.contains(*needed)) {
            Some(needed) => Err(BackupError::Lacks(needed)),
            None => Ok(Backup { bytes, files }),
        }
    }

    /// The names of its files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The archive itself, to be sealed and to nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}
