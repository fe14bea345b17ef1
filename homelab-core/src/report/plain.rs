//! Events for a file or a pipe: one line each, with the time since the start.
use super::{Event, Reporter, human, voice::Voice};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A percentage is said again when it has grown by this much.
const PERCENT_STEP: u8 = 10;

/// Prints a line for each event, without colours or cursor movements.
pub struct Plain {
    voice: Voice,
    began: Instant,
    /// What each running step said last: what it only repeats is not said again.
    said: Mutex<HashMap<String, (String, Option<u8>)>>,
}

impl Plain {
    /// A reporter whose clock starts now.
    #[must_use]
    pub fn new(voice: Voice) -> Self {
        Plain { voice, began: Instant::now(), said: Mutex::default() }
    }

    fn is_news(&self, key: &str, message: &str, percent: Option<u8>) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let news = match said.get(key) {
            Some((m, p)) if m == message => match (p, percent) {
                (Some(before), Some(now)) => {
                    now >= before.saturating_add(PERCENT_STEP) || (now == 100 && *before < 100)
                }
                (before, now) => *before != now,
            },
            _ => true,
        };
        if news {
            said.insert(key.to_owned(), (message.to_owned(), percent));
        }
        news
    }
}

impl Reporter for Plain {
    fn report(&self, event: &Event) {
        let news = match event {
            Event::Progress { key, message, percent } => self.is_news(key, message, *percent),
            _ => true,
        };
        if let Some(line) = line(event).filter(|_| news) {
            self.voice.line(format_args!("[{:>6}] {line}", human(self.began.elapsed())));
        }
    }
}

/// The event in a line; nothing for those that a summary tells.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { .. } | Event::RunFinished { .. } | Event::StepSkipped { because: None, .. } => return None,
        Event::Settling { key } => format!("{key}: waiting for what an interrupted run left working"),
        Event::StepStarted { key, action } => format!("{key}: {action}"),
        Event::Progress { key, message, percent: Some(percent) } => format!("{key}: {message} {percent}%"),
        Event::Progress { key, message, percent: None } => format!("{key}: {message}"),
        Event::Warning { key, message } => format!("{key}: warning: {message}"),
        Event::Retrying { key, attempt, of, reason, wait_ms } => {
            let wait = human(Duration::from_millis(*wait_ms));
            format!("{key}: try {attempt} of {of} failed: {reason}; once more in {wait}")
        }
        Event::StepDone { key, action, millis } => {
            format!("{key}: {} in {}", action.past(), human(Duration::from_millis(*millis)))
        }
        Event::StepFailed { key, action, message, .. } => format!("{key}: {action} failed: {message}"),
        Event::StepSkipped { key, because: Some(because), .. } => format!("{key}: not begun, because of {because}"),
        Event::Interrupted { level: 1, running } => format!(
            "interrupted: finishing what runs ({}), nothing new is begun; press again to leave it to the next run",
            running.len()
        ),
        Event::Interrupted { running, .. } => {
            format!("interrupted: leaving what runs ({}) to the next run", running.len())
        }
    })
}
