//! The records of a journal and their lines: JSON, with a short checksum first, so that a torn line is known for one.
use crate::{ledger::Entry, redact::Redactor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// A run begins.
    Opened {
        /// A name for the run.
        run: String,
        /// `deploy`, `destroy`.
        verb: String,
        /// When, RFC 3339 in UTC.
        at: String,
        /// The process.
        pid: u32,
    },
    /// A step's effect is about to happen.
    Started {
        /// The resource's key.
        key: String,
        /// What is done to it: `create`, `update`, `delete`.
        action: String,
        /// The resource's kind: together with site and id it is enough to find the thing, should its line of code be
        /// gone by the time somebody looks.
        kind: String,
        /// The site that it lives at.
        site: String,
        /// How it is found there, as far as it is known beforehand.
        id: Option<Value>,
    },
    /// Work goes on outside of this program, and this is how to wait for it.
    Noted {
        /// The resource's key.
        key: String,
        /// The provider's own words, a task id for instance.
        task: Value,
    },
    /// A step is over and was checked: the thing is as `entry` says, or gone.
    Done {
        /// The resource's key.
        key: String,
        /// What the ledger holds from now on; `None`: nothing.
        entry: Option<Entry>,
    },
    /// A step is over, and did not work; nothing of it goes on any more. What the ledger says of its key stays.
    Failed {
        /// The resource's key.
        key: String,
        /// Why.
        error: String,
    },
    /// The run has ended in good order.
    Closed {
        /// The name of the run.
        run: String,
    },
}

/// Why a line is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It is not what was written.
    #[error("its checksum does not match")]
    Torn,
    /// It is what was written, but not by a version of the program that we know.
    #[error("it is of a kind that this version does not know")]
    Unknown,
}

const START: &str = "{\"sum\":\"";
const SUM: usize = 8;
const END: &str = "\",";

impl Record {
    /// The line, with its end: `{"sum":"5ff1c3a0","event":"closed","run":"r1"}`.
    pub(crate) fn line(&self) -> String {
        let json = serde_json::to_string(self).expect("a record is made of text, numbers and JSON");
        let rest = &json[1..];
        format!("{START}{}{END}{rest}\n", sum(rest.as_bytes()))
    }

    /// Reads a line back, given without its end.
    pub(crate) fn parse(line: &[u8]) -> Result<Record, Damage> {
        let rest = line.strip_prefix(START.as_bytes()).ok_or(Damage::Torn)?;
        let (found, rest) = rest.split_at_checked(SUM).ok_or(Damage::Torn)?;
        let rest = rest.strip_prefix(END.as_bytes()).ok_or(Damage::Torn)?;
        if found != sum(rest).as_bytes() {
            return Err(Damage::Torn);
        }
        serde_json::from_slice(&[b"{", rest].concat()).map_err(|_| Damage::Unknown)
    }

    /// Without secrets in what others have worded: the error, the noted task, the description of data. Keys, kinds and
    /// identities come from the lab's code, where a secret is only ever a name, and must stay exact.
    pub(crate) fn redacted(mut self, redactor: &Redactor) -> Record {
        match &mut self {
            Record::Failed { error, .. } => redactor.clean(error),
            Record::Noted { task, .. } => redactor.clean_value(task),
            Record::Done { entry: Some(entry), .. } => entry.data.iter_mut().for_each(|text| redactor.clean(text)),
            Record::Done { entry: None, .. }
            | Record::Started { .. }
            | Record::Opened { .. }
            | Record::Closed { .. } => {}
        }
        self
    }
}

/// The first 8 hex digits of SHA-256: against tearing and bit rot, not against people.
fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(SUM / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn started(key: &str) -> Record {
        Record::Started {
            key: key.into(),
            action: "create".into(),
            kind: "proxmox/vm".into(),
            site: "home".into(),
            id: Some(Value::from(201)),
        }
    }

    /// Any record over a handful of keys, so that they meet.
    pub(crate) fn any_record() -> impl Strategy<Value = Record> {
        let key = || prop::sample::select(vec!["vm/a", "vm/b", "vm/c"]).prop_map(String::from);
        let text = || ".{0,20}";
        let entry = any::<u32>().prop_map(crate::ledger::tests::entry);
        prop_oneof![
            (text(), text(), any::<u32>()).prop_map(|(run, verb, pid)| Record::Opened {
                run,
                verb,
                at: "2026-11-22T19:02:00Z".into(),
                pid
            }),
            key().prop_map(|key| started(&key)),
            (key(), text()).prop_map(|(key, task)| Record::Noted { key, task: Value::from(task) }),
            (key(), prop::option::of(entry)).prop_map(|(key, entry)| Record::Done { key, entry }),
            (key(), text()).prop_map(|(key, error)| Record::Failed { key, error }),
            text().prop_map(|run| Record::Closed { run }),
        ]
    }

    proptest! {
        #[test]
        fn every_record_is_read_back_from_its_line(record in any_record()) {
            let line = record.line();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(Record::parse(line.trim_end().as_bytes()), Ok(record));
        }

        #[test]
        fn one_wrong_byte_anywhere_is_noticed(
            record in any_record(),
            at in any::<prop::sample::Index>(),
            by in 1..=255u8,
        ) {
            let mut line = record.line().trim_end().as_bytes().to_vec();
            let at = at.index(line.len());
            line[at] ^= by;
            prop_assert_eq!(Record::parse(&line), Err(Damage::Torn));
        }
    }

    #[test]
    fn a_line_is_json_that_other_programs_read() {
        let json: Value = serde_json::from_str(&Record::Closed { run: "r1".into() }.line()).unwrap();
        assert_eq!(json["event"], "closed");
        assert_eq!(json["run"], "r1");
    }

    #[test]
    fn a_sound_line_of_an_unknown_kind_is_not_called_torn() {
        let rest = r#""event":"foretold","key":"vm/a"}"#;
        let line = format!("{START}{}{END}{rest}", sum(rest.as_bytes()));
        assert_eq!(Record::parse(line.as_bytes()), Err(Damage::Unknown));
    }
}
