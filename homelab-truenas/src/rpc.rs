//! The seam between the client and a TrueNAS: one call, one answer, and news of jobs.
//!
//! The real side is a WebSocket that speaks JSON-RPC 2.0, or `midclt` over SSH; the simulated side is called in process. All see
//! the same methods, parameters and message ids, so what is tested in process holds on a socket.
use async_trait::async_trait;
use homelab_core::{Permit, SecretValue, tls::Fingerprint, units::Size};
use serde::Deserialize;
use serde_json::Value;
use std::{fmt, net::IpAddr, sync::Arc};
use tokio::sync::broadcast;
use uuid::Uuid;

/// One call of a method. Prints without its parameters, which may hold secrets.
#[derive(Clone)]
pub struct Call {
    /// The `id` of the JSON-RPC message. The NAS keeps it with the job that the call starts, so a job can be found again by it.
    pub id: String,
    /// The method: `pool.dataset.create`.
    pub method: String,
    /// Its parameters by position; TrueNAS takes no others.
    pub params: Vec<Value>,
}

impl Call {
    /// A call with an id of its own.
    pub fn new(method: impl Into<String>, params: impl Into<Vec<Value>>) -> Self {
        Call { id: Uuid::new_v4().to_string(), method: method.into(), params: params.into() }
    }

    /// Whether it only reads.
    pub(crate) fn is_read(&self) -> bool {
        // What a job writes into a file is fetched so; of these two it is the whole effect.
        let fetches = ["config.save", "filesystem.get"];
        match self.method.as_str() {
            "core.download" => self.params.first().is_some_and(|job| fetches.iter().any(|known| job == known)),
            method => is_read(method),
        }
    }

    /// Refuses what may change something.
    pub(crate) fn must_read(&self) -> Result<(), RpcError> {
        if self.is_read() {
            return Ok(());
        }
        let reason = format!("{} may change something, and nobody agreed to that", self.method);
        Err(RpcError::Refused(Refusal { reason, ..Refusal::default() }))
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} parameters)", self.method, self.params.len())
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RpcError {
    /// There is no such NAS yet: no key for it is known. Reading side: nothing is there.
    #[error("there is no key for the NAS at {host} yet")]
    Absent {
        /// Its address.
        host: String,
    },
    /// The connection was never made, so nothing was sent.
    #[error("cannot connect to {host}: {reason}")]
    Unreached {
        /// Host and port.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// What answers is not the NAS that is trusted, or would learn a secret that it must not; nothing was sent.
    #[error("{0}")]
    Untrusted(String),
    /// The login was refused.
    #[error("{host} refuses the login: {reason}")]
    Login {
        /// Host and port.
        host: String,
        /// Why: `AUTH_ERR`, `EXPIRED`.
        reason: String,
    },
    /// It speaks no version of the API that this program speaks.
    #[error("{0}")]
    Version(String),
    /// The call was sent, and then the connection ended or time ran out: it may have taken effect.
    #[error("no answer from {host}: {reason}")]
    Lost {
        /// Host and port.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The NAS refused.
    #[error("{0}")]
    Refused(Refusal),
}

/// What the NAS says when it refuses, in an answer or at the end of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The code of JSON-RPC: -32602 validation, -32001 the method failed, -32601 no such method (notes section 3).
    pub code: i64,
    /// The name of the error: `EINVAL`, `ENOTEMPTY`, or one of the middleware's own.
    pub errname: String,
    /// In words. Never the trace, which may hold parameters.
    pub reason: String,
    /// What is wrong with which parameter.
    pub complaints: Vec<Complaint>,
}

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The parameter, in the words of whichever stage complains (`data.topology.log.0.type`, `pool_create.topology`); empty if it
    /// is about none.
    pub attribute: String,
    /// What is wrong.
    pub message: String,
    /// The number of the error: 17 is "exists already", 2 is "not there", 22 is "makes no sense".
    pub errno: i64,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.complaints.is_empty() {
            return match self.reason.trim() {
                "" => f.write_str(&self.errname),
                reason => f.write_str(reason),
            };
        }
        for (n, Complaint { attribute, message, .. }) in self.complaints.iter().enumerate() {
            let field = crate::client::field_of(attribute);
            let (comma, colon) = (if n == 0 { "" } else { "; " }, if field.is_empty() { "" } else { ": " });
            write!(f, "{comma}{field}{colon}{message}")?;
        }
        Ok(())
    }
}

/// A job, as `core.get_jobs` and its subscription tell of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Its number. Starts anew with each boot.
    pub id: i64,
    /// The method that it carries out.
    pub method: String,
    /// The ids of the messages that started it.
    pub message_ids: Vec<Value>,
    /// `WAITING`, `RUNNING`, `SUCCESS`, `FAILED`, `ABORTED`.
    pub state: String,
    /// How far it is.
    pub progress: Progress,
    /// What it resulted in.
    pub result: Value,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Why it failed, for programs.
    pub exc_info: Option<ExcInfo>,
}

/// How far a job is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Progress {
    /// From 0 to 100; can go back.
    pub percent: Option<f64>,
    /// What is done.
    pub description: Option<String>,
}

/// The error that ended a job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExcInfo {
    /// `VALIDATION` if `extra` is a list of complaints.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The number of the error.
    pub errno: Option<i64>,
    /// More, in a shape that depends on the kind.
    pub extra: Value,
}

impl Job {
    /// Whether nothing happens to it any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "SUCCESS" | "FAILED" | "ABORTED")
    }
}

/// What is needed to set a NAS up.
#[derive(Clone, Debug)]
pub struct First {
    /// The password of `truenas_admin`.
    pub password: SecretValue,
    /// What the key is to be called.
    pub key_name: String,
}

/// Who hears how far something is.
pub type Watch<'a> = dyn FnMut(&Progress) + Send + 'a;

/// What an installer is told.
#[derive(Clone, Debug)]
pub struct Install {
    /// The size of the disk that gets the system: exactly this, for an installer tells disks apart by nothing else.
    pub disk: Size,
    /// What its model is called, or a part of that.
    pub model: String,
    /// The address of the first interface and its prefix; by DHCP without it.
    pub address: Option<(IpAddr, u8)>,
}

/// What an installer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// None answers.
    Nowhere,
    /// It installed the system and starts it.
    Made,
    /// The system was there already, and is started.
    Restarted,
}

/// What opens a NAS that was set up.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The API key.
    pub key: SecretValue,
    /// The certificate that it showed.
    pub fingerprint: Fingerprint,
}

/// One way to one NAS. It connects at the first call, logs in, and connects again after the connection broke; it never sends a
/// call twice.
#[async_trait]
pub trait Rpc: Send + Sync {
    /// Sends one call that only reads and waits for its answer. A method that is a job answers with the job's number.
    ///
    /// # Errors
    /// [`RpcError`]; what may change something is refused, and not sent.
    async fn call(&self, call: &Call) -> Result<Value, RpcError>;

    /// Sends any call and waits for its answer.
    ///
    /// # Errors
    /// [`RpcError`]; only after [`RpcError::Lost`] the call may have taken effect.
    async fn write(&self, permit: &Permit, call: &Call) -> Result<Value, RpcError>;

    /// News of jobs, if this way has any: rows as `core.get_jobs` gives them. They are a help and no promise: some may be missed.
    fn news(&self) -> Option<broadcast::Receiver<Arc<Value>>> {
        None
    }

    /// Whether the NAS keeps the ids of calls with the jobs that they start.
    fn keeps_ids(&self) -> bool {
        true
    }

    /// Sets up a NAS that has no key yet: its first administrator if it has none, then a key for him. Whom to trust is found at this
    /// first meeting, unless it is known. Done again it gives another key of the same name, and the one before is dead.
    ///
    /// # Errors
    /// As [`call`](Rpc::call); `Unreached` as long as it boots.
    async fn set_up(&self, permit: &Permit, first: &First) -> Result<Keys, RpcError> {
        let _ = (permit, first);
        Err(RpcError::Refused(Refusal { reason: "it cannot be set up this way".into(), ..Refusal::default() }))
    }

    /// Drives the installer, if one answers where this NAS is to be, until it restarts into the system. Done again it goes on with
    /// what is there, and installs nothing twice.
    ///
    /// # Errors
    /// As [`call`](Rpc::call).
    async fn install(&self, permit: &Permit, wish: &Install, watch: &mut Watch<'_>) -> Result<Installed, RpcError> {
        let _ = (permit, wish, watch);
        Ok(Installed::Nowhere)
    }

    /// Fetches a file that a job of `core.download` offers: `/_download/12?auth_token=...`.
    ///
    /// # Errors
    /// As [`call`](Rpc::call).
    async fn download(&self, path: &str) -> Result<Vec<u8>, RpcError> {
        let _ = path;
        Err(RpcError::Refused(Refusal { reason: "files cannot be fetched this way".into(), ..Refusal::default() }))
    }
}

/// Whether a method only reads.
fn is_read(method: &str) -> bool {
    const READS: [&str; 42] = [
        "query",
        "config",
        "get_instance",
        "get_jobs",
        "ping",
        "subscribe",
        "unsubscribe",
        "set_options",
        "boot_id",
        "ready",
        "state",
        "version",
        "version_short",
        "info",
        "details",
        "me",
        "getacl",
        "stat",
        "list",
        "listdir",
        "status",
        "started",
        "attachments",
        "processes",
        "snapshot_count",
        "get_disks",
        "get_used",
        "temperatures",
        "checkin_waiting",
        "has_pending_changes",
        "has_local_administrator_set_up",
        "available_versions",
        "mechanism_choices",
        "get_next_uid",
        "get_next_gid",
        "import_find",
        "get_nfs3_clients",
        "get_nfs4_clients",
        "sessions",
        "client_count",
        "results",
        "get_auto_download",
    ];
    let verb = method.rsplit('.').next().unwrap_or_default();
    READS.contains(&verb) || verb.ends_with("_choices")
}
