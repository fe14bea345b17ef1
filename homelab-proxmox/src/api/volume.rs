//! Volume ids: `local:iso/debian.iso`, `local-lvm:vm-100-disk-0`.
use super::property::{ConfigError, as_text};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The address of a volume: a storage and a name on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId {
    /// The storage's id.
    pub storage: String,
    /// The name on that storage; for files it holds the kind or the guest: `iso/x.iso`, `100/vm-100-disk-0.qcow2`.
    pub name: String,
}

impl VolumeId {
    /// The volume called `name` on `storage`.
    pub fn new(storage: impl Into<String>, name: impl Into<String>) -> Self {
        VolumeId { storage: storage.into(), name: name.into() }
    }
}

impl Display for VolumeId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}:{}", self.storage, self.name)
    }
}

impl FromStr for VolumeId {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text.split_once(':') {
            Some((storage, name)) if is_storage_id(storage) && !name.is_empty() && !name.contains(',') => {
                Ok(VolumeId::new(storage, name))
            }
            _ => Err(ConfigError::new("volume", text, "write it as STORAGE:NAME")),
        }
    }
}
as_text!(VolumeId);

/// Whether `text` can be the id of a storage (`pve-storage-id` of the schema).
pub(crate) fn is_storage_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
