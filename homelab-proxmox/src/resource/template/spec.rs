//! What a template is specified to be.
use super::{Image, seed};
use crate::{
    api::{Tags, VolumeId, qemu::Slot},
    resource::{Node, firmware::FirmwareKind, vm},
};
use homelab_core::{
    Field, Output,
    host::{Part, Recipe},
    units::Size,
};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::sync::Arc;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spec {
    pub(super) vmid: u32,
    pub(super) name: String,
    pub(super) node: Node,
    /// What it is imported from, unless it is installed.
    pub(super) image: Option<Image>,
    /// The volume of the CD that it is installed from, unless it is imported.
    pub(super) installer: Option<Output<VolumeId>>,
    pub(super) digest: Option<String>,
    pub(super) storage: &'static str,
    pub(super) disk: Option<Size>,
    pub(super) firmware: FirmwareKind,
    pub(super) secure_boot: Option<bool>,
    pub(super) cloud_init: Option<Slot>,
    pub(super) serial: bool,
    pub(super) cores: u32,
    pub(super) memory: Size,
    pub(super) agent: Option<bool>,
    pub(super) tags: Field<Vec<String>>,
    pub(super) notes: Field<String>,
    pub(super) login: &'static str,
    /// What is put on it, by number; the digest has what it is.
    #[serde(serialize_with = "count_of")]
    pub(super) recipe: Option<Arc<Recipe>>,
    /// Always to be empty: what is half made is to be finished.
    pub(super) unfinished: Field<()>,
}

impl Spec {
    /// What it is built from, in short: with any of this changed it is another template.
    pub(super) fn digest(&self) -> String {
        let inputs = (
            // Which CD it is counts by itself: what the volume is called is known only where it is looked at.
            self.image.map_or_else(seed::digest, |image| image.checksum().digest),
            self.storage,
            self.disk,
            self.firmware,
            self.secure_boot,
            self.cloud_init.map(|slot| slot.to_string()),
            self.serial,
        );
        let mut text = serde_json::to_string(&inputs).unwrap_or_default();
        if let Some(recipe) = self.recipe.as_deref() {
            text += &serde_json::to_string(recipe).unwrap_or_default();
        }
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn parts(&self) -> &[Part] {
        self.recipe.as_deref().map_or(&[], Recipe::parts)
    }

    pub(super) fn own_tags(&self) -> Option<Tags> {
        vm::declared_tags(&self.tags)
    }
}

fn count_of<S: Serializer>(recipe: &Option<Arc<Recipe>>, s: S) -> Result<S::Ok, S::Error> {
    match recipe.as_deref().map(|recipe| recipe.parts().len()) {
        Some(1) => s.serialize_str("1 part"),
        Some(parts) => s.collect_str(&format_args!("{parts} parts")),
        None => s.serialize_none(),
    }
}
