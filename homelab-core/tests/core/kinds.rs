//! The kinds of the toy world. Each is awkward in the way of a real domain: a guest that is made slowly and draws its own uuid,
//! a pool whose disks come from a controller passed to a guest, a file on a machine whose address is an output, a generation that is
//! taken back unless it is confirmed in time.
use crate::world::{FLEET, Fleet, Guest, HYPER, Hyper, NAS, Nas, PI, Pi};
use homelab_core::{
    AnyHandle, Apply, Claim, Failure, Handle, Input, Lock, Look, Mark, Owner, Resource, Site, outputs,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};
use tokio::time::Instant;

/// A controller is one piece of hardware: it is moved into the one guest that gets it.
#[derive(Serialize)]
pub struct Controller(pub &'static str);

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

/// A disk behind a guest's controller. Neither `Copy` nor `Clone`: it is in one vdev, or in none.
#[derive(Serialize)]
pub struct Disk {
    serial: &'static str,
}

#[derive(Serialize)]
pub struct Pool {
    #[serde(skip)]
    name: &'static str,
    nas: Input<Ipv4Addr>,
    disks: Vec<&'static str>,
}

impl Pool {
    pub fn of<const N: usize>(name: &'static str, nas: Handle<Vm>, disks: [Disk; N]) -> Pool {
        const { assert!(N >= 2, "a mirror needs two disks") };
        let disks = disks.into_iter().map(|d| d.serial).collect();
        Pool { name, nas: nas.ip().into(), disks }
    }
}

#[derive(Serialize)]
pub struct PoolState {
    name: String,
    disks: Vec<String>,
    #[serde(skip)]
    mark: Option<Mark>,
}
outputs!(PoolOutputs of PoolState { name: String });

impl Resource for Pool {
    const KIND: &'static str = "toy/pool";
    const PROTECTED: bool = true;
    /// Where it is made, and asked about; a pool does not know its NAS.
    const WRITE_ONLY: &'static [&'static str] = &["nas"];
    const REPLACE_ON: &'static [&'static str] = &["disks"];
    type Provider = Nas;
    type State = PoolState;
    type Id = String;
    type Outputs = PoolOutputs;
    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Nas> {
        NAS
    }
    fn claims(&self) -> Vec<Claim> {
        self.disks.iter().map(|d| Claim::new("disk", d)).chain([Claim::new("pool", self.name)]).collect()
    }
    // It needs the guest, but it does not live in it: its disks do not go when the guest is made anew.
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        // Nobody can ask a NAS that does not exist.
        if cx.get(&self.nas).is_none() {
            return Ok(None);
        }
        Self::find(&self.name.to_owned(), cx).await
    }
    async fn find(name: &String, cx: &Look<'_, Nas>) -> Result<Option<PoolState>, Failure> {
        cx.call(false, |s| {
            Ok(s.pools.get(name).map(|(disks, mark)| PoolState {
                name: name.clone(),
                disks: disks.clone(),
                mark: mark.clone(),
            }))
        })
        .await
    }
    fn id(state: &PoolState) -> String {
        state.name.clone()
    }
    fn owner(state: &PoolState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }
    fn data(state: &PoolState) -> Vec<String> {
        vec![format!("pool {} on {} disks", state.name, state.disks.len())]
    }
    async fn apply(&self, _: Option<&PoolState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let (ip, mark) = (cx.get(&self.nas)?, cx.mark().clone());
        // The kernel's names are looked up just before they are used.
        let names =
            cx.0.call(false, |s| {
                let guest = s.guests.values().find(|g| g.ip == ip).ok_or_else(|| Failure::new("the NAS is gone"))?;
                Ok(s.disks_of(guest))
            })
            .await?;
        let kernel: Vec<String> = self
            .disks
            .iter()
            .map(|d| {
                names.get(*d).cloned().ok_or_else(|| Failure::new(format!("disk {d} is not to be seen on the NAS")))
            })
            .collect::<Result<_, _>>()?;
        assert!(kernel.iter().all(|k| k.starts_with("sd")));
        let disks = self.disks.iter().map(ToString::to_string).collect();
        cx.write(cx.permit(), |s| {
            s.pools.insert(self.name.to_owned(), (disks, Some(mark)));
            Ok(())
        })
        .await
    }
    async fn delete(state: &PoolState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            s.pools.remove(&state.name);
            Ok(())
        })
        .await
    }
}

/// A file on a machine of which nobody knows the address before it runs. It bears no mark: the ledger is the witness.
#[derive(Serialize)]
pub struct File {
    #[serde(skip)]
    name: String,
    on: Input<Ipv4Addr>,
    content: String,
    #[serde(skip)]
    machine: AnyHandle,
}

pub fn file(on: Handle<Vm>, name: &str, content: &str) -> File {
    File { name: name.into(), on: on.ip().into(), content: content.into(), machine: on.into() }
}

#[derive(Serialize)]
pub struct FileState {
    on: Ipv4Addr,
    #[serde(skip)]
    path: String,
    content: String,
}
outputs!(FileOutputs of FileState { content: String });

impl Resource for File {
    const KIND: &'static str = "toy/file";
    const COMMON: bool = true;
    type Provider = Fleet;
    type State = FileState;
    type Id = (Ipv4Addr, String);
    type Outputs = FileOutputs;
    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Fleet> {
        FLEET
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.machine)
    }
    /// A content that begins with `pool ` names one.
    fn uses(&self) -> Vec<Claim> {
        self.content.strip_prefix("pool ").map(|pool| Claim::new("pool", pool)).into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Fleet>) -> Result<Option<FileState>, Failure> {
        match cx.get(&self.on) {
            Some(on) => Self::find(&(on, self.name.clone()), cx).await,
            None => Ok(None),
        }
    }
    async fn find((on, path): &Self::Id, cx: &Look<'_, Fleet>) -> Result<Option<FileState>, Failure> {
        cx.call(false, |s| {
            if s.silent.contains(on) {
                return Err(Failure::passing(format!("{on} does not answer")));
            }
            let content = s.files.get(on).and_then(|m| m.get(path)).cloned();
            Ok(content.map(|content| FileState { on: *on, path: path.clone(), content }))
        })
        .await
    }
    fn id(state: &FileState) -> Self::Id {
        (state.on, state.path.clone())
    }
    async fn apply(&self, _: Option<&FileState>, cx: &Apply<'_, Fleet>) -> Result<(), Failure> {
        let on = cx.get(&self.on)?;
        cx.write(cx.permit(), |s| {
            if !s.guests.values().any(|g| g.ip == on) {
                return Err(Failure::passing(format!("{on} does not answer")));
            }
            s.files.entry(on).or_default().insert(self.name.clone(), self.content.clone());
            Ok(())
        })
        .await
    }
    async fn delete(state: &FileState, cx: &Apply<'_, Fleet>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            if let Some(machine) = s.files.get_mut(&state.on) {
                machine.remove(&state.path);
                if machine.is_empty() {
                    s.files.remove(&state.on);
                }
            }
            Ok(())
        })
        .await
    }
}

/// A generation of a machine's whole system: activated on trial, confirmed when it answers, taken back by the machine itself.
#[derive(Serialize)]
pub struct Generation {
    pub running: String,
    pub confirmed: bool,
}

pub fn generation(name: &str) -> Generation {
    Generation { running: name.into(), confirmed: true }
}

#[derive(Serialize)]
pub struct GenerationState {
    running: String,
    confirmed: bool,
}
outputs!(GenerationOutputs of GenerationState { running: String });

pub const CONFIRM_WITHIN: Duration = Duration::from_secs(120);

impl Resource for Generation {
    const KIND: &'static str = "toy/generation";
    type Provider = Pi;
    type State = GenerationState;
    type Id = String;
    type Outputs = GenerationOutputs;
    fn name(&self) -> &str {
        "pihole"
    }
    fn site(&self) -> Site<Pi> {
        PI
    }
    async fn read(&self, cx: &Look<'_, Pi>) -> Result<Option<GenerationState>, Failure> {
        Self::find(&String::new(), cx).await
    }
    async fn find(_: &String, cx: &Look<'_, Pi>) -> Result<Option<GenerationState>, Failure> {
        cx.call(false, |s| {
            let is = GenerationState { running: s.pi.running.clone(), confirmed: s.pi.unless_confirmed.is_none() };
            // The machine as it came is nobody's generation.
            Ok((is.running != "factory").then_some(is))
        })
        .await
    }
    fn id(_: &GenerationState) -> String {
        "pihole".into()
    }
    fn planned_id(&self) -> Option<String> {
        Some("pihole".into())
    }
    async fn apply(&self, now: Option<&GenerationState>, cx: &Apply<'_, Pi>) -> Result<(), Failure> {
        if now.is_none_or(|n| n.running != self.running) {
            cx.write(cx.permit(), |s| {
                let old = match s.pi.unless_confirmed.take() {
                    Some((old, _)) => old,
                    None => s.pi.running.clone(),
                };
                s.pi.unless_confirmed = Some((old, Instant::now() + CONFIRM_WITHIN));
                s.pi.running = self.running.clone();
                Ok(())
            })
            .await?;
        }
        cx.progress("asking its DNS", None);
        let answers = cx.0.call(false, |s| Ok(!s.pi.broken.contains(&s.pi.running))).await?;
        if !answers {
            return Err(Failure::new(format!(
                "generation {} does not answer; the Pi goes back by itself",
                self.running
            ))
            .hint("nothing has to be done: the old generation runs again within two minutes"));
        }
        cx.write(cx.permit(), |s| {
            if s.pi.running != self.running {
                return Err(Failure::passing("the Pi went back before it was confirmed"));
            }
            s.pi.unless_confirmed = None;
            Ok(())
        })
        .await
    }
    async fn delete(_: &GenerationState, cx: &Apply<'_, Pi>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            s.pi.running = "factory".into();
            s.pi.unless_confirmed = None;
            Ok(())
        })
        .await
    }
}
