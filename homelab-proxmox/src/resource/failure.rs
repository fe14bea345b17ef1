//! What a failed call means for a run.
use crate::{Cause, Error};
use homelab_core::{Failure, Nature};

impl From<Error> for Failure {
    /// The first line is the message, the task's last lines the detail. What may have had its effect, what is locked and what
    /// somebody else changed in between may pass: the engine looks again and goes on from there.
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let mut lines = text.lines();
        let message = lines.next().unwrap_or_default();
        let passing = error.may_have_happened() || error.is_transient() || error.is_stale();
        let nature = match error.cause() {
            Cause::Setup(_) => Nature::Unusable,
            _ if passing => Nature::Passing,
            _ => Nature::Refused,
        };
        let failure =
            Failure { nature, ..Failure::new(message).detail(lines.map(|line| line.trim_start_matches([' ', '|']))) };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
