//! What can be done to a machine. Each action is complete by itself: done, or as if it had not been begun.
use super::{Command, Content, HostPath};
use std::fmt;

/// A change of a machine. Put into a batch with a [`Permit`](crate::Permit) only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Puts a file in place: written beside its target under a name of its own with mode 0600, given its owner and mode, then
    /// renamed over it. A link at the path is replaced, not followed; a directory is refused.
    Write {
        /// The file.
        path: HostPath,
        /// Its contents, any bytes.
        content: Content,
        /// Its permissions.
        mode: u32,
        /// Its owner; the login's own if `None`.
        owner: Option<Ownership>,
    },
    /// Makes a directory, and those above it that are missing (0755, the login's own). One that exists gets mode and owner.
    MakeDir {
        /// The directory.
        path: HostPath,
        /// Its permissions.
        mode: u32,
        /// Its owner; left as it is if `None`.
        owner: Option<Ownership>,
    },
    /// Makes a symbolic link, or points it elsewhere, in one step. A file in its place is replaced, a directory is refused.
    Link {
        /// The link.
        path: HostPath,
        /// What it says, as it stands: it may be relative.
        to: Vec<u8>,
    },
    /// Removes a file or a link; not being there is no error.
    Remove(HostPath),
    /// Removes a directory and all that is in it, on whatever file systems; not being there is no error. `/` is refused.
    RemoveAll(HostPath),
    /// Sets permissions; a link is followed.
    SetMode {
        /// Of what.
        path: HostPath,
        /// The permissions.
        mode: u32,
    },
    /// Sets the owner; a link is not followed.
    SetOwner {
        /// Of what.
        path: HostPath,
        /// The owner.
        owner: Ownership,
    },
    /// Runs a command. It answers with its [`Output`](super::Output), whatever the status; a status other than 0 is a failure
    /// where the item is a barrier.
    Run(Command),
}

/// Whose a file is: user and group, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The user.
    pub user: String,
    /// The group.
    pub group: String,
}

impl Ownership {
    /// A user and a group.
    #[must_use]
    pub fn of(user: impl Into<String>, group: impl Into<String>) -> Self {
        Ownership { user: user.into(), group: group.into() }
    }

    /// The superuser's.
    #[must_use]
    pub fn root() -> Self {
        Ownership::of("root", "root")
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.user, self.group)
    }
}

/// In words, as part of a message: `writing /etc/fstab`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Write { path, .. } => write!(f, "writing {path}"),
            Action::MakeDir { path, .. } => write!(f, "making the directory {path}"),
            Action::Link { path, .. } => write!(f, "linking {path}"),
            Action::Remove(path) => write!(f, "removing {path}"),
            Action::RemoveAll(path) => write!(f, "removing {path} and all that is in it"),
            Action::SetMode { path, mode } => write!(f, "setting the mode of {path} to {mode:04o}"),
            Action::SetOwner { path, owner } => write!(f, "giving {path} to {owner}"),
            Action::Run(command) => write!(f, "running `{command}`"),
        }
    }
}
