//! What went wrong with a NAS: which operation, on which object, why, and what to do about it.
use crate::rpc::{Complaint, Refusal, RpcError};
use homelab_core::Failure;
use std::fmt;

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of one call.
#[derive(Clone, Debug)]
pub struct Error(Box<Failed>);

#[derive(Clone, Debug)]
struct Failed {
    method: String,
    cause: Cause,
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// There is no answer, or a refusal.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The job that the call started failed.
    #[error("{0}")]
    Job(Refusal),
    /// Somebody stopped the job.
    #[error("the job was stopped by somebody")]
    Aborted,
    /// The NAS does not remember the job any more: it, or its middleware, was started anew in the middle.
    #[error("the job is not known any more: the NAS or its middleware was started anew in the middle")]
    Forgotten,
    /// The job goes on for longer than it is waited for.
    #[error("the job is still running after {0} seconds")]
    Slow(u64),
    /// The answer is not what the API promises.
    #[error("the answer makes no sense: {0}")]
    Answer(String),
}

/// "It is there already", as the third element of a complaint.
const EEXIST: i64 = 17;
/// "It is not there".
const ENOENT: i64 = 2;

impl Error {
    /// A failure of a method.
    pub fn new(method: impl Into<String>, cause: impl Into<Cause>) -> Self {
        Error(Box::new(Failed { method: method.into(), cause: cause.into() }))
    }

    /// The method: `pool.create`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Why it failed.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// What the NAS said, in an answer or at the end of a job.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.0.cause {
            Cause::Rpc(RpcError::Refused(refusal)) | Cause::Job(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What is wrong with the field of this name (`topology.log`), if that is the cause.
    #[must_use]
    pub fn complaint(&self, field: &str) -> Option<&Complaint> {
        self.refusal()?.complaints.iter().find(|c| crate::client::field_of(&c.attribute) == field)
    }

    /// Whether there is no such NAS yet.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self.0.cause, Cause::Rpc(RpcError::Absent { .. }))
    }

    /// Whether the object does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.says("ENOENT", ENOENT) || self.says("INSTANCE_NOT_FOUND", ENOENT)
    }

    /// Whether the object is there already.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.says("EEXIST", EEXIST)
    }

    fn says(&self, errname: &str, errno: i64) -> bool {
        self.refusal().is_some_and(|r| r.errname == errname || r.complaints.iter().any(|c| c.errno == errno))
    }

    /// Whether the call may have taken effect although it failed: look before trying again.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self.0.cause, Cause::Rpc(RpcError::Lost { .. }) | Cause::Forgotten | Cause::Slow(_) | Cause::Answer(_))
    }

    /// Whether the same call may work later, with nothing changed by anybody.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match &self.0.cause {
            Cause::Rpc(RpcError::Unreached { .. } | RpcError::Lost { .. }) | Cause::Forgotten | Cause::Slow(_) => true,
            Cause::Rpc(RpcError::Refused(refusal)) => is_busy(refusal),
            Cause::Job(refusal) => is_busy(refusal),
            _ => false,
        }
    }

    /// What to do about it: one line without a full stop, or nothing if the cause says it all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.0.cause.hint().map(str::to_owned)
    }
}

/// A refusal that passes: too many calls at once, a lock, a dataset that somebody uses at the moment.
pub(crate) fn is_busy(refusal: &Refusal) -> bool {
    refusal.code == -32000 || ["EBUSY", "EAGAIN", "ETIMEDOUT"].contains(&refusal.errname.as_str())
}

impl Cause {
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Cause::Rpc(RpcError::Absent { .. }) => {
                "install it first (its installation makes the key), or give the key of an existing one: in the web interface under \
                 Credentials, API Keys"
            }
            Cause::Rpc(RpcError::Unreached { .. }) => "check the address, and that the NAS is up",
            Cause::Rpc(RpcError::Untrusted(_)) => {
                "compare the presented fingerprint with the certificate under System, General Settings, GUI; if they are the same, \
                 pin it"
            }
            Cause::Rpc(RpcError::Login { reason, .. }) if reason == "EXPIRED" => {
                "the key has expired or was revoked (a key that once went over a plain connection is): only `Reset` of the key in the \
                 web interface revives it"
            }
            Cause::Rpc(RpcError::Login { .. }) => {
                "check the key (it looks like 1-xxxx) and that it belongs to the user that is named"
            }
            Cause::Rpc(RpcError::Version(_)) => "TrueNAS 25.04 or 25.10 is needed",
            Cause::Rpc(RpcError::Lost { .. }) | Cause::Forgotten => {
                "it may have happened all the same: run again, which looks before it acts"
            }
            Cause::Slow(_) => "it was not stopped: look under Jobs in the web interface, and run again when it is over",
            Cause::Answer(_) => "is this the address of a TrueNAS, with nothing in between?",
            Cause::Aborted => "run again, which looks before it acts",
            Cause::Rpc(RpcError::Refused(refusal)) | Cause::Job(refusal) => return known_trouble(refusal),
        })
    }
}

/// What helps against troubles that the NAS words well, without saying what to do.
fn known_trouble(refusal: &Refusal) -> Option<&'static str> {
    let text = refusal.to_string();
    let says = |part: &str| text.contains(part);
    Some(match () {
        () if refusal.errname == "ENOMETHOD" || refusal.code == -32601 => {
            "this version of TrueNAS has no such method: 25.04 or 25.10 is needed"
        }
        () if refusal.errname == "ENOTAUTHENTICATED" => "log in again: run once more",
        () if refusal.errname == "EACCES" || says("Not authorized") => {
            "the key's user may not do this: give it a privilege with the role that the method asks for (Credentials, Groups, Privileges)"
        }
        () if says("duplicate serial numbers: None") => {
            "virtual disks without a serial cannot be told apart: set `serial=` for each disk of the guest"
        }
        () if says("dataset is busy") || refusal.errname == "EBUSY" => {
            "something uses it: a client that has it mounted, an app, a shell in it, another task; end that and run again"
        }
        () if refusal.errname == "ENOTEMPTY" || says("has children") => {
            "delete what is in it first; nothing is ever deleted recursively"
        }
        () if says("No space left") || says("out of space") || refusal.errname == "ENOSPC" => {
            "make room on the pool, or give the dataset a larger quota"
        }
        () => return None,
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.method, self.0.cause)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let passing = error.is_transient() || error.may_have_happened();
        let failure = if passing { Failure::passing(error.to_string()) } else { Failure::new(error.to_string()) };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_already_and_not_there_are_told_by_their_numbers_and_not_by_words() {
        let of = |errno: i64, message: &str| {
            let complaints = vec![Complaint { attribute: "x_create.name".into(), message: message.into(), errno }];
            Error::new("x.create", RpcError::Refused(Refusal { code: -32602, complaints, ..Refusal::default() }))
        };
        let (taken, missing, other) = (of(17, "schon da"), of(2, "nicht da"), of(22, "already exists"));
        assert!(taken.is_taken() && !taken.is_missing());
        assert!(missing.is_missing() && !missing.is_taken());
        assert!(!other.is_taken() && !other.is_missing());
    }
}
