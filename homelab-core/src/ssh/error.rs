//! Why a machine could not be reached or was lost: one variant for each thing that a person does something else about.
use crate::Failure;
use std::{fmt, path::PathBuf, time::Duration};

/// A machine could not be reached, or was lost. `Clone`, because everybody who asked in the same message hears of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// The host shows another key than the one that is known of it.
    #[error(
        "the host key of {host} is not the one that is known: it shows {shown}, known {} {}",
        if known.len() == 1 { "is" } else { "are" },
        list(known)
    )]
    HostKeyChanged {
        /// The host.
        host: String,
        /// The key that it shows: algorithm and SHA-256 fingerprint.
        shown: Box<Key>,
        /// The keys that are known, each with the place that it comes from.
        known: Vec<KnownKey>,
    },
    /// Nothing is known of the host's key.
    #[error("the host key of {host} is not known: it shows {shown}")]
    HostKeyUnknown {
        /// The host.
        host: String,
        /// The key that it shows.
        shown: Box<Key>,
        /// Where keys are looked for.
        files: Vec<PathBuf>,
    },
    /// The host shows a key that is marked as revoked.
    #[error("the host key {shown} of {host} is revoked by {by}")]
    HostKeyRevoked {
        /// The host.
        host: String,
        /// The key.
        shown: Box<Key>,
        /// Where that stands.
        by: Origin,
    },
    /// All that is known of the host is an authority that signs its certificates.
    #[error("{at} trusts {host} by a certificate authority, which is not supported")]
    CertAuthority {
        /// The host.
        host: String,
        /// Where that stands.
        at: Origin,
        /// The key that the host shows.
        shown: Box<Key>,
    },
    /// The host accepts none of the keys.
    #[error("{host} refuses the login of `{user}`: {}", offers(offered))]
    AuthRefused {
        /// The host.
        host: String,
        /// The login.
        user: String,
        /// Every key that was offered, in order.
        offered: Vec<Offer>,
        /// What could not be offered, and why; what the agent is and has.
        notes: Vec<String>,
        /// On which side the right key is missing.
        side: Side,
        /// What the host would accept: `publickey`.
        methods: Box<[String]>,
    },
    /// There is no key to offer at all.
    #[error("there is no key to log in to {host} with as `{user}`")]
    NoKey {
        /// The host.
        host: String,
        /// The login.
        user: String,
        /// Where keys were looked for, and why there was none.
        notes: Vec<String>,
    },
    /// The agent that was to be asked does not answer, and there is no other key.
    #[error("the SSH agent at {} does not answer: {reason}", socket.display())]
    AgentUnreachable {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        reason: String,
    },
    /// The agent has no key, and there is none besides.
    #[error("the SSH agent at {} holds no key", socket.display())]
    AgentEmpty {
        /// Its socket.
        socket: PathBuf,
    },
    /// No address is known for the name.
    #[error("no address is found for {host}: {reason}")]
    NameNotFound {
        /// The host.
        host: String,
        /// What the resolver says.
        reason: String,
    },
    /// There is no way to the host's network.
    #[error("there is no route to {host} ({address})")]
    NoRoute {
        /// The host.
        host: String,
        /// Its address.
        address: String,
    },
    /// The host is there, but nothing listens.
    #[error("{host} ({address}) refuses the connection: nothing listens there")]
    Refused {
        /// The host.
        host: String,
        /// Its address.
        address: String,
    },
    /// Something took too long.
    #[error("{host} did not answer within {} s while {phase}", after.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// What was going on.
        phase: Phase,
        /// How long it was waited for.
        after: Duration,
    },
    /// Both sides could not agree on how to speak, or the other side is no SSH server.
    #[error("{host} cannot be spoken to: {reason}")]
    Handshake {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// The login is not root and sudo wants a password.
    #[error("sudo on {host} wants a password of `{user}`")]
    SudoPassword {
        /// The host.
        host: String,
        /// The login.
        user: String,
    },
    /// There is no sudo for this login.
    #[error("`{user}` may not use sudo on {host}: {reason}")]
    SudoRefused {
        /// The host.
        host: String,
        /// The login.
        user: String,
        /// What sudo says.
        reason: String,
    },
    /// The container that was to be entered does not run.
    #[error("container {container} does not run on {host}")]
    ContainerOff {
        /// The node.
        host: String,
        /// Its number.
        container: u32,
    },
    /// The container that was to be entered is not on this node.
    #[error("there is no container {container} on {host}: {reason}")]
    ContainerMissing {
        /// The node.
        host: String,
        /// Its number.
        container: u32,
        /// What the node says.
        reason: String,
    },
    /// The connection was lost before everything was answered.
    #[error("the connection to {host} was lost while {during}: {reason}")]
    Closed {
        /// The host.
        host: String,
        /// What was being done.
        during: String,
        /// How it was lost.
        reason: String,
    },
    /// The connection was lost, and the host has started anew since.
    #[error("{host} has restarted while {during}")]
    Rebooted {
        /// The host.
        host: String,
        /// What was being done.
        during: String,
    },
    /// What came back is no answer.
    #[error("{host} does not answer as a POSIX shell does: {said}")]
    NotUnderstood {
        /// The host.
        host: String,
        /// The last of what it said.
        said: String,
    },
    /// A file of the SSH configuration says something that cannot be followed.
    #[error("{}:{line}: {message}", file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The way to the host goes over another one, and that failed.
    #[error("on the way to {host}: {source}")]
    Jump {
        /// The host that was to be reached.
        host: String,
        /// What went wrong before.
        source: Box<SshError>,
    },
}

/// A public key as people compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:...`.
    pub fingerprint: String,
    /// As it stands in files: algorithm and base64, no comment.
    pub openssh: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint)
    }
}

/// Where a known key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// The program itself: what deployed the machine knows its key.
    Pinned,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Pinned => f.write_str("the program, which pins it"),
        }
    }
}

/// A key that is known of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: Key,
    /// Where it comes from.
    pub origin: Origin,
}

/// A key that was offered to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The key.
    pub key: Key,
    /// The file it is in, or the agent's comment.
    pub from: String,
}

/// On which side the right key is missing, as far as it can be told from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// There are keys that were not offered.
    Ours,
    /// All were, and 1Password's agent may have more that it does not offer.
    OnePassword,
    /// All that there are were offered.
    Theirs,
}

/// What was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The TCP connection.
    Connect,
    /// Agreeing on keys, and the login.
    Login,
    /// A batch, or the sign of life.
    Answer,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Connect => "connecting",
            Phase::Login => "logging in",
            Phase::Answer => "waiting for its answer",
        })
    }
}

fn list(known: &[KnownKey]) -> String {
    known.iter().map(|k| format!("{} ({})", k.key, k.origin)).collect::<Vec<_>>().join(", ")
}

fn offers(offered: &[Offer]) -> String {
    let all: Vec<String> = offered.iter().map(|o| format!("{} ({})", o.key, o.from)).collect();
    format!("offered {} {}", if all.len() == 1 { "was" } else { "were" }, all.join(", "))
}

impl SshError {
    /// Whether it may be gone by itself after a moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            SshError::NoRoute { .. }
            | SshError::Refused { .. }
            | SshError::Timeout { .. }
            | SshError::ContainerOff { .. }
            | SshError::Closed { .. }
            | SshError::Rebooted { .. } => true,
            SshError::Jump { source, .. } => source.may_pass(),
            _ => false,
        }
    }
}

impl From<SshError> for Failure {
    fn from(e: SshError) -> Self {
        let failure = if e.may_pass() { Failure::passing(e.to_string()) } else { Failure::new(e.to_string()) };
        let failure = failure.hint(e.hint());
        match e {
            SshError::AuthRefused { notes, methods, .. } => {
                failure.detail(notes).detail([format!("the machine accepts: {}", methods.join(", "))])
            }
            SshError::NoKey { notes, .. } => failure.detail(notes),
            SshError::HostKeyUnknown { files, .. } => {
                failure.detail(files.iter().map(|f| format!("looked for in {}", f.display())))
            }
            _ => failure,
        }
    }
}
