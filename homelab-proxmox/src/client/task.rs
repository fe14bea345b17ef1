//! Tasks: what the server does in the background, waited for and followed.
use super::{Reader, Upid, call::Call, call::Params, call::path};
use crate::{
    api::scalar,
    error::{Cause, Error, Result},
};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The shortest pause between two looks at a task. A pause is a tenth of what was waited already, so that its end is noticed a
/// twentieth too late on average.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a task is waited for. Full clones and downloads of large disks take hours on slow disks.
const TASK_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// A task that runs for longer is followed in its log: most end sooner, and a second call for each would be waste.
const FOLLOW_AFTER: Duration = Duration::from_secs(1);
/// How many lines of log are asked for at once.
const LOG_PAGE: u64 = 500;
/// How many lines of its log go into the error of a failed task.
const LOG_TAIL: u64 = 20;
/// How often a task whose end the server cannot tell is looked at again.
const UNCLEAR_LOOKS: u32 = 2;

/// One new line in the log of a running task.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The line.
    pub line: String,
    /// How far the task is, 0 to 100, if the line says so: `transferred 1.2 GiB of 10.0 GiB (12.00%)`.
    pub percent: Option<f32>,
}

impl Progress {
    fn of(line: String) -> Self {
        let percent = percent(&line);
        Progress { line, percent }
    }
}

/// Where progress goes to.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// For tasks whose progress nobody wants to see.
pub fn silent(_: Progress) {}

/// The end of a task that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// What it warned of: to be shown.
    pub warnings: Vec<String>,
}

/// Something that the server was told to do.
#[must_use = "what was started must be waited for"]
pub struct Task {
    reader: Reader,
    operation: &'static str,
    object: String,
    upid: Option<Upid>,
}

/// The state of a task.
#[derive(Clone, Debug, Deserialize)]
pub struct TaskStatus {
    /// `running` or `stopped`.
    #[serde(deserialize_with = "scalar")]
    pub status: String,
    /// `OK`, `WARNINGS: n`, or what went wrong; absent while it runs.
    #[serde(default, deserialize_with = "scalar")]
    pub exitstatus: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(deserialize_with = "scalar")]
    t: String,
}

/// How long to wait until the next look at what was waited for so long already.
pub(crate) fn pause_after(waited: Duration) -> Duration {
    (waited / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

impl Task {
    pub(crate) fn new(reader: Reader, operation: &'static str, object: String, upid: Option<Upid>) -> Self {
        Task { reader, operation, object, upid }
    }

    /// The task's id, to be noted before waiting: with it a later run can take up the waiting. Nothing if the server was
    /// done at once.
    #[must_use]
    pub fn upid(&self) -> Option<&Upid> {
        self.upid.as_ref()
    }

    /// Waits until the task ends, for at most six hours.
    ///
    /// # Errors
    /// If the task failed, with the end of its log; if it cannot be followed; if it takes longer.
    pub async fn wait(&self, progress: OnProgress<'_>) -> Result<Finished> {
        self.wait_at_most(TASK_LIMIT, progress).await
    }

    /// Waits until the task ends, but no longer than `limit`.
    ///
    /// # Errors
    /// As [`wait`](Task::wait).
    pub async fn wait_at_most(&self, limit: Duration, progress: OnProgress<'_>) -> Result<Finished> {
        let Some(upid) = &self.upid else { return Ok(Finished::default()) };
        let started = Instant::now();
        let (mut unclear, mut seen) = (0, 0);
        loop {
            let status = self.reader.task_status(upid).await.map_err(|reason| self.unwatched(upid, reason))?;
            match status.exitstatus.as_deref().map(str::trim) {
                _ if status.status != "stopped" => {}
                Some("OK") => return Ok(Finished::default()),
                Some(exit) if is_warning(exit) => return Ok(Finished { warnings: self.warnings(upid).await }),
                exit if exit.is_none_or(is_unclear) => {
                    if unclear == UNCLEAR_LOOKS {
                        let exit = exit.unwrap_or("it ended without a status").to_owned();
                        return Err(self.failed(Cause::TaskUnclear { upid: Box::new(upid.clone()), exit }));
                    }
                    unclear += 1;
                }
                exit => {
                    let exit = exit.unwrap_or_default().to_owned();
                    let log = self.reader.task_log_tail(upid, LOG_TAIL).await.unwrap_or_default();
                    return Err(self.failed(Cause::Task { upid: Box::new(upid.clone()), exit, log }));
                }
            }
            if started.elapsed() >= limit {
                return Err(self.failed(Cause::TaskSlow { upid: Box::new(upid.clone()), waited: limit }));
            }
            if started.elapsed() >= FOLLOW_AFTER {
                seen += self.follow(upid, seen, progress).await;
            }
            sleep(pause_after(started.elapsed())).await;
        }
    }

    /// Reports new lines, and gives back how many. Progress is no reason to fail.
    async fn follow(&self, upid: &Upid, seen: u64, progress: OnProgress<'_>) -> u64 {
        let Ok((lines, _)) = self.reader.task_log(upid, seen, LOG_PAGE).await else { return 0 };
        let lines: Vec<_> = lines.into_iter().filter(|line| !(seen == 0 && line == "no content")).collect();
        let count = lines.len() as u64;
        lines.into_iter().map(Progress::of).for_each(progress);
        count
    }

    /// The warnings in the log. That there were some is known even if the log cannot be read.
    async fn warnings(&self, upid: &Upid) -> Vec<String> {
        let (lines, _) = self.reader.task_log(upid, 0, LOG_PAGE).await.unwrap_or_default();
        let warnings: Vec<_> = lines.into_iter().filter(|line| line.starts_with("WARN")).collect();
        if warnings.is_empty() { vec![format!("task {upid} ended with warnings: see its log")] } else { warnings }
    }

    fn failed(&self, cause: Cause) -> Error {
        Error::new(self.operation, &self.object, cause, 1)
    }

    fn unwatched(&self, upid: &Upid, reason: Error) -> Error {
        self.failed(Cause::TaskUnwatched { upid: Box::new(upid.clone()), reason: Box::new(reason) })
    }
}

impl Reader {
    /// Takes up a task by its id, such as one that an earlier run noted.
    pub fn task(&self, upid: Upid) -> Task {
        Task::new(self.clone(), "finish", format!("task {} of {} on {}", upid.kind, upid.id, upid.node), Some(upid))
    }

    /// The state of a task, always fresh.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn task_status(&self, upid: &Upid) -> Result<TaskStatus> {
        let path = path(&[&"nodes", &upid.node, &"tasks", upid, &"status"]);
        self.fresh(Call::get("look at", format!("task {upid}"), path)).await
    }

    /// Up to `limit` lines of a task's log from line `start` (from 0), and how many there are. Always fresh.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn task_log(&self, upid: &Upid, start: u64, limit: u64) -> Result<(Vec<String>, u64)> {
        let path = path(&[&"nodes", &upid.node, &"tasks", upid, &"log"]);
        let call = Call::get("read the log of", format!("task {upid}"), path);
        let call = call.with(Params::new().set("start", start).set("limit", limit));
        let answer = self.core.call(&call).await?;
        let total = answer.total.unwrap_or_default();
        let lines: Vec<Line> = answer.decode().map_err(|cause| Error::new(call.operation, call.object, cause, 1))?;
        Ok((lines.into_iter().map(|line| line.t).collect(), total))
    }

    /// The last lines of a task's log.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn task_log_tail(&self, upid: &Upid, count: u64) -> Result<Vec<String>> {
        let (mut lines, total) = self.task_log(upid, 0, LOG_PAGE).await?;
        if total > LOG_PAGE {
            lines = self.task_log(upid, total - count.min(total), count).await?.0;
        }
        let excess = lines.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        lines.drain(..excess);
        Ok(lines)
    }
}

fn is_warning(exit: &str) -> bool {
    exit.strip_prefix("WARNINGS: ").is_some_and(|count| count.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_unclear(exit: &str) -> bool {
    exit == "unexpected status" || exit.starts_with("unable to get last line from task log")
}

/// The last percentage in a line: of a clone, `(12.00%)`, or of a download, `12% 25.3M 5s`.
fn percent(line: &str) -> Option<f32> {
    let number =
        |part: &str| part.trim_start_matches('(').parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    line.split_whitespace().rev().find_map(|word| number(word.trim_end_matches([',', ')']).strip_suffix('%')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_the_lines_that_tell_it() {
        for (line, expected) in [
            ("transferred 1.2 GiB of 10.0 GiB (12.00%)", Some(12.0)),
            ("drive-scsi0: transferred 1.0 GiB of 8.0 GiB (12.50%) in 3s", Some(12.5)),
            (" 98304K ........ ........ ........ ........ 37%  101M 5s", Some(37.0)),
            ("progress 10% (read 429522944 bytes, duration 1 sec)", Some(10.0)),
            ("create full clone of drive scsi0 (local:9000/base-9000-disk-1.qcow2)", None),
            ("100x%", None),
        ] {
            assert_eq!(percent(line), expected, "{line}");
        }
    }
}
