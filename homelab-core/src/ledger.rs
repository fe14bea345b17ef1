//! The ledger: what this lab has made, where, and in which order it must go. A cache of the marks that every object
//! bears itself, so a lost one is rebuilt; it holds no desired values and no secrets.
use crate::disk::{self, DiskError};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The format that this version reads and writes.
pub const LEDGER_FORMAT: u32 = 1;

/// What a lab owns, by key (`proxmox/vm/web`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// [`LEDGER_FORMAT`].
    pub format: u32,
    /// Whose ledger it is.
    pub lab: String,
    /// How often it was saved.
    pub serial: u64,
    /// What there is. Sorted, so that a ledger prints the same everywhere.
    #[serde(deserialize_with = "all_at_once")]
    pub entries: BTreeMap<String, Entry>,
    /// What was let go of and can be taken in again ([`Resource::OUTLIVES`](crate::Resource::OUTLIVES)), as it was last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left: BTreeMap<String, Entry>,
}

/// One thing that exists in the world and is ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The resource's kind, `proxmox/vm`: who knows how to read and delete it when its line of code is gone.
    pub kind: String,
    /// The name of the site that it lives at.
    pub site: String,
    /// How it is found there: a VMID and node, a path, a name.
    pub id: Value,
    /// The keys of what it needs: these go after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// The key of what it lives in: it goes with that, and is not asked for once that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Whether it was made by a run that has not come to a good end yet: what is inside of it came with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// What it claims for itself (`vmid 201 of home`): what takes one of these over comes after its deletion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// Whether a plain run refuses to delete it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Whether it can be taken in again after its deletion.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outlives: bool,
    /// The data that its deletion would lose, for people to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<String>,
    /// When this entry was written, RFC 3339 in UTC.
    pub at: String,
}

impl Entry {
    /// Whether this is the thing that was seen. Where a machine is found (`spot`) is no part of what is inside of it: that stays
    /// the same when the machine gets another address.
    #[must_use]
    pub fn is(&self, id: &Value) -> bool {
        let what = |id: &Value| match id {
            Value::Object(fields) if self.within.is_some() => {
                let mut fields = fields.clone();
                fields.remove("spot");
                Value::Object(fields)
            }
            other => other.clone(),
        };
        self.id == *id || what(&self.id) == what(id)
    }
}

/// A ledger that cannot be used. Every case names the file; [`hint`](LedgerError::hint) is the way out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is not what was written: cut, edited, overwritten.
    #[error("the ledger {} is damaged at line {line}: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage shows, counted from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// It belongs to another lab.
    #[error("the ledger {} belongs to the lab `{theirs}`, and this is `{ours}`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The lab that wrote it.
        theirs: String,
        /// The lab that wanted to read it.
        ours: String,
    },
    /// A newer version wrote it.
    #[error("the ledger {} has format {format}, and this program reads up to {LEDGER_FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl LedgerError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            LedgerError::Damaged { .. } => {
                "run `state rebuild`: it makes the ledger anew from the marks that the objects themselves bear"
            }
            LedgerError::Foreign { .. } => {
                "run from that lab's directory, give this lab its own name, or point HOMELAB_STATE elsewhere"
            }
            LedgerError::Newer { .. } => "use the version of the program that wrote it, or a later one",
            LedgerError::Disk(e) => e.hint(),
        }
    }
}

impl Ledger {
    /// The ledger of a lab that owns nothing yet.
    #[must_use]
    pub fn empty(lab: impl Into<String>) -> Ledger {
        Ledger { format: LEDGER_FORMAT, lab: lab.into(), serial: 0, entries: BTreeMap::new(), left: BTreeMap::new() }
    }

    /// Reads a lab's ledger; a file that is not there is an empty one.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, belongs to another lab, or was written by a newer version.
    pub fn load(path: &Path, lab: &str) -> Result<Ledger, LedgerError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Ledger::empty(lab)),
            Err(e) => return Err(DiskError::while_trying("read the ledger", path)(e).into()),
        };
        let ledger: Ledger = serde_json::from_slice(&bytes).map_err(|e| match format_of(&bytes) {
            Some(format) if format > LEDGER_FORMAT => LedgerError::Newer { path: path.to_owned(), format },
            _ => LedgerError::Damaged { path: path.to_owned(), line: e.line(), why: without_position(&e) },
        })?;
        if ledger.format > LEDGER_FORMAT {
            return Err(LedgerError::Newer { path: path.to_owned(), format: ledger.format });
        }
        if ledger.lab != lab {
            return Err(LedgerError::Foreign { path: path.to_owned(), theirs: ledger.lab, ours: lab.to_owned() });
        }
        Ok(ledger)
    }

    /// Saves it in one step and raises its serial: whatever happens, the file holds this ledger or the one before.
    ///
    /// # Errors
    /// When the disk is full or the directory cannot be written; the old file and the serial are then as they were.
    pub fn save(&mut self, path: &Path) -> Result<(), LedgerError> {
        self.serial += 1;
        disk::replace(path, self.print().as_bytes()).map_err(|e| {
            self.serial -= 1;
            DiskError::while_trying("save the ledger", path)(e).into()
        })
    }

    /// SHA-256 over the entries, in hex: two ledgers with one digest own the same. The serial does not count.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (key, entry) in &self.entries {
            hash.update(line(key, entry));
            hash.update("\n");
        }
        data_encoding::HEXLOWER.encode(&hash.finalize())
    }

    /// One entry a line: `grep` finds a thing, and damage has a line number that means something.
    fn print(&self) -> String {
        let mut text = format!(
            "{{\"format\":{},\"lab\":{},\"serial\":{},\"entries\":{{",
            self.format,
            Value::from(self.lab.as_str()),
            self.serial
        );
        push(&mut text, &self.entries);
        if !self.left.is_empty() {
            text.push_str("\n},\"left\":{");
            push(&mut text, &self.left);
        }
        text.push_str("\n}}\n");
        text
    }
}

fn push(text: &mut String, entries: &BTreeMap<String, Entry>) {
    for (n, (key, entry)) in entries.iter().enumerate() {
        text.push_str(if n == 0 { "\n" } else { ",\n" });
        text.push_str(&line(key, entry));
    }
}

fn line(key: &str, entry: &Entry) -> String {
    let entry = serde_json::to_string(entry).expect("an entry is made of text, booleans and JSON");
    format!("{}:{entry}", Value::from(key))
}

/// Builds the map from entries that come sorted: a tenth faster than one insertion after another.
fn all_at_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Entry>, D::Error> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = BTreeMap<String, Entry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("entries by key")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            std::iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }
    from.deserialize_map(Entries)
}

/// The format that a ledger claims, even if we can read nothing else of it.
fn format_of(bytes: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    serde_json::from_slice::<Head>(bytes).ok().map(|head| head.format)
}

/// serde_json ends its messages with the position, which we name ourselves.
fn without_position(e: &serde_json::Error) -> String {
    let text = e.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(why, _)| why.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn entry(id: u32) -> Entry {
        Entry {
            kind: "proxmox/vm".into(),
            site: "home".into(),
            id: json!({"node": "din", "vmid": id}),
            needs: vec!["proxmox/template/ubuntu".into()],
            within: None,
            fresh: false,
            claims: vec![format!("vmid {id}")],
            protected: id.is_multiple_of(2),
            outlives: id.is_multiple_of(3),
            data: vec![],
            at: "2026-11-22T19:02:00Z".into(),
        }
    }

    pub(crate) fn two() -> Ledger {
        let mut ledger = Ledger::empty("home");
        ledger.entries.insert("proxmox/vm/web".into(), entry(201));
        ledger.entries.insert("proxmox/vm/na\"s".into(), entry(300));
        ledger
    }

    #[test]
    fn a_ledger_that_is_not_there_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Ledger::load(&dir.path().join("ledger.json"), "home").unwrap(), Ledger::empty("home"));
    }

    #[test]
    fn what_is_saved_is_loaded_again_with_a_higher_serial_and_one_entry_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        let mut ledger = two();
        ledger.save(&path).unwrap();
        ledger.save(&path).unwrap();
        assert_eq!(ledger.serial, 2);
        assert_eq!(Ledger::load(&path, "home").unwrap(), ledger);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 4);
        Ledger::empty("home").save(&path).unwrap();
        assert_eq!(Ledger::load(&path, "home").unwrap().entries.len(), 0);
    }

    #[test]
    fn only_its_owner_may_read_a_ledger() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        two().save(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn damage_is_named_with_its_file_and_line_and_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        two().save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("\"site\":\"home\"", "\"site\":home", 1)).unwrap();
        let error = Ledger::load(&path, "home").unwrap_err();
        assert!(matches!(&error, LedgerError::Damaged { line: 2, .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()) && error.to_string().contains("at line 2: "));
        assert!(error.hint().contains("state rebuild"));
    }

    #[test]
    fn a_ledger_cut_anywhere_is_damaged_never_shorter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        let whole = two().print();
        // Its last byte is only the line's end.
        for cut in 0..whole.len() - 1 {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(Ledger::load(&path, "home"), Err(LedgerError::Damaged { .. })), "cut at {cut}");
        }
    }

    #[test]
    fn a_foreign_ledger_and_a_newer_one_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        two().save(&path).unwrap();
        let foreign = Ledger::load(&path, "office").unwrap_err();
        assert!(foreign.to_string().ends_with("belongs to the lab `home`, and this is `office`"));
        fs::write(&path, r#"{"format":2,"lab":"home","something":"new"}"#).unwrap();
        let newer = Ledger::load(&path, "home").unwrap_err();
        assert!(newer.to_string().ends_with("has format 2, and this program reads up to 1"), "{newer}");
    }

    #[test]
    fn a_save_that_fails_leaves_file_and_serial_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        let mut ledger = two();
        ledger.save(&path).unwrap();
        fs::create_dir(dir.path().join("ledger.json.new")).unwrap();
        ledger.entries.clear();
        assert!(matches!(ledger.save(&path), Err(LedgerError::Disk(_))));
        assert_eq!(ledger.serial, 1);
        assert_eq!(Ledger::load(&path, "home").unwrap(), Ledger { serial: 1, ..two() });
    }

    #[test]
    fn the_digest_moves_with_the_entries_and_not_with_the_serial() {
        let mut ledger = two();
        let before = ledger.digest();
        ledger.serial = 7;
        assert_eq!(ledger.digest(), before);
        ledger.entries.get_mut("proxmox/vm/web").unwrap().protected = true;
        assert_ne!(ledger.digest(), before);
        assert_eq!(before.len(), 64);
    }
}
