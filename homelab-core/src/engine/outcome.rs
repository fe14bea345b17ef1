//! How a run ended.
use crate::{Failure, plan::Action, store::StoreError};

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done.
    pub done: Vec<Done>,
    /// What did not work.
    pub failed: Vec<Failed>,
    /// What was not begun, and because of what; `None` because somebody interrupted.
    pub skipped: Vec<(String, Option<String>)>,
    /// What was running when the run was told to stop at once. The next run looks after it.
    pub in_flight: Vec<String>,
    /// What failed and could not be looked at afterwards. The next run does.
    pub unknown: Vec<String>,
    /// Whether somebody interrupted.
    pub interrupted: bool,
    /// Whether the memory of the run could not be kept: what is wrong with the disk.
    pub forgetful: Option<StoreError>,
}

impl Outcome {
    /// Whether everything that was planned is done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.in_flight.is_empty() && self.forgetful.is_none()
    }
}

/// What was to be done and how it ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// The resource.
    pub key: String,
    /// What was done.
    pub action: Action,
}

/// A step that did not work.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The resource.
    pub key: String,
    /// What was to be done.
    pub action: Action,
    /// Why it did not.
    pub failure: Failure,
}
