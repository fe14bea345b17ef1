//! Whether replications have brought their snapshots over lately.
use serde_json::{Map, Value};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is wrong with a row of `replication.query`, in words.
pub(super) fn trouble(task: &Map<String, Value>, now: Duration) -> Option<String> {
    let name = task.get("name").and_then(Value::as_str).unwrap_or_default();
    let state = |field: &str| task.get("state").and_then(|state| state.get(field));
    let word = state("state").and_then(Value::as_str).unwrap_or("PENDING");
    if word == "ERROR" {
        let why = state("error").and_then(Value::as_str).unwrap_or("it does not say why");
        return Some(format!("replication {name} failed: {why}"));
    }
    let is_waited_for = task.get("enabled") == Some(&Value::Bool(true)) && !["RUNNING", "WAITING"].contains(&word);
    if !is_waited_for {
        return None;
    }
    let at = state("datetime").and_then(|at| at.get("$date")).and_then(Value::as_u64).map(Duration::from_millis);
    let Some(at) = at.filter(|_| word == "FINISHED") else {
        let id = task.get("id").cloned().unwrap_or_default();
        return Some(format!(
            "replication {name} has brought nothing over yet: `truenas call --yes replication.run {id}` does it now"
        ));
    };
    let since = now.saturating_sub(at);
    (since > pace(task) + DAY).then(|| {
        format!("replication {name} worked last {} days ago, and should every {}", since.as_secs() / DAY.as_secs(), {
            let days = pace(task).as_secs() / DAY.as_secs();
            if days == 1 { "day".to_owned() } else { format!("{days} days") }
        })
    })
}

/// Whether it has ever come to an end.
pub(super) fn has_run(task: &Map<String, Value>) -> bool {
    let word = task.get("state").and_then(|state| state.get("state")).and_then(Value::as_str);
    matches!(word, Some("FINISHED" | "ERROR"))
}

/// How often it should run at least: by its own schedule, or by that of its snapshots.
fn pace(task: &Map<String, Value>) -> Duration {
    let own = task.get("schedule").filter(|schedule| schedule.is_object());
    let bound = || task.get("periodic_snapshot_tasks")?.get(0)?.get("schedule");
    let schedule = own.or_else(bound);
    let set = |field: &str| {
        let word = schedule.and_then(|schedule| schedule.get(field)).and_then(Value::as_str);
        word.is_some_and(|word| word != "*")
    };
    let days = match () {
        () if set("month") => 366,
        () if set("dom") => 31,
        () if set("dow") => 7,
        () => 1,
    };
    days * DAY
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(state: Value, dow: &str, days: u32) -> Option<String> {
        let task = json!({"id": 3, "name": "media", "enabled": true, "state": state, "schedule": null,
            "periodic_snapshot_tasks": [{"id": 1, "schedule": {"minute": "0", "hour": "2", "dom": "*", "month": "*", "dow": dow}}]});
        trouble(task.as_object().expect("it is a row"), days * DAY)
    }

    #[test]
    fn what_failed_or_never_worked_or_not_for_long_is_told() {
        let worked = || json!({"state": "FINISHED", "datetime": {"$date": 0}, "last_snapshot": "bulk/media@auto"});
        assert_eq!(told(worked(), "*", 2), None);
        assert_eq!(told(worked(), "*", 3).unwrap(), "replication media worked last 3 days ago, and should every day");
        assert_eq!(told(worked(), "7", 8), None);
        assert_eq!(
            told(worked(), "7", 9).unwrap(),
            "replication media worked last 9 days ago, and should every 7 days"
        );
        assert!(
            told(json!({"state": "PENDING"}), "*", 0)
                .unwrap()
                .ends_with("`truenas call --yes replication.run 3` does it now")
        );
        assert_eq!(told(json!({"state": "RUNNING"}), "*", 9), None);
        let failed = json!({"state": "ERROR", "error": "No route to host"});
        assert_eq!(told(failed, "*", 0).unwrap(), "replication media failed: No route to host");
    }
}
