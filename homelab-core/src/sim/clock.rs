//! The simulator's time: milliseconds since 1970, moved by tokio's clock so that a paused test moves it too.
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A clock that reads wall time at its start and tokio's time from then on.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    epoch: u64,
}

impl Clock {
    /// Starts now, at the system's time.
    #[must_use]
    pub fn system() -> Clock {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
        Clock { start: Instant::now(), epoch }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.epoch + millis(self.start.elapsed())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
