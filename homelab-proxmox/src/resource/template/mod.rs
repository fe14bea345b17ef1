//! [`Template`]: a guest made from a cloud image that others are cloned from.
mod apply;
mod image;
mod read;
pub(super) mod state;

pub use image::Image;
pub use state::{TemplateOutputs, TemplateState};

use super::{
    Node,
    definition::Storage,
    firmware::{Bios, CloudInit, Firmware, FirmwareKind, NoCloudInit, Setup, Uefi},
    guest::GuestId,
};
use crate::{
    Pve,
    api::{Tags, qemu::Slot},
};
use homelab_core::{
    Apply, Claim, Failure, Field, Lock, Look, Owner, Resource, Site,
    plan::{Action, Change, Note},
    units::{Size, SizeUnits},
};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::{marker::PhantomData, time::Duration};

/// How many steps may copy disks on one storage of a node at once (pve-notes section 7).
pub(super) const COPIES: usize = 2;

/// A template: a cloud image, imported, given its firmware and cloud-init drive, and converted.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Node, Pve, Template};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # let mut lab = Lab::named("home");
/// let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
/// ```
///
/// - It is content addressed: a digest of what it is built from is in its mark. When that changes it is made anew, and guests
///   cloned from it before stay as they are. Linked clones stand on its disk, so while there are any it cannot be replaced.
/// - The node fetches the image itself, with its checksum, into [`Node::images`]; the file is this template's own and goes with it.
/// - It is sealed: nothing ever boots it, so its clones find a system that has not run yet, and cloud-init does its work in each.
/// - Firmware and cloud-init are part of its type, and every clone has them.
/// - Cloud images mostly come without the guest agent; [`agent`](Template::agent) only says that one is in the image.
pub struct Template<F = Bios, C = NoCloudInit> {
    pub(super) spec: Spec,
    ty: PhantomData<fn() -> (F, C)>,
}

/// A template that has no node yet: [`on`](TemplateOf::on) gives it one.
#[derive(Clone, Debug)]
#[must_use = "a template needs a node: `.on(node)`"]
pub struct TemplateOf {
    vmid: u32,
    name: String,
    image: Image,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Spec {
    vmid: u32,
    name: String,
    node: Node,
    image: Image,
    digest: Option<String>,
    storage: &'static str,
    disk: Option<Size>,
    firmware: FirmwareKind,
    secure_boot: Option<bool>,
    cloud_init: Option<Slot>,
    serial: bool,
    cores: u32,
    memory: Size,
    agent: Option<bool>,
    tags: Field<Vec<String>>,
    notes: Field<String>,
    login: &'static str,
    /// Always to be empty: what is half made is to be finished.
    unfinished: Field<()>,
}

impl Template {
    /// Ubuntu 24.04, under this number.
    pub fn ubuntu_24_04(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "ubuntu-24.04".to_owned(), image: Image::UBUNTU_24_04 }
    }

    /// Ubuntu 22.04, under this number.
    pub fn ubuntu_22_04(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "ubuntu-22.04".to_owned(), image: Image::UBUNTU_22_04 }
    }

    /// Debian 13, under this number.
    pub fn debian_13(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "debian-13".to_owned(), image: Image::DEBIAN_13 }
    }

    /// Debian 12, under this number.
    pub fn debian_12(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "debian-12".to_owned(), image: Image::DEBIAN_12 }
    }

    /// Any image, under this number. It needs a name: [`named`](TemplateOf::named).
    pub fn from_image(vmid: u32, image: Image) -> TemplateOf {
        TemplateOf { vmid, name: format!("template-{vmid}"), image }
    }
}

impl TemplateOf {
    /// Gives it another name: letters, digits, `-` and `.`, as of a host.
    ///
    /// # Panics
    /// When it is no name of a host.
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Self {
        TemplateOf { name: super::vm::host_name(name.into()), ..self }
    }

    /// Made on this node, with its storages and bridge.
    #[must_use]
    pub fn on(self, node: Node) -> Template {
        let TemplateOf { vmid, name, image } = self;
        let spec = Spec {
            vmid,
            name,
            node,
            image,
            digest: None,
            storage: node.disks,
            disk: None,
            firmware: FirmwareKind::Bios,
            secure_boot: None,
            cloud_init: None,
            serial: true,
            cores: 2,
            memory: 2.gib(),
            agent: None,
            tags: Field::Unmanaged,
            notes: Field::Unmanaged,
            login: image.login(),
            unfinished: Field::Cleared,
        };
        Template { spec, ty: PhantomData }
    }
}

impl<F, C> Template<F, C> {
    fn retyped<G, D>(self) -> Template<G, D> {
        Template { spec: self.spec, ty: PhantomData }
    }

    fn with(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self
    }

    /// With UEFI: OVMF, machine `q35`, and a disk for its variables without enrolled keys.
    #[must_use]
    pub fn uefi(self) -> Template<Uefi, C> {
        self.with(|spec| spec.firmware = FirmwareKind::Uefi).retyped()
    }

    /// With a cloud-init drive on `ide2`, and addresses by DHCP unless a clone says otherwise.
    #[must_use]
    pub fn cloud_init(self) -> Template<F, CloudInit> {
        self.with(|spec| spec.cloud_init = Some(Slot::ide(2))).retyped()
    }

    /// The size of its disk. Larger than the image's own, for a disk only grows; clones can be larger still.
    #[must_use]
    pub fn disk(self, size: Size) -> Self {
        self.with(|spec| spec.disk = Some(size))
    }

    /// The storage of its disks, if not the node's usual one.
    #[must_use]
    pub fn storage(self, storage: &'static str) -> Self {
        self.with(|spec| spec.storage = storage)
    }

    /// Cores, which a clone has unless it says otherwise; 2 without this.
    #[must_use]
    pub fn cores(self, cores: u32) -> Self {
        self.with(|spec| spec.cores = cores)
    }

    /// Memory, which a clone has unless it says otherwise; 2 GiB without this.
    ///
    /// # Panics
    /// When it is no whole number of MiB.
    #[must_use]
    #[track_caller]
    pub fn memory(self, memory: Size) -> Self {
        super::vm::whole_mib(memory);
        self.with(|spec| spec.memory = memory)
    }

    /// Whether the image holds the guest agent. One that is switched on and missing delays every shutdown.
    #[must_use]
    pub fn agent(self, installed: bool) -> Self {
        self.with(|spec| spec.agent = Some(installed))
    }

    /// Without the serial console that cloud images expect.
    #[must_use]
    pub fn no_serial(self) -> Self {
        self.with(|spec| spec.serial = false)
    }

    /// Its tags. The server keeps them in lower case.
    ///
    /// # Panics
    /// When one has other symbols than letters, digits, `_`, `-`, `+` and `.`.
    #[must_use]
    #[track_caller]
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        let tags = super::vm::tag_list(tags);
        self.with(|spec| spec.tags = tags)
    }

    /// Its notes; our mark stands below them.
    #[must_use]
    pub fn notes(self, text: impl Into<String>) -> Self {
        let text = text.into().trim().to_owned();
        self.with(|spec| spec.notes = Field::Set(text))
    }
}

impl<F: Firmware, C: Setup> Template<F, C> {
    /// Whether the UEFI variables come with the distributions' and Microsoft's keys, which turns Secure Boot on.
    #[must_use]
    pub fn secure_boot(self) -> Self
    where
        F: super::firmware::IsUefi,
    {
        self.with(|spec| spec.secure_boot = Some(true))
    }
}

impl Spec {
    /// What it is built from, in short: with any of this changed it is another template.
    fn digest(&self) -> String {
        let inputs = (
            self.image.checksum().digest,
            self.storage,
            self.disk,
            self.firmware,
            self.secure_boot,
            self.cloud_init.map(|slot| slot.to_string()),
            self.serial,
        );
        let text = serde_json::to_string(&inputs).unwrap_or_default();
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn own_tags(&self) -> Option<Tags> {
        super::vm::declared_tags(&self.tags)
    }
}

impl<F, C> Serialize for Template<F, C> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Spec { digest: Some(self.spec.digest()), ..self.spec.clone() }.serialize(s)
    }
}

impl<F: Firmware, C: Setup> Resource for Template<F, C> {
    const KIND: &'static str = "proxmox/template";
    const REPLACE_ON: &'static [&'static str] = &["vmid", "node", "digest"];
    const WRITE_ONLY: &'static [&'static str] =
        &["image", "storage", "disk", "firmware", "secure_boot", "cloud_init", "serial"];
    type Provider = Pve;
    type State = TemplateState;
    type Id = GuestId;
    type Outputs = TemplateOutputs;

    fn name(&self) -> &str {
        &self.spec.name
    }
    fn site(&self) -> Site<Pve> {
        self.spec.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        let site = self.site().name();
        vec![Claim::new("VMID", self.spec.vmid).within(site), Claim::new("guest name", &self.spec.name).within(site)]
    }
    fn uses(&self) -> Vec<Claim> {
        [self.spec.storage, self.spec.node.images].map(|name| Storage::claim(self.site(), name)).into()
    }
    fn locks(&self) -> Vec<Lock> {
        let (site, node) = (self.site().name(), self.spec.node);
        vec![
            Lock::exclusive(format!("{site}/guest/{}", self.spec.vmid)),
            Lock::exclusive(format!("{site}/download/{}/{}", node.name, node.images)),
            Lock::shared(format!("{site}/disks/{}/{}", node.name, self.spec.storage), COPIES),
        ]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(match action {
            Action::Create | Action::Replace => 150,
            Action::Delete => 8,
            _ => 5,
        })
    }
    fn review(&self, now: Option<&TemplateState>, action: Action, _: &[Change]) -> Vec<Note> {
        self.spec.review(now, action)
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<TemplateState>, Failure> {
        read::read(&self.spec, cx).await
    }
    async fn find(id: &GuestId, cx: &Look<'_, Pve>) -> Result<Option<TemplateState>, Failure> {
        read::find(id, cx).await
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<TemplateState>, Failure> {
        read::survey(cx).await
    }
    fn id(state: &TemplateState) -> GuestId {
        GuestId { vmid: state.vmid, uuid: state.uuid.clone() }
    }
    fn planned_id(&self) -> Option<GuestId> {
        Some(GuestId { vmid: self.spec.vmid, uuid: None })
    }
    fn owner(state: &TemplateState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, now: Option<&TemplateState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        apply::apply(&self.spec, now, cx).await
    }
    async fn delete(state: &TemplateState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        apply::delete(state, cx).await
    }
}

impl Spec {
    fn review(&self, now: Option<&TemplateState>, action: Action) -> Vec<Note> {
        let Some(now) = now else { return vec![] };
        let mut notes = Vec::new();
        if action == Action::Replace {
            notes.extend(self.what_differs(now));
            if now.linked_clones.is_empty() {
                notes.push(Note::info("guests cloned from it before stay as they are"));
            } else {
                notes.push(
                    Note::refused(format!("linked clones stand on its disk: {}", now.linked_clones.join(", "))).hint(
                        "give the new template another number and name, clone from that, and let the old one stay",
                    ),
                );
            }
        }
        notes
    }

    fn what_differs(&self, now: &TemplateState) -> Vec<Note> {
        let wanted = self.disk.filter(|wanted| now.disk != Some(*wanted));
        let disk = wanted.map(|wanted| format!("its disk is {} and shall be {wanted}", shown(now.disk)));
        let storage = now.storage.as_deref().filter(|now| *now != self.storage);
        let storage = storage.map(|now| format!("its disk is on {now} and shall be on {}", self.storage));
        let firmware = now.firmware.filter(|now| *now != self.firmware).map(|_| "its firmware changes".to_owned());
        let cloud_init = (now.cloud_init != self.cloud_init).then(|| "its cloud-init drive changes".to_owned());
        let mut why: Vec<String> = [disk, storage, firmware, cloud_init].into_iter().flatten().collect();
        if why.is_empty() && now.node == self.node.name && now.vmid == self.vmid {
            why.push("it is built from another image".to_owned());
        }
        let because = |text| Note::new(homelab_core::plan::NoteKind::Because, text);
        why.into_iter().map(because).collect()
    }
}

fn shown(size: Option<Size>) -> String {
    size.map_or_else(|| "missing".to_owned(), |size| size.to_string())
}
