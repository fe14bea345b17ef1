//! What can go wrong with our own files, and how a file is replaced so that no crash leaves half of one.
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One of our own files (ledger, journal, lock, state directory) could not be read or written.
///
/// Its `Display` is one line that names the operation and the path; [`hint`](DiskError::hint) says what to do. `Clone`,
/// because everybody who waits for the same write hears of it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {operation} {}: {}", path.display(), in_words(cause))]
pub struct DiskError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    cause: Arc<io::Error>,
}

impl DiskError {
    /// For `map_err`: what was being done ("save the ledger"), and to which file.
    pub(crate) fn while_trying(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        move |cause| DiskError { operation, path: path.to_owned(), cause: Arc::new(cause) }
    }

    /// The file or directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.cause.kind()
    }

    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space there, then run the same command again: what was recorded before is whole"
            }
            io::ErrorKind::ReadOnlyFilesystem => "make it writable, or set HOMELAB_STATE to a directory that is",
            io::ErrorKind::PermissionDenied => {
                "run as the user who owns it, or set HOMELAB_STATE to a directory of your own"
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
                "something else stands at that path: move it away, or set HOMELAB_STATE to another directory"
            }
            _ => "look at the disk and the path; the command can be run again",
        }
    }
}

/// The usual causes as a person says them; others as the operating system does.
fn in_words(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotADirectory => "a part of the path is a file, not a directory".into(),
        _ => cause.to_string(),
    }
}

/// Replaces the file in one step: after a crash, or with a full disk, there is the old content or the new, never a
/// mixture. Only the owner may read it. Two callers at once are kept apart by the run lock, not here.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    let put = || {
        // What a killed run left under this name is overwritten.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(new, path)
    };
    put().inspect_err(|_| {
        // The first error is the one to tell; a leftover is overwritten by the next save.
        let _ = fs::remove_file(new);
    })?;
    sync_directory_of(path)
}

/// Makes creations and renames in a file's directory survive a power cut.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: io::ErrorKind) -> DiskError {
        DiskError::while_trying("save the ledger", Path::new("/srv/x/ledger.json"))(kind.into())
    }

    #[test]
    fn a_full_disk_and_a_read_only_one_are_told_apart_with_the_path_and_a_way_out() {
        let full = error(io::ErrorKind::StorageFull);
        assert_eq!(full.to_string(), "cannot save the ledger /srv/x/ledger.json: the disk is full");
        assert!(full.hint().starts_with("free some space"));
        let read_only = error(io::ErrorKind::ReadOnlyFilesystem);
        assert_eq!(read_only.to_string(), "cannot save the ledger /srv/x/ledger.json: the file system is read-only");
        assert!(read_only.hint().contains("HOMELAB_STATE"));
        assert!(error(io::ErrorKind::PermissionDenied).hint().contains("owns it"));
    }

    #[test]
    fn a_replacement_that_fails_leaves_the_old_file_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        replace(&path, b"old").unwrap();
        // The new content cannot be written: its place is taken by a directory.
        fs::create_dir(dir.path().join("state.new")).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        // The rename cannot be done: the target is a directory.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace(&taken, b"new").is_err());
        assert!(!dir.path().join("taken.new").exists());
    }
}
