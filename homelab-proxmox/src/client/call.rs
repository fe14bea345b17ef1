//! One call as data: what it does to what, and the request that it makes. Built without I/O.
use super::{Refusal, answer::Answer};
use crate::{
    error::Cause,
    http::{Http, Method, Request, Upload},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{fmt::Display, time::Duration};

/// How long to wait for an answer. The server gives up on a node after 30 seconds and answers 596 (pve-notes section 1):
/// that answer says more than our own timeout.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);
/// How long an upload may take, with its file.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3600);

/// Parameters of a call, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.0.push((key.into(), value.to_string()));
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn maybe(self, key: impl Into<String>, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Adds a switch: 1 or 0.
    #[must_use]
    pub fn flag(self, key: impl Into<String>, on: bool) -> Self {
        self.set(key, u8::from(on))
    }

    /// Adds a switch only if it is on, for those that are off by default.
    #[must_use]
    pub fn switch(self, key: impl Into<String>, on: bool) -> Self {
        if on { self.flag(key, true) } else { self }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameters, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Params(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// A call that can be sent, and sent again.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    pub(crate) object: String,
    pub(crate) method: Method,
    path: String,
    params: Params,
    upload: Option<Upload>,
}

impl Call {
    /// A call that reads.
    pub(crate) fn get(operation: &'static str, object: impl Into<String>, path: impl Into<String>) -> Self {
        Call::new(Method::Get, operation, object, path)
    }

    pub(crate) fn new(
        method: Method,
        operation: &'static str,
        object: impl Into<String>,
        path: impl Into<String>,
    ) -> Self {
        Call { operation, object: object.into(), method, path: path.into(), params: Params::new(), upload: None }
    }

    pub(crate) fn with(mut self, params: Params) -> Self {
        self.params = params;
        self
    }

    pub(crate) fn uploading(mut self, upload: Upload) -> Self {
        self.upload = Some(upload);
        self
    }

    /// What the call asks, for remembering its answer.
    pub(crate) fn line(&self) -> String {
        let params = self.params.iter().flat_map(|(key, value)| ["&", key, "=", value]);
        std::iter::once(self.path.as_str()).chain(params).collect()
    }

    /// Sends the call once.
    pub(crate) async fn send(&self, http: &dyn Http, headers: Vec<(&'static str, String)>) -> Result<Answer, Cause> {
        let request = Request {
            method: self.method,
            path: self.path.clone(),
            params: self.params.0.clone(),
            headers,
            upload: self.upload.clone(),
            timeout: if self.upload.is_some() { UPLOAD_TIMEOUT } else { ANSWER_TIMEOUT },
        };
        Answer::read(http.send(request).await?)
    }
}

/// Everything that has a meaning in a path is encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The id of a volume is the rest of its path: the server wants its colon and slashes as they are.
const VOLUME: &AsciiSet = &SEGMENT.remove(b':').remove(b'/');

/// Joins segments to a path, each encoded.
pub(crate) fn path(segments: &[&(dyn Display + Sync)]) -> String {
    segments.iter().map(|segment| format!("/{}", utf8_percent_encode(&segment.to_string(), SEGMENT))).collect()
}

/// The path of a volume on a storage of a node.
pub(crate) fn volume_path(node: &str, storage: &str, volume: &str) -> String {
    let content = path(&[&"nodes", &node, &"storage", &storage, &"content"]);
    format!("{content}/{}", utf8_percent_encode(volume, VOLUME))
}

/// The path of a QEMU guest, or of something below it.
pub(crate) fn guest_path(node: &str, vmid: u32, below: &str) -> String {
    let guest = path(&[&"nodes", &node, &"qemu", &vmid]);
    if below.is_empty() { guest } else { format!("{guest}/{below}") }
}

/// The path of a container, or of something below it.
pub(crate) fn container_path(node: &str, vmid: u32, below: &str) -> String {
    let guest = path(&[&"nodes", &node, &"lxc", &vmid]);
    if below.is_empty() { guest } else { format!("{guest}/{below}") }
}

/// How messages call a guest.
pub(crate) fn guest(node: &str, vmid: u32) -> String {
    format!("guest {vmid} on {node}")
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        Cause::Refused(refusal)
    }
}
