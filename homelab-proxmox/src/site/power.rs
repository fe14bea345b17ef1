//! All off and all on, for a power cut: in the order of the lab's code, in which a reference always points backwards, so that what is
//! needed comes up first and goes down last.
use super::verbs::node_path;
use crate::{
    Pve,
    api::{Guest, GuestKind, qemu::ShutdownOptions},
    client::{Params, silent},
};
use homelab_core::{Failure, Said, Words};
use serde_json::json;

/// How many seconds a guest has to shut down, before its plug is pulled: the battery does not last.
const GRACE: u32 = 180;

/// The guests that the code declares, in its order; what it does not know is not listed.
async fn declared(pve: &Pve, words: &Words) -> Result<Vec<(Guest, bool)>, Failure> {
    let resources = pve.resources().await?;
    let mut all = vec![];
    for one in words.graph().resources().filter(|one| ["proxmox/vm", "proxmox/container"].contains(&one.kind())) {
        let runs = one.spec().get("running") != Some(&homelab_core::tree::Tree::Bool(false));
        let named = |guest: &&Guest| guest.name.as_deref() == Some(one.name()) && guest.template != Some(true);
        all.extend(resources.guests().find(named).map(|guest| (guest.clone(), runs)));
    }
    Ok(all)
}

pub(super) async fn shutdown(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let permit = words.permit()?;
    let mut order: Vec<Guest> = declared(pve, &words).await?.into_iter().map(|(guest, _)| guest).collect();
    let resources = pve.resources().await?;
    let strangers = resources.guests().filter(|guest| guest.template != Some(true));
    let strangers: Vec<Guest> =
        strangers.filter(|guest| !order.iter().any(|own| own.vmid == guest.vmid)).cloned().collect();
    // Nothing of the lab needs what the lab does not know, so that goes first.
    order.extend(strangers);
    let (mut lines, options) = (vec![], ShutdownOptions { timeout: Some(GRACE), force_stop: true });
    for guest in order.iter().rev().filter(|guest| guest.is_running()) {
        let task = match guest.kind {
            GuestKind::Qemu => pve.shutdown(permit, &guest.node, guest.vmid, options).await?,
            GuestKind::Lxc => pve.shut_container_down(permit, &guest.node, guest.vmid, options).await?,
        };
        task.wait(&silent).await?;
        lines.push(format!("guest {} is down", guest.name.clone().unwrap_or_else(|| guest.vmid.to_string())));
    }
    // Whoever answers us goes last.
    let mut members = pve.cluster().await?.members.clone();
    members.sort_by_key(|member| member.local);
    for node in members.iter().filter(|member| member.online).map(|member| &member.name) {
        pve.post(permit, &node_path(node, "/status"), Params::new().set("command", "shutdown")).await?;
        lines.push(format!("node {node} shuts down"));
    }
    lines.push("the Raspberry Pi, which answers names for all, is switched off last, and on first".to_owned());
    Ok(Said { value: json!(lines), lines, ..Said::default() })
}

pub(super) async fn up(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let permit = words.permit()?;
    let (mut lines, mut wrong) = (vec![], vec![]);
    for (node, online) in pve.resources().await?.nodes() {
        if !online {
            match pve.post(permit, &node_path(node, "/wakeonlan"), Params::new()).await {
                Ok(_) => wrong.push(format!("node {node} is woken: run again when it is up")),
                Err(error) => {
                    wrong.push(format!("node {node} is off and cannot be woken, switch it on by hand: {error}"))
                }
            }
        }
    }
    let online: Vec<String> =
        pve.resources().await?.nodes().filter(|(_, online)| *online).map(|(node, _)| node.to_owned()).collect();
    for (guest, runs) in declared(pve, &words).await? {
        if !runs || guest.is_running() || !online.contains(&guest.node) {
            continue;
        }
        let task = match guest.kind {
            GuestKind::Qemu => pve.start_guest(permit, &guest.node, guest.vmid).await?,
            GuestKind::Lxc => pve.start_container(permit, &guest.node, guest.vmid).await?,
        };
        task.wait(&silent).await?;
        lines.push(format!("guest {} is up", guest.name.clone().unwrap_or_else(|| guest.vmid.to_string())));
    }
    Ok(Said { value: json!(lines), lines, wrong, ..Said::default() })
}
