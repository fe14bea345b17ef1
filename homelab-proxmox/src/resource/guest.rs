//! Finding guests: by number, by mark, by what the ledger kept.
use super::{
    Node, NodeNetwork,
    mark::{Notes, TAG},
    vm::parts::{NetKey, NicSpec},
};
use crate::{
    Pve,
    api::{
        Guest, GuestKind,
        qemu::{Power, QemuConfig},
    },
    client::Reader,
};
use homelab_core::{Claim, Failure, Field, Mark, Owner, Site};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The privilege to see a guest.
const AUDIT: &str = "VM.Audit";

/// What a guest is found by: its number, and the UUID that tells it from another one that somebody made under that number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestId {
    /// Its number.
    pub vmid: u32,
    /// Its SMBIOS UUID, which the server draws when it is made; nothing while that is not known.
    pub uuid: Option<String>,
}

/// What a guest of any kind holds alone, beside its number: its name, its addresses.
pub(super) fn claims(site: &str, name: &str, nics: &BTreeMap<NetKey, Field<NicSpec>>) -> Vec<Claim> {
    let nics = || nics.values().filter_map(Field::as_set);
    let addresses = nics().filter_map(|nic| nic.host).map(|host| Claim::new("address", host.ip()));
    let macs = nics().filter_map(|nic| nic.mac).map(|mac| Claim::new("MAC", mac));
    [Claim::new("guest name", name).within(site)].into_iter().chain(addresses).chain(macs).collect()
}

/// The bridges that a guest is plugged into.
pub(super) fn bridges(site: Site<Pve>, node: Node, nics: &BTreeMap<NetKey, Field<NicSpec>>) -> Vec<Claim> {
    let names: BTreeSet<&str> = nics.values().filter_map(Field::as_set).map(|nic| nic.bridge).collect();
    names.into_iter().map(|name| NodeNetwork::claim(site, node.name, name)).collect()
}

/// The number of a guest, refused where it is written if it is none.
#[track_caller]
pub(crate) fn checked_number(vmid: u32) -> u32 {
    assert!((100..=999_999_999).contains(&vmid), "the numbers of guests are 100 to 999,999,999, and {vmid} is none");
    vmid
}

/// A guest with its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) guest: Guest,
    pub(crate) config: Arc<QemuConfig>,
}

impl Found {
    pub(crate) fn notes(&self) -> Notes {
        Notes::read(self.config.description.as_ref(), self.guest.vmid)
    }

    pub(crate) fn id(&self) -> GuestId {
        GuestId { vmid: self.guest.vmid, uuid: uuid(&self.config) }
    }
}

/// The UUID of a guest.
pub(crate) fn uuid(config: &QemuConfig) -> Option<String> {
    let smbios = config.smbios1.as_deref()?;
    smbios.split(',').find_map(|part| part.strip_prefix("uuid=")).map(str::to_owned)
}

/// The guest of this number.
pub(crate) async fn numbered(reader: &Reader, vmid: u32) -> Result<Option<Found>, Failure> {
    let Some(guest) = reader.guest(vmid).await? else {
        may_see(reader, Some(vmid)).await?;
        return Ok(None);
    };
    if guest.kind == GuestKind::Lxc {
        let name = guest.name.unwrap_or_default();
        return Err(Failure::new(format!("{vmid} is the number of a container, {name} on {}", guest.node))
            .hint("give this one another number, or remove the container"));
    }
    with_config(reader, guest).await.map(Some)
}

async fn with_config(reader: &Reader, guest: Guest) -> Result<Found, Failure> {
    let config = reader.config(&guest.node, guest.vmid).await?;
    Ok(Found { guest, config })
}

/// The guest that bears a mark, whatever its number. Only guests that may bear one are looked at: those with our tag, those of
/// this name, and those so young that the listing does not know them yet.
pub(crate) async fn marked(reader: &Reader, mark: &Mark, name: &str) -> Result<Option<Found>, Failure> {
    for guest in reader.resources().await?.guests().filter(|guest| guest.kind == GuestKind::Qemu) {
        let tagged = guest.tags.as_ref().is_some_and(|tags| tags.contains(TAG));
        if tagged || guest.name.as_deref().is_none_or(|known| known == name) {
            let found = with_config(reader, guest.clone()).await?;
            if found.notes().mark.as_ref() == Some(mark) {
                return Ok(Some(found));
            }
        }
    }
    may_see(reader, None).await?;
    Ok(None)
}

/// Makes sure that a guest that was not found would have been shown. Listings leave out, without a word, what the credential may
/// not see (pve-notes section 4), and what is taken for absent is made a second time, or forgotten.
pub(super) async fn may_see(reader: &Reader, vmid: Option<u32>) -> Result<(), Failure> {
    let permissions = reader.permissions().await?;
    let path = vmid.map_or_else(|| "/vms".to_owned(), |vmid| format!("/vms/{vmid}"));
    // Of a pool nobody can tell which guests will be its members.
    if permissions.allow(&path, AUDIT) || permissions.holds_below("/pool/", AUDIT) {
        return Ok(());
    }
    Err(Failure::new(format!("the credential may not see guests: it lacks {AUDIT} on {path}")).hint(format!(
        "what is not shown cannot be told from what is not there; give it a role with {AUDIT}: \
         `pveum acl modify /vms --tokens 'USER@REALM!TOKEN' --roles ROLE` (with privilege separation its user needs it too)"
    )))
}

/// Every guest that bears a mark of any lab.
pub(crate) async fn all_marked(reader: &Reader) -> Result<Vec<Found>, Failure> {
    let mut all = Vec::new();
    for guest in reader.resources().await?.guests().filter(|guest| guest.kind == GuestKind::Qemu) {
        if guest.name.is_none() || guest.tags.as_ref().is_some_and(|tags| tags.contains(TAG)) {
            let found = with_config(reader, guest.clone()).await?;
            if found.notes().mark.is_some() {
                all.push(found);
            }
        }
    }
    Ok(all)
}

/// What the ledger knows: not somebody else's guest that has got the number meanwhile.
pub(crate) async fn known(reader: &Reader, id: &GuestId, mark: &Mark) -> Result<Option<Found>, Failure> {
    let Some(guest) = reader.guest(id.vmid).await? else {
        may_see(reader, Some(id.vmid)).await?;
        return Ok(None);
    };
    if guest.kind != GuestKind::Qemu {
        return Ok(None);
    }
    let found = with_config(reader, guest).await?;
    let same = id.uuid.is_none() || found.id() == *id || found.notes().owner() == Owner::Marked(mark.clone());
    Ok(same.then_some(found))
}

/// Whether a guest runs. Listings lag some seconds behind (pve-notes section 14), so one that does not say what is `expected`
/// is checked on the guest's node.
pub(crate) async fn runs(reader: &Reader, guest: &Guest, expected: Option<bool>) -> Result<bool, Failure> {
    match guest.status.as_deref() {
        Some("running") if expected != Some(false) => Ok(true),
        Some("stopped") if expected != Some(true) => Ok(false),
        _ => is_up(reader, guest.kind, &guest.node, guest.vmid).await,
    }
}

/// Whether a guest runs, as its node says.
pub(crate) async fn is_up(reader: &Reader, kind: GuestKind, node: &str, vmid: u32) -> Result<bool, Failure> {
    let status = match kind {
        GuestKind::Qemu => reader.status(node, vmid).await?,
        GuestKind::Lxc => reader.container_status(node, vmid).await?,
    };
    Ok(status.power() != Power::Stopped)
}
