//! `/storage` and `/nodes/N/storage`: where volumes are, and what is on them.
use super::{lenient::scalar, volume::VolumeId};
use crate::{
    client::{
        Params, Pve, Reader, Task,
        call::{Call, path, volume_path},
    },
    error::Result,
    http::{self, Method},
};
use homelab_core::Permit;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A storage as a node sees it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Storage {
    /// Its id; absent when only this one was asked for.
    #[serde(default, deserialize_with = "scalar")]
    pub storage: Option<String>,
    /// Its kind: `dir`, `lvmthin`, `zfspool`, `nfs`.
    #[serde(rename = "type", deserialize_with = "scalar")]
    pub kind: String,
    /// What it may hold, separated by commas.
    #[serde(default, deserialize_with = "scalar")]
    pub content: String,
    /// Whether it can be used now.
    #[serde(default, deserialize_with = "scalar")]
    pub active: bool,
    /// Whether it is switched on.
    #[serde(default, deserialize_with = "scalar")]
    pub enabled: bool,
    /// Whether all nodes see the same volumes.
    #[serde(default, deserialize_with = "scalar")]
    pub shared: bool,
    /// Size in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub total: Option<u64>,
    /// Free bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub avail: Option<u64>,
    /// What else it says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Storage {
    /// Whether it may hold `content`: `images`, `iso`, `import`, `vztmpl`, `rootdir`, `snippets`, `backup`.
    #[must_use]
    pub fn holds(&self, content: &str) -> bool {
        holds(&self.content, content)
    }
}

/// A storage as the cluster defines it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct StorageDefinition {
    /// Its id.
    #[serde(deserialize_with = "scalar")]
    pub storage: String,
    /// Its kind.
    #[serde(rename = "type", deserialize_with = "scalar")]
    pub kind: String,
    /// What it may hold, separated by commas.
    #[serde(default, deserialize_with = "scalar")]
    pub content: String,
    /// Whether it is switched off.
    #[serde(default, deserialize_with = "scalar")]
    pub disable: bool,
    /// The nodes that have it, separated by commas; absent: all.
    #[serde(default, deserialize_with = "scalar")]
    pub nodes: Option<String>,
    /// What else it says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl StorageDefinition {
    /// Whether it may hold `content`.
    #[must_use]
    pub fn holds(&self, content: &str) -> bool {
        holds(&self.content, content)
    }

    /// Whether `node` has it.
    #[must_use]
    pub fn is_on(&self, node: &str) -> bool {
        !self.disable && self.nodes.as_deref().is_none_or(|nodes| nodes.split(',').any(|name| name.trim() == node))
    }
}

fn holds(list: &str, content: &str) -> bool {
    list.split(',').any(|kind| kind.trim() == content)
}

/// A volume in the listing of a storage.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Volume {
    /// Its id.
    pub volid: VolumeId,
    /// What it is: `images`, `iso`, `import`.
    #[serde(default, deserialize_with = "scalar")]
    pub content: Option<String>,
    /// `qcow2`, `raw`, `iso`.
    #[serde(default, deserialize_with = "scalar")]
    pub format: Option<String>,
    /// The size that a guest sees, in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub size: Option<u64>,
    /// The guest that it belongs to.
    #[serde(default, deserialize_with = "scalar")]
    pub vmid: Option<u32>,
    /// The volume that it is a linked clone of.
    #[serde(default, deserialize_with = "scalar")]
    pub parent: Option<String>,
    /// What else the listing says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct VolumeInfo {
    /// Its path on the node.
    #[serde(default, deserialize_with = "scalar")]
    pub path: Option<String>,
    /// `qcow2`, `raw`, `iso`.
    #[serde(default, deserialize_with = "scalar")]
    pub format: Option<String>,
    /// The size that a guest sees, in bytes.
    #[serde(default, deserialize_with = "scalar")]
    pub size: Option<u64>,
}

/// What a file's content must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// `sha256`, `sha512` and others.
    pub algorithm: String,
    /// The digest in hexadecimal.
    pub digest: String,
}

impl Checksum {
    /// A SHA-256.
    pub fn sha256(digest: impl Into<String>) -> Self {
        Checksum { algorithm: "sha256".to_owned(), digest: digest.into() }
    }
}

/// A file that a node fetches itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// `import` for disk images, `iso` or `vztmpl`.
    pub content: String,
    /// Its name on the storage; for `import` it ends in `.qcow2`, `.raw`, `.vmdk` or `.ova`.
    pub filename: String,
    /// Where it is.
    pub url: String,
    /// What it must be. A file that is there with this checksum is not fetched again.
    pub checksum: Option<Checksum>,
}

/// A file that is sent from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// `iso`, `vztmpl` or `import`: nothing else can be uploaded, no snippets either.
    pub content: String,
    /// Its name on the storage.
    pub filename: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the server shall have received.
    pub checksum: Option<Checksum>,
}

fn checked(params: Params, checksum: Option<&Checksum>) -> Params {
    match checksum {
        // An upload is read in this order: the other way round the digest would be missed.
        Some(sum) => params.set("checksum-algorithm", &sum.algorithm).set("checksum", &sum.digest),
        None => params,
    }
}

impl Reader {
    /// The storages of `node`. Slow if one of them hangs.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn storages(&self, node: &str) -> Result<Arc<Vec<Storage>>> {
        self.once(Call::get("list", format!("the storages of {node}"), path(&[&"nodes", &node, &"storage"]))).await
    }

    /// The state of one storage of `node`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn storage_status(&self, node: &str, storage: &str) -> Result<Arc<Storage>> {
        let path = path(&[&"nodes", &node, &"storage", &storage, &"status"]);
        self.once(Call::get("read", format!("storage {storage} on {node}"), path)).await
    }

    /// All storages as the cluster defines them.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn storage_definitions(&self) -> Result<Arc<Vec<StorageDefinition>>> {
        self.once(Call::get("list", "the cluster's storages", "/storage")).await
    }

    /// The volumes on a storage, of one kind of content if given.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn volumes(&self, node: &str, storage: &str, content: Option<&str>) -> Result<Arc<Vec<Volume>>> {
        let path = path(&[&"nodes", &node, &"storage", &storage, &"content"]);
        let call = Call::get("list", format!("the volumes of {storage} on {node}"), path);
        self.once(call.with(Params::new().maybe("content", content))).await
    }

    /// One volume.
    ///
    /// # Errors
    /// If it does not exist or cannot be read.
    pub async fn volume(&self, node: &str, volume: &VolumeId) -> Result<Arc<VolumeInfo>> {
        let path = volume_path(node, &volume.storage, &volume.to_string());
        self.once(Call::get("read", format!("volume {volume} on {node}"), path)).await
    }
}

impl Pve {
    /// Has `node` fetch a file into `storage`.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn download(&self, permit: &Permit, node: &str, storage: &str, file: &Download) -> Result<Task> {
        let path = path(&[&"nodes", &node, &"storage", &storage, &"download-url"]);
        let object = format!("{} to {storage} on {node}", file.filename);
        let params = Params::new().set("content", &file.content).set("filename", &file.filename).set("url", &file.url);
        let call = Call::new(Method::Post, "download", object, path);
        self.start(permit, call.with(checked(params, file.checksum.as_ref()))).await
    }

    /// Sends a file to `storage`.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn upload(&self, permit: &Permit, node: &str, storage: &str, file: Upload) -> Result<Task> {
        let path = path(&[&"nodes", &node, &"storage", &storage, &"upload"]);
        let object = format!("{} to {storage} on {node}", file.filename);
        let params = checked(Params::new().set("content", &file.content), file.checksum.as_ref());
        let call = Call::new(Method::Post, "upload", object, path).with(params);
        self.start(permit, call.uploading(http::Upload { name: file.filename, content: file.bytes })).await
    }

    /// Removes a volume, with all that is on it.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn delete_volume(&self, permit: &Permit, node: &str, volume: &VolumeId) -> Result<Task> {
        let path = volume_path(node, &volume.storage, &volume.to_string());
        self.start(permit, Call::new(Method::Delete, "delete", format!("volume {volume} on {node}"), path)).await
    }
}
