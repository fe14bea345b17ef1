//! The simulator's time: milliseconds since 1970, moved by tokio's clock so that a paused test moves it too.
//!
//! A world in memory always begins at the same moment: what goes by the clock (a daemon's rhythm, a schedule, an expiry) is then
//! the same in every run of a test.
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where a world in memory begins: 2026-01-01 00:00:00 UTC.
const BEGINNING: u64 = 1_767_225_600_000;

/// A clock that is set once and goes with tokio's time from then on.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    epoch: u64,
}

impl Clock {
    /// Set to the system's time: for a world that outlives its process.
    #[must_use]
    pub fn system() -> Clock {
        Clock::set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis))
    }

    /// Set to 2026-01-01 00:00:00 UTC, or to `last` (milliseconds since 1970), where a world that is further stood last.
    #[must_use]
    pub fn fixed(last: u64) -> Clock {
        Clock::set(BEGINNING.max(last))
    }

    fn set(epoch: u64) -> Clock {
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
