//! All off and all on, for a power cut: in the order of the lab's code, in which a reference always points backwards, so that what is
//! needed comes up first and goes down last.
use super::{
    status::{self, Seen},
    verbs::node_path,
};
use crate::{
    Pve,
    api::{GuestKind, qemu::ShutdownOptions},
    client::{Params, silent},
};
use homelab_core::{Failure, Said, Words, tree::Tree};
use serde_json::json;

/// How many seconds a guest has to shut down, before its plug is pulled: the battery does not last.
const GRACE: u32 = 180;

/// The guests that the code declares, in its order, with whether they should run; and behind them those that it does not know.
async fn guests(pve: &Pve, words: &Words) -> Result<(Vec<(Seen, bool)>, Vec<Seen>), Failure> {
    let (mut all, mut declared) = (status::guests(pve).await?, vec![]);
    for one in words.graph().resources().filter(|one| ["proxmox/vm", "proxmox/container"].contains(&one.kind())) {
        let runs = one.spec().get("running") != Some(&Tree::Bool(false));
        if let Some(at) = all.iter().position(|seen| seen.name == one.name()) {
            declared.push((all.remove(at), runs));
        }
    }
    Ok((declared, all))
}

pub(super) async fn shutdown(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let permit = words.permit()?;
    let (declared, strangers) = guests(pve, &words).await?;
    // Nothing of the lab needs what the lab does not know, so that goes first.
    let order = declared.into_iter().map(|(seen, _)| seen).chain(strangers).rev();
    let (mut lines, options) = (vec![], ShutdownOptions { timeout: Some(GRACE), force_stop: true });
    for Seen { guest, name, .. } in order.filter(Seen::is_running) {
        let task = match guest.kind {
            GuestKind::Qemu => pve.shutdown(permit, &guest.node, guest.vmid, options).await?,
            GuestKind::Lxc => pve.shut_container_down(permit, &guest.node, guest.vmid, options).await?,
        };
        task.wait(&silent).await?;
        lines.push(format!("guest {name} is down"));
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
    for (node, _) in pve.resources().await?.nodes().filter(|(_, online)| !online) {
        wrong.push(match pve.post(permit, &node_path(node, "/wakeonlan"), Params::new()).await {
            Ok(_) => format!("node {node} is woken: run again when it is up"),
            Err(error) => format!("node {node} is off and cannot be woken, switch it on by hand: {error}"),
        });
    }
    for (Seen { guest, name, state }, runs) in guests(pve, &words).await?.0 {
        if !runs || state != "stopped" {
            continue;
        }
        let task = match guest.kind {
            GuestKind::Qemu => pve.start_guest(permit, &guest.node, guest.vmid).await?,
            GuestKind::Lxc => pve.start_container(permit, &guest.node, guest.vmid).await?,
        };
        task.wait(&silent).await?;
        lines.push(format!("guest {name} is up"));
    }
    Ok(Said { value: json!(lines), lines, wrong, ..Said::default() })
}
