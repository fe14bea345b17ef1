//! Installing what will become a template, from the CD of its system with the answers on another. The installer powers it off when it is
//! done, so nothing has to reach it meanwhile, and it reaches nothing here.
use super::{
    Spec,
    apply::{holds, machine, notes},
    read::files,
    seed,
    state::{BOOT_DISK, INSTALLED, INSTALLING, STAGE},
};
use crate::{
    Pve,
    api::{
        Checksum, DiskSize, Upload, VolumeId,
        qemu::{Boot, Change, Disk, DiskSource, IpConfig, Net, QemuConfig, Slot},
    },
    resource::{
        mark::Notes,
        work::{self, At, done},
    },
};
use homelab_core::{Apply, Failure};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// The drive of the installer. Machine `q35` has no second drive on a bus, so the odd numbers stay free.
const CD: Slot = Slot::ide(0);
/// The drive of the answers, which becomes that of cloud-init.
const SEED: Slot = Slot::ide(2);
/// How long an installation may take: 15 to 30 minutes are usual, and it fetches updates.
const INSTALLS: Duration = Duration::from_secs(3600);
/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_secs(10);

/// Puts the answers on the storage, makes the guest with both CDs and an empty disk, and starts it.
pub(super) async fn begin(spec: &Spec, cd: VolumeId, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
    holds(cx, spec, "iso", "images of CDs").await?;
    let (node, file) = (spec.node, seed::file(&cx.mark().lab, spec.vmid));
    let upload = Upload {
        content: "iso".to_owned(),
        filename: file.clone(),
        bytes: seed::bytes(),
        checksum: Some(Checksum::sha256(seed::digest())),
    };
    done(cx, "brings the installer's answers", cx.upload(cx.permit(), node.name, node.images, upload).await).await?;
    let drive = |volume| Disk { cdrom: true, ..Disk::new(DiskSource::Volume(volume)) };
    let size = DiskSize::bytes(spec.disk.map_or(0, |disk| disk.as_bytes()));
    let disk = Disk { discard: Some(true), iothread: Some(true), ..Disk::allocate(spec.storage, size) };
    let vlan = spec.recipe.as_ref().and_then(|recipe| recipe.address().vlan());
    let options = machine(spec, cx, INSTALLING)?
        .set(BOOT_DISK.to_string(), disk)
        .set(CD.to_string(), drive(cd))
        .set(SEED.to_string(), drive(VolumeId::new(node.images, format!("iso/{file}"))))
        // The disk is empty now, and what counts later.
        .set("boot", Boot::order([BOOT_DISK, CD]))
        .set("net0", Net { tag: vlan.map(|vlan| vlan.tag()), ..Net::on(node.bridge) });
    done(cx, "makes it", cx.create(cx.permit(), node.name, spec.vmid, options).await).await?;
    work::start(cx, at).await
}

/// Waits until the installer is done, takes the CDs away, and removes the answers. Afterwards the guest is as if it was made from a cloud
/// image.
pub(super) async fn end(
    spec: &Spec,
    cx: &Apply<'_, Pve>,
    at: &At,
    config: Arc<QemuConfig>,
) -> Result<Arc<QemuConfig>, Failure> {
    // Nothing is copied any more: others may, while this one is installed.
    cx.release_shared();
    let stage =
        |config: &QemuConfig| Notes::read(config.description.as_ref(), spec.vmid).recall(STAGE) == Some(INSTALLING);
    if stage(&config) {
        wait(spec, cx, at, &config).await?;
        let config = work::unlocked(cx, at).await?;
        let change = Change::new()
            .delete(CD.to_string())
            .set("boot", Boot::order([BOOT_DISK]))
            .set("net0", Net::on(spec.node.bridge))
            .set("description", notes(spec, cx, Some(&config), INSTALLED)?.description(spec.vmid));
        let change = match spec.cloud_init {
            Some(slot) => {
                change.set(slot.to_string(), Disk::cloud_init(spec.storage)).set("ipconfig0", IpConfig::dhcp())
            }
            None => change.delete(SEED.to_string()),
        };
        cx.configure(cx.permit(), &at.node, at.vmid, &change.if_still(config.digest.as_deref())).await?;
    }
    for file in files(cx, &at.node, cx.mark(), at.vmid).await? {
        done(cx, "removes the installer's answers", cx.delete_volume(cx.permit(), &at.node, &file).await).await?;
    }
    work::unlocked(cx, at).await
}

async fn wait(spec: &Spec, cx: &Apply<'_, Pve>, at: &At, config: &QemuConfig) -> Result<(), Failure> {
    let (began, vmid) = (Instant::now(), at.vmid);
    while work::is_up(cx, at).await? {
        if began.elapsed() >= INSTALLS {
            let (name, within) = (&spec.name, INSTALLS.as_secs() / 60);
            let missing: Vec<String> = [(CD, "the installer's CD"), (SEED, "the CD with its answers")]
                .into_iter()
                .filter(|(slot, _)| config.disks.get(slot).is_none_or(|drive| drive.source.volume().is_none()))
                .map(|(slot, what)| format!("{what} is not in {slot}"))
                .collect();
            let why = if missing.is_empty() { "both of its CDs are there".to_owned() } else { missing.join(" and ") };
            return Err(Failure::new(format!(
                "{name} ({vmid} on {}) was not installed within {within} minutes: {why}",
                at.node
            ))
            .hint(format!(
                "look at its console in the web interface: an installer that asks, or shows an error, waits there for ever. Is the CD \
                 that of Ubuntu Server? `qm stop {vmid}` on {} ends it, and the next run begins anew",
                at.node
            )));
        }
        cx.progress(format!("is being installed ({} min)", began.elapsed().as_secs() / 60), None);
        sleep(PAUSE).await;
    }
    Ok(())
}
