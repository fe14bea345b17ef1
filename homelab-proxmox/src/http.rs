//! The seam between the client and a Proxmox VE: one request, one answer, no meaning attached.
//!
//! The real side speaks HTTPS (`homelab_core::tls`), the simulated side (feature `sim`) is called in process. Both see exactly
//! what goes over the wire: paths, parameters and headers, so what is tested in process holds on a socket.
use async_trait::async_trait;
use std::{fmt, time::Duration};

/// The HTTP verbs that Proxmox VE's API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or starts something.
    Post,
    /// Changes.
    Put,
    /// Removes. Parameters travel in the query: a body is answered with 501.
    Delete,
}

impl Method {
    /// The verb as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// One call of the API. Prints without its headers, which carry the credential, and without the values of its parameters, which
/// may be passwords.
#[derive(Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path after `/api2/json`, percent-encoded, with a leading slash and no query: `/nodes/din/qemu/201/config`.
    pub path: String,
    /// Parameters in order, not yet encoded; a key may repeat (array parameters). Sent as the query of GET and DELETE
    /// and as a form body of POST and PUT.
    pub params: Vec<(String, String)>,
    /// Headers that carry the credential: `Authorization`, or `Cookie` and `CSRFPreventionToken`.
    pub headers: Vec<(&'static str, String)>,
    /// A file that is sent along (multipart, the part named `filename`).
    pub upload: Option<Upload>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).collect();
        write!(f, "{} {} {names:?}", self.method.as_str(), self.path)
    }
}

/// The file of an upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The file's name on the storage.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase: Proxmox VE puts the error text here, often nowhere else (pve-notes section 5).
    pub reason: String,
    /// The content type, or nothing.
    pub content_type: String,
    /// The body as it came.
    pub body: Vec<u8>,
}

/// Why there is no answer. Whether the call took effect is known only for [`Unreached`](TransportError::Unreached).
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The connection was never made, so nothing was sent.
    #[error("cannot connect to {host}: {reason}")]
    Unreached {
        /// Host and port.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The server's certificate is not the one that is trusted; nothing was sent.
    #[error("{0}")]
    Untrusted(String),
    /// The call was sent, and then the connection ended or time ran out: it may have taken effect.
    #[error("no answer from {host}: {reason}")]
    Lost {
        /// Host and port.
        host: String,
        /// What happened.
        reason: String,
    },
}

/// Sends one request and gives back its answer, whatever its status.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends `request` once; never retries.
    ///
    /// # Errors
    /// [`TransportError`] when there is no answer. An answer with an error status is `Ok`.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
