//! `/nodes`: the machines that Proxmox VE runs on.
use super::lenient::scalar;
use crate::{
    client::{Reader, call::Call, call::path},
    error::Result,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A node in the listing.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Node {
    /// Its name.
    #[serde(deserialize_with = "scalar")]
    pub node: String,
    /// `online`, `offline` or `unknown`.
    #[serde(default, deserialize_with = "scalar")]
    pub status: Option<String>,
    /// The SHA-256 of its certificate, to pin.
    #[serde(default, deserialize_with = "scalar")]
    pub ssl_fingerprint: Option<String>,
    /// Processors.
    #[serde(default, deserialize_with = "scalar")]
    pub maxcpu: Option<u64>,
    /// Memory in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub maxmem: Option<u64>,
    /// Memory in use in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub mem: Option<u64>,
    /// Seconds since its start.
    #[serde(default, deserialize_with = "scalar")]
    pub uptime: Option<u64>,
    /// What else the listing says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Node {
    /// Whether it is up.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.status.as_deref() == Some("online")
    }
}

/// The state of one node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NodeStatus {
    /// `pve-manager/8.4.21/...`.
    #[serde(default, deserialize_with = "scalar")]
    pub pveversion: Option<String>,
    /// Seconds since its start.
    #[serde(default, deserialize_with = "scalar")]
    pub uptime: Option<u64>,
    /// What else it says: memory, processors, kernel.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Reader {
    /// All nodes.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn nodes(&self) -> Result<Arc<Vec<Node>>> {
        self.once(Call::get("list", "the nodes", "/nodes")).await
    }

    /// The state of `node`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn node_status(&self, node: &str) -> Result<Arc<NodeStatus>> {
        self.once(Call::get("read", format!("the state of {node}"), path(&[&"nodes", &node, &"status"]))).await
    }
}
