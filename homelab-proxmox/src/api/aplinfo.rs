//! `/nodes/N/aplinfo`: templates of containers that Proxmox offers to fetch.
use super::lenient::scalar;
use crate::{
    client::{
        Params, Pve, Reader, Task,
        call::{Call, path},
    },
    error::Result,
    http::Method,
};
use homelab_core::Permit;
use serde::Deserialize;
use std::sync::Arc;

/// A template in the index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Appliance {
    /// The file: `debian-12-standard_12.12-1_amd64.tar.zst`. Names carry versions and vanish from the index.
    #[serde(deserialize_with = "scalar")]
    pub template: String,
    /// What it is, without the version: `debian-12-standard`.
    #[serde(default, deserialize_with = "scalar")]
    pub package: String,
    /// `12.12-1`.
    #[serde(default, deserialize_with = "scalar")]
    pub version: String,
}

impl Reader {
    /// The index of templates that a node can fetch, as it was refreshed last (`pveam update`, daily by itself).
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn appliances(&self, node: &str) -> Result<Arc<Vec<Appliance>>> {
        let what = format!("the templates that {node} can fetch");
        self.once(Call::get("list", what, path(&[&"nodes", &node, &"aplinfo"]))).await
    }
}

impl Pve {
    /// Has `node` fetch a template of the index into `storage`; its checksum is in the index.
    ///
    /// # Errors
    /// If it is refused, such as for a name that is not in the index any more.
    pub async fn fetch_appliance(&self, permit: &Permit, node: &str, storage: &str, template: &str) -> Result<Task> {
        let object = format!("{template} to {storage} on {node}");
        let call = Call::new(Method::Post, "fetch", object, path(&[&"nodes", &node, &"aplinfo"]));
        self.start(permit, call.with(Params::new().set("storage", storage).set("template", template))).await
    }
}
