//! `/access`: what the credential may do.
use super::lenient::FromScalar;
use crate::{
    client::{Reader, call::Call},
    error::Result,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Privileges by path of the access control list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions(BTreeMap<String, BTreeMap<String, bool>>);

impl Permissions {
    /// Whether `privilege` (`VM.Clone`) is held on `path` (`/vms/9000`). The nearest path that has an entry decides: one
    /// further down replaces what would be inherited (pve-notes section 4).
    #[must_use]
    pub fn allow(&self, path: &str, privilege: &str) -> bool {
        if let Some(here) = self.0.get(path) {
            return here.contains_key(privilege);
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            above = parent;
            if let Some(held) = self.0.get(if above.is_empty() { "/" } else { above }) {
                // The value says whether the privilege reaches further down.
                return held.get(privilege) == Some(&true);
            }
        }
        false
    }

    /// Whether `privilege` is held on some path below `prefix` (`/pool/`).
    #[must_use]
    pub fn holds_below(&self, prefix: &str, privilege: &str) -> bool {
        self.0.iter().any(|(path, held)| path.starts_with(prefix) && held.contains_key(privilege))
    }

    /// Whether the credential holds nothing at all: a token with privilege separation starts so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let paths = BTreeMap::<String, BTreeMap<String, Value>>::deserialize(from)?;
        let spread = |held: BTreeMap<String, Value>| {
            held.into_iter().map(|(name, value)| (name, bool::from_scalar(&value).unwrap_or(false))).collect()
        };
        Ok(Permissions(paths.into_iter().map(|(path, held)| (path, spread(held))).collect()))
    }
}

impl Reader {
    /// What the credential may do, as the server computed it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn permissions(&self) -> Result<Arc<Permissions>> {
        self.once(Call::get("read", "the credential's permissions", "/access/permissions")).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_nearest_entry_decides() {
        let permissions: Permissions = serde_json::from_value(json!({
            "/": {"VM.Audit": 1, "Sys.Audit": 0},
            "/vms/100": {"VM.Clone": 1},
            "/storage": {"Datastore.Audit": "1"},
        }))
        .unwrap();
        assert!(permissions.allow("/vms/101", "VM.Audit"));
        assert!(permissions.allow("/", "Sys.Audit"));
        assert!(!permissions.allow("/nodes/din", "Sys.Audit"), "it does not reach further down");
        assert!(!permissions.allow("/vms/100", "VM.Audit"), "the deeper entry replaces the inherited one");
        assert!(permissions.allow("/vms/100", "VM.Clone"));
        assert!(permissions.allow("/storage/local", "Datastore.Audit"));
        assert!(!Permissions::default().allow("/", "VM.Audit"));
    }
}
