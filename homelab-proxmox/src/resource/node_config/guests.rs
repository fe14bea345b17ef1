//! The guests of a node that is restarted: who runs, in which order, and where they are meanwhile.
use super::super::{
    node::Node,
    work::{At, done, is_up, shut_down, start},
};
use crate::{
    Pve,
    api::{
        FromScalar, GuestKind,
        qemu::{MigrateOptions, Startup},
    },
    client::{Params, Reader, call::path},
};
use homelab_core::{Apply, Failure};

/// How many seconds each guest has to shut down.
const SHUTDOWN: u32 = 300;

/// Another node, to which guests are moved meanwhile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Haven {
    pub(super) node: Node,
    /// Whether disks that only their node has are copied along.
    pub(super) with_disks: bool,
}

/// Who runs on the node. The listing of the cluster is some seconds behind, so each guest is asked for itself.
pub(super) async fn up(cx: &Apply<'_, Pve>, node: &str) -> Result<Vec<u32>, Failure> {
    let resources = cx.resources().await?;
    let mut up = vec![];
    for guest in resources.guests().filter(|guest| guest.node == node && guest.template != Some(true)) {
        if is_up(cx, &At::of(guest.kind, guest.vmid, node)).await? {
            up.push(guest.vmid);
        }
    }
    Ok(up)
}

/// A guest, and where it is.
struct Found {
    order: u32,
    vmid: u32,
    kind: GuestKind,
    at: At,
}

/// The guests of these numbers, wherever they are, in the order in which they start: by `order` of their `startup`, those without one
/// last, then by number, as the node itself does it.
async fn ordered(cx: &Apply<'_, Pve>, vmids: &[u32]) -> Result<Vec<Found>, Failure> {
    let resources = cx.resources().await?;
    let mut all = vec![];
    for guest in resources.guests().filter(|guest| vmids.contains(&guest.vmid)) {
        let kind = match guest.kind {
            GuestKind::Qemu => "qemu",
            GuestKind::Lxc => "lxc",
        };
        let reader: &Reader = cx;
        let config = reader.get(&path(&[&"nodes", &guest.node, &kind, &guest.vmid, &"config"]), Params::new()).await?;
        let startup = config.get("startup").and_then(String::from_scalar).unwrap_or_default();
        let order = startup.parse::<Startup>().ok().and_then(|startup| startup.order).unwrap_or(u32::MAX);
        let at = At::of(guest.kind, guest.vmid, &guest.node);
        all.push(Found { order, vmid: guest.vmid, kind: guest.kind, at });
    }
    all.sort_by_key(|found| (found.order, found.vmid));
    Ok(all)
}

/// Empties the node, the last to start first: who can be moved is moved while it runs, everybody else is shut down.
pub(super) async fn leave(
    cx: &Apply<'_, Pve>,
    node: &str,
    running: &[u32],
    haven: Option<Haven>,
) -> Result<(), Failure> {
    for found in ordered(cx, running).await?.into_iter().rev() {
        if found.at.node != node || !is_up(cx, &found.at).await? {
            continue;
        }
        if let Some(haven) = haven
            && let Some(options) = can_move(cx, &found, haven.node.name(), haven.with_disks).await?
        {
            let what = format!("moves guest {} to {}", found.vmid, haven.node.name());
            let task = cx.migrate(cx.permit(), node, found.vmid, &options).await;
            match done(cx, &what, task).await {
                Ok(()) => continue,
                Err(failure) => cx.warn(format!("guest {} could not be moved: {}", found.vmid, failure.message)),
            }
        }
        cx.progress(format!("shuts guest {} down", found.vmid), None);
        shut_down(cx, &found.at, SHUTDOWN).await?;
    }
    Ok(())
}

/// Brings them back, the first to start first: who was moved comes home, everybody else is started.
pub(super) async fn come_back(
    cx: &Apply<'_, Pve>,
    node: &str,
    running: &[u32],
    haven: Option<Haven>,
) -> Result<(), Failure> {
    for found in ordered(cx, running).await? {
        let up = is_up(cx, &found.at).await?;
        if found.at.node == node {
            if !up {
                cx.progress(format!("starts guest {}", found.vmid), None);
                start(cx, &found.at).await?;
            }
        } else if let Some(haven) = haven.filter(|haven| haven.node.name() == found.at.node)
            && let Some(options) = can_move(cx, &found, node, haven.with_disks).await?
        {
            let task = cx.migrate(cx.permit(), &found.at.node, found.vmid, &options).await;
            done(cx, &format!("moves guest {} back to {node}", found.vmid), task).await?;
        }
    }
    Ok(())
}

/// How a guest is moved to another node, if it can be: containers are moved only while they are down, what has a device of its node
/// stays with it, and disks go along only where that was said.
async fn can_move(
    cx: &Apply<'_, Pve>,
    found: &Found,
    target: &str,
    with_disks: bool,
) -> Result<Option<MigrateOptions>, Failure> {
    let is_online = cx.resources().await?.nodes().any(|(name, online)| name == target && online);
    if found.kind != GuestKind::Qemu || !is_online {
        return Ok(None);
    }
    let config = cx.config(&found.at.node, found.vmid).await?;
    let (here, there) = (cx.storages(&found.at.node).await?, cx.storages(target).await?);
    let named = |name: &str, shared: bool, all: &[crate::api::Storage]| {
        all.iter().any(|one| one.storage.as_deref() == Some(name) && (one.shared || !shared))
    };
    let storages: Vec<&str> = config.volumes().map(|(_, volume)| volume.storage.as_str()).collect();
    let local = storages.iter().any(|name| !named(name, true, &here));
    let fits = storages.iter().all(|name| named(name, false, &there));
    if !config.hostpci.is_empty() || !config.usb.is_empty() || !fits || (local && !with_disks) {
        return Ok(None);
    }
    Ok(Some(MigrateOptions { target: target.to_owned(), online: true, with_local_disks: local, target_storage: None }))
}
