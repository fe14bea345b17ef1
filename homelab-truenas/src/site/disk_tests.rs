//! What the tests that disks do of themselves have found.
//!
//! Until 25.10 the NAS reads the log of each disk out (`smart.test.results`, truenas-notes section 5). From then on no method tells
//! results: the NAS looks into the logs itself every 90 minutes and raises an alert whose class begins with `SMART`, a mere warning that
//! names the disk (`alert/source/smart.py` of the middleware).
use crate::{Nas, resource::release};
use homelab_core::Failure;
use serde_json::{Map, Value, json};

/// How the classes of alerts begin that are about the disks themselves.
const ALERTS: &str = "SMART";

/// What is known of all disks.
#[derive(Debug, Default)]
pub(super) struct DiskTests {
    /// One line for `status`.
    pub(super) line: String,
    /// The disks that have failed, in words.
    pub(super) failed: Vec<String>,
    /// For programs: the last test of each disk; nothing where the NAS tells none.
    pub(super) value: Value,
}

/// Asks what there is to know. `alerts` is what the NAS warns of, and `disks` names the serial numbers.
pub(super) async fn look(
    nas: &Nas,
    version: &str,
    alerts: &[Map<String, Value>],
    disks: &[Map<String, Value>],
) -> Result<DiskTests, Failure> {
    if release::is_old_version(version) != Some(true) {
        return Ok(by_alerts(alerts));
    }
    let logs = nas.fresh::<Vec<Map<String, Value>>>("smart.test.results", vec![]).await?;
    Ok(by_logs(&logs.unwrap_or_default(), disks))
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an alert is about a disk's own health.
pub(super) fn is_of_a_disk(alert: &Map<String, Value>) -> bool {
    text(alert, "klass").starts_with(ALERTS)
}

fn by_alerts(alerts: &[Map<String, Value>]) -> DiskTests {
    let open = alerts.iter().filter(|alert| alert.get("dismissed") != Some(&Value::Bool(true)) && is_of_a_disk(alert));
    let failed: Vec<String> = open.map(|alert| format!("disk: {}", text(alert, "formatted"))).collect();
    let line = match failed.len() {
        0 => "disk tests: no disk has failed one (this release tells no more)".to_owned(),
        n => format!("disk tests: warnings about {n}"),
    };
    DiskTests { line, failed, value: Value::Null }
}

/// The newest test in a disk's log that came to an end: tests are numbered from 1, the newest first. One that was broken off (by a
/// restart, or by somebody) says nothing about the disk, although the NAS calls it failed too.
fn last(log: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let tests = log.get("tests")?.as_array()?.iter().filter_map(Value::as_object);
    let broken_off = |test: &Map<String, Value>| {
        let said = text(test, "status_verbose").to_ascii_lowercase();
        said.starts_with("abort") || said.starts_with("interrupt")
    };
    let ended = tests.filter(|test| text(test, "status") != "RUNNING" && !broken_off(test));
    ended.min_by_key(|test| test.get("num").and_then(Value::as_i64))
}

fn by_logs(logs: &[Map<String, Value>], disks: &[Map<String, Value>]) -> DiskTests {
    let (mut passed, mut failed, mut told) = (0, vec![], vec![]);
    for (log, test) in logs.iter().filter_map(|log| Some((log, last(log)?))) {
        let name = text(log, "disk");
        let serial = disks.iter().find(|disk| text(disk, "name") == name).map_or("", |disk| text(disk, "serial"));
        if text(test, "status") == "FAILED" {
            let (what, said) = (text(test, "description"), text(test, "status_verbose"));
            failed.push(format!("disk {serial} ({name}) failed its last test, {what}: {said}"));
        } else {
            passed += 1;
        }
        told.push(json!({"disk": name, "serial": serial, "test": test}));
    }
    let line = match told.len() {
        0 => "disk tests: none has come to its end yet".to_owned(),
        _ => format!("disk tests: the last one was passed by {passed}, failed by {}", failed.len()),
    };
    DiskTests { line, failed, value: told.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(value: Value) -> Vec<Map<String, Value>> {
        serde_json::from_value(value).expect("they are rows")
    }

    #[test]
    fn of_a_disk_s_log_the_newest_test_counts_that_came_to_an_end() {
        let test = |num: u32, status: &str, said: &str| json!({"num": num, "status": status, "status_verbose": said, "description": "Short offline"});
        let log = |disk: &str, tests: Value| json!({"disk": disk, "tests": tests});
        let good = || test(2, "SUCCESS", "Completed without error");
        let logs = rows(json!([
            log("sda", json!([test(1, "RUNNING", "Self-test routine in progress"), good()])),
            log("sdb", json!([test(1, "FAILED", "Aborted by host"), good()])),
            log("sdc", json!([good(), test(1, "FAILED", "Completed: read failure")])),
            log("sdd", json!([test(1, "RUNNING", "Self-test routine in progress")])),
        ]));
        let seen = by_logs(&logs, &rows(json!([{"name": "sdc", "serial": "WD-3"}])));
        assert_eq!(seen.failed, ["disk WD-3 (sdc) failed its last test, Short offline: Completed: read failure"]);
        assert_eq!(seen.line, "disk tests: the last one was passed by 2, failed by 1");
    }

    #[test]
    fn an_alert_about_a_disk_counts_whatever_its_level_until_somebody_dismisses_it() {
        let alert = |klass: &str, dismissed: bool| json!({"klass": klass, "level": "WARNING", "dismissed": dismissed, "formatted": "sdc (WD-3) failed a SMART selftest."});
        let seen = by_alerts(&rows(json!([alert("SMARTFailedSelfTest", false), alert("NTPHealthCheck", false)])));
        assert_eq!(seen.failed, ["disk: sdc (WD-3) failed a SMART selftest."]);
        assert!(by_alerts(&rows(json!([alert("SMARTFailedSelfTest", true)]))).failed.is_empty());
    }
}
