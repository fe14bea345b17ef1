//! What can be observed of a container's template.
use super::file_of;
use crate::api::VolumeId;
use homelab_core::outputs;
use serde::{Deserialize, Serialize};

/// What an archive is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveId {
    /// The node that has it.
    pub node: String,
    /// Its volume.
    pub volume: VolumeId,
}

/// What can be observed of a container's template.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerTemplateState {
    /// The node that has it.
    pub node: String,
    /// The storage that it is on.
    pub storage: String,
    /// Its file.
    pub file: String,
    /// Its volume: `local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst`.
    pub volume: VolumeId,
    /// A newer file that the index has; looked for only where the newest is wanted.
    pub newer: Option<String>,
}

outputs!(
    /// What others need to know of a container's template.
    ContainerTemplateOutputs of ContainerTemplateState {
        /// The node that has it.
        node: String,
    }
);

impl ContainerTemplateOutputs {
    /// Its volume, to make containers from.
    #[must_use]
    pub const fn volume(&self) -> homelab_core::Output<String> {
        homelab_core::Output::at(self.0, "volume")
    }
}

impl ContainerTemplateState {
    pub(super) fn of(node: &str, volume: VolumeId) -> Self {
        ContainerTemplateState {
            node: node.to_owned(),
            storage: volume.storage.clone(),
            file: file_of(&volume).unwrap_or_default().to_owned(),
            volume,
            newer: None,
        }
    }
}
