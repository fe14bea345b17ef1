//! Finding containers: by number, by mark, by what the ledger kept.
use crate::{
    api::{Guest, GuestKind, lxc::LxcConfig},
    client::Reader,
    resource::{
        guest::may_see,
        mark::{Notes, TAG},
    },
};
use homelab_core::{Failure, Mark, Owner, units::Mac};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a container is found by: its number, and the hardware address of its first device, which tells it from another one that
/// somebody made under that number: containers have no UUID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerId {
    /// Its number.
    pub vmid: u32,
    /// The hardware address of its first device; nothing while that is not known, or if it has none.
    pub mac: Option<Mac>,
}

/// A container with its configuration.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) guest: Guest,
    pub(crate) config: Arc<LxcConfig>,
}

impl Found {
    pub(crate) fn notes(&self) -> Notes {
        Notes::read(self.config.description.as_ref(), self.guest.vmid)
    }

    fn mac(&self) -> Option<Mac> {
        Some(Mac::new(self.config.nets.get(&0)?.mac?.bytes()))
    }
}

/// The container of this number.
pub(crate) async fn numbered(reader: &Reader, vmid: u32) -> Result<Option<Found>, Failure> {
    let Some(guest) = reader.guest(vmid).await? else {
        may_see(reader, Some(vmid)).await?;
        return Ok(None);
    };
    if guest.kind == GuestKind::Qemu {
        let name = guest.name.unwrap_or_default();
        return Err(Failure::new(format!("{vmid} is the number of a virtual machine, {name} on {}", guest.node))
            .hint("give this container another number, or remove the virtual machine"));
    }
    with_config(reader, guest).await.map(Some)
}

async fn with_config(reader: &Reader, guest: Guest) -> Result<Found, Failure> {
    let config = reader.container_config(&guest.node, guest.vmid).await?;
    Ok(Found { guest, config })
}

/// The container that bears a mark, whatever its number. Only those that may bear one are looked at.
pub(crate) async fn marked(reader: &Reader, mark: &Mark, name: &str) -> Result<Option<Found>, Failure> {
    for guest in reader.resources().await?.guests().filter(|guest| guest.kind == GuestKind::Lxc) {
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

/// Every container that bears a mark of any lab.
pub(crate) async fn all_marked(reader: &Reader) -> Result<Vec<Found>, Failure> {
    let mut all = Vec::new();
    for guest in reader.resources().await?.guests().filter(|guest| guest.kind == GuestKind::Lxc) {
        if guest.name.is_none() || guest.tags.as_ref().is_some_and(|tags| tags.contains(TAG)) {
            let found = with_config(reader, guest.clone()).await?;
            if found.notes().mark.is_some() {
                all.push(found);
            }
        }
    }
    Ok(all)
}

/// What the ledger knows: not somebody else's container that has got the number meanwhile.
pub(crate) async fn known(reader: &Reader, id: &ContainerId, mark: &Mark) -> Result<Option<Found>, Failure> {
    let Some(guest) = reader.guest(id.vmid).await?.filter(|guest| guest.kind == GuestKind::Lxc) else {
        return Ok(None);
    };
    let found = with_config(reader, guest).await?;
    let same = (id.mac.is_some() && found.mac() == id.mac) || found.notes().owner() == Owner::Marked(mark.clone());
    // One that is being made has no notes yet, and is known by its lock.
    let making = id.mac.is_none() && found.config.lock.as_deref() == Some("create");
    Ok((same || making).then_some(found))
}
