//! Why a verb stops: one or several problems, each with its way out, and the exit code.
use super::exit::Exit;
use crate::{
    Failure, Invalid, Nature,
    engine::Trouble,
    env::EnvError,
    journal::JournalError,
    ledger::LedgerError,
    plan::{Moved, SelectorError},
    secret::{SecretError, VaultError},
    statedir::StateDirError,
    store::StoreError,
};
use std::fmt;

/// How many lines of a failure's detail are shown unless somebody wants them all.
const DETAIL: usize = 5;
/// How many keys are named before they are only counted.
const KEYS: usize = 3;

/// Why a verb stopped.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) problems: Vec<Problem>,
    pub(super) exit: Exit,
}

/// One problem: `error: ..`, with `hint: ..` below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) detail: Vec<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Problem { message: message.into(), hint: None, detail: vec![] }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn of(failure: &Failure, before: &str) -> Self {
        Problem {
            message: format!("{before}{}", failure.message),
            hint: failure.hint.clone(),
            detail: failure.detail.clone(),
        }
    }

    /// Its text; of many lines of detail the last count.
    pub(super) fn show(&self, verbose: bool) -> String {
        let mut text = format!("error: {}", self.message);
        if let Some(hint) = &self.hint {
            text += &format!("\n  hint: {hint}");
        }
        let from = if verbose { 0 } else { self.detail.len().saturating_sub(DETAIL) };
        if from > 0 {
            text += &format!("\n  | ({from} lines more with --verbose)");
        }
        self.detail[from..].iter().for_each(|line| text += &format!("\n  | {line}"));
        text
    }
}

impl Stop {
    pub(super) fn new(exit: Exit, problem: Problem) -> Self {
        Stop { problems: vec![problem], exit }
    }

    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Stop::new(Exit::Usage, Problem::new(message).hint(hint))
    }

    /// A key that nobody knows.
    pub(super) fn unknown_key(key: &str, lab: &str, similar: &[String]) -> Self {
        Stop::usage(format!("there is no `{key}` in lab `{lab}`"), did_you_mean(similar))
    }
}

pub(super) fn did_you_mean(similar: &[String]) -> String {
    match similar {
        [] => "`list` shows what there is".to_owned(),
        similar => format!("did you mean {}?", similar.join(", ")),
    }
}

/// Several keys in a few words: `a, b, c and 4 more`.
pub(super) fn named(keys: &[impl fmt::Display]) -> String {
    let shown: Vec<String> = keys.iter().take(KEYS).map(ToString::to_string).collect();
    match keys.len().saturating_sub(KEYS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

pub(super) fn exit_of(failure: &Failure) -> Exit {
    match failure.nature {
        Nature::Stuck => Exit::Stuck,
        Nature::RolledBack => Exit::RolledBack,
        Nature::Refused | Nature::Passing => Exit::Refused,
        Nature::Unusable => Exit::Usage,
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::new(exit_of(&failure), Problem::of(&failure, ""))
    }
}

impl From<Vec<Trouble>> for Stop {
    fn from(troubles: Vec<Trouble>) -> Self {
        let exit = troubles.iter().map(|t| exit_of(&t.failure)).max().unwrap_or(Exit::Refused);
        let problems =
            troubles.iter().map(|t| Problem::of(&t.failure, &format!("looking at {}: ", named(&t.keys)))).collect();
        Stop { problems, exit }
    }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        let problems = invalid.0.iter().map(|d| Problem::new(d.to_string().trim_start_matches("error: "))).collect();
        Stop { problems, exit: Exit::Invalid }
    }
}

impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        let exit = match &e {
            StoreError::Ledger(LedgerError::Disk(_)) | StoreError::Journal(JournalError::Disk(_)) => Exit::Refused,
            StoreError::Lock(_) => Exit::Refused,
            StoreError::Ledger(_) | StoreError::Journal(_) => Exit::Stuck,
        };
        Stop::new(exit, Problem::new(e.to_string()).hint(e.hint()))
    }
}

impl From<SecretError> for Stop {
    fn from(e: SecretError) -> Self {
        let exit = match &e {
            SecretError::Vault(VaultError::Disk(_)) => Exit::Refused,
            SecretError::Vault(VaultError::Damaged { .. } | VaultError::Foreign { .. }) => Exit::Stuck,
            _ => Exit::Usage,
        };
        Stop::new(exit, Problem::new(e.to_string()).hint(e.hint()))
    }
}

impl From<VaultError> for Stop {
    fn from(e: VaultError) -> Self {
        SecretError::from(e).into()
    }
}

impl From<StateDirError> for Stop {
    fn from(e: StateDirError) -> Self {
        let exit = match &e {
            StateDirError::Name(_) => Exit::Invalid,
            StateDirError::Disk(_) => Exit::Refused,
        };
        Stop::new(exit, Problem::new(e.to_string()).hint(e.hint()))
    }
}

impl From<EnvError> for Stop {
    fn from(e: EnvError) -> Self {
        Stop::usage(e.to_string(), e.hint())
    }
}

impl From<SelectorError> for Stop {
    fn from(e: SelectorError) -> Self {
        Stop::usage(e.to_string(), did_you_mean(&e.similar))
    }
}

impl From<Moved> for Stop {
    fn from(moved: Moved) -> Self {
        let problem = Problem::new(format!("the saved plan is not carried out: {moved}"));
        Stop::new(Exit::Refused, problem.hint("nothing was changed; plan again and look at what is different"))
    }
}
