//! Why something did not work, in the words of whoever knows: what, on which object, and what to do next.
use serde::Serialize;
use std::{fmt, time::Duration};

/// What went wrong in the world. Provider crates turn their own errors into this; the engine adds the resource's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The operation and the object, one line: `clone of 9000 to 201 on din: storage 'local-lvm' is full`.
    pub message: String,
    /// What to do next, one line.
    pub hint: Option<String>,
    /// More for the curious: the last lines of a task's log, say.
    pub detail: Vec<String>,
    /// What the engine may do about it.
    pub nature: Nature,
    /// For how long even a plan waits for it to pass; for what passes surely, and cannot be looked at before.
    pub patience: Option<Duration>,
}

/// What a failure means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// It will not get better by itself: permission, a full disk, a wrong value.
    Refused,
    /// It may pass, or it may have worked without our hearing of it: the engine looks again and goes on from there.
    Passing,
    /// It was done, did not prove itself, and was taken back: what was there before is there again.
    RolledBack,
    /// A person has to look: going on could lose something.
    Stuck,
    /// What the program was given (a setting, a credential) makes no sense, so nothing was tried.
    Unusable,
}

impl Failure {
    /// A failure that stays.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Failure { message: message.into(), hint: None, detail: vec![], nature: Nature::Refused, patience: None }
    }

    /// A failure that may pass, or may have had its effect.
    #[must_use]
    pub fn passing(message: impl Into<String>) -> Self {
        Failure { nature: Nature::Passing, ..Failure::new(message) }
    }

    /// The same for something that passes surely: whoever looks at it waits that long for it.
    #[must_use]
    pub fn waited_for(self, patience: Duration) -> Self {
        Failure { patience: Some(patience), ..self }
    }

    /// Something that did not prove itself and was taken back.
    #[must_use]
    pub fn rolled_back(message: impl Into<String>) -> Self {
        Failure { nature: Nature::RolledBack, ..Failure::new(message) }
    }

    /// A failure that only a person can resolve.
    #[must_use]
    pub fn stuck(message: impl Into<String>) -> Self {
        Failure { nature: Nature::Stuck, ..Failure::new(message) }
    }

    /// What the program was given cannot be used.
    #[must_use]
    pub fn unusable(message: impl Into<String>) -> Self {
        Failure { nature: Nature::Unusable, ..Failure::new(message) }
    }

    /// The same with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with more lines for the curious.
    #[must_use]
    pub fn detail(mut self, lines: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.detail.extend(lines.into_iter().map(Into::into));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}
impl std::error::Error for Failure {}

impl From<crate::SecretError> for Failure {
    fn from(e: crate::SecretError) -> Self {
        Failure::new(e.to_string()).hint(e.hint())
    }
}
