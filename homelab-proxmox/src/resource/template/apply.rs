//! Making a template: fetch or install, create, grow, convert. Each step looks first, so it goes on from wherever the last run was cut.
use super::{
    Image, Spec, build, install,
    read::{files, linked_clones},
    state::{
        BOOT_DISK, BUILDING, DIGEST, INSTALLED, INSTALLER, INSTALLING, LOGIN, RECIPE, SEALED, STAGE, TemplateState,
    },
};
use crate::{
    Pve,
    api::{
        DiskSize, Download, Tags, VolumeId,
        qemu::{Agent, Boot, Change, Disk, EfiDisk, IpConfig, Net, QemuConfig},
    },
    client::Params,
    resource::{
        firmware::FirmwareKind,
        guest::{self, Found},
        mark::{Notes, rewritten, with_tag},
        work::{self, At, done},
    },
};
use homelab_core::{Apply, Failure, Input, units::Size};

pub(super) async fn apply(spec: &Spec, now: Option<&TemplateState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
    let at = At::vm(spec.vmid, spec.node.name);
    let mut stage = now.filter(|now| now.uuid.is_some()).map(|now| now.stage.as_deref().unwrap_or(SEALED));
    if let Some(now) = now.filter(|now| now.unfinished.is_some() && now.uuid.is_some())
        && spec.recipe.is_some()
        && !goes_on(now, cx, &at).await?
    {
        // The key to it is gone, somebody has run what was sealed, or the installer was stopped.
        cx.progress("throws away what was half built", None);
        work::destroy(cx, spec.vmid).await?;
        stage = None;
    }
    if stage.is_none() {
        match (&spec.image, spec.installer) {
            (_, Some(cd)) => install::begin(spec, cx.get(&Input::From(cd))?, cx, &at).await?,
            (Some(image), None) => create(spec, image, cx).await?,
            (None, None) => {
                return Err(Failure::stuck("a template is made from an image or a CD, and this one has neither"));
            }
        }
    }
    let mut config = work::unlocked(cx, &at).await?;
    if !config.template {
        if spec.installer.is_some() && stage != Some(SEALED) {
            config = install::end(spec, cx, &at, config).await?;
        }
        grow(spec, cx, &at, &config).await?;
        if let Some(recipe) = &spec.recipe {
            if stage != Some(SEALED) {
                build::build(spec, recipe, cx, &at).await?;
            }
            // Its drive still has the key, although its configuration has not.
            cx.regenerate_cloud_init(cx.permit(), &at.node, at.vmid).await?;
        }
        config = cx.config(&at.node, at.vmid).await?;
    }
    let change = changes(spec, cx, &config)?;
    if !change.is_empty() {
        cx.configure(cx.permit(), &at.node, at.vmid, &change.if_still(config.digest.as_deref())).await?;
    }
    if !config.template {
        done(cx, "converts it", cx.make_template(cx.permit(), &at.node, at.vmid).await).await?;
    }
    Ok(())
}

/// Whether a build that was cut off can go on where it was: nobody but an installer has run it, and no key that is gone is on it.
async fn goes_on(now: &TemplateState, cx: &Apply<'_, Pve>, at: &At) -> Result<bool, Failure> {
    Ok(match now.stage.as_deref() {
        Some(INSTALLING) => work::is_up(cx, at).await?,
        Some(INSTALLED | SEALED) => !work::is_up(cx, at).await?,
        _ => false,
    })
}

async fn create(spec: &Spec, image: &Image, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
    let (node, file) = (spec.node, image.file(&cx.mark().lab, spec.vmid));
    holds(cx, spec, "import", "disk images to import").await?;
    let download = Download {
        content: "import".to_owned(),
        filename: file.clone(),
        url: image.url().to_owned(),
        checksum: Some(image.checksum()),
    };
    // A file that is there with this checksum is not fetched again (pve-notes section 8, Images).
    done(cx, "fetches the image", cx.download(cx.permit(), node.name, node.images, &download).await).await?;
    let image = VolumeId::new(node.images, format!("import/{file}"));
    let disk = Disk { discard: Some(true), iothread: Some(true), ..Disk::import(spec.storage, &image) };
    let options = machine(spec, cx, BUILDING)?.set(BOOT_DISK.to_string(), disk).set("boot", Boot::order([BOOT_DISK]));
    let options = match spec.cloud_init {
        Some(slot) => options.set(slot.to_string(), Disk::cloud_init(spec.storage)).set("ipconfig0", IpConfig::dhcp()),
        None => options,
    };
    let made = cx.create(cx.permit(), node.name, spec.vmid, options.set("net0", Net::on(node.bridge))).await;
    done(cx, "imports the image", made).await
}

/// Makes sure that the storage for images takes files of this kind.
pub(super) async fn holds(cx: &Apply<'_, Pve>, spec: &Spec, content: &str, what: &str) -> Result<(), Failure> {
    let node = spec.node;
    let storage = cx.storage_status(node.name, node.images).await?;
    if storage.holds(content) {
        return Ok(());
    }
    let all = if storage.content.is_empty() { content.into() } else { format!("{},{content}", storage.content) };
    Err(Failure::new(format!("storage {} on {} takes no {what}", node.images, node.name)).hint(format!(
        "allow it once: `pvesm set {} --content {all}`, or choose another with `Node::images`",
        node.images
    )))
}

/// The machine, without its drives and its network.
pub(super) fn machine(spec: &Spec, cx: &Apply<'_, Pve>, stage: &str) -> Result<Params, Failure> {
    let params = Params::new()
        .set("name", &spec.name)
        .set("description", notes(spec, cx, None, stage)?.description(spec.vmid))
        .set("tags", with_tag(spec.own_tags().unwrap_or_default()))
        .set("ostype", "l26")
        .set("cores", spec.cores)
        .set("memory", mib(spec.memory))
        .set("scsihw", "virtio-scsi-single")
        .maybe("agent", spec.agent.map(Agent::enabled));
    let params = match spec.firmware {
        FirmwareKind::Bios => params,
        FirmwareKind::Uefi => {
            let variables = EfiDisk::allocate(spec.storage, spec.secure_boot == Some(true));
            params.set("bios", "ovmf").set("machine", "q35").set("efidisk0", variables)
        }
    };
    Ok(if spec.serial { params.set("serial0", "socket").set("vga", "serial0") } else { params })
}

/// Its notes, with how far it is if it has a recipe.
pub(super) fn notes(spec: &Spec, cx: &Apply<'_, Pve>, now: Option<&QemuConfig>, stage: &str) -> Result<Notes, Failure> {
    let parts = || spec.parts().iter().map(|part| part.digest.as_str()).collect::<Vec<_>>().join(",");
    let installer = spec.installer.map(|cd| cx.get(&Input::From(cd))).transpose()?;
    Ok(rewritten(
        spec.vmid,
        now.and_then(|config| config.description.as_ref()),
        &spec.notes,
        cx.mark(),
        [
            (DIGEST, Some(spec.digest())),
            (LOGIN, Some(spec.login.to_owned())),
            (RECIPE, spec.recipe.is_some().then(parts)),
            (STAGE, spec.recipe.is_some().then(|| stage.to_owned())),
            (INSTALLER, installer.map(|volume| volume.to_string())),
        ],
    ))
}

async fn grow(spec: &Spec, cx: &Apply<'_, Pve>, at: &At, config: &QemuConfig) -> Result<(), Failure> {
    let is = config.disks.get(&BOOT_DISK).and_then(|disk| disk.size).map(|size| Size::bytes(size.as_bytes()));
    let (Some(wanted), Some(is)) = (spec.disk, is) else { return Ok(()) };
    if wanted < is {
        return Err(Failure::new(format!(
            "the image of template {} has {is}, and its disk shall have {wanted}",
            spec.name
        ))
        .hint(format!("a disk cannot shrink: `.disk(..)` of at least {is}, or none")));
    }
    if wanted > is {
        let size = DiskSize::bytes(wanted.as_bytes());
        let grown = cx.resize(cx.permit(), &at.node, at.vmid, BOOT_DISK, size, config.digest.as_deref()).await;
        done(cx, "grows its disk", grown).await?;
    }
    Ok(())
}

/// What can be changed in place, and does not fit.
fn changes(spec: &Spec, cx: &Apply<'_, Pve>, config: &QemuConfig) -> Result<Change, Failure> {
    let mut change = Change::new();
    if config.name.as_deref() != Some(&spec.name) {
        change = change.set("name", &spec.name);
    }
    if config.cores.unwrap_or(1) != spec.cores {
        change = change.set("cores", spec.cores);
    }
    if super::state::memory(config) != spec.memory {
        change = change.set("memory", mib(spec.memory));
    }
    if let Some(wanted) = spec.agent
        && config.agent.as_ref().is_some_and(|agent| agent.enabled) != wanted
    {
        let agent = config.agent.clone().unwrap_or_else(|| Agent::enabled(wanted));
        change = change.set("agent", Agent { enabled: wanted, ..agent });
    }
    let before = config.tags.clone().unwrap_or_default();
    let tags: Tags = with_tag(spec.own_tags().unwrap_or_else(|| before.clone()));
    if tags != before {
        change = change.set("tags", tags);
    }
    let description = notes(spec, cx, Some(config), SEALED)?.description(spec.vmid);
    if config.description.as_ref() != Some(&description) {
        change = change.set("description", description);
    }
    Ok(change)
}

fn mib(size: Size) -> u64 {
    size.as_bytes() >> 20
}

pub(super) async fn delete(state: &TemplateState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
    // The files go first: as long as the guest is there, a later run knows what it was.
    for file in files(cx, &state.node, cx.mark(), state.vmid).await? {
        done(cx, "removes its image", cx.delete_volume(cx.permit(), &state.node, &file).await).await?;
    }
    if state.uuid.is_none() {
        return Ok(());
    }
    let destroyed = work::destroy(cx, state.vmid).await;
    let Err(failure) = destroyed else { return Ok(()) };
    if !failure.message.contains("linked clone") {
        return Err(failure);
    }
    let Some(found) = guest::numbered(cx, state.vmid).await? else { return Ok(()) };
    Err(standing_on(&found, cx).await.unwrap_or(failure))
}

/// Names the guests that keep a template from being deleted.
async fn standing_on(found: &Found, cx: &Apply<'_, Pve>) -> Option<Failure> {
    let clones = linked_clones(cx, found).await.ok().filter(|clones| !clones.is_empty())?;
    let vmid = found.guest.vmid;
    Some(
        Failure::new(format!(
            "template {vmid} cannot be deleted: linked clones stand on its disk: {}",
            clones.join(", ")
        ))
        .hint("delete them first, or keep the template"),
    )
}
