//! [`Vm`]: a virtual machine, cloned from a template or empty.
mod apply;
mod builder;
mod cdrom;
mod devices;
mod edits;
mod names;
pub(in crate::resource) mod parts;
mod place;
mod ready;
mod review;
mod state;
mod steps;

pub use devices::{HostPciState, UsbState};
pub(crate) use names::{declared_tags, host_name, tag_list, whole_mib};
pub use parts::{Disk, Nic};
pub(in crate::resource) use ready::host_key;
pub(in crate::resource) use state::KEY_TYPE;
pub(crate) use state::sorted;
pub use state::{DiskState, NicState, VmOutputs, VmState};
pub use steps::{Blank, CloneOf, Placed};

use super::{
    Node,
    definition::Storage,
    firmware::{Bios, Firmware, FirmwareKind, NoCloudInit, Setup},
    guest::{self, GuestId},
    order,
    template::COPIES,
};
use crate::{
    Pve,
    api::{
        VolumeId,
        qemu::{Slot, Startup},
    },
};
use devices::{HostPciKey, HostPciSpec, UsbKey, UsbSpec};
use homelab_core::{
    AnyHandle, Apply, Claim, Failure, Field, Handle, Input, Lock, Look, Output, Owner, Resource, Secret, Site, Turn,
    host::{Host, Reachable, RunsDocker, Spot},
    plan::{Action, Change, Note},
    units::{Size, Span},
};
use parts::{NetKey, NicSpec};
use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, marker::PhantomData, net::IpAddr, time::Duration};

/// How many clones of one template may be made at once: each holds the template's lock (pve-notes section 7).
const CLONES: usize = 4;

/// A virtual machine.
///
/// ```
/// # use homelab_core::{Lab, Site, units::{HostAddr, Network, SizeUnits}};
/// # use homelab_proxmox::{Node, Pve, Template, Vm};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
/// # let mut lab = Lab::named("home");
/// # let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
/// let web = lab.add(
///     Vm::clone_from(ubuntu).on(DIN).id(201).named("web").cores(2).memory(4.gib()).disk(50.gib()).at(LAN.host(202)),
/// );
/// ```
///
/// - Only what is declared is sent, compared and cleared: everything else is as the template, or somebody's hand, left it.
/// - A clone has its template's firmware. What cloud-init sets (address, user, keys, resolvers) can be declared only if the
///   template has it: [`Template::cloud_init`](super::Template::cloud_init).
/// - It is started and waited for until its address answers; changes that a running guest cannot take are shown in the plan
///   with the restart that they need.
/// - Without [`id`](Placed::id) it gets a number of [`Node::ids`], and is found again by its mark. With one it can be renamed.
pub struct Vm<F = Bios, C = NoCloudInit> {
    spec: Spec,
    ty: PhantomData<fn() -> (F, C)>,
}

#[derive(Clone, Debug, Serialize)]
struct Spec {
    name: String,
    vmid: Option<u32>,
    node: Node,
    clone_of: Option<Source>,
    firmware: FirmwareKind,
    cloud_init: Option<bool>,
    cores: Option<u32>,
    sockets: Option<u32>,
    cpu: Option<String>,
    memory: Option<Size>,
    balloon: Field<Size>,
    disks: BTreeMap<Slot, Field<Disk>>,
    cdroms: BTreeMap<Slot, Field<Output<VolumeId>>>,
    installer: Option<Output<VolumeId>>,
    nics: BTreeMap<NetKey, Field<NicSpec>>,
    hostpci: BTreeMap<HostPciKey, Field<HostPciSpec>>,
    usb: BTreeMap<UsbKey, Field<UsbSpec>>,
    ip: Option<IpAddr>,
    resolvers: Field<Vec<Input<IpAddr>>>,
    search_domain: Field<String>,
    user: Field<String>,
    authorized_keys: Field<Vec<String>>,
    password: Option<Secret>,
    agent: Option<bool>,
    tags: Field<Vec<String>>,
    notes: Field<String>,
    boot_order: Option<Vec<String>>,
    start_on_boot: Option<bool>,
    startup: Field<Startup>,
    protection: Option<bool>,
    running: bool,
    /// Always to be empty: what is half made is to be finished.
    unfinished: Field<()>,
    #[serde(skip)]
    terms: Terms,
}

/// The template that a clone is made from. Used once and never compared.
#[derive(Clone, Copy, Debug, Serialize)]
struct Source {
    vmid: Output<u32>,
    node: Output<String>,
    login: Output<String>,
    /// The size of its disk with the system.
    disk: Output<Size>,
    linked: Option<bool>,
    #[serde(skip)]
    handle: AnyHandle,
}

/// How it is worked on, which is nothing of the guest itself.
#[derive(Clone, Copy, Debug)]
struct Terms {
    restarts: bool,
    ordered: bool,
    ready_within: Span,
    shutdown_within: Span,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { restarts: true, ordered: true, ready_within: Span::minutes(5), shutdown_within: Span::minutes(3) }
    }
}

impl<F, C> Serialize for Vm<F, C> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.spec.serialize(s)
    }
}

impl<F: Firmware, C: Setup> Reachable for Vm<F, C> {
    /// As the user that cloud-init made, with the host key that its agent told when it was made; without an agent known_hosts
    /// decides.
    fn host(vm: Handle<Self>) -> Host {
        Host::at(vm, vm.ip()).login_from(vm.login()).key_from(vm.host_key()).up_from(vm.running())
    }
}

impl<F: Firmware, C: Setup> RunsDocker for Vm<F, C> {}

impl<F: Firmware, C: Setup> Resource for Vm<F, C> {
    const KIND: &'static str = "proxmox/vm";
    const MACHINE: bool = true;
    const REPLACE_ON: &'static [&'static str] = &["vmid"];
    const WRITE_ONLY: &'static [&'static str] = &["clone_of", "installer", "password"];
    type Provider = Pve;
    type State = VmState;
    type Id = GuestId;
    type Outputs = VmOutputs;

    fn name(&self) -> &str {
        &self.spec.name
    }
    fn site(&self) -> Site<Pve> {
        self.spec.node.site
    }
    fn login(state: &VmState) -> Option<Spot> {
        let said = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let address = state.ip.filter(|_| state.running)?;
        Some(Spot { login: said(&state.login), key: said(&state.host_key), ..Spot::at(address) })
    }
    fn claims(&self) -> Vec<Claim> {
        let (spec, site) = (&self.spec, self.site().name());
        let number = spec.vmid.map(|vmid| Claim::new("VMID", vmid).within(site));
        let devices = spec.devices().map(|name| Claim::new("passed-through device", name).within(site));
        number.into_iter().chain(guest::claims(site, &spec.name, &spec.nics)).chain(devices).collect()
    }
    fn uses(&self) -> Vec<Claim> {
        let (spec, site) = (&self.spec, self.site());
        let storages = spec.storages().into_iter().map(|name| Storage::claim(site, name));
        storages.chain(guest::bridges(site, spec.node, &spec.nics)).chain([spec.node.claim()]).collect()
    }
    fn leans_on(&self) -> Vec<Claim> {
        order::name_servers(&self.spec.resolvers)
    }
    fn take_turn(&mut self, turn: Turn) {
        let spec = &mut self.spec;
        if spec.terms.ordered && matches!(spec.startup, Field::Unmanaged) {
            spec.startup = Field::Set(order::derived(turn, order::VM_UP, spec.terms.shutdown_within));
        }
    }
    fn locks(&self) -> Vec<Lock> {
        let (spec, site, node) = (&self.spec, self.site().name(), self.spec.node);
        let this = match spec.vmid {
            Some(vmid) => vmid.to_string(),
            None => spec.name.clone(),
        };
        let source = spec.clone_of.map(|source| Lock::shared(format!("{site}/clone-of/{:?}", source.handle), CLONES));
        let disks = Lock::shared(format!("{site}/disks/{}/{}", node.name, spec.disk_storage()), COPIES);
        [Lock::exclusive(format!("{site}/guest/{this}")), disks].into_iter().chain(source).collect()
    }
    fn estimate(&self, action: Action) -> Duration {
        Duration::from_secs(match (action, self.spec.clone_of) {
            (Action::Create | Action::Replace, Some(_)) => 60,
            (Action::Create | Action::Replace, None) => 8,
            (Action::Delete, _) => 12,
            _ => 5,
        })
    }
    fn review(&self, now: Option<&VmState>, action: Action, changes: &[Change]) -> Vec<Note> {
        self.spec.review(now, action, changes)
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<VmState>, Failure> {
        let found = match self.spec.vmid {
            Some(vmid) => guest::numbered(cx, vmid).await?,
            None => None,
        };
        // Without a number of its own, or while it bears another one still, it is found by its mark.
        let found = match found {
            Some(found) => Some(found),
            None => guest::marked(cx, cx.mark(), &self.spec.name).await?,
        };
        // Somebody may have wiped its mark and its tag off.
        let found = match (found, cx.known_id::<GuestId>()) {
            (None, Some(id)) => guest::known(cx, &id, cx.mark()).await?,
            (found, _) => found,
        };
        let Some(found) = found else { return Ok(None) };
        let running = guest::runs(cx, &found.guest, Some(self.spec.running)).await?;
        let mut state = VmState::of(&found, running);
        if !C::CLOUD_INIT {
            // Nobody gives it an address from outside: it is the one that the system inside is to take.
            state.ip = self.spec.ip.or(state.ip);
        }
        if state.ip.is_none() && state.agent_needed {
            state.ip = ready::reported(cx, &found.guest.node, state.vmid, state.mac).await?;
        }
        Ok(Some(state))
    }
    async fn inspect(&self, now: Option<&VmState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = order::may_set(cx, &self.spec.startup, now.and_then(|now| now.startup.as_ref())).await?;
        if let Some(now) = now {
            notes.extend(self.spec.held_by_a_cd(now, cx).await?);
        }
        Ok(notes)
    }
    async fn find(id: &GuestId, cx: &Look<'_, Pve>) -> Result<Option<VmState>, Failure> {
        let Some(found) = guest::known(cx, id, cx.mark()).await? else { return Ok(None) };
        let running = guest::runs(cx, &found.guest, None).await?;
        Ok(Some(VmState::of(&found, running)))
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<VmState>, Failure> {
        let all = guest::all_marked(cx).await?;
        let mut states = Vec::new();
        for found in all {
            if found.notes().mark.is_some_and(|mark| mark.key.starts_with("proxmox/vm/")) {
                let running = guest::runs(cx, &found.guest, None).await?;
                states.push(VmState::of(&found, running));
            }
        }
        Ok(states)
    }
    fn id(state: &VmState) -> GuestId {
        GuestId { vmid: state.vmid, uuid: state.uuid.clone() }
    }
    fn planned_id(&self) -> Option<GuestId> {
        self.spec.vmid.map(|vmid| GuestId { vmid, uuid: None })
    }
    fn owner(state: &VmState) -> Owner {
        state.owner.clone()
    }
    fn data(state: &VmState) -> Vec<String> {
        state.data()
    }
    async fn apply(&self, now: Option<&VmState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        self.spec.apply(now, cx).await
    }
    async fn delete(state: &VmState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        super::work::destroy(cx, state.vmid).await
    }
}
