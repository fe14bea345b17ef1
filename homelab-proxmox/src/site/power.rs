//! All off and all on, for a power cut: in the order in which guests start with their nodes, which follows from the lab's graph
//! ([`Turn`](homelab_core::Turn)), so that what others stand on comes up first and goes down last, on whatever node it is.
use super::{
    reach::Answered,
    status::{self, Seen},
    verbs::node_path,
};
use crate::{
    Pve,
    api::{
        GuestKind,
        qemu::{ShutdownOptions, Startup},
    },
    client::{Params, silent},
};
use homelab_core::{Failure, ResourceRef, Said, Words, tree::Tree};
use serde_json::json;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How many seconds a guest has to shut down, before its plug is pulled: the battery does not last.
const GRACE: u32 = 180;
/// How long a guest that others stand on is waited for before they are started.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks at it.
const PAUSE: Duration = Duration::from_secs(2);
/// Where machines and name servers are knocked at.
const SSH: u16 = 22;
const DNS: u16 = 53;

/// A guest of the code.
struct Declared {
    seen: Seen,
    /// Whether it should run.
    runs: bool,
    startup: Startup,
    /// Its address, if the code says it.
    ip: Option<IpAddr>,
}

fn text<T: std::str::FromStr>(one: &ResourceRef<'_>, field: &str) -> Option<T> {
    one.spec().get(field).and_then(Tree::as_str).and_then(|text| text.parse().ok())
}

/// The guests that the code declares, in the order of their start, those without a place last; and those that it does not know.
async fn guests(pve: &Pve, words: &Words) -> Result<(Vec<Declared>, Vec<Seen>), Failure> {
    let (mut all, mut declared) = (status::guests(pve).await?, vec![]);
    for one in words.graph().resources().filter(is_guest) {
        let runs = one.spec().get("running") != Some(&Tree::Bool(false));
        if let Some(at) = all.iter().position(|seen| seen.name == one.name()) {
            let startup = text(&one, "startup").unwrap_or_default();
            declared.push(Declared { seen: all.remove(at), runs, startup, ip: text(&one, "ip") });
        }
    }
    declared.sort_by_key(|one| one.startup.order.unwrap_or(u32::MAX));
    Ok((declared, all))
}

fn is_guest(one: &ResourceRef<'_>) -> bool {
    ["proxmox/vm", "proxmox/container"].contains(&one.kind())
}

/// The name servers that guests ask and that are none of them: the Pi.
fn name_servers(words: &Words) -> BTreeSet<IpAddr> {
    let guests: Vec<ResourceRef<'_>> = words.graph().resources().filter(is_guest).collect();
    let own: BTreeSet<IpAddr> = guests.iter().filter_map(|one| text(one, "ip")).collect();
    let asked = guests.iter().filter_map(|one| match one.spec().get("resolvers") {
        Some(Tree::List(servers)) => Some(servers),
        _ => None,
    });
    asked.flatten().filter_map(|server| server.as_str()?.parse().ok()).filter(|ip| !own.contains(ip)).collect()
}

/// Waits until somebody answers there; whether anybody does.
async fn answers(pve: &Pve, at: SocketAddr, patience: Duration) -> bool {
    let began = Instant::now();
    while pve.network().knock(at).await == Answered::Nobody {
        if began.elapsed() >= patience {
            return false;
        }
        sleep(PAUSE).await;
    }
    true
}

pub(super) async fn shutdown(pve: &Pve, words: Words) -> Result<Said, Failure> {
    let permit = words.permit()?;
    let (declared, strangers) = guests(pve, &words).await?;
    // Nothing of the lab needs what the lab does not know, so that goes first.
    let order = declared.into_iter().map(|one| one.seen).chain(strangers).rev();
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
    for server in name_servers(&words) {
        if !answers(pve, SocketAddr::new(server, DNS), PAUSE).await {
            wrong.push(format!("nobody answers names at {server}: the Raspberry Pi is switched on first, by hand"));
        }
    }
    for Declared { seen: Seen { guest, name, state }, runs, startup, ip } in guests(pve, &words).await?.0 {
        if !runs || state != "stopped" {
            continue;
        }
        let task = match guest.kind {
            GuestKind::Qemu => pve.start_guest(permit, &guest.node, guest.vmid).await?,
            GuestKind::Lxc => pve.start_container(permit, &guest.node, guest.vmid).await?,
        };
        task.wait(&silent).await?;
        lines.push(format!("guest {name} is started"));
        let Some(ip) = ip.filter(|_| startup.up.is_some()) else { continue };
        if !answers(pve, SocketAddr::new(ip, SSH), PATIENCE).await {
            wrong.push(format!(
                "guest {name}, which others stand on, does not answer at {ip}: they are started all the same"
            ));
        }
    }
    Ok(Said { value: json!(lines), lines, wrong, ..Said::default() })
}
