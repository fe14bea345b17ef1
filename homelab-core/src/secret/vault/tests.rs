//! What the store of secrets promises.
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
