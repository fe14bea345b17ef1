//! [`Container`]: a system container (LXC), made from a template that was fetched.
mod apply;
mod builder;
mod edits;
mod find;
mod parts;
mod ready;
mod review;
mod state;
mod steps;

pub use find::ContainerId;
pub use parts::{Nested, Nesting, Plain};
pub use state::{ContainerOutputs, ContainerState, DeviceState, MountState, RootState};
pub use steps::{ContainerFrom, PlacedContainer};

pub(super) use find::all_marked;

use super::{
    Node,
    definition::Storage,
    guest, order,
    template::COPIES,
    vm::parts::{NetKey, NicSpec},
};
use crate::{Pve, api::qemu::Startup};
use homelab_core::{
    Apply, Claim, Failure, Field, Handle, Input, Lock, Look, Output, Owner, Resource, Secret, Site, Turn,
    host::{Host, Reachable, RunsDocker, Spot},
    plan::{Action, Change, Note},
    units::{Size, Span},
};
use parts::{DeviceSpec, MountSpec, Root};
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, marker::PhantomData, net::IpAddr, time::Duration};

/// A container.
///
/// ```
/// # use homelab_core::{Lab, Site, units::{Network, SizeUnits}};
/// # use homelab_proxmox::{Container, ContainerTemplate, Node, Pve};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
/// # let mut lab = Lab::named("home");
/// let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
/// lab.add(
///     Container::from_template(debian).on(DIN).id(202).named("docker").nesting().cores(2).memory(2.gib()).root(16.gib())
///         .volume("/data", 100.gib()).at(LAN.host(204)).authorized_keys(["ssh-ed25519 AAAA.. ada@home"]),
/// );
/// ```
///
/// - Unprivileged unless [`privileged`](Container::privileged) says why not. Whether it may run containers itself (Docker) is part of
///   its type: [`nesting`](Container::nesting).
/// - What lives in it is configured over SSH, at its address, or [through its node](Container::through), which needs no sshd in it.
/// - Only what is declared is sent, compared and cleared. Keys and password are given when it is made, and not seen afterwards.
/// - A mounted [`volume`](Container::volume) holds data: neither it nor the container is deleted by a plain run.
/// - Directories and devices of the node are root's to give: a plan that needs it and lacks it says so (pve-notes section 3).
pub struct Container<N = Plain> {
    spec: Spec,
    ty: PhantomData<fn() -> N>,
}

#[derive(Clone, Debug, Serialize)]
struct Spec {
    name: String,
    vmid: Option<u32>,
    node: Node,
    template: Source,
    unprivileged: bool,
    nesting: Option<bool>,
    /// Beyond nesting: root's to set.
    features: Field<Vec<String>>,
    cores: Option<u32>,
    memory: Option<Size>,
    swap: Option<Size>,
    root: Option<Root>,
    mounts: BTreeMap<String, Field<MountSpec>>,
    devices: BTreeMap<String, Field<DeviceSpec>>,
    nics: BTreeMap<NetKey, Field<NicSpec>>,
    ip: Option<IpAddr>,
    through: Option<Through>,
    resolvers: Field<Vec<Input<IpAddr>>>,
    search_domain: Field<String>,
    authorized_keys: Option<Vec<String>>,
    password: Option<Secret>,
    tags: Field<Vec<String>>,
    notes: Field<String>,
    start_on_boot: Option<bool>,
    startup: Field<Startup>,
    protection: Option<bool>,
    running: bool,
    /// Always to be empty: what is half made is to be finished.
    unfinished: Field<()>,
    #[serde(skip)]
    privileged_because: Option<String>,
    #[serde(skip)]
    terms: Terms,
}

/// The template that it is made from. Used once and never compared.
#[derive(Clone, Copy, Debug, Serialize)]
struct Source {
    volume: Output<String>,
    node: Output<String>,
}

/// The node's machine, where the container is entered through that.
#[derive(Clone, Copy, Debug, Serialize)]
struct Through {
    address: Output<IpAddr>,
    login: Output<String>,
    hostname: Output<String>,
}

impl Through {
    /// The login to the machine; nothing while that is not known.
    ///
    /// # Errors
    /// When the machine is another node than this: a node of Proxmox VE has the name of its host, without the domain
    /// (`PVE::INotify::nodename`).
    fn spot(&self, name: &str, node: &Node, cx: &Look<'_, Pve>) -> Result<Option<Spot>, Failure> {
        let Some(address) = cx.get(&Input::From(self.address)) else { return Ok(None) };
        let host = cx.get(&Input::From(self.hostname));
        let other = host.as_deref().and_then(|host| host.split('.').next()).filter(|host| *host != node.name);
        if let Some(other) = other {
            let on = node.name;
            return Err(Failure::new(format!(
                "{name} shall be on the node {on}, and is entered through {address}, which is {other}"
            ))
            .hint(format!("give `.through(..)` the machine of {on}, or put it `.on(..)` the node {other}")));
        }
        // Without a login it is the one that `~/.ssh/config` says.
        Ok(Some(Spot { login: cx.get(&Input::From(self.login)), ..Spot::at(address) }))
    }
}

/// How it is worked on, which is nothing of the container itself.
#[derive(Clone, Copy, Debug)]
struct Terms {
    restarts: bool,
    ordered: bool,
    ready_within: Span,
    shutdown_within: Span,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { restarts: true, ordered: true, ready_within: Span::minutes(2), shutdown_within: Span::minutes(1) }
    }
}

impl<N> Serialize for Container<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.spec.serialize(s)
    }
}

impl<N: Nesting> Reachable for Container<N> {
    /// As root: at its address, or [through its node](Container::through).
    fn host(container: Handle<Self>) -> Host {
        Host::said(container, container.spot()).up_from(container.running())
    }
}

impl RunsDocker for Container<Nested> {}

impl<N: Nesting> Resource for Container<N> {
    const KIND: &'static str = "proxmox/container";
    const MACHINE: bool = true;
    const REPLACE_ON: &'static [&'static str] = &["vmid", "unprivileged"];
    const WRITE_ONLY: &'static [&'static str] = &["template", "authorized_keys", "password", "through"];
    type Provider = Pve;
    type State = ContainerState;
    type Id = ContainerId;
    type Outputs = ContainerOutputs;

    fn name(&self) -> &str {
        &self.spec.name
    }
    fn site(&self) -> Site<Pve> {
        self.spec.node.site
    }
    fn login(state: &ContainerState) -> Option<Spot> {
        state.spot.clone().filter(|_| state.running)
    }
    fn claims(&self) -> Vec<Claim> {
        let (spec, site) = (&self.spec, self.site().name());
        let number = spec.vmid.map(|vmid| Claim::new("VMID", vmid).within(site));
        number.into_iter().chain(guest::claims(site, &spec.name, &spec.nics)).collect()
    }
    fn uses(&self) -> Vec<Claim> {
        let (spec, site) = (&self.spec, self.site());
        let storages = spec.storages().into_iter().map(|name| Storage::claim(site, name));
        storages.chain(guest::bridges(site, spec.node, &spec.nics)).collect()
    }
    fn leans_on(&self) -> Vec<Claim> {
        order::name_servers(&self.spec.resolvers)
    }
    fn take_turn(&mut self, turn: Turn) {
        let spec = &mut self.spec;
        if spec.terms.ordered && matches!(spec.startup, Field::Unmanaged) {
            spec.startup = Field::Set(order::derived(turn, order::CONTAINER_UP, spec.terms.shutdown_within));
        }
    }
    fn locks(&self) -> Vec<Lock> {
        let (spec, site, node) = (&self.spec, self.site().name(), self.spec.node);
        let this = spec.vmid.map_or_else(|| spec.name.clone(), |vmid| vmid.to_string());
        vec![
            Lock::exclusive(format!("{site}/guest/{this}")),
            Lock::shared(format!("{site}/disks/{}/{}", node.name, spec.root_storage()), COPIES),
        ]
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(match action {
            Action::Create | Action::Replace => 20,
            Action::Delete => 8,
            _ => 4,
        })
    }
    fn review(&self, now: Option<&ContainerState>, action: Action, changes: &[Change]) -> Vec<Note> {
        self.spec.review(now, action, changes)
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<ContainerState>, Failure> {
        let spec = &self.spec;
        let through = spec.through.map(|through| through.spot(&spec.name, &spec.node, cx)).transpose()?;
        let found = match self.spec.vmid {
            Some(vmid) => find::numbered(cx, vmid).await?,
            None => None,
        };
        // Without a number of its own, or while it bears another one still, it is found by its mark.
        let found = match found {
            Some(found) => Some(found),
            None => find::marked(cx, cx.mark(), &self.spec.name).await?,
        };
        // Somebody may have wiped its mark and its tag off.
        let found = match (found, cx.known_id::<ContainerId>()) {
            (None, Some(id)) => find::known(cx, &id, cx.mark()).await?,
            (found, _) => found,
        };
        let Some(found) = found else { return Ok(None) };
        let running = guest::runs(cx, &found.guest, Some(self.spec.running)).await?;
        let mut state = ContainerState::of(&found, running);
        if state.ip.is_none() && running {
            state.ip = ready::address(cx, &found.guest.node, state.vmid, None).await?;
        }
        state.spot = match through {
            // On another node, from which it is yet to be moved, it cannot be entered.
            Some(spot) => {
                spot.filter(|_| state.node == spec.node.name).map(|spot| Spot { container: Some(state.vmid), ..spot })
            }
            None => state.ip.map(|ip| Spot::at(ip).login("root")),
        };
        Ok(Some(state))
    }
    async fn inspect(&self, now: Option<&ContainerState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = self.spec.credentials(now, cx.is_root());
        notes.extend(order::may_set(cx, &self.spec.startup, now.and_then(|now| now.startup.as_ref())).await?);
        Ok(notes)
    }
    async fn find(id: &ContainerId, cx: &Look<'_, Pve>) -> Result<Option<ContainerState>, Failure> {
        let Some(found) = find::known(cx, id, cx.mark()).await? else { return Ok(None) };
        let running = guest::runs(cx, &found.guest, None).await?;
        Ok(Some(ContainerState::of(&found, running)))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<ContainerState>, Failure> {
        let mut states = Vec::new();
        for found in all_marked(cx).await? {
            let running = guest::runs(cx, &found.guest, None).await?;
            states.push(ContainerState::of(&found, running));
        }
        Ok(states)
    }
    fn id(state: &ContainerState) -> ContainerId {
        ContainerId { vmid: state.vmid, mac: state.mac }
    }
    fn planned_id(&self) -> Option<ContainerId> {
        self.spec.vmid.map(|vmid| ContainerId { vmid, mac: None })
    }
    fn owner(state: &ContainerState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &ContainerState) -> Vec<String> {
        state.data()
    }
    async fn apply(&self, now: Option<&ContainerState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        self.spec.apply(now, cx).await
    }
    async fn delete(state: &ContainerState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        super::work::destroy(cx, state.vmid).await
    }
}
