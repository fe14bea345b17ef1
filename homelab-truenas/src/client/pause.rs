//! How often somebody looks who waits for a NAS that starts, or for its installer.
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(200);
/// Without a login 20 calls of a method are let through in a minute (truenas-notes section 2).
const LONGEST: Duration = Duration::from_secs(5);

/// The pause after so long a wait: what is simulated, and over in a second, is seen at once, and what takes minutes is left alone.
pub(crate) fn pause_after(waited: Duration) -> Duration {
    (waited / 4).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_no_minute_so_many_questions_are_asked_that_the_nas_stops_to_answer() {
        let (mut now, mut asked) = (Duration::ZERO, vec![]);
        while now < Duration::from_secs(600) {
            asked.push(now);
            now += pause_after(now);
        }
        // The first quarter of a minute is quicker: a NAS that is reached there is up, and asked no more.
        let minute = Duration::from_secs(60);
        let worst = asked
            .iter()
            .filter(|at| **at > Duration::from_secs(15))
            .map(|at| asked.iter().filter(|other| **other >= *at && **other < *at + minute).count());
        assert!(worst.max().is_some_and(|most| most < 20));
    }
}
