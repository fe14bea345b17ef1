//! Pools that are on the disks and not imported, and which of them is taken in instead of being made.
use super::{Pool, PoolId, shelf::Shelf};
use crate::NasReader;
use homelab_core::{Failure, Left, plan::Note};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A pool that could be imported: a row of `pool.import_find`, which is a job and reads disks only.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Candidate {
    name: String,
    pub(super) guid: String,
    status: String,
}

/// What becomes of a pool that the NAS does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Coming {
    /// It is made.
    Made,
    /// It is on its disks, and imported by its guid.
    Imported(String, Vec<Note>),
    /// Neither: its disks hold something that nobody said may be taken.
    Refused(Vec<Note>),
}

impl Pool {
    /// Whether this pool is made or imported. The disks are searched only if there is a reason to.
    pub(super) async fn coming(
        &self,
        left: Option<Left<PoolId>>,
        shelf: &Shelf,
        nas: &NasReader,
    ) -> Result<Coming, Failure> {
        if self.import.is_none() && self.held(shelf).is_empty() {
            return Ok(Coming::Made);
        }
        let found: Vec<Candidate> = nas.search("pool.import_find").await?.unwrap_or_default();
        Ok(self.judge_coming(left.as_ref(), &found, shelf))
    }

    /// The declared disks that hold a pool which is not imported, by its name.
    fn held(&self, shelf: &Shelf) -> BTreeMap<String, Vec<String>> {
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for disk in self.disks() {
            if let Some(pool) = shelf.find(disk).ok().and_then(|found| found.exported_zpool.clone()) {
                held.entry(pool).or_default().push(disk.to_string());
            }
        }
        held
    }

    fn judge_coming(&self, left: Option<&Left<PoolId>>, found: &[Candidate], shelf: &Shelf) -> Coming {
        if let Some(guid) = &self.import {
            let Some(there) = found.iter().find(|one| one.guid == *guid) else {
                return Coming::Refused(vec![not_seen(guid, found)]);
            };
            return Coming::Imported(guid.clone(), vec![imported(there, "the code says so")]);
        }
        let held = self.held(shelf);
        let ours = left.and_then(|left| {
            let guid = left.id.guid.as_deref()?;
            Some((left, found.iter().find(|one| one.guid == guid)?))
        });
        if let Some((left, there)) = ours.filter(|(_, there)| held.contains_key(&there.name)) {
            let others = self.others(there, shelf);
            if there.name == self.pool && others.is_empty() {
                let mut notes = vec![imported(there, "this lab let go of it")];
                notes.extend(left.data.iter().map(|data| Note::info(format!("in it: {data}"))));
                return Coming::Imported(there.guid.clone(), notes);
            }
            let why = if there.name == self.pool { others.join(", ") } else { format!("it is called {}", there.name) };
            let text =
                format!("pool {}, guid {}, which this lab let go of, is not as it is declared", self.pool, there.guid);
            return Coming::Refused(vec![Note::refused(format!("{text}: {why}")).hint(format!(
                "declare it as it was, and change it in the next deploy; or say that it is meant: `{}`",
                line(there)
            ))]);
        }
        let refused = held.into_iter().map(|(pool, disks)| {
            let disks = disks.join(", ");
            let there: Vec<&Candidate> = found.iter().filter(|one| one.name == pool).collect();
            if there.is_empty() {
                return Note::refused(format!("{disks} holds the exported pool {pool}, of which other disks are missing"))
                    .hint("connect the rest of its disks to import it; if it may go, wipe the disks by hand (Storage, Disks, Wipe)");
            }
            let guids: Vec<String> = there.iter().map(|one| format!("guid {}, {}", one.guid, one.status)).collect();
            let lines: Vec<String> = there.iter().map(|one| format!("`{}`", line(one))).collect();
            let text = format!("{disks} holds the exported pool {pool} ({}), which this lab does not know", guids.join("; "));
            Note::refused(text).hint(format!(
                "to keep what is on it, import it: {}; if it may go, wipe the disks by hand (Storage, Disks, Wipe)",
                lines.join(" or ")
            ))
        });
        match refused.collect::<Vec<_>>() {
            none if none.is_empty() => Coming::Made,
            some => Coming::Refused(some),
        }
    }

    /// In what the disks of an exported pool differ from those that are declared.
    fn others(&self, there: &Candidate, shelf: &Shelf) -> Vec<String> {
        let holds = |name: &&crate::topology::DiskName| {
            shelf.find(name).is_ok_and(|found| found.exported_zpool.as_ref() == Some(&there.name))
        };
        let apart = self.disks().filter(|name| !holds(name)).map(|name| format!("{name} is not part of it"));
        let declared: BTreeSet<_> =
            self.disks().filter_map(|name| shelf.find(name).ok()).map(|f| f.serial.clone()).collect();
        let more = shelf.exported(&there.name).filter(|found| !declared.contains(&found.serial));
        let more: BTreeSet<String> = more.map(|found| format!("{} is part of it too", found.called())).collect();
        apart.chain(more).collect()
    }
}

fn imported(there: &Candidate, why: &str) -> Note {
    let Candidate { name, guid, status } = there;
    Note::info(format!("import of the exported pool {name}, guid {guid}, {status}: {why}; nothing on it is made anew"))
}

/// What is written to take it in.
fn line(there: &Candidate) -> String {
    format!(".import({})", there.guid)
}

pub(super) fn not_seen(guid: &str, found: &[Candidate]) -> Note {
    let seen: Vec<String> = found.iter().map(|one| format!("{} ({})", one.name, one.guid)).collect();
    let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    Note::refused(format!("no pool with the guid {guid} is on the disks of this NAS")).hint(format!(
        "to be seen are: {seen}; is the controller passed through to its guest, and the shelf switched on?"
    ))
}
