//! Bytes on their way to a machine, which may be a secret.
use crate::secret::SecretValue;
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};
use zeroize::Zeroizing;

/// The contents of a file, or what a command reads. Never prints; overwritten when the last clone is dropped.
#[derive(Clone)]
pub struct Content(Arc<Zeroizing<Vec<u8>>>);

impl Content {
    /// The bytes themselves, for whoever sends or compares them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The SHA-256 of the bytes, in lower-case hexadecimal: how a file is compared without being read.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.0)
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Content(Arc::new(Zeroizing::new(bytes)))
    }
}
impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}
impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}
impl From<String> for Content {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}
impl From<&SecretValue> for Content {
    fn from(secret: &SecretValue) -> Self {
        secret.expose().into()
    }
}
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        **self.0 == **other.0
    }
}
impl Eq for Content {}
impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_slice().hash(state);
    }
}
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
