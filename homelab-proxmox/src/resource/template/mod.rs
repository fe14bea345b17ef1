//! [`Template`]: a guest that others are cloned from, made from a cloud image or by an installer.
mod apply;
mod build;
mod image;
mod install;
mod iso9660;
mod read;
mod review;
mod seed;
mod spec;
pub(super) mod state;

pub use image::Image;
pub use state::{TemplateOutputs, TemplateState};

use self::spec::Spec;
use super::{
    Iso, Node,
    definition::Storage,
    firmware::{Bios, CloudInit, Firmware, FirmwareKind, NoCloudInit, Setup, Uefi},
    guest::GuestId,
};
use crate::{
    Pve,
    api::{VolumeId, qemu::Slot},
};
use homelab_core::{
    Apply, Claim, Diagnostic, Failure, Field, Handle, Lab, Lock, Look, Output, Owner, Resource, Site,
    host::{HOSTS, Recipe, Unsealed},
    plan::{Action, Change, Note},
    units::{HostAddr, Size, SizeUnits},
};
use serde::{Serialize, Serializer};
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// How many steps may copy disks on one storage of a node at once (pve-notes section 7).
pub(super) const COPIES: usize = 2;
/// The disk of what is installed, where nothing else is said.
const INSTALLED: Size = Size::gib(16);

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
/// - It is sealed: its clones find a system that has not run yet, and cloud-init does its work in each. Unless it is
///   [provisioned](Template::provisioned) nothing ever boots it.
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
    source: Source,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Image(Image),
    Installer(Output<VolumeId>),
}

impl Template {
    /// Ubuntu 24.04, under this number.
    pub fn ubuntu_24_04(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "ubuntu-24.04".to_owned(), source: Source::Image(Image::UBUNTU_24_04) }
    }

    /// Ubuntu 22.04, under this number.
    pub fn ubuntu_22_04(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "ubuntu-22.04".to_owned(), source: Source::Image(Image::UBUNTU_22_04) }
    }

    /// Debian 13, under this number.
    pub fn debian_13(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "debian-13".to_owned(), source: Source::Image(Image::DEBIAN_13) }
    }

    /// Debian 12, under this number.
    pub fn debian_12(vmid: u32) -> TemplateOf {
        TemplateOf { vmid, name: "debian-12".to_owned(), source: Source::Image(Image::DEBIAN_12) }
    }

    /// Any image, under this number. It needs a name: [`named`](TemplateOf::named).
    pub fn from_image(vmid: u32, image: Image) -> TemplateOf {
        TemplateOf { vmid, name: format!("template-{vmid}"), source: Source::Image(image) }
    }

    /// Installed from the CD of Ubuntu Server by its autoinstall, under this number. It needs a name: [`named`](TemplateOf::named).
    ///
    /// ```
    /// # use homelab_core::{Lab, Site, host::Package, units::{Network, SizeUnits}};
    /// # use homelab_proxmox::{Image, Iso, Node, Template};
    /// # const DIN: Node = Node::of(Site::named("pve"), "din");
    /// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
    /// # const CD: Image = Image::sha256(
    /// #     "https://example.org/ubuntu-24.04.4-live-server-amd64.iso",
    /// #     "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354",
    /// # );
    /// # let mut lab = Lab::named("home");
    /// let cd = lab.add(Iso::of("ubuntu-server", "24.04.4", CD).on(DIN));
    /// let template = Template::from_iso(9010, cd).named("noble").on(DIN).uefi().cloud_init().disk(20.gib());
    /// let ubuntu = lab.add(template.provisioned(LAN.host(251), |lab, machine| {
    ///     lab.add(Package::on(machine, "qemu-guest-agent"));
    /// }));
    /// ```
    ///
    /// - The installer's answers are on a CD that is made here and put on [`Node::images`], which must hold `iso`; it is removed when the
    ///   guest is installed. Nobody types, nothing is served from here, and nothing secret is on it.
    /// - One ext4 fills the disk, of 16 GiB without [`disk`](Template::disk), so that clones can be larger. OpenSSH is installed.
    /// - It must be [provisioned](Template::provisioned), if only with nothing: so it was let in to, looked at and sealed before it is
    ///   copied. Until then nobody can log in to it.
    pub fn from_iso(vmid: u32, cd: Handle<Iso>) -> TemplateOf {
        TemplateOf { vmid, name: format!("template-{vmid}"), source: Source::Installer(cd.volume()) }
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
        let TemplateOf { vmid, name, source } = self;
        let (image, installer) = match source {
            Source::Image(image) => (Some(image), None),
            Source::Installer(cd) => (None, Some(cd)),
        };
        let spec = Spec {
            vmid,
            name,
            node,
            image,
            installer,
            digest: None,
            storage: node.disks,
            disk: installer.map(|_| INSTALLED),
            firmware: FirmwareKind::Bios,
            secure_boot: None,
            cloud_init: None,
            // The screen of an installer is where somebody looks who wonders.
            serial: installer.is_none(),
            cores: 2,
            memory: 2.gib(),
            agent: None,
            tags: Field::Unmanaged,
            notes: Field::Unmanaged,
            login: image.map_or(seed::LOGIN, |image| image.login()),
            recipe: None,
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

impl<F> Template<F, CloudInit> {
    /// With what is put on it before it is sealed, by the same resources that are used on a guest that runs. It is given an address of
    /// its own, `at`, while it is built.
    ///
    /// ```
    /// # use homelab_core::{Lab, Site, host::{DockerEngine, SshHardening}, units::Network};
    /// # use homelab_proxmox::{Node, Template};
    /// # const DIN: Node = Node::of(Site::named("pve"), "din");
    /// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
    /// # let mut lab = Lab::named("home");
    /// let template = Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init();
    /// let ubuntu = lab.add(template.provisioned(LAN.host(250), |lab, machine| {
    ///     lab.add(SshHardening::on(machine));
    ///     DockerEngine::ubuntu(lab, machine);
    /// }));
    /// ```
    ///
    /// - The image is started with a key that is made for this build, brought to what is declared, sealed, shut down and converted.
    ///   Sealed means: that key, the host keys, the machine id, what cloud-init knows of it and our own notes are gone, and it was looked
    ///   whether they are.
    /// - What is declared is a part of what the template is built from: when it changes, the template is made anew.
    /// - A build that was cut off is thrown away and begun anew, for its key is gone.
    /// - Secrets in it are an error of the lab: a template is copied to everybody.
    #[must_use]
    #[track_caller]
    pub fn provisioned(self, at: HostAddr, declare: impl FnOnce(&mut Lab, Handle<Unsealed>)) -> Self {
        let recipe = Recipe::of(&self.spec.name, at, self.spec.login, declare);
        self.with(|spec| spec.recipe = Some(Arc::new(recipe)))
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

impl<F, C> Serialize for Template<F, C> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Spec { digest: Some(self.spec.digest()), ..self.spec.clone() }.serialize(s)
    }
}

impl<F: Firmware, C: Setup> Resource for Template<F, C> {
    const KIND: &'static str = "proxmox/template";
    const REPLACE_ON: &'static [&'static str] = &["vmid", "node", "digest", "installer"];
    const WRITE_ONLY: &'static [&'static str] =
        &["image", "storage", "disk", "firmware", "secure_boot", "cloud_init", "serial", "recipe"];
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
        let own =
            [Claim::new("VMID", self.spec.vmid).within(site), Claim::new("guest name", &self.spec.name).within(site)];
        let address = self.spec.recipe.iter().map(|recipe| Claim::new("address", recipe.address().ip()));
        own.into_iter().chain(address).collect()
    }
    fn problems(&self) -> Vec<Diagnostic> {
        match self.spec.recipe.as_deref() {
            Some(recipe) => recipe.problems().to_vec(),
            None if self.spec.installer.is_some() => vec![
                Diagnostic::error("what an installer has made is looked at and sealed before it is copied")
                    .hint("give it an address for that, if only with nothing to put on it: `.provisioned(LAN.host(250), |_, _| ())`"),
            ],
            None => vec![],
        }
    }
    fn uses(&self) -> Vec<Claim> {
        let storages = [self.spec.storage, self.spec.node.images].map(|name| Storage::claim(self.site(), name));
        storages.into_iter().chain([self.spec.node.claim()]).collect()
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
            Action::Create | Action::Replace if self.spec.installer.is_some() => 1500,
            Action::Create | Action::Replace if self.spec.recipe.is_some() => 400,
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
    async fn inspect(&self, _: Option<&TemplateState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if self.spec.recipe.is_none() || cx.at(HOSTS).is_ok() {
            return Ok(vec![]);
        }
        let note = Note::refused("it is provisioned over SSH, and the lab has no way to machines");
        Ok(vec![note.hint("add `.with(HOSTS, Ssh)` to the sites that the lab's `main` hands to the command line")])
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
