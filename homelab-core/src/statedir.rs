//! Where a lab keeps what it remembers: `.homelab/<lab>/<live|sandbox>/` below the root of the project.
use crate::{Mode, disk::DiskError, env::Env};
use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// The variable that names another directory than `.homelab`.
pub const HOMELAB_STATE: &str = "HOMELAB_STATE";
const DOT_HOMELAB: &str = ".homelab";

/// The root of the project around a directory: the nearest of it and those above that has a `.homelab`, else the
/// nearest with a `Cargo.lock`, else with a `.git`, else the directory itself.
#[must_use]
pub fn project_root(working_directory: &Path) -> PathBuf {
    let nearest = |found: fn(&Path) -> bool| working_directory.ancestors().find(|dir| found(dir));
    nearest(|dir| dir.join(DOT_HOMELAB).is_dir())
        .or_else(|| nearest(|dir| dir.join("Cargo.lock").is_file()))
        .or_else(|| nearest(|dir| dir.join(".git").exists()))
        .unwrap_or(working_directory)
        .to_owned()
}

/// The directory of one lab in one mode. To name it writes nothing; [`create`](StateDir::create) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    base: PathBuf,
    path: PathBuf,
    is_ours: bool,
}

/// A state directory that cannot be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateDirError {
    /// The lab's name cannot name a directory.
    #[error("`{0}` cannot be the name of a lab")]
    Name(String),
    /// It cannot be created.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl StateDirError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            StateDirError::Name(_) => "use letters, digits, `-`, `_` and `.`, beginning with a letter or digit",
            StateDirError::Disk(e) => e.hint(),
        }
    }
}

impl StateDir {
    /// The directory of this lab: below `HOMELAB_STATE` if that is set (from the working directory, if it is relative),
    /// else below `.homelab` in the [`project_root`].
    ///
    /// # Errors
    /// When the lab's name cannot name a directory.
    pub fn locate(lab: &str, mode: Mode, working_directory: &Path, env: &Env) -> Result<StateDir, StateDirError> {
        let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !lab.starts_with(|c: char| c.is_ascii_alphanumeric()) || !lab.chars().all(fit) || lab.len() > 100 {
            return Err(StateDirError::Name(lab.to_owned()));
        }
        let (base, is_ours) = match env.get(HOMELAB_STATE) {
            Some(dir) => (working_directory.join(dir), false),
            None => (project_root(working_directory).join(DOT_HOMELAB), true),
        };
        let path = base.join(lab).join(mode.word());
        Ok(StateDir { base, path, is_ours })
    }

    /// Makes sure that it is there, for its owner only, and that `.homelab` is never committed to git.
    ///
    /// # Errors
    /// When the disk is full, or something on the way cannot be written.
    pub fn create(&self) -> Result<(), StateDirError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(DiskError::while_trying("create the state directory", &self.path))?;
        if self.is_ours {
            let path = self.base.join(".gitignore");
            let written = match path.try_exists() {
                Ok(false) => fs::write(&path, "*\n"),
                other => other.map(drop),
            };
            written.map_err(DiskError::while_trying("write", &path))?;
        }
        Ok(())
    }

    /// Forgets everything about this lab in this mode: for `sandbox reset`. That it is not there is fine.
    ///
    /// # Errors
    /// When something in it cannot be deleted.
    pub fn remove(&self) -> Result<(), StateDirError> {
        match fs::remove_dir_all(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(DiskError::while_trying("delete the state directory", &self.path)(e).into())
            }
            _ => Ok(()),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The [`Ledger`](crate::ledger::Ledger)'s file.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger.json")
    }

    /// The [`Journal`](crate::journal::Journal)'s file.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// The [`Vault`](crate::secret::Vault)'s file.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.path.join("secrets.age")
    }

    /// The [`RunLock`](crate::lock::RunLock)'s file.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn home(dir: &Path) -> StateDir {
        StateDir::locate("home", Mode::Sandbox, dir, &Env::default()).unwrap()
    }

    #[test]
    fn the_root_is_the_nearest_homelab_then_cargo_lock_then_git_then_here() {
        let dir = tempfile::tempdir().unwrap();
        let (top, middle, deep) = (dir.path().join("a"), dir.path().join("a/b"), dir.path().join("a/b/c"));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(project_root(&deep), deep);
        fs::create_dir(top.join(".git")).unwrap();
        assert_eq!(project_root(&deep), top);
        fs::write(middle.join("Cargo.lock"), "").unwrap();
        assert_eq!(project_root(&deep), middle);
        fs::create_dir(top.join(".homelab")).unwrap();
        assert_eq!(project_root(&deep), top);
    }

    #[test]
    fn a_created_directory_is_its_owners_alone_and_ignored_by_git() {
        let dir = tempfile::tempdir().unwrap();
        let state = home(dir.path());
        assert_eq!(state.path(), dir.path().join(".homelab/home/sandbox"));
        assert!(!dir.path().join(".homelab").exists(), "naming it writes nothing");
        state.create().unwrap();
        state.create().unwrap();
        assert_eq!(fs::metadata(state.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(dir.path().join(".homelab/.gitignore")).unwrap(), "*\n");
        fs::write(state.ledger(), "").unwrap();
        state.remove().unwrap();
        state.remove().unwrap();
        assert!(!state.path().exists());
    }

    #[test]
    fn homelab_state_leads_elsewhere_and_nothing_else_is_put_there() {
        let dir = tempfile::tempdir().unwrap();
        let env = Env::from_pairs([(HOMELAB_STATE, "elsewhere")]);
        let state = StateDir::locate("home", Mode::Live, dir.path(), &env).unwrap();
        state.create().unwrap();
        assert_eq!(state.journal(), dir.path().join("elsewhere/home/live/journal.jsonl"));
        assert_eq!(fs::read_dir(dir.path().join("elsewhere")).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_leads_out_of_the_directory_is_refused() {
        for name in ["", ".", "..", "../x", "a/b", "-x", "a b", "ä"] {
            let error = StateDir::locate(name, Mode::Live, Path::new("/"), &Env::default()).unwrap_err();
            assert_eq!(error.to_string(), format!("`{name}` cannot be the name of a lab"));
        }
    }

    #[test]
    fn what_stands_in_the_way_is_named_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".homelab")).unwrap();
        fs::write(dir.path().join(".homelab/home"), "").unwrap();
        let error = home(dir.path()).create().unwrap_err();
        assert!(error.to_string().starts_with("cannot create the state directory "), "{error}");
        assert!(error.hint().contains("HOMELAB_STATE"), "{}", error.hint());
    }
}
