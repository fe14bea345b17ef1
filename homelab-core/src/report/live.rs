//! Events for a terminal: a line for each running step, finished ones scroll away above, one line for the whole.
use super::{Event, Reporter, human, plain, voice::Voice};
use crate::plan::Palette;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

const TICK: Duration = Duration::from_millis(120);
const SPINNER: &str = "{spinner} {prefix:.bold} {wide_msg} {elapsed:.dim}";
const BAR: &str = "{spinner} {prefix:.bold} [{bar:20}] {percent:>3}% {wide_msg} {elapsed:.dim}";

/// Shows progress bars.
pub struct Live {
    voice: Voice,
    screen: MultiProgress,
    estimate: Duration,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    steps: usize,
    ended: usize,
    running: HashMap<String, ProgressBar>,
    whole: Option<ProgressBar>,
}

impl Live {
    /// A reporter that draws on `target`; what scrolls away is cleaned and painted as the voice does. About how long the
    /// longest chain of steps takes is `estimate`; zero if that is not known.
    #[must_use]
    pub fn new(voice: Voice, target: ProgressDrawTarget, estimate: Duration) -> Self {
        let state = State { began: Instant::now(), steps: 0, ended: 0, running: HashMap::new(), whole: None };
        Live { voice, screen: MultiProgress::with_draw_target(target), estimate, state: Mutex::new(state) }
    }

    fn palette(&self) -> Palette {
        self.voice.palette()
    }

    fn scroll(&self, style: &str, sign: &str, event: &Event) {
        if let Some(line) = plain::line(event) {
            let line = format!("{} {line}", self.palette().paint(style, sign));
            // A terminal that has gone away is noticed by whoever prints the summary.
            let _ = self.screen.println(self.voice.redactor().redact(&line));
        }
    }

    fn bar(&self, state: &State) -> ProgressBar {
        let bar = ProgressBar::new(100);
        match &state.whole {
            Some(whole) => self.screen.insert_before(whole, bar),
            None => self.screen.add(bar),
        }
    }

    fn end(&self, state: &mut State, key: &str) {
        state.ended += 1;
        if let Some(bar) = state.running.remove(key) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }

    fn whole(&self, state: &State) {
        let Some(whole) = &state.whole else { return };
        let left = self.estimate.saturating_sub(state.began.elapsed());
        let left = if left.is_zero() { String::new() } else { format!(", about {} left", human(left)) };
        whole.set_message(format!("{}/{} done, {} running{left}", state.ended, state.steps, state.running.len()));
    }

    fn clear(&self, state: &mut State) {
        state.running.drain().for_each(|(_, bar)| bar.finish_and_clear());
        if let Some(whole) = state.whole.take() {
            whole.finish_and_clear();
        }
        let _ = self.screen.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()).progress_chars("=> ")
}

impl Reporter for Live {
    fn report(&self, event: &Event) {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::RunStarted { steps, .. } => {
                (state.steps, state.began) = (*steps, Instant::now());
                let whole = self.screen.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}")));
                whole.enable_steady_tick(TICK);
                state.whole = Some(whole);
            }
            Event::StepStarted { key, action } => {
                // A replacement starts twice: the old thing goes, the new one comes.
                let bar = state.running.remove(key).unwrap_or_else(|| self.bar(state));
                bar.set_style(style(SPINNER));
                bar.set_prefix(self.voice.redactor().redact(key).into_owned());
                bar.set_message(action.word());
                bar.enable_steady_tick(TICK);
                state.running.insert(key.clone(), bar);
            }
            Event::Progress { key, message, percent } => {
                if let Some(bar) = state.running.get(key) {
                    bar.set_style(style(if percent.is_some() { BAR } else { SPINNER }));
                    bar.set_position(u64::from(percent.unwrap_or(0)));
                    bar.set_message(self.voice.redactor().redact(message).into_owned());
                }
            }
            Event::StepDone { key, .. } => {
                self.end(state, key);
                self.scroll("32", "✓", event);
            }
            Event::StepFailed { key, .. } => {
                self.end(state, key);
                self.scroll("31", "✗", event);
            }
            Event::StepSkipped { key, .. } => {
                self.end(state, key);
                self.scroll("2", "-", event);
            }
            Event::Settling { .. } | Event::Warning { .. } | Event::Retrying { .. } | Event::Interrupted { .. } => {
                self.scroll("33", "!", event);
            }
            Event::RunFinished { .. } => return self.clear(state),
        }
        self.whole(state);
    }
}
