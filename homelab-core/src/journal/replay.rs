//! From a ledger and a journal to what is known: pure, idempotent, and right for a journal cut off anywhere.
use super::Record;
use crate::ledger::Ledger;
use serde_json::Value;

/// What ledger and journal say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// What is ours for certain.
    pub ledger: Ledger,
    /// The steps of which nobody wrote down the end, in the order in which they were started.
    pub maybe: Vec<Maybe>,
}

/// A step that was started, and may have had its effect: wait for its task, then look.
#[derive(Clone, Debug, PartialEq)]
pub struct Maybe {
    /// The resource's key.
    pub key: String,
    /// What was about to be done to it.
    pub action: String,
    /// Its kind: how to look for it, even if its line of code is gone.
    pub kind: String,
    /// The site that it lives at.
    pub site: String,
    /// How it is found there, as far as it was known beforehand.
    pub id: Option<Value>,
    /// The last task that was noted: what may still be going on.
    pub task: Option<Value>,
}

/// Carries the records over into the ledger.
///
/// Applying the same records twice changes nothing, so a crash between saving the ledger and retiring the journal is
/// harmless. The ledger's serial is left alone: only [`Ledger::save`] counts.
#[must_use]
pub fn replay(mut ledger: Ledger, records: impl IntoIterator<Item = Record>) -> Replay {
    let mut maybe: Vec<Maybe> = vec![];
    for record in records {
        match record {
            Record::Started { key, action, kind, site, id } => {
                // A second start is a later run's, which had waited for the first one's task.
                maybe.retain(|m| m.key != key);
                maybe.push(Maybe { key, action, kind, site, id, task: None });
            }
            Record::Noted { key, task } => {
                if let Some(m) = maybe.iter_mut().find(|m| m.key == key) {
                    m.task = Some(task);
                }
            }
            Record::Done { key, entry } => {
                maybe.retain(|m| m.key != key);
                match entry {
                    Some(entry) => ledger.put(key, entry),
                    None => ledger.drop(&key),
                }
            }
            Record::Failed { key, .. } => maybe.retain(|m| m.key != key),
            Record::Opened { .. } | Record::Closed { .. } => {}
        }
    }
    Replay { ledger, maybe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::event::tests::{any_record, started},
        ledger::tests::entry,
    };
    use proptest::prelude::*;

    fn keys(replay: &Replay) -> Vec<&str> {
        replay.maybe.iter().map(|m| m.key.as_str()).collect()
    }

    #[test]
    fn a_start_without_an_end_is_a_maybe_with_its_last_task() {
        let records = [
            started("vm/a"),
            started("vm/b"),
            started("vm/c"),
            Record::Noted { key: "vm/a".into(), task: "UPID:1".into() },
            Record::Noted { key: "vm/a".into(), task: "UPID:2".into() },
            Record::Done { key: "vm/b".into(), entry: Some(entry(201)) },
            Record::Failed { key: "vm/c".into(), error: "no".into() },
        ];
        let replay = replay(Ledger::empty("home"), records);
        assert_eq!(keys(&replay), ["vm/a"]);
        assert_eq!(replay.maybe[0].task, Some("UPID:2".into()));
        assert_eq!(replay.maybe[0].site, "home");
        assert_eq!(replay.ledger.entries.keys().collect::<Vec<_>>(), ["vm/b"]);
    }

    #[test]
    fn what_was_deleted_leaves_the_ledger() {
        let mut ledger = Ledger::empty("home");
        ledger.entries.insert("vm/a".into(), entry(201));
        let replay = replay(ledger, [started("vm/a"), Record::Done { key: "vm/a".into(), entry: None }]);
        assert!(replay.ledger.entries.is_empty() && replay.maybe.is_empty());
    }

    #[test]
    fn a_replacement_cut_between_its_two_steps_is_not_in_the_ledger_and_not_a_maybe() {
        let mut ledger = Ledger::empty("home");
        ledger.entries.insert("vm/a".into(), entry(201));
        let records =
            [started("vm/a"), Record::Done { key: "vm/a".into(), entry: None }, started("vm/a"), started("vm/b")];
        let cut = replay(ledger.clone(), records[..2].to_vec());
        assert!(cut.ledger.entries.is_empty() && cut.maybe.is_empty());
        assert_eq!(keys(&replay(ledger, records)), ["vm/a", "vm/b"]);
    }

    proptest! {
        #[test]
        fn any_prefix_replays_and_replaying_it_again_changes_nothing(
            records in prop::collection::vec(any_record(), 0..30),
            cut in any::<prop::sample::Index>(),
        ) {
            let cut = cut.index(records.len() + 1);
            let once = replay(Ledger::empty("home"), records[..cut].to_vec());
            let twice = replay(once.ledger.clone(), records[..cut].to_vec());
            prop_assert_eq!(&once, &twice);
            for m in &once.maybe {
                let end = |r: &Record| match r {
                    Record::Done { key, .. } | Record::Failed { key, .. } => *key == m.key,
                    _ => false,
                };
                let last_start = records[..cut].iter().rposition(|r| *r == started(&m.key)).unwrap();
                prop_assert!(!records[last_start..cut].iter().any(end));
            }
        }
    }
}
