//! The encrypted store of secrets: one file beside what the lab remembers, in the format of age.
use super::{IdentityFile, SecretValue};
use crate::{
    disk::{self, DiskError},
    units::now,
};
use age::{DecryptError, Decryptor, Encryptor, x25519};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
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
        Ok(encrypt(content, &identities).map_err(DiskError::while_trying("encrypt for the identity", &inner.path))?)
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
        identities: &[x25519::Identity],
        identity: &Path,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let decryptor = Decryptor::new_buffered(encrypted).map_err(|_| self.damaged("it is no file of age"))?;
        let mut reader =
            decryptor.decrypt(identities.iter().map(|i| i as &dyn age::Identity)).map_err(|e| match e {
                DecryptError::NoMatchingKeys => {
                    VaultError::WrongIdentity { vault: self.path.clone(), identity: identity.to_owned() }
                }
                _ => self.damaged("its header was changed"),
            })?;
        let mut text = Zeroizing::new(vec![]);
        reader.read_to_end(&mut text).map_err(|_| self.damaged("its content was changed, or is cut off"))?;
        Ok(text)
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
            let encrypted = encrypt(&text, &identities)?;
            disk::replace(&self.path, &encrypted)
        };
        save().map_err(DiskError::while_trying("save the secrets", &self.path))?;
        *content = whole.secrets;
        Ok(made)
    }
}

fn encrypt(text: &[u8], identities: &[x25519::Identity]) -> io::Result<Vec<u8>> {
    let recipients: Vec<x25519::Recipient> = identities.iter().map(x25519::Identity::to_public).collect();
    let encryptor =
        Encryptor::with_recipients(recipients.iter().map(|r| r as &dyn age::Recipient)).map_err(io::Error::other)?;
    let mut encrypted = vec![];
    let mut writer = encryptor.wrap_output(&mut encrypted)?;
    writer.write_all(text)?;
    writer.finish()?;
    Ok(encrypted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().unwrap())
        }
        fn file(&self) -> PathBuf {
            self.0.path().join("secrets.age")
        }
        fn identity(&self) -> PathBuf {
            self.0.path().join("config/homelab/identity.txt")
        }
        fn open(&self) -> Result<Vault, VaultError> {
            Vault::open(&self.file(), "home", IdentityFile::at(self.identity()))
        }
        /// A store with one secret.
        fn filled() -> Place {
            let place = Place::new();
            assert!(place.open().unwrap().keep([("TOKEN", &"s3cret-value".into())], Some("toy/jar/salt")).unwrap());
            place
        }
    }

    #[test]
    fn what_is_kept_is_there_in_the_next_run_and_forgotten_when_it_is_said() {
        let place = Place::filled();
        let vault = place.open().unwrap();
        assert_eq!(vault.get("TOKEN").unwrap().expose(), "s3cret-value");
        let kept = vault.kept("TOKEN").unwrap();
        assert_eq!((kept.by.as_deref(), vault.list()), (Some("toy/jar/salt"), vec![kept.clone()]));
        assert!(crate::units::parse_rfc3339(&kept.at).is_some());
        assert!(!vault.keep([("OTHER", &"another".into())], None).unwrap(), "the identity was there");
        assert_eq!(vault.forget(|k| k.name == "TOKEN").unwrap(), ["TOKEN"]);
        assert_eq!(vault.forget(|k| k.name == "TOKEN").unwrap(), [""; 0]);
        let names: Vec<String> = place.open().unwrap().list().into_iter().map(|k| k.name).collect();
        assert_eq!((names, vault.get("TOKEN").is_none()), (vec!["OTHER".to_owned()], true));
    }

    #[test]
    fn nothing_is_in_clear_on_the_disk_and_only_the_owner_reads_it() {
        let place = Place::filled();
        for path in [place.file(), place.identity()] {
            let bytes = fs::read(&path).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!String::from_utf8_lossy(&fs::read(place.file()).unwrap()).contains("TOKEN"));
        let litter: Vec<_> = fs::read_dir(place.identity().parent().unwrap()).unwrap().collect();
        assert_eq!(litter.len(), 1);
    }

    #[test]
    fn opening_what_is_not_there_writes_nothing() {
        let place = Place::new();
        assert!(place.open().unwrap().list().is_empty());
        assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_at_once_lose_nothing() {
        let place = Place::filled();
        let (a, b) = (place.open().unwrap(), place.open().unwrap());
        a.keep([("A", &"of the first".into())], None).unwrap();
        b.keep([("B", &"of the second".into())], None).unwrap();
        assert_eq!(place.open().unwrap().list().len(), 3);
    }

    fn refused(place: &Place) -> String {
        let error = place.open().map(drop).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.hint()).contains("s3cret"));
        let dir = place.0.path().to_string_lossy().into_owned();
        format!("{error}; {}", error.hint()).replace(&dir, "DIR")
    }

    #[test]
    fn a_missing_identity_is_told_and_no_new_one_is_made() {
        let place = Place::filled();
        let vault = place.open().unwrap();
        fs::remove_file(place.identity()).unwrap();
        assert_eq!(
            refused(&place),
            "DIR/secrets.age is encrypted, and its identity is not there: DIR/config/homelab/identity.txt; put your copy of \
             the identity back, or name it with HOMELAB_AGE_IDENTITY; if it is lost, so are the secrets: move \
             DIR/secrets.age away and set them anew"
        );
        assert!(matches!(vault.keep([("A", &"b".into())], None), Err(VaultError::MissingIdentity { .. })));
        assert!(!place.identity().exists());
    }

    #[test]
    fn a_wrong_identity_is_told_from_a_damaged_file_and_from_one_that_is_none() {
        let place = Place::filled();
        let other = Place::filled();
        fs::copy(other.identity(), place.identity()).unwrap();
        assert!(refused(&place).starts_with("DIR/secrets.age is not encrypted for the identity DIR/config/"));
        fs::write(place.identity(), "# nothing\n").unwrap();
        assert!(
            refused(&place).starts_with("DIR/config/homelab/identity.txt is no age identity; it must hold a line AGE-")
        );
        fs::write(place.identity(), "AGE-SECRET-KEY-1NONSENSE\n").unwrap();
        assert!(refused(&place).starts_with("DIR/config/homelab/identity.txt is no age identity"));
    }

    #[test]
    fn a_damaged_file_is_refused_wherever_it_was_damaged() {
        let place = Place::filled();
        let whole = fs::read(place.file()).unwrap();
        for at in [0, 30, 60, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(place.file(), &bytes).unwrap();
            assert!(place.open().is_err(), "byte {at}");
        }
        for length in [0, 10, whole.len() / 2, whole.len() - 1] {
            fs::write(place.file(), &whole[..length]).unwrap();
            assert!(refused(&place).starts_with("DIR/secrets.age is damaged: "), "{length} bytes");
        }
        fs::write(place.file(), &whole).unwrap();
        assert!(place.open().is_ok());
    }

    #[test]
    fn another_lab_s_store_is_refused() {
        let place = Place::filled();
        let error = Vault::open(&place.file(), "other", IdentityFile::at(place.identity())).map(drop).unwrap_err();
        assert!(error.to_string().ends_with("secrets.age holds the secrets of the lab `home`"), "{error}");
    }

    #[test]
    fn the_identity_that_age_keygen_makes_is_read_and_one_of_several_opens() {
        let (place, other) = (Place::filled(), Place::filled());
        let both = format!(
            "{}\n\n{}",
            fs::read_to_string(other.identity()).unwrap(),
            fs::read_to_string(place.identity()).unwrap()
        );
        fs::write(place.identity(), both).unwrap();
        place.open().unwrap().keep([("A", &"b".into())], None).unwrap();
        // Encrypted for both now.
        fs::copy(other.identity(), place.identity()).unwrap();
        assert_eq!(place.open().unwrap().list().len(), 2);
    }

    #[test]
    fn a_full_disk_leaves_what_was_kept() {
        let place = Place::filled();
        let vault = place.open().unwrap();
        // The new file cannot be written: its place is taken.
        fs::create_dir(place.0.path().join("secrets.age.new")).unwrap();
        let error = vault.keep([("OTHER", &"s3cret".into())], None).unwrap_err();
        assert!(error.to_string().starts_with("cannot save the secrets "), "{error}");
        assert!(vault.get("OTHER").is_none());
        assert_eq!(place.open().unwrap().list().len(), 1);
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_identity_alone() {
        let place = Place::new();
        let vault = place.open().unwrap();
        let sealed = vault.seal(b"a backup with a hash in it").unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("hash"));
        let identities = vault.0.identity.read().unwrap().unwrap();
        let opened = vault.0.decrypt(&sealed, &identities, vault.identity().unwrap()).unwrap();
        assert_eq!(opened.as_slice(), b"a backup with a hash in it");
        assert!(!place.file().exists(), "the store itself is not touched");
    }
}
