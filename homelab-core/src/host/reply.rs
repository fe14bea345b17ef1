//! What comes back for each item of a batch.
use super::facts::{Entry, Group, Output, Package, Policy, Stat, System, Unit, User};
use crate::Failure;

/// One item's end: an answer, or why there is none.
pub type Reply = Result<Answer, NoAnswer>;

/// An answer, one variant for each type of answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is at a path.
    Stat(Option<Stat>),
    /// Contents of a file, or of a link.
    Bytes(Option<Vec<u8>>),
    /// Entries of a directory, by name.
    List(Option<Vec<Entry>>),
    /// A user.
    User(Option<User>),
    /// A group.
    Group(Option<Group>),
    /// A package.
    Package(Option<Package>),
    /// What apt knows of a package.
    Policy(Option<Policy>),
    /// A unit.
    Unit(Unit),
    /// A kernel parameter.
    Sysctl(Option<String>),
    /// The machine.
    System(System),
    /// What a command said.
    Output(Output),
    /// A change was made.
    Done,
}

/// Why an item has no answer. The other items of its batch have theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The machine refused.
    #[error("{item}: {message}")]
    Failed {
        /// What was asked: `writing /etc/fstab`.
        item: String,
        /// What the machine said, one line.
        message: String,
        /// All that it said, if that is more.
        detail: Vec<String>,
    },
    /// It was not begun, because an item that is a barrier failed before it.
    #[error("{item}: not begun, because {barrier} failed")]
    Skipped {
        /// What was asked.
        item: String,
        /// The item that failed.
        barrier: String,
    },
}

impl NoAnswer {
    pub(crate) fn failed(item: &impl ToString, said: &str) -> Self {
        let mut lines = said.lines().map(str::trim_end).filter(|l| !l.is_empty());
        let message = lines.next_back().unwrap_or("the machine does not say why").to_owned();
        let detail: Vec<String> = said.lines().map(|l| l.trim_end().to_owned()).filter(|l| !l.is_empty()).collect();
        NoAnswer::Failed { item: item.to_string(), message, detail: if detail.len() > 1 { detail } else { vec![] } }
    }

    /// For a command that says by its status that it failed.
    pub(crate) fn output(item: &impl ToString, output: &Output) -> Self {
        let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
        NoAnswer::failed(&format!("{} (status {})", item.to_string(), output.status), &said)
    }

    /// For an answer of another type than its question: replies that were given to a slot of another batch.
    pub(crate) fn strange() -> Self {
        NoAnswer::failed(&"a batch", "the replies belong to another batch")
    }
}

impl From<NoAnswer> for Failure {
    fn from(why: NoAnswer) -> Self {
        let failure = Failure::new(why.to_string());
        let NoAnswer::Failed { message, detail, .. } = why else { return failure };
        let failure = failure.detail(detail);
        match hint(&message) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// What helps against the common refusals of a file system.
fn hint(message: &str) -> Option<&'static str> {
    let said = |words: &str| message.to_ascii_lowercase().contains(words);
    Some(match () {
        () if said("no space left") => "make room on the machine's file system, or give its disk more",
        () if said("read-only file system") => {
            "the file system is mounted read-only: look into the machine's `dmesg` for errors, then remount it"
        }
        () if said("permission denied") || said("operation not permitted") => {
            "log in as root, or as a user whom sudo lets do everything without a password"
        }
        () if said("not found") && said("dpkg") => "only Debian and its relatives have dpkg",
        () => return None,
    })
}
