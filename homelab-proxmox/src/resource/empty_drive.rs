//! [`EmptyDrive`]: a CD that is taken out when it has served.
use super::{
    Firmware, NoCloudInit, Vm,
    guest::{self, Found},
};
use crate::{
    Pve,
    api::qemu::{Change, Disk, DiskSource, Slot},
};
use homelab_core::{AnyHandle, Apply, Failure, Handle, Look, NoOutputs, Output, Resource, Site, plan};
use serde::Serialize;

/// The CD drive of a guest, empty from here on.
///
/// What was [installed](Vm::installer) from a CD needs it no more: placed after the system that is installed, this takes it out in the same
/// deploy. From then on the guest depends neither on the image nor on the node that has it, and can be moved.
///
/// ```
/// # use homelab_core::{Handle, Lab, ResourceExt, Site};
/// # use homelab_proxmox::{Image, Iso, Node, Pve, Vm, api::qemu::Slot, resource::EmptyDrive};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const DIGEST: &str = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
/// # let mut lab = Lab::named("home");
/// # let iso = lab.add(Iso::of("nas", "1.0", Image::sha256("https://example.org/nas.iso", DIGEST)).on(DIN));
/// let nas = lab.add(Vm::blank().uefi().on(DIN).id(300).named("nas").installer(iso));
/// // `.after(..)` the system that is installed
/// lab.add(EmptyDrive::of(nas, Slot::ide(2)));
/// ```
///
/// - A drive that is empty, or not there, is as it should be. One with a CD gets it taken out at once, also while the guest runs.
/// - When this leaves the code nothing happens: an empty drive is nothing that could be deleted.
#[derive(Clone, Debug, Serialize)]
pub struct EmptyDrive {
    vmid: Output<u32>,
    slot: String,
    #[serde(skip)]
    drive: Slot,
    #[serde(skip)]
    guest: AnyHandle,
    #[serde(skip)]
    site: Site<Pve>,
}

/// An empty drive.
#[derive(Clone, Debug, Serialize)]
pub struct EmptyDriveState {
    vmid: u32,
    slot: String,
}

impl EmptyDrive {
    /// This drive of this guest.
    #[must_use]
    pub fn of<F: Firmware>(guest: Handle<Vm<F, NoCloudInit>>, slot: Slot) -> EmptyDrive {
        EmptyDrive { vmid: guest.vmid(), slot: slot.to_string(), drive: slot, guest: guest.into(), site: guest.site() }
    }

    fn has_cd(&self, found: &Found) -> bool {
        let drive = found.config.disks.get(&self.drive).filter(|drive| drive.cdrom);
        drive.is_some_and(|drive| drive.source.volume().is_some())
    }
}

impl Resource for EmptyDrive {
    const KIND: &'static str = "proxmox/empty-drive";
    const COMMON: bool = true;
    type Provider = Pve;
    type State = EmptyDriveState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.slot
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.guest)
    }
    fn review(&self, _: Option<&EmptyDriveState>, action: plan::Action, _: &[plan::Change]) -> Vec<plan::Note> {
        let takes = action == plan::Action::Create;
        takes
            .then(|| plan::Note::info(format!("the CD in {} is taken out, if there is one", self.slot)))
            .into_iter()
            .collect()
    }
    /// A drive with a CD in it is not there yet, as an empty one.
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<EmptyDriveState>, Failure> {
        let Some(vmid) = cx.get(&self.vmid.into()) else { return Ok(None) };
        let found = guest::numbered(cx, vmid).await?.filter(|found| !self.has_cd(found));
        Ok(found.map(|_| EmptyDriveState { vmid, slot: self.slot.clone() }))
    }
    /// Nothing of it is left when its code goes.
    async fn find(_: &String, _: &Look<'_, Pve>) -> Result<Option<EmptyDriveState>, Failure> {
        Ok(None)
    }
    fn id(state: &EmptyDriveState) -> String {
        state.slot.clone()
    }
    async fn apply(&self, _: Option<&EmptyDriveState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let vmid: u32 = cx.get(&self.vmid.into())?;
        let Some(found) = guest::numbered(cx, vmid).await? else {
            return Err(
                Failure::passing(format!("guest {vmid} is gone")).hint("run again: the plan then makes it anew")
            );
        };
        if !self.has_cd(&found) {
            return Ok(());
        }
        let empty = Disk { cdrom: true, ..Disk::new(DiskSource::Empty) };
        let change = Change::new().set(self.drive, empty).if_still(found.config.digest.as_deref());
        Ok(cx.configure(cx.permit(), &found.guest.node, vmid, &change).await?)
    }
    async fn delete(_: &EmptyDriveState, _: &Apply<'_, Pve>) -> Result<(), Failure> {
        Ok(())
    }
}
