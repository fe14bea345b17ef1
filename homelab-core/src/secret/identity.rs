//! The key that opens the encrypted store: an identity file as `age-keygen` makes it.
use super::{VaultError, age::Identity};
use crate::{
    disk::{DiskError, sync_directory_of},
    env::Env,
};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The variable that names another identity file than `~/.config/homelab/identity.txt`.
pub const HOMELAB_AGE_IDENTITY: &str = "HOMELAB_AGE_IDENTITY";

/// Where the identity is. To name it writes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFile(Option<PathBuf>);

impl IdentityFile {
    /// The user's: `HOMELAB_AGE_IDENTITY` (from the working directory, if it is relative), else
    /// `~/.config/homelab/identity.txt`. That there is neither matters only when one is needed.
    #[must_use]
    pub fn of_user(env: &Env, working_directory: &Path) -> IdentityFile {
        let named = env.get(HOMELAB_AGE_IDENTITY).map(|path| working_directory.join(path));
        let usual = || env.get("HOME").map(|home| Path::new(home).join(".config/homelab/identity.txt"));
        IdentityFile(named.or_else(usual))
    }

    /// This file.
    #[must_use]
    pub fn at(path: PathBuf) -> IdentityFile {
        IdentityFile(Some(path))
    }

    /// The file.
    ///
    /// # Errors
    /// When nobody says where it is.
    pub fn path(&self) -> Result<&Path, VaultError> {
        self.0.as_deref().ok_or(VaultError::NoHome)
    }

    /// The identities in the file, or nothing if it is not there.
    pub(super) fn read(&self) -> Result<Option<Vec<Identity>>, VaultError> {
        let path = self.path()?;
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(DiskError::while_trying("read the identity", path)(e).into()),
        };
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Result<Vec<Identity>, _> = lines.map(str::parse).collect();
        match identities {
            Ok(identities) if !identities.is_empty() => Ok(Some(identities)),
            _ => Err(VaultError::NoIdentity { identity: path.to_owned() }),
        }
    }

    /// Makes a new one, which only its owner may read. Should another program make one meanwhile, that one counts.
    pub(super) fn make(&self) -> Result<(), VaultError> {
        let path = self.path()?;
        put(path).map_err(|e| DiskError::while_trying("make the identity", path)(e).into())
    }
}

fn put(path: &Path) -> io::Result<()> {
    let identity = Identity::generate()?;
    let text = Zeroizing::new(format!(
        "# created: {}\n# public key: {}\n{}\n",
        crate::units::now(),
        identity.recipient(),
        *identity.text()
    ));
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    // Whole or not at all: half of an identity would open nothing, and stand in the way of a new one.
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let made = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&new, path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    let removed = fs::remove_file(&new);
    made.and(removed)?;
    sync_directory_of(path)
}
