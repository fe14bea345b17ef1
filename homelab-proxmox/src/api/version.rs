//! `/version`: which Proxmox VE this is.
use super::lenient::scalar;
use crate::{
    client::{Reader, call::Call},
    error::Result,
};
use serde::Deserialize;
use std::sync::Arc;

/// The release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// Two numbers: `8.4`.
    #[serde(deserialize_with = "scalar")]
    pub release: String,
    /// All numbers: `8.4.21`.
    #[serde(deserialize_with = "scalar")]
    pub version: String,
}

impl Version {
    /// The first number: 8 or 9.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        self.version.split('.').next()?.parse().ok()
    }
}

impl Reader {
    /// The release of the node that is asked.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn version(&self) -> Result<Arc<Version>> {
        self.once(Call::get("read", "the version", "/version")).await
    }
}
