//! Tasks followed to their end.
use super::fake::{Fake, Reply, UPID, data, refused};
use homelab_proxmox::{
    client::{Progress, silent},
    http::{Request, Response},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

fn log(lines: &[&str], request: &Request) -> Reply {
    let number = |name: &str| -> usize {
        request.params.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok()).unwrap()
    };
    let page = lines.iter().enumerate().skip(number("start")).take(number("limit"));
    let page: Vec<Value> = page.map(|(n, line)| json!({ "n": n + 1, "t": line })).collect();
    let body = json!({ "data": page, "total": lines.len() }).to_string().into_bytes();
    Ok(Response { status: 200, reason: "OK".into(), content_type: "application/json".into(), body })
}

/// A server with one task that ends as `exit` says after so many looks at it.
fn server(looks: usize, exit: &'static str, lines: &'static [&'static str]) -> Arc<Fake> {
    let seen = Mutex::new(0);
    Fake::new(move |_, request| {
        if request.path.ends_with("/log") {
            return log(lines, request);
        }
        let mut seen = seen.lock().unwrap();
        *seen += 1;
        if *seen <= looks {
            data(json!({ "status": "running" }))
        } else {
            data(json!({ "status": "stopped", "exitstatus": exit }))
        }
    })
}

fn looks(fake: &Fake) -> usize {
    fake.sent().iter().filter(|request| request.path.ends_with("/status")).count()
}

#[tokio::test(start_paused = true)]
async fn a_short_task_is_seen_to_end_soon_and_without_reading_its_log() {
    let fake = server(2, "OK", &[]);
    let begin = Instant::now();
    let finished = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap();
    assert!(finished.warnings.is_empty());
    assert_eq!(begin.elapsed(), Duration::from_millis(50 + 50));
    assert_eq!(fake.count(), 3);
    assert!(fake.sent()[0].path.starts_with("/nodes/din/tasks/UPID%3Adin%3A"), "asked on its own node");
}

#[tokio::test(start_paused = true)]
async fn a_long_task_is_looked_at_in_tenths_of_its_time_and_its_lines_are_reported_once() {
    const LINES: &[&str] = &["create full clone of drive scsi0", "transferred 1.0 GiB of 10.0 GiB (10.00%)"];
    let fake = server(60, "OK", LINES);
    let reported = Mutex::new(Vec::new());
    let begin = Instant::now();
    let report = |progress: Progress| reported.lock().unwrap().push((progress.line, progress.percent));
    fake.pve().task(UPID.parse().unwrap()).wait(&report).await.unwrap();
    assert!(begin.elapsed() > Duration::from_secs(20) && begin.elapsed() < Duration::from_secs(40));
    let expected = [(LINES[0].to_owned(), None), (LINES[1].to_owned(), Some(10.0))];
    assert_eq!(*reported.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_brings_the_end_of_its_log() {
    let fake = server(
        0,
        "failed to stat '/var/lib/vz/import/none.qcow2'",
        &[
            "update VM 7062: -scsi1 local:0,import-from=local:import/none.qcow2",
            "failed to stat '/var/lib/vz/import/none.qcow2'",
            "TASK ERROR: failed to stat '/var/lib/vz/import/none.qcow2'",
        ],
    );
    let error = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap_err();
    assert!(!error.is_transient() && !error.may_have_happened());
    insta::assert_snapshot!(error, @r"
    cannot finish task qmclone of 9000 on din: the task failed: failed to stat '/var/lib/vz/import/none.qcow2'
      | update VM 7062: -scsi1 local:0,import-from=local:import/none.qcow2
    ");
}

#[tokio::test(start_paused = true)]
async fn only_the_end_of_a_long_log_is_read() {
    const LINES: &[&str] = &["noise"; 1200];
    let fake = server(0, "no space left on device", LINES);
    let error = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap_err();
    assert_eq!(error.to_string().matches("| noise").count(), 20);
    assert_eq!(fake.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn warnings_are_brought_up() {
    let fake = server(0, "WARNINGS: 1", &["ok", "WARN: iothread is only valid with virtio disk", "TASK WARNINGS: 1"]);
    let finished = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap();
    assert_eq!(finished.warnings, ["WARN: iothread is only valid with virtio disk"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_the_server_cannot_tell_is_looked_at_twice_more_and_then_unclear() {
    let fake = server(0, "unexpected status", &[]);
    let error = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap_err();
    assert_eq!(looks(&fake), 3);
    assert!(error.may_have_happened());
    insta::assert_snapshot!(error, @"cannot finish task qmclone of 9000 on din: the server lost track of the task: unexpected status (UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:)");

    let fake = Fake::new(|n, _| {
        data(json!({ "status": "stopped", "exitstatus": if n < 2 { "unexpected status" } else { "OK" } }))
    });
    fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_met_a_lock_may_be_tried_again() {
    let fake = server(0, "can't lock file '/var/lock/pve-manager/pve-storage-nfs' - got timeout", &[]);
    let error = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap_err();
    assert!(error.is_transient() && !error.may_have_happened());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_end_is_told_and_left_alone() {
    let fake = server(usize::MAX, "OK", &[]);
    let task = fake.pve().task(UPID.parse().unwrap());
    let error = task.wait_at_most(Duration::from_secs(60), &silent).await.unwrap_err();
    assert!(error.may_have_happened());
    assert!(fake.sent().iter().all(|request| request.method.as_str() == "GET"));
    insta::assert_snapshot!(error, @"cannot finish task qmclone of 9000 on din: the task is still running after 60 seconds (UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:)");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_can_no_longer_be_followed_may_have_happened() {
    let fake = Fake::new(|_, _| refused(595, "No route to host"));
    let error = fake.pve().task(UPID.parse().unwrap()).wait(&silent).await.unwrap_err();
    assert!(error.may_have_happened() && error.is_transient());
    insta::assert_snapshot!(error, @"cannot finish task qmclone of 9000 on din: the task was started, but it cannot be followed: No route to host (status 595) (UPID:din:0003B2C1:00A1B2C3:6650A1B2:qmclone:9000:root@pam!terraform:)");
}

#[tokio::test(start_paused = true)]
async fn nothing_instead_of_a_task_means_done() {
    let fake = Fake::new(|_, _| data(Value::Null));
    let permit = homelab_core::Permit::for_tests();
    let task = fake.pve().make_template(&permit, "din", 9000).await.unwrap();
    assert_eq!(task.upid(), None);
    task.wait(&silent).await.unwrap();
    assert_eq!(fake.count(), 1);
}
