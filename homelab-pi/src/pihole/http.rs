//! The seam between the client and a Pi-hole: one request, one answer, no meaning attached.
use async_trait::async_trait;
use std::{fmt, time::Duration};

/// The verbs that Pi-hole's API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or starts something.
    Post,
    /// Replaces, or adds one item to a setting that is a list.
    Put,
    /// Changes settings.
    Patch,
    /// Removes.
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
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }

    /// The verb by its name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Method> {
        [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete].into_iter().find(|m| m.as_str() == word)
    }
}

/// One call. Prints without its headers, which carry the session, and without its body, which may hold a password.
#[derive(Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// What comes after `/api`, percent-encoded, with its query: `/lists?type=block`.
    pub path: String,
    /// Headers; their names in any case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// How long to wait for the whole answer.
    pub timeout: Duration,
}

impl Request {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)
    }
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer. Whether the call took effect is known only for [`Unreached`](TransportError::Unreached).
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The connection was never made, so nothing was sent.
    #[error("cannot connect to {host}: {reason}")]
    Unreached {
        /// Whom.
        host: String,
        /// What the system said.
        reason: String,
    },
    /// The call was sent, and then the connection ended or time ran out: it may have taken effect.
    #[error("no answer from {host}: {reason}")]
    Lost {
        /// Who.
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

    /// Sends a last request when the program ends and nobody can wait for an answer any more: the logout.
    fn leave(&self, request: Request);
}
