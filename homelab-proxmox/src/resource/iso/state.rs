//! What can be observed of the image of a CD.
use crate::api::VolumeId;
use homelab_core::outputs;
use serde::{Deserialize, Serialize};

/// What the image of a CD is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsoId {
    /// The node that has it.
    pub node: String,
    /// Its volume.
    pub volume: VolumeId,
}

/// What can be observed of the image of a CD.
#[derive(Clone, Debug, Serialize)]
pub struct IsoState {
    /// The node that has it.
    pub node: String,
    /// The storage that it is on.
    pub storage: String,
    /// Its file.
    pub file: String,
    /// Its volume: `local:iso/truenas-25.10.1-612b2c0cc1bc413a.iso`.
    pub volume: VolumeId,
}

outputs!(
    /// What others need to know of the image of a CD.
    IsoOutputs of IsoState {
        /// The node that has it.
        node: String,
        /// Its volume, to put it into a drive.
        volume: VolumeId,
    }
);

impl IsoState {
    pub(super) fn of(id: &IsoId) -> Self {
        let file = id.volume.name.rsplit('/').next().unwrap_or_default().to_owned();
        IsoState { node: id.node.clone(), storage: id.volume.storage.clone(), file, volume: id.volume.clone() }
    }
}
