//! CD drives of a VM: declared, observed, and what differs.
use super::{Spec, Vm, VmState, edits::Around, review::constructor};
use crate::{
    api::{
        VolumeId,
        qemu::{Boot, Disk as DiskConfig, DiskSource, QemuConfig, Slot},
    },
    client::Reader,
    resource::{
        Iso,
        changes::Edits,
        firmware::{Firmware, NoCloudInit, Setup},
    },
};
use homelab_core::{Failure, Field, Handle, Output, plan::Note};
use std::collections::BTreeMap;

/// Where the CD of an installer is.
pub(super) const INSTALLER: Slot = Slot::ide(2);

impl<F: Firmware, C: Setup> Vm<F, C> {
    /// A CD in this drive, for as long as this line is there. A guest that runs gets another CD at once, and a new drive on `ide` or
    /// `sata` with a restart. One that was made with it and has no [`boot_order`](Vm::boot_order) starts from its disk, and from the
    /// CD as long as that is empty.
    ///
    /// # Panics
    /// When the slot is none for drives, or is taken: by a disk, or by cloud-init.
    #[must_use]
    #[track_caller]
    pub fn cdrom(self, slot: Slot, iso: Handle<Iso>) -> Self {
        let spec = &self.spec;
        assert!(slot.is_drive(), "{slot} is no slot for a CD: use ide, sata or scsi");
        assert!(!spec.disks.contains_key(&slot), "{slot} has a disk already: put the CD elsewhere");
        let by_cloud_init = C::CLOUD_INIT && slot == Slot::ide(2);
        assert!(!by_cloud_init, "{slot} is cloud-init's drive: put the CD elsewhere, such as Slot::ide(0)");
        self.drive(slot, Field::Set(iso.volume()))
    }

    /// Without a CD in this drive. The drive itself stays.
    #[must_use]
    pub fn no_cdrom(self, slot: Slot) -> Self {
        self.drive(slot, Field::Cleared)
    }

    fn drive(mut self, slot: Slot, medium: Field<Output<VolumeId>>) -> Self {
        self.spec.cdroms.insert(slot, medium);
        self
    }
}

impl<F: Firmware> Vm<F, NoCloudInit> {
    /// Made with the CD of an installer in `ide2`. It starts from its disk, and from the CD as long as that is empty: so the installer
    /// comes up once, and what it installed from then on. What is in the drive later is not looked at.
    #[must_use]
    pub fn installer(mut self, iso: Handle<Iso>) -> Self {
        self.spec.installer = Some(iso.volume());
        self
    }
}

impl Spec {
    /// What each drive is to have in it, with what else is in it only when the guest is made.
    pub(super) fn media(&self, making: bool) -> BTreeMap<Slot, Field<Output<VolumeId>>> {
        let installer = self.installer.filter(|_| making).map(|volume| (INSTALLER, Field::Set(volume)));
        installer.into_iter().chain(self.cdroms.iter().map(|(slot, medium)| (*slot, *medium))).collect()
    }

    pub(super) fn cdrom_edits(&self, config: &QemuConfig, around: &Around<'_>, edits: &mut Edits) {
        for (slot, wanted) in &around.media {
            let (field, is) = (format!("cdroms.{slot}"), config.disks.get(slot));
            let medium = is.filter(|drive| drive.cdrom).and_then(|drive| drive.source.volume());
            let source = match wanted {
                Some(wanted) if medium != Some(wanted) => DiskSource::Volume(wanted.clone()),
                None if medium.is_some() => DiskSource::Empty,
                _ => continue,
            };
            edits.put(field, slot, DiskConfig { cdrom: true, ..DiskConfig::new(source) });
        }
    }

    /// What keeps a guest from being moved: a CD on a storage that only its node has. The server finds it when the migration has begun
    /// (`QemuMigrate.pm`: "local cdrom image").
    pub(super) async fn held_by_a_cd(&self, now: &VmState, reader: &Reader) -> Result<Option<Note>, Failure> {
        if now.node == self.node.name || now.cdroms.is_empty() {
            return Ok(None);
        }
        let storages = reader.storages(&now.node).await?;
        let is_shared =
            |name: &str| storages.iter().any(|known| known.storage.as_deref() == Some(name) && known.shared);
        let held = now.cdroms.iter().find(|(_, volume)| !is_shared(&volume.storage));
        Ok(held.map(|(slot, volume)| {
            Note::refused(format!("{volume} is in {slot}, and a guest with a CD of {} cannot be moved", now.node)).hint(format!(
                "take it out first: `.no_cdrom({})`, deploy, then move it; after an installation `EmptyDrive` does that",
                constructor(*slot)
            ))
        }))
    }

    /// What a guest that is made starts from, unless it is declared: its disk, and while that is empty its CDs.
    pub(super) fn first_boot(&self, disk: Slot) -> Option<Boot> {
        if self.boot_order.is_some() {
            return None;
        }
        let disk = matches!(self.disks.get(&disk), Some(Field::Set(_))).then_some(disk);
        let media = self.media(true).into_iter().filter_map(|(slot, medium)| medium.as_set().map(|_| slot));
        let all: Vec<Slot> = disk.into_iter().chain(media).collect();
        (!all.is_empty()).then(|| Boot::order(all))
    }
}

/// What is in the CD drives that are not empty.
pub(super) fn media(config: &QemuConfig) -> BTreeMap<Slot, VolumeId> {
    let drives = config.disks.iter().filter(|(_, drive)| drive.cdrom && !drive.is_cloud_init());
    drives.filter_map(|(slot, drive)| Some((*slot, drive.source.volume()?.clone()))).collect()
}
