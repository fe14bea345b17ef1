//! The encrypted store of secrets: one file beside what the lab remembers, in the format of age.
use super::{
    IdentityFile, SecretValue,
    age::{self, Identity, Refused},
};
use crate::{
    disk::{self, DiskError},
    units::now,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// The version of what is inside of the file.
const VERSION: u32 = 1;

/// The encrypted store of one lab in one mode. It is opened by the identity, and can be by hand: `age -d -i IDENTITY secrets.age`.
///
/// Clones share it. Every change is on the disk, whole, before it returns; values are never in clear there. That two runs do
/// not change it at once is the run lock's work.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    path: PathBuf,
    lab: String,
    identity: IdentityFile,
    content: Mutex<BTreeMap<String, Stored>>,
}

/// What is known of a kept secret, beside its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// When it was kept, RFC 3339 in UTC.
    pub at: String,
    /// The key of the resource that made it; nothing for one that a person set.
    pub by: Option<String>,
}

/// Why the encrypted store cannot be used. Never shows a value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    /// There is a store and no key to it.
    #[error("{} is encrypted, and its identity is not there: {}", vault.display(), identity.display())]
    MissingIdentity {
        /// The store.
        vault: PathBuf,
        /// Where the identity should be.
        identity: PathBuf,
    },
    /// Nobody says where the identity is.
    #[error("there is no place for the identity that encrypts secrets: HOME is not set")]
    NoHome,
    /// The identity file holds none.
    #[error("{} is no age identity", identity.display())]
    NoIdentity {
        /// The identity file.
        identity: PathBuf,
    },
    /// The store was encrypted for somebody else.
    #[error("{} is not encrypted for the identity {}", vault.display(), identity.display())]
    WrongIdentity {
        /// The store.
        vault: PathBuf,
        /// The identity file.
        identity: PathBuf,
    },
    /// What is in the file is not what was written.
    #[error("{} is damaged: {why}", vault.display())]
    Damaged {
        /// The store.
        vault: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// It belongs to another lab.
    #[error("{} holds the secrets of the lab `{lab}`", vault.display())]
    Foreign {
        /// The store.
        vault: PathBuf,
        /// That lab.
        lab: String,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl VaultError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            VaultError::MissingIdentity { vault, .. } => format!(
                "put your copy of the identity back, or name it with HOMELAB_AGE_IDENTITY; if it is lost, so are the secrets: \
                 move {} away and set them anew",
                vault.display()
            ),
            VaultError::NoHome => "set HOME, or name a file with HOMELAB_AGE_IDENTITY".into(),
            VaultError::NoIdentity { .. } => {
                "it must hold a line AGE-SECRET-KEY-1.. as `age-keygen` writes it; put your copy of it back".into()
            }
            VaultError::WrongIdentity { .. } => "name the identity that it was made with: HOMELAB_AGE_IDENTITY".into(),
            VaultError::Damaged { vault, .. } => {
                format!("put a copy of it back, or move {} away and set the secrets anew", vault.display())
            }
            VaultError::Foreign { .. } => {
                "use another directory for this lab's state (--state-dir), or move the file away".into()
            }
            VaultError::Disk(e) => e.hint().into(),
        }
    }
}

/// The content of the file, as it is encrypted.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    version: u32,
    lab: std::borrow::Cow<'a, str>,
    secrets: BTreeMap<String, Stored>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    value: Zeroizing<String>,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl Vault {
    /// The store of a lab in this file. That it is not there is fine: the first secret makes it, and the identity too.
    ///
    /// # Errors
    /// When there is one that cannot be opened: the identity is missing or another, the file is damaged, or another lab's.
    pub fn open(path: &Path, lab: &str, identity: IdentityFile) -> Result<Vault, VaultError> {
        let inner = Inner { path: path.to_owned(), lab: lab.to_owned(), identity, content: Mutex::default() };
        let content = inner.load()?.unwrap_or_default();
        *inner.lock() = content;
        Ok(Vault(Arc::new(inner)))
    }

    /// The value under exactly this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SecretValue> {
        self.0.lock().get(name).map(|stored| stored.value.as_str().into())
    }

    /// What is known of the one under exactly this name.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<Kept> {
        self.0.lock().get(name).map(|stored| kept(name, stored))
    }

    /// All that there are, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Kept> {
        self.0.lock().iter().map(|(name, stored)| kept(name, stored)).collect()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The identity's file.
    ///
    /// # Errors
    /// When nobody says where it is.
    pub fn identity(&self) -> Result<&Path, VaultError> {
        self.0.identity.path()
    }

    /// Keeps values under names, durably; `by` is the key of the resource that made them. Tells whether an identity had to be made
    /// for it, of which a person should keep a copy.
    pub(super) fn keep<'v>(
        &self,
        values: impl IntoIterator<Item = (&'v str, &'v SecretValue)>,
        by: Option<&str>,
    ) -> Result<bool, VaultError> {
        self.0.change(|content| {
            for (name, value) in values {
                let value = Zeroizing::new(value.expose().to_owned());
                content.insert(name.to_owned(), Stored { value, at: now(), by: by.map(str::to_owned) });
            }
        })
    }

    /// Encrypts something for the identity, which is made if there is none: what is too large to be kept here. By hand it is opened by
    /// `age -d -i IDENTITY FILE`.
    pub(super) fn seal(&self, content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let inner = &self.0;
        if inner.identity.read()?.is_none() {
            inner.identity.make()?;
        }
        let identities = inner.identity.read()?.ok_or(VaultError::NoHome)?;
        Ok(age::encrypt(content, &identities)
            .map_err(DiskError::while_trying("encrypt for the identity", &inner.path))?)
    }

    /// Removes those for which `goes` holds, durably; tells their names.
    pub(super) fn forget(&self, goes: impl Fn(&Kept) -> bool) -> Result<Vec<String>, VaultError> {
        let gone: Vec<String> = self.list().into_iter().filter(&goes).map(|kept| kept.name).collect();
        if !gone.is_empty() {
            self.0.change(|content| content.retain(|name, stored| !goes(&kept(name, stored))))?;
        }
        Ok(gone)
    }

    /// What the resource `was` kept belongs to `key` from now on.
    pub(super) fn rename(&self, was: &str, key: &str) -> Result<(), VaultError> {
        if self.list().iter().any(|kept| kept.by.as_deref() == Some(was)) {
            self.0.change(|content| {
                let its = content.values_mut().filter(|stored| stored.by.as_deref() == Some(was));
                its.for_each(|stored| stored.by = Some(key.to_owned()));
            })?;
        }
        Ok(())
    }
}

fn kept(name: &str, stored: &Stored) -> Kept {
    Kept { name: name.to_owned(), at: stored.at.clone(), by: stored.by.clone() }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the file, or nothing if there is none.
    fn load(&self) -> Result<Option<BTreeMap<String, Stored>>, VaultError> {
        let encrypted = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(DiskError::while_trying("read the secrets", &self.path)(e).into()),
        };
        let identity = self.identity.path()?;
        let missing = || VaultError::MissingIdentity { vault: self.path.clone(), identity: identity.to_owned() };
        let text = self.decrypt(&encrypted, &self.identity.read()?.ok_or_else(missing)?, identity)?;
        let content: Content<'_> =
            serde_json::from_slice(&text).map_err(|_| self.damaged("it does not hold what this program writes"))?;
        match content {
            Content { version: VERSION, lab, secrets } if lab == self.lab => Ok(Some(secrets)),
            Content { version: VERSION, lab, .. } => {
                Err(VaultError::Foreign { vault: self.path.clone(), lab: lab.into_owned() })
            }
            Content { .. } => Err(self.damaged("another version of this program wrote it")),
        }
    }

    fn decrypt(
        &self,
        encrypted: &[u8],
        identities: &[Identity],
        identity: &Path,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        age::decrypt(encrypted, identities).map_err(|refused| match refused {
            Refused::NotForUs => VaultError::WrongIdentity { vault: self.path.clone(), identity: identity.to_owned() },
            Refused::NotAge => self.damaged("it is no file of age"),
            Refused::Header => self.damaged("its header was changed"),
            Refused::Content => self.damaged("its content was changed, or is cut off"),
        })
    }

    fn damaged(&self, why: &'static str) -> VaultError {
        VaultError::Damaged { vault: self.path.clone(), why }
    }

    /// Changes what is on the disk, and then what is known.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Stored>)) -> Result<bool, VaultError> {
        let mut content = self.lock();
        // Another program may have changed it since it was read.
        let mut new = self.load()?.unwrap_or_else(|| content.clone());
        change(&mut new);
        let made = self.identity.read()?.is_none();
        if made {
            self.identity.make()?;
        }
        let identities = self.identity.read()?.ok_or(VaultError::NoHome)?;
        let whole = Content { version: VERSION, lab: self.lab.as_str().into(), secrets: new };
        // One buffer that never grows leaves no copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(64 << 10));
        serde_json::to_writer(&mut *text, &whole).map_err(|_| self.damaged("it cannot be written"))?;
        let save = || {
            let encrypted = age::encrypt(&text, &identities)?;
            disk::replace(&self.path, &encrypted)
        };
        save().map_err(DiskError::while_trying("save the secrets", &self.path))?;
        *content = whole.secrets;
        Ok(made)
    }
}

#[cfg(test)]
mod tests;
