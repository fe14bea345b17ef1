//! What can be observed of a template.
use crate::{
    api::{
        VolumeId,
        qemu::{QemuConfig, Slot},
    },
    resource::{
        firmware::FirmwareKind,
        guest::{self, Found},
        mark,
    },
};
use homelab_core::{Owner, outputs, units::Size};
use serde::Serialize;

/// The slot of the disk with the system, of templates and of their clones.
pub(crate) const BOOT_DISK: Slot = Slot::scsi(0);
/// What the mark remembers of what a template was built from.
pub(crate) const DIGEST: &str = "digest";
/// What the mark remembers of whom its system lets in.
pub(crate) const LOGIN: &str = "login";

/// What the mark remembers of the CD that it was installed from.
pub(super) const INSTALLER: &str = "installer";
/// What the mark remembers of the parts of its recipe.
pub(super) const RECIPE: &str = "recipe";
/// What the mark remembers of how far a provisioned one is.
pub(super) const STAGE: &str = "stage";
/// An installer is at work, or is to be, and nobody can log in.
pub(super) const INSTALLING: &str = "installing";
/// The installer is done, and took its leave; nobody can log in yet.
pub(super) const INSTALLED: &str = "installed";
/// It runs, or ran, with a key that nobody has any more once its build was cut off.
pub(super) const BUILDING: &str = "building";
/// Nothing on it is its own any more, and it is down.
pub(super) const SEALED: &str = "sealed";

/// What can be observed of a template.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateState {
    /// Its number.
    pub vmid: u32,
    /// Its name.
    pub name: Option<String>,
    /// The node it is on.
    pub node: String,
    /// What it was built from, in short.
    pub digest: Option<String>,
    /// The CD that it was installed from.
    pub installer: Option<VolumeId>,
    /// The storage of its disk.
    pub storage: Option<String>,
    /// The size of its disk.
    pub disk: Option<Size>,
    /// Its firmware.
    pub firmware: Option<FirmwareKind>,
    /// Its cloud-init drive.
    pub cloud_init: Option<Slot>,
    /// Cores.
    pub cores: u32,
    /// Memory.
    pub memory: Size,
    /// Whether the server expects a guest agent in it.
    pub agent: bool,
    /// Its tags, without our own.
    pub tags: Option<Vec<String>>,
    /// Its notes, without our mark.
    pub notes: Option<String>,
    /// The user that its image comes with.
    pub login: Option<String>,
    /// How far it got, if it is no template yet.
    pub unfinished: Option<&'static str>,
    /// The guests whose disks stand on its own; looked for only when it is to be replaced.
    pub linked_clones: Vec<String>,
    /// The digests of the parts of its recipe.
    #[serde(skip)]
    pub(super) recipe: Vec<String>,
    #[serde(skip)]
    pub(super) stage: Option<String>,
    #[serde(skip)]
    pub(super) uuid: Option<String>,
    #[serde(skip)]
    pub(super) owner: Owner,
}

outputs!(
    /// What others need to know of a template.
    TemplateOutputs of TemplateState {
        /// Its number.
        vmid: u32,
        /// Its name.
        name: String,
        /// The node it is on.
        node: String,
        /// The user that its image comes with.
        login: String,
        /// The size of its disk with the system.
        disk: Size,
    }
);

impl TemplateState {
    pub(super) fn of(found: &Found) -> Self {
        let (config, notes) = (&*found.config, found.notes());
        let disk = config.disks.get(&BOOT_DISK);
        let stage = notes.recall(STAGE);
        let unfinished = match stage {
            Some(BUILDING) => "its build was cut off",
            Some(INSTALLING) => "it is not installed yet",
            _ => "not converted yet",
        };
        TemplateState {
            vmid: found.guest.vmid,
            name: config.name.clone(),
            node: found.guest.node.clone(),
            digest: notes.recall(DIGEST).map(str::to_owned),
            installer: notes.recall(INSTALLER).and_then(|volume| volume.parse().ok()),
            storage: disk.and_then(|disk| disk.source.storage()).map(str::to_owned),
            disk: disk.and_then(|disk| disk.size).map(|size| Size::bytes(size.as_bytes())),
            firmware: Some(firmware(config)),
            cloud_init: config.cloud_init_drive(),
            cores: config.cores.unwrap_or(1),
            memory: memory(config),
            agent: config.agent.as_ref().is_some_and(|agent| agent.enabled),
            tags: mark::own_tags(config.tags.as_ref()),
            notes: notes.text.clone(),
            login: notes.recall(LOGIN).map(str::to_owned),
            unfinished: (!config.template).then_some(unfinished),
            linked_clones: Vec::new(),
            recipe: notes.recall(RECIPE).map_or_else(Vec::new, |list| list.split(',').map(str::to_owned).collect()),
            stage: stage.map(str::to_owned),
            uuid: guest::uuid(config),
            owner: notes.owner(),
        }
    }

    /// Of a template of which there is only the file that it is to be made from.
    pub(super) fn of_file(
        vmid: u32,
        node: &str,
        (digest, installer): (Option<String>, Option<VolumeId>),
        mark: homelab_core::Mark,
    ) -> Self {
        TemplateState {
            vmid,
            name: None,
            node: node.to_owned(),
            digest,
            installer,
            storage: None,
            disk: None,
            firmware: None,
            cloud_init: None,
            cores: 0,
            memory: Size::ZERO,
            agent: false,
            tags: None,
            notes: None,
            login: None,
            unfinished: Some("only its file is there"),
            linked_clones: Vec::new(),
            recipe: Vec::new(),
            stage: None,
            uuid: None,
            owner: Owner::Marked(mark),
        }
    }
}

/// The firmware of a guest.
pub(crate) fn firmware(config: &QemuConfig) -> FirmwareKind {
    if config.bios.as_deref() == Some("ovmf") { FirmwareKind::Uefi } else { FirmwareKind::Bios }
}

/// The memory of a guest; 512 MiB without the option.
pub(crate) fn memory(config: &QemuConfig) -> Size {
    Size::mib(config.memory.unwrap_or(512))
}
