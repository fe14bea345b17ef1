//! What was let go of and can be taken in again, as an exported pool can: the ledger remembers it.
use crate::ledger::{Entry, Ledger};

impl Ledger {
    /// What was let go of under this key and can be taken in again: by us, or by somebody else meanwhile.
    #[must_use]
    pub fn left(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.outlives).or_else(|| self.left.get(key))
    }

    /// Something is there.
    pub(crate) fn put(&mut self, key: String, entry: Entry) {
        self.left.remove(&key);
        self.entries.insert(key, entry);
    }

    /// Something is there no more.
    pub(crate) fn drop(&mut self, key: &str) {
        if let Some((key, entry)) = self.entries.remove_entry(key).filter(|(_, entry)| entry.outlives) {
            self.left.insert(key, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::{entry, two};

    #[test]
    fn what_can_be_taken_in_again_is_remembered_until_it_is_there_again_or_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        let mut ledger = two();
        let (guest, pool) = ("proxmox/vm/na\"s", Entry { outlives: true, ..entry(301) });
        ledger.put("pool".into(), pool.clone());
        ledger.drop("pool");
        ledger.drop("pool");
        ledger.entries.get_mut(guest).unwrap().outlives = false;
        ledger.drop(guest);
        assert_eq!((ledger.left("pool"), ledger.left(guest)), (Some(&pool), None));
        ledger.save(&path).unwrap();
        assert_eq!(Ledger::load(&path, "home").unwrap(), ledger);
        ledger.put("pool".into(), pool);
        assert!(ledger.left.is_empty());
    }
}
