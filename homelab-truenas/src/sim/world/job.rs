//! Jobs: no threads, only a start, an end, and what is done then.
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sim) enum State {
    /// It waits for a lock.
    Waiting,
    /// It works.
    Running,
    /// It is over.
    Success,
    /// It is over, and went wrong.
    Failed,
    /// Somebody stopped it.
    Aborted,
}

impl State {
    /// As the API writes it.
    pub(in crate::sim) fn word(self) -> &'static str {
        match self {
            State::Waiting => "WAITING",
            State::Running => "RUNNING",
            State::Success => "SUCCESS",
            State::Failed => "FAILED",
            State::Aborted => "ABORTED",
        }
    }
}

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct SimJob {
    pub(in crate::sim) id: i64,
    pub(in crate::sim) method: String,
    pub(in crate::sim) params: Vec<Value>,
    /// The ids of the messages that started it.
    pub(in crate::sim) messages: Vec<Value>,
    pub(in crate::sim) state: State,
    pub(in crate::sim) lock: Option<String>,
    pub(in crate::sim) begun: u64,
    /// How long it works once it has its lock.
    pub(in crate::sim) takes: u64,
    pub(in crate::sim) ends: u64,
    pub(in crate::sim) percent: u64,
    pub(in crate::sim) result: Value,
    pub(in crate::sim) error: Option<String>,
    pub(in crate::sim) exc_info: Value,
    pub(in crate::sim) user: String,
}

impl SimJob {
    /// Whether anything happens to it any more.
    pub(in crate::sim) fn is_over(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Running)
    }
}
