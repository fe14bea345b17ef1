//! Tests of the journal's file: durability, group commit, paused time, damage, disks that refuse.
use super::*;
use crate::{
    journal::{
        event::tests::{any_record, started},
        replay,
    },
    ledger::{Ledger, tests::entry},
};
use futures_util::FutureExt;
use proptest::prelude::*;
use std::{os::unix::fs::PermissionsExt, time::Duration};

fn done(key: &str) -> Record {
    Record::Done { key: key.into(), entry: Some(entry(201)) }
}

fn open(path: &Path) -> (Journal, Vec<Record>) {
    Journal::open(path, Redactor::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_was_appended_is_on_the_disk_when_append_returns() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let (journal, before) = open(&path);
    assert_eq!(before, []);
    journal.append(started("vm/a")).await.unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [started("vm/a")]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn a_lazy_record_goes_with_the_next_commit_and_keeps_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let (journal, _) = open(&path);
    journal.append(started("vm/a")).await.unwrap();
    journal.append_lazily(done("vm/a"));
    journal.append(started("vm/b")).await.unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [started("vm/a"), done("vm/a"), started("vm/b")]);
    journal.append_lazily(done("vm/b"));
    drop(journal);
    assert_eq!(Journal::read(&path).unwrap().len(), 4, "dropping it writes what is queued");
}

#[tokio::test(start_paused = true)]
async fn many_steps_at_once_each_find_their_records_in_order_and_the_paused_clock_stands_still() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let (journal, _) = open(&path);
    let journal = Arc::new(journal);
    let before = tokio::time::Instant::now();
    let steps = (0..20).map(|n| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let key = format!("vm/{n}");
            journal.append(started(&key)).await.unwrap();
            journal.append(done(&key)).await.unwrap();
        })
    });
    // Were the clock to run on while the disk is busy, this would be over first.
    let all = futures_util::future::join_all(steps.collect::<Vec<_>>());
    let ended = tokio::time::timeout(Duration::from_secs(3600), all).await.expect("no deadlock");
    ended.into_iter().for_each(|step| step.unwrap());
    assert_eq!(before.elapsed(), Duration::ZERO);
    let replay = replay(Ledger::empty("home"), Journal::read(&path).unwrap());
    assert_eq!((replay.ledger.entries.len(), replay.maybe.len()), (20, 0));
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_an_append_loses_neither_its_record_nor_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let (journal, _) = open(&path);
    assert!(journal.append(started("vm/a")).now_or_never().is_none(), "it is dropped while it waits");
    journal.append(started("vm/b")).await.unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [started("vm/a"), started("vm/b")]);
}

#[tokio::test(start_paused = true)]
async fn a_retired_journal_is_kept_as_the_last_one_and_the_next_run_starts_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    for run in ["r1", "r2"] {
        let (journal, before) = open(&path);
        assert_eq!(before, []);
        journal.append_lazily(Record::Closed { run: run.into() });
        journal.retire().unwrap();
        assert!(!path.exists());
        let last = Journal::read(&dir.path().join("journal.last.jsonl")).unwrap();
        assert_eq!(last, [Record::Closed { run: run.into() }]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_fails_this_append_and_all_later_ones_and_retiring() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    // Every write to this device fails as on a full disk.
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let journal = Journal::over(full, &path, Redactor::default());
    journal.append_lazily(started("vm/a"));
    let error = journal.append(started("vm/b")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write to the journal {}: the disk is full", path.display()));
    assert!(error.hint().starts_with("free some space"));
    assert!(journal.append(started("vm/c")).await.is_err());
    assert!(journal.retire().is_err());
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_the_same_commit_all_hear_of_its_failure() {
    let dir = tempfile::tempdir().unwrap();
    let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let journal = Journal::over(full, &dir.path().join("journal.jsonl"), Redactor::default());
    let all = (0..10).map(|n| journal.append(started(&format!("vm/{n}")))).collect::<Vec<_>>();
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_err));
}

#[tokio::test(start_paused = true)]
async fn no_secret_reaches_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let redactor = Redactor::default();
    let (journal, _) = Journal::open(&path, redactor.clone()).unwrap();
    redactor.learn(&"s3cret-value".into());
    let mut entry = entry(201);
    entry.data = vec!["a pool named s3cret-value".into()];
    journal.append_lazily(Record::Noted { key: "vm/a".into(), task: serde_json::json!({"log": "s3cret-value"}) });
    journal.append_lazily(Record::Done { key: "vm/a".into(), entry: Some(entry) });
    journal.append(Record::Failed { key: "vm/a".into(), error: "bad password s3cret-value".into() }).await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("s3cret") && text.matches("***").count() == 3, "{text}");
}

#[test]
fn a_line_damaged_in_the_middle_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let text = [started("vm/a"), started("vm/b"), started("vm/c")].map(|r| r.line()).concat();
    fs::write(&path, text.replace("vm/b", "vm/x")).unwrap();
    let error = Journal::open(&path, Redactor::default()).unwrap_err();
    assert!(matches!(&error, JournalError::Damaged { line: 2, why: Damage::Torn, .. }), "{error}");
    assert!(error.to_string().ends_with("journal.jsonl is damaged at line 2: its checksum does not match"));
    assert!(error.hint().contains("state rebuild"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text.replace("vm/b", "vm/x"), "and nothing was cut away");
}

#[tokio::test(start_paused = true)]
async fn a_torn_tail_is_cut_away_before_anything_is_appended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let torn = format!("{}{}", started("vm/a").line(), &done("vm/a").line()[..40]);
    fs::write(&path, &torn).unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [started("vm/a")]);
    assert_eq!(fs::read_to_string(&path).unwrap(), torn, "reading changes nothing");
    let (journal, before) = open(&path);
    assert_eq!(before, [started("vm/a")]);
    journal.append(started("vm/b")).await.unwrap();
    assert_eq!(Journal::read(&path).unwrap(), [started("vm/a"), started("vm/b")]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_journal_cut_anywhere_gives_exactly_the_records_that_are_whole(
        records in prop::collection::vec(any_record(), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let text: String = records.iter().map(Record::line).collect();
        let cut = cut.index(text.len() + 1);
        fs::write(&path, &text.as_bytes()[..cut]).unwrap();
        let whole = text.as_bytes()[..cut].iter().filter(|b| **b == b'\n').count();
        prop_assert_eq!(&Journal::read(&path).unwrap()[..], &records[..whole]);
    }
}
