//! What a run tells of itself: events, and who shows them. One place prints.
mod json;
mod live;
mod plain;
mod voice;

use crate::{Failure, Nature, plan::Action};
use serde::Serialize;
use std::time::Duration;

pub use json::Json;
pub use live::Live;
pub use plain::Plain;
pub use voice::Voice;

/// The version of the event stream. It rises when a field changes its meaning; new fields may come without it.
pub const EVENTS_VERSION: u32 = 1;

/// Something that happened in a run. As JSON (one object a line, `--json`) this is an interface that others may rely on.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins.
    RunStarted {
        /// [`EVENTS_VERSION`].
        version: u32,
        /// The lab.
        lab: String,
        /// `deploy`, `destroy`.
        verb: String,
        /// `sandbox`, `live`.
        mode: String,
        /// How many steps there are.
        steps: usize,
    },
    /// An earlier run was cut short; what it left working is waited for.
    Settling {
        /// The resource.
        key: String,
    },
    /// A step begins.
    StepStarted {
        /// The resource.
        key: String,
        /// What is done; of a replacement first `delete`, then `create`.
        action: Action,
    },
    /// A step says what it does or waits for.
    Progress {
        /// The resource.
        key: String,
        /// What.
        message: String,
        /// How far, 0 to 100, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        percent: Option<u8>,
    },
    /// Something that worked and that a person should know all the same.
    Warning {
        /// The resource.
        key: String,
        /// What.
        message: String,
    },
    /// A step did not work, may work on another try, and gets one.
    Retrying {
        /// The resource.
        key: String,
        /// The try that failed, from 1.
        attempt: u32,
        /// How many there are.
        of: u32,
        /// Why it failed.
        reason: String,
        /// How long until the next, in milliseconds.
        wait_ms: u64,
    },
    /// A step is done and was checked.
    StepDone {
        /// The resource.
        key: String,
        /// What was done; `keep` if it turned out that nothing had to be.
        action: Action,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A step did not work.
    StepFailed {
        /// The resource.
        key: String,
        /// What was to be done.
        action: Action,
        /// What it means: `rolled_back` is the one after which all is as it was.
        nature: Nature,
        /// What went wrong.
        message: String,
        /// The way out.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// More for the curious.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        detail: Vec<String>,
    },
    /// A step was not begun, because of another that failed.
    StepSkipped {
        /// The resource.
        key: String,
        /// What was to be done.
        action: Action,
        /// The resource whose failure it is due to; nothing if the run was interrupted.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Ctrl-C: first, nothing new is begun; second, what runs is left for the next run.
    Interrupted {
        /// 1 or 2.
        level: u8,
        /// The resources whose steps are running.
        running: Vec<String>,
    },
    /// A run ends.
    RunFinished {
        /// Steps done.
        done: usize,
        /// Steps failed.
        failed: usize,
        /// Steps not begun.
        skipped: usize,
        /// How long it took, in milliseconds.
        millis: u64,
    },
}

impl Event {
    pub(crate) fn failed(key: &str, action: Action, failure: &Failure) -> Event {
        Event::StepFailed {
            key: key.to_owned(),
            action,
            nature: failure.nature,
            message: failure.message.clone(),
            hint: failure.hint.clone(),
            detail: failure.detail.clone(),
        }
    }
}

/// Shows events. Called from one task; must not block for long.
pub trait Reporter: Send + Sync {
    /// Shows one event.
    fn report(&self, event: &Event);
}

/// Shows nothing.
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Event) {}
}

/// A duration at a glance: `0.3s`, `42s`, `3m 05s`, `1h 12m`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", (duration.as_secs_f64() * 10.0).floor() / 10.0),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_at_a_glance() {
        let said = [350, 9_990, 42_000, 185_000, 4_320_000].map(|ms| human(Duration::from_millis(ms)));
        assert_eq!(said, ["0.3s", "9.9s", "42s", "3m 05s", "1h 12m"]);
    }
}
