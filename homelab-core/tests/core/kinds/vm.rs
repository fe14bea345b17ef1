//! A guest that is made slowly and draws its own uuid, and the hardware that can be given to it.
use crate::world::{Guest, HYPER, Hyper};
use homelab_core::{
    Apply, Claim, Failure, Input, Lock, Look, Mark, Owner, Resource, Site, outputs,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};
use tokio::time::Instant;

/// A controller is one piece of hardware: it is moved into the one guest that gets it.
#[derive(Serialize)]
pub struct Controller(pub &'static str);

/// A disk behind a guest's controller. Neither `Copy` nor `Clone`: it is in one vdev, or in none.
#[derive(Serialize)]
pub struct Disk {
    pub(super) serial: &'static str,
}

#[derive(Serialize)]
pub struct Vm {
    pub vmid: u32,
    // Whatever is applied has to be in the spec: a half-made guest that lacks only its name must be seen to lack it.
    pub name: String,
    pub cores: u32,
    pub dns: Option<Input<Ipv4Addr>>,
    pub flavour: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<Controller>,
}

pub fn vm(vmid: u32, name: &str) -> Vm {
    Vm { vmid, name: name.into(), cores: 1, dns: None, flavour: None, controllers: vec![] }
}

impl Vm {
    pub fn cores(mut self, n: u32) -> Self {
        self.cores = n;
        self
    }
    pub fn dns(mut self, ip: impl Into<Input<Ipv4Addr>>) -> Self {
        self.dns = Some(ip.into());
        self
    }
    pub fn flavour(mut self, n: u32) -> Self {
        self.flavour = Some(n);
        self
    }
    pub fn passthrough(mut self, c: Controller) -> Self {
        self.controllers.push(c);
        self
    }
}

#[derive(Serialize)]
pub struct VmState {
    pub vmid: u32,
    name: Option<String>,
    cores: u32,
    pub ip: Ipv4Addr,
    dns: Option<Ipv4Addr>,
    flavour: u32,
    controllers: Vec<String>,
    #[serde(skip)]
    uuid: u64,
    #[serde(skip)]
    mark: Option<Mark>,
}
outputs!(VmOutputs of VmState { vmid: u32, ip: Ipv4Addr });

impl VmOutputs {
    /// The disks of the shelf, by serial number; each is moved into the one vdev that gets it.
    pub fn disks<const N: usize>(&self, serials: [&'static str; N]) -> [Disk; N] {
        serials.map(|serial| Disk { serial })
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct VmId {
    vmid: u32,
    uuid: Option<u64>,
}

fn state(vmid: u32, g: &Guest, names: &BTreeMap<u32, String>) -> VmState {
    VmState {
        vmid,
        name: names.get(&vmid).cloned(),
        cores: g.cores,
        ip: g.ip,
        dns: g.dns,
        // In this world the flavour is baked in: a third of the uuid's story that tests replacement.
        flavour: (g.uuid >> 32) as u32,
        controllers: g.controllers.iter().cloned().collect(),
        uuid: g.uuid,
        mark: g.mark.clone(),
    }
}

impl Resource for Vm {
    const KIND: &'static str = "toy/vm";
    const REPLACE_ON: &'static [&'static str] = &["flavour"];
    type Provider = Hyper;
    type State = VmState;
    type Id = VmId;
    type Outputs = VmOutputs;
    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Hyper> {
        HYPER
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("VMID", self.vmid)]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::shared("hypervisor", 3)]
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(10)
    }
    fn review(&self, now: Option<&VmState>, _: Action, changes: &[Change]) -> Vec<Note> {
        match now {
            Some(now) if now.cores > self.cores => vec![Note::refused("this hypervisor cannot take cores away")],
            Some(_) if changes.iter().any(|c| c.field == "cores") => vec![Note::reboot("cores are added at boot")],
            _ => vec![],
        }
    }
    async fn read(&self, cx: &Look<'_, Hyper>) -> Result<Option<VmState>, Failure> {
        cx.call(false, |s| Ok(s.guests.get(&self.vmid).map(|g| state(self.vmid, g, &s.names)))).await
    }
    async fn inspect(&self, now: Option<&VmState>, cx: &Look<'_, Hyper>) -> Result<Vec<Note>, Failure> {
        let to_come =
            self.controllers.iter().filter(|c| now.is_none_or(|now| !now.controllers.iter().any(|n| n == c.0)));
        let to_come: Vec<&Controller> = to_come.collect();
        if to_come.is_empty() {
            return Ok(vec![]);
        }
        cx.call(false, |s| {
            let gone = to_come.iter().filter(|c| !s.shelves.contains_key(c.0));
            Ok(gone.map(|c| Note::refused(format!("there is no controller {}", c.0)).hint("plug it in")).collect())
        })
        .await
    }
    async fn find(id: &VmId, cx: &Look<'_, Hyper>) -> Result<Option<VmState>, Failure> {
        cx.call(false, |s| Ok(s.guests.get(&id.vmid).map(|g| state(id.vmid, g, &s.names)))).await
    }
    async fn survey(cx: &Look<'_, Hyper>) -> Result<Vec<VmState>, Failure> {
        cx.call(false, |s| Ok(s.guests.iter().map(|(id, g)| state(*id, g, &s.names)).collect())).await
    }
    fn id(state: &VmState) -> VmId {
        VmId { vmid: state.vmid, uuid: Some(state.uuid) }
    }
    fn planned_id(&self) -> Option<VmId> {
        Some(VmId { vmid: self.vmid, uuid: None })
    }
    fn owner(state: &VmState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }
    async fn apply(&self, now: Option<&VmState>, cx: &Apply<'_, Hyper>) -> Result<(), Failure> {
        let dns = self.dns.as_ref().map(|d| cx.get(d)).transpose()?;
        if now.is_none() {
            let (mark, flavour) = (cx.mark().clone(), u64::from(self.flavour.unwrap_or(0)));
            cx.progress("cloning", Some(0));
            let task = cx
                .write(cx.permit(), |s| {
                    if s.guests.contains_key(&self.vmid) {
                        return Err(Failure::new(format!("VM {} already exists", self.vmid)));
                    }
                    let uuid = s.uuid() | flavour << 32;
                    s.guests.insert(
                        self.vmid,
                        Guest {
                            cores: 1,
                            uuid,
                            dns: None,
                            ip: Ipv4Addr::new(10, 0, 0, self.vmid as u8),
                            controllers: Default::default(),
                            mark: Some(mark),
                            busy_until: Some(Instant::now() + Duration::from_secs(5)),
                        },
                    );
                    if !s.comes_with.is_empty() {
                        s.files.insert(Ipv4Addr::new(10, 0, 0, self.vmid as u8), s.comes_with.clone());
                    }
                    Ok(format!("clone:{}", self.vmid))
                })
                .await?;
            cx.note(task).await?;
        }
        loop {
            let busy = cx.0.call(false, |s| Ok(s.guests.get(&self.vmid).and_then(|g| g.busy_until))).await?;
            let Some(until) = busy else { break };
            tokio::time::sleep_until(until).await;
        }
        let mark = cx.mark().clone();
        cx.write(cx.permit(), |s| {
            let g = s.guests.get_mut(&self.vmid).ok_or_else(|| Failure::new("no such VM"))?;
            g.cores = self.cores;
            g.dns = dns.or(g.dns);
            g.mark = Some(mark);
            g.controllers.extend(self.controllers.iter().map(|c| c.0.to_owned()));
            s.names.insert(self.vmid, self.name.clone());
            Ok(())
        })
        .await
    }
    async fn delete(state: &VmState, cx: &Apply<'_, Hyper>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            if let Some(g) = s.guests.remove(&state.vmid) {
                s.files.remove(&g.ip);
            }
            s.names.remove(&state.vmid);
            Ok(())
        })
        .await
    }
}
