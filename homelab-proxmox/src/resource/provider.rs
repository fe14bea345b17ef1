//! Proxmox VE as a provider: what lives there, and waiting for what an interrupted run left working.
use super::{
    Access, BackupJob, ClusterFirewall, ClusterNode, ContainerTemplate, EmptyDrive, Group, GuestFirewall, GuestId,
    HaGroup, HaResource, HaRule, IpSet, Iso, NodeFirewall, NodeNetwork, NodeReboot, PciMapping, Pool, Realm,
    Replication, Role, SecurityGroup, Storage, Token, UsbMapping, User,
    cluster::{ClusterNodeId, Witness, WitnessId, ended},
    container::{Container, Nested},
    firmware::{Bios, CloudInit, Uefi},
    node_config::{NodeId, answers},
    node_network::NodeNetworkId,
    template::Template,
    vm::Vm,
    work::tool,
};
use crate::{
    Error, Pve,
    api::{FromScalar, GuestKind},
    client::{Params, Reader, Upid},
};
use homelab_core::{Begun, Failure, Kind, Provider, Resource as _};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long something that a run before this one began is waited for: as long as a task may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// The first pause between two looks; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Tasks that make a guest. A clone bears the number of its source, so its own cannot be told from the list.
const MAKING: [&str; 3] = ["qmclone", "qmcreate", "vzcreate"];
/// Kinds of things that tasks are looked for by number.
const GUESTS: [&str; 3] = ["proxmox/template", "proxmox/vm", "proxmox/container"];

impl Provider for Pve {
    type Reader = Reader;

    fn reader(&self) -> Reader {
        Pve::reader(self)
    }

    fn kinds() -> Vec<Kind<Pve>> {
        vec![
            Kind::of::<Template>().also::<Template<Uefi, CloudInit>>().also::<Template<Bios, CloudInit>>(),
            Kind::of::<Vm>().also::<Vm<Uefi>>().also::<Vm<Uefi, CloudInit>>().also::<Vm<Bios, CloudInit>>(),
            Kind::of::<ContainerTemplate>(),
            Kind::of::<Iso>(),
            Kind::of::<Container>().also::<Container<Nested>>(),
            Kind::of::<PciMapping>(),
            Kind::of::<UsbMapping>(),
            Kind::of::<Storage>(),
            Kind::of::<Pool>(),
            Kind::of::<Role>(),
            Kind::of::<User>(),
            Kind::of::<Group>(),
            Kind::of::<Token>(),
            Kind::of::<Realm>(),
            Kind::of::<Access>(),
            Kind::of::<BackupJob>(),
            Kind::of::<Replication>(),
            Kind::of::<HaGroup>(),
            Kind::of::<HaResource>(),
            Kind::of::<HaRule>(),
            Kind::of::<IpSet>(),
            Kind::of::<SecurityGroup>(),
            Kind::of::<ClusterFirewall>(),
            Kind::of::<NodeFirewall>(),
            Kind::of::<GuestFirewall>(),
            Kind::of::<NodeReboot>(),
            Kind::of::<EmptyDrive>(),
            Kind::of::<NodeNetwork>(),
            Kind::of::<ClusterNode>(),
            Kind::of::<Witness>(),
        ]
    }

    /// A cluster without quorum.
    async fn closed(&self) -> Option<Failure> {
        let status = self.cluster().await.ok().filter(|status| !status.quorate)?;
        let away = status.members.iter().filter(|member| !member.online).map(|member| member.name.as_str());
        let away: Vec<&str> = away.collect();
        let why = if away.is_empty() { String::new() } else { format!(": {} is away", away.join(" and ")) };
        let name = status.name.as_deref().unwrap_or_default();
        Some(Failure::passing(format!("nothing can be changed in the cluster {name}, it has no quorum{why}")).hint(
            "bring the others up; `pvecm expected 1` on a node that is up does without them, if they stay away; a third vote \
             (`QDevice`) keeps two nodes out of this",
        ))
    }

    /// Waits for the task that was noted, and then until no task works on the guest any more. A guest that is still locked by
    /// its making then is debris that only root can clear.
    async fn settle(&self, begun: &Begun<'_>) -> Result<(), Failure> {
        if let Some(upid) = begun.task.and_then(Value::as_str).and_then(|text| text.parse().ok()) {
            self.ended(&upid).await?;
        }
        // What it staged before it was cut off is ours to throw away.
        if begun.kind == NodeNetwork::KIND && begun.task.is_some() {
            self.staging().extend(id_of::<NodeNetworkId>(begun).map(|id| id.node));
        }
        // A node that it restarted is away for a while, and with it all that is looked at on its machine.
        if begun.kind == NodeReboot::KIND
            && begun.task.is_some()
            && let Some(NodeId { node }) = id_of(begun)
        {
            answers(self, &node).await?;
        }
        // `pvecm` goes on without us, and what it does to the cluster is seen at its end.
        let spot = match begun.kind {
            ClusterNode::KIND => id_of::<ClusterNodeId>(begun).and_then(|id| id.spot),
            Witness::KIND => id_of::<WitnessId>(begun).and_then(|id| id.spot),
            _ => None,
        };
        if let Some(spot) = spot {
            ended(self, &spot).await?;
        }
        if !GUESTS.contains(&begun.kind) {
            return Ok(());
        }
        let vmid = id_of::<GuestId>(begun).map(|id| id.vmid);
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let lock = self.making_lock(vmid).await?;
            let Some(task) = self.working(vmid, lock.is_some()).await? else {
                return lock.map_or(Ok(()), Err);
            };
            if began.elapsed() >= SETTLE_LIMIT {
                return Err(still_works(&task));
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 3 / 2);
        }
    }
}

/// What something that was begun is found by.
fn id_of<I: DeserializeOwned>(begun: &Begun<'_>) -> Option<I> {
    begun.id.and_then(|id| serde_json::from_value(id.clone()).ok())
}

impl Pve {
    /// Waits for the end of a task. One that its node does not remember any more is over.
    async fn ended(&self, upid: &Upid) -> Result<(), Failure> {
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            match self.task_status(upid).await {
                Ok(status) if status.status == "stopped" => return Ok(()),
                Ok(_) if began.elapsed() >= SETTLE_LIMIT => return Err(still_works(upid)),
                Ok(_) => {}
                Err(error) if is_forgotten(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 3 / 2);
        }
    }

    /// A task that works on the guest. While the guest is locked by its making, or is not known by number, that may be any
    /// that makes one.
    async fn working(&self, vmid: Option<u32>, locked: bool) -> Result<Option<Upid>, Failure> {
        for (node, online) in self.resources().await?.nodes() {
            if !online {
                continue;
            }
            let rows = self.get(&format!("/nodes/{node}/tasks"), Params::new().set("source", "active")).await?;
            let running = rows.as_array().into_iter().flatten().filter(|row| is_running(row));
            let upids = running.filter_map(|row| row.get("upid")?.as_str()?.parse::<Upid>().ok());
            // A download bears the name of its file, which has the number in it.
            let about =
                |upid: &Upid| vmid.is_some_and(|id| upid.id == id.to_string() || upid.id.contains(&format!("-{id}-")));
            let makes = |upid: &Upid| (locked || vmid.is_none()) && MAKING.contains(&upid.kind.as_str());
            if let Some(upid) = { upids }.find(|upid| about(upid) || makes(upid)) {
                return Ok(Some(upid));
            }
        }
        Ok(None)
    }

    /// What is to be said of a guest that is locked by its making, should nothing make it any more.
    async fn making_lock(&self, vmid: Option<u32>) -> Result<Option<Failure>, Failure> {
        let Some(vmid) = vmid else { return Ok(None) };
        let Some(guest) = self.guest(vmid).await? else { return Ok(None) };
        let lock = match guest.kind {
            GuestKind::Qemu => self.config(&guest.node, vmid).await?.lock.clone(),
            GuestKind::Lxc => self.container_config(&guest.node, vmid).await?.lock.clone(),
        };
        let tool = tool(guest.kind);
        let lock = lock.filter(|lock| ["clone", "create"].contains(&lock.as_str()));
        Ok(lock.map(|lock| {
            Failure::stuck(format!("guest {vmid} on {} was left half made: it is locked ({lock})", guest.node)).hint(format!(
                "no API token may unlock it: `{tool} unlock {vmid} && {tool} destroy {vmid}` on {}, as root; then run again",
                guest.node
            ))
        }))
    }
}

fn still_works(upid: &Upid) -> Failure {
    Failure::passing(format!("task {upid}, which an earlier run began, still works"))
        .hint("look at it in the web interface; stop it there if it hangs, then run again")
}

/// The list of active tasks holds some that have ended, too.
fn is_running(row: &Value) -> bool {
    let status = row.get("status").and_then(String::from_scalar);
    row.get("endtime").is_none_or(Value::is_null) && status.is_none_or(|status| status.eq_ignore_ascii_case("running"))
}

/// The node rotates its list of tasks, and a task dies with a node that restarts.
fn is_forgotten(error: &Error) -> bool {
    let text = error.to_string();
    error.is_missing() || text.contains("no such task") || text.contains("unable to parse worker upid")
}
