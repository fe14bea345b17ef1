//! What can go wrong in a call: the operation, its object, the cause, and what to do about it.
use crate::{
    api::ConfigError,
    client::{Lock, Missing, Refusal, Upid, refusal},
    http::TransportError,
};
use std::{collections::BTreeMap, fmt, time::Duration};

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A call that failed. It prints as one line, "cannot OPERATION OBJECT: CAUSE"; [`hint`](Error::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[error("cannot {} {}: {}{}", .0.operation, .0.object, .0.cause, Tried(.0.attempts))]
pub struct Error(Box<Failed>);

#[derive(Debug)]
struct Failed {
    operation: &'static str,
    object: String,
    cause: Cause,
    attempts: u32,
}

struct Tried(u32);

impl fmt::Display for Tried {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(to, " (tried {} times)", self.0) } else { Ok(()) }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// There is no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The server started a task, and the task failed.
    #[error("the task {}{}", ended(.exit), Tail(.log, .exit))]
    Task {
        /// The task.
        upid: Box<Upid>,
        /// What it said at its end.
        exit: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// The server does not know how the task ended ("unexpected status"): read the object to find out.
    #[error("the server lost track of the task: {exit} ({upid})")]
    TaskUnclear {
        /// The task.
        upid: Box<Upid>,
        /// What its status says.
        exit: String,
    },
    /// The task was started, and then it could not be followed.
    #[error("the task was started, but it cannot be followed: {} ({upid})", .reason.cause())]
    TaskUnwatched {
        /// The task.
        upid: Box<Upid>,
        /// Why not.
        reason: Box<Error>,
    },
    /// The task did not end in time. It is still running.
    #[error("the task is still running after {} seconds ({upid})", .waited.as_secs())]
    TaskSlow {
        /// The task.
        upid: Box<Upid>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer is not what the API promises.
    #[error("the answer makes no sense: {0}")]
    Answer(String),
    /// A value of a configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// All ids of the range are taken.
    #[error("no id is free from {first} to {last}")]
    NoFreeId {
        /// The first id of the range.
        first: u32,
        /// The last.
        last: u32,
    },
    /// What the client was set up with cannot work.
    #[error("{0}")]
    Setup(String),
}

fn ended(exit: &str) -> String {
    if exit == "received interrupt" { "was stopped by somebody".to_owned() } else { format!("failed: {exit}") }
}

struct Tail<'a>(&'a [String], &'a str);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last lines only repeat the exit status.
        let mut lines = self.0.iter().filter(|line| !line.starts_with("TASK ERROR: ") && *line != self.1);
        lines.try_for_each(|line| write!(to, "\n  | {line}"))
    }
}

impl Error {
    /// A failure of `operation` on `object`, after so many attempts.
    pub(crate) fn new(operation: &'static str, object: impl Into<String>, cause: Cause, attempts: u32) -> Self {
        Error(Box::new(Failed { operation, object: object.into(), cause, attempts }))
    }

    /// What was tried: "clone".
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// On what: "guest 9000 on din".
    #[must_use]
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// Why it failed.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Whether the same call may work later, with nothing changed by anybody: a lock, a node that restarts, no quorum.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.cause.is_transient()
    }

    /// Whether the call may have taken effect although it failed: read the object before trying again.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        self.0.cause.may_have_happened()
    }

    /// Whether the object does not exist. For a guest this is a clue and no proof: existence is what
    /// [`resources`](crate::client::Reader::resources) says (pve-notes section 5).
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.0.cause.text().is_some_and(refusal::missing)
            || self.parameters().is_some_and(|errors| errors.values().any(|text| refusal::missing(text)))
    }

    /// Whether the id of the guest to be made is taken.
    #[must_use]
    pub fn is_id_taken(&self) -> bool {
        self.0.cause.text().is_some_and(refusal::id_taken)
            || self.parameters().is_some_and(|errors| errors.get("vmid").is_some_and(|text| refusal::id_taken(text)))
    }

    /// Whether the configuration was changed by somebody else since it was read: read it again and plan again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0.cause.text().is_some_and(refusal::stale)
    }

    /// Whether the guest agent does not answer, or not yet.
    #[must_use]
    pub fn is_agent_silent(&self) -> bool {
        self.0.cause.text().is_some_and(refusal::agent_silent)
    }

    /// The privilege that is missing, if that is the cause.
    #[must_use]
    pub fn permission(&self) -> Option<Missing> {
        self.0.cause.text().and_then(refusal::missing_privilege)
    }

    /// The lock that stood in the way, if that is the cause.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        self.0.cause.text().and_then(refusal::lock)
    }

    /// Whether only root@pam, logged in with its password, may do this.
    #[must_use]
    pub fn is_root_only(&self) -> bool {
        self.0.cause.text().is_some_and(refusal::root_only)
    }

    /// What is wrong with which parameter, if that is the cause.
    #[must_use]
    pub fn parameters(&self) -> Option<&BTreeMap<String, String>> {
        match &self.0.cause {
            Cause::Refused(refusal) if !refusal.parameters.is_empty() => Some(&refusal.parameters),
            _ => None,
        }
    }

    /// Whether the credential was not accepted.
    #[must_use]
    pub fn is_unauthorised(&self) -> bool {
        self.0.cause.is_unauthorised()
    }

    /// Whether a right is missing that the server does not name.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(&self.0.cause, Cause::Refused(refusal) if refusal.status == 403)
    }

    /// What to do about it: one line without a full stop, or nothing if the cause says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if let Some(Missing { path, privilege }) = self.permission() {
            return Some(missing_privilege(&path, &privilege));
        }
        if self.is_root_only() {
            return Some(
                "no API token may set this, not even one of root@pam: use a resource mapping instead, or log in as \
                 root@pam with its password"
                    .to_owned(),
            );
        }
        if let Some(lock) = self.lock() {
            return Some(locked(&lock));
        }
        if self.is_stale() {
            return Some("somebody else changed it at the same time: plan again".to_owned());
        }
        if self.is_id_taken() {
            return Some("choose another id, or adopt the guest that has this one".to_owned());
        }
        if self.is_forbidden() {
            return Some(self.0.forbidden());
        }
        if let Some(hint) = self.parameters().and_then(|wrong| wrong.values().find_map(|text| known_trouble(text))) {
            return Some(hint.to_owned());
        }
        self.0.cause.hint()
    }
}

impl Failed {
    /// Where a guest comes into being, the server looks at several rights in turn and names none (pve-notes section 4).
    fn forbidden(&self) -> String {
        let vmid = self.object.split_whitespace().find(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        match (self.operation, vmid) {
            ("create", Some(vmid)) => missing_privilege(&format!("/vms/{vmid}"), "VM.Allocate"),
            ("clone", Some(_)) => missing_privilege("/vms", "VM.Clone and VM.Allocate"),
            _ => "give the token a role with the right to do this (`pveum user token permissions USER@REALM TOKEN` shows what \
                  it may)"
                .to_owned(),
        }
    }
}

impl Cause {
    /// What the server said, in an answer or at the end of a task.
    fn text(&self) -> Option<&str> {
        match self {
            Cause::Refused(refusal) => Some(&refusal.message),
            Cause::Task { exit, .. } => Some(exit),
            _ => None,
        }
    }

    pub(crate) fn is_transient(&self) -> bool {
        let text = self.text().unwrap_or_default();
        match self {
            Cause::Transport(TransportError::Untrusted(_)) => false,
            Cause::Transport(_) | Cause::TaskUnclear { .. } | Cause::TaskSlow { .. } => true,
            Cause::TaskUnwatched { reason, .. } => reason.is_transient(),
            Cause::Refused(refusal) if matches!(refusal.status, 595..=599) => true,
            // Whoever waits for an agent asks again in his own time.
            Cause::Refused(_) if refusal::agent_silent(text) => false,
            Cause::Refused(_) => is_busy(text) || text.contains("got timeout") || text.contains("got no worker upid"),
            Cause::Task { .. } => is_busy(text),
            _ => false,
        }
    }

    /// Whether the server refused for a while and certainly did nothing: also a call that writes may be sent again.
    pub(crate) fn is_busy_refusal(&self) -> bool {
        matches!(self, Cause::Refused(refusal) if refusal.status == 500 && is_busy(&refusal.message))
    }

    fn may_have_happened(&self) -> bool {
        match self {
            Cause::Transport(TransportError::Lost { .. }) => true,
            Cause::TaskUnclear { .. } | Cause::TaskUnwatched { .. } | Cause::TaskSlow { .. } | Cause::Answer(_) => true,
            // 595: the node was not reached, so nothing was sent to it; the others ended in the midst (pve-notes section 5).
            Cause::Refused(refusal) => {
                matches!(refusal.status, 596..=599) || refusal.message.contains("got no worker upid")
            }
            _ => false,
        }
    }

    pub(crate) fn is_unauthorised(&self) -> bool {
        matches!(self, Cause::Refused(refusal) if refusal.status == 401)
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Cause::Transport(TransportError::Unreached { .. }) => {
                "check the address and that the node is up; Proxmox VE listens on port 8006"
            }
            Cause::Transport(TransportError::Untrusted(_)) => {
                "compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the \
                 same, pin it"
            }
            Cause::Transport(TransportError::Lost { .. }) => {
                "it may have happened all the same: run again, which looks before it acts"
            }
            Cause::Refused(refusal) if refusal.status == 401 => return Some(unauthorised(&refusal.message)),
            Cause::Refused(refusal) if refusal.status == 595 => {
                "the node that owns this object cannot be reached from the node that was asked: is it up?"
            }
            Cause::Refused(refusal) if matches!(refusal.status, 596..=599) => {
                "the node gave no answer within 30 seconds; it may still be at work: run again, which looks before it acts"
            }
            Cause::Refused(refusal) if refusal.status == 501 => {
                "this Proxmox VE has no such call: 8.4 or 9 is needed, and the address must be that of its API"
            }
            Cause::Refused(refusal) if refusal::no_quorum(&refusal.message) => {
                "the cluster has no quorum, so nothing can be written: bring the other node up, or run `pvecm expected 1` \
                 on this one if that is what you want"
            }
            Cause::Refused(refusal) if refusal.message.contains("hostname lookup") => {
                "the cluster has no node of this name: names are those of the node list, without a domain"
            }
            Cause::TaskUnclear { .. } => "run again, which looks before it acts",
            Cause::TaskUnwatched { .. } => "the task may go on: run again, which waits for it or looks at its result",
            Cause::TaskSlow { .. } => "look at the task in the web interface; it was not stopped",
            Cause::Answer(_) => "is this the address of a Proxmox VE API, with nothing in between?",
            Cause::NoFreeId { .. } => "widen the range of ids, or remove guests that are not needed",
            _ => return self.text().and_then(known_trouble).map(str::to_owned),
        };
        Some(hint.to_owned())
    }
}

/// What helps against troubles that the server words well, without saying what to do.
fn known_trouble(text: &str) -> Option<&'static str> {
    let says = |part: &str| text.contains(part);
    Some(match () {
        () if says("No space left") || says("not enough free space") || says("out of space") => {
            "make room on the storage or name another one, then run again: it goes on from what is there"
        }
        () if says("checksum mismatch") => {
            "the file is not the one that the code names: compare its checksum with the publisher's, and name a dated release"
        }
        () if says("download failed") => {
            "the node fetches it itself: can it reach that address? a proxy is set under Datacenter, Options"
        }
        () if says("No such storage")
            || (says("storage '")
                && (says("does not exist") || says("is not available on node") || says("is disabled"))) =>
        {
            "`pvesm status` on the node lists its storages; `Node::disks`, `Node::images` and `.storage(..)` name them"
        }
        () if says("bridge '") && says("does not exist") => {
            "the node's bridges are listed under its Network; `Node::bridge` and `Nic` name them"
        }
        () if says("QEMU exited with code") => {
            "most often the guest has more memory than the node has left, or a device that is in use: its task log in the web \
             interface says which"
        }
        () => return None,
    })
}

/// A refusal that passes: somebody else holds a lock, or the cluster has no quorum at the moment.
fn is_busy(text: &str) -> bool {
    refusal::lock(text).is_some() || refusal::no_quorum(text)
}

fn missing_privilege(path: &str, privilege: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    format!(
        "give the token a role with {privilege} on {path}: `pveum acl modify {path} --tokens 'USER@REALM!TOKEN' --roles \
         ROLE` (with privilege separation, the user needs it too)"
    )
}

fn locked(lock: &Lock) -> String {
    match lock {
        Lock::Guest { owner } if ["backup", "migrate", "snapshot"].contains(&owner.as_str()) => {
            format!("wait until the {owner} has ended")
        }
        Lock::Guest { owner } => format!(
            "if no {owner} is running any more, its lock was left behind: `qm unlock ID` on the node, as root, removes it"
        ),
        Lock::File { .. } => "another task works on the same guest or storage: wait for it, then run again".to_owned(),
    }
}

fn unauthorised(message: &str) -> String {
    let message = message.to_ascii_lowercase();
    if message.contains("csrf") {
        "log in again: the session's protection value was not accepted".to_owned()
    } else if message.contains("ticket") {
        "the session has ended: log in again".to_owned()
    } else if message.contains("authentication failure") {
        "check user (with its realm: root@pam), password and one-time code".to_owned()
    } else {
        "check the token's id (USER@REALM!TOKEN) and secret, that it has not expired and that its user is enabled"
            .to_owned()
    }
}
