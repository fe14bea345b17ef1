//! PCI devices: [`PciOn`] says which, [`PciMapping`] names it for the cluster, [`Pci`] is what a guest gets.
use super::{EntryState, MappingId, checked, checked_id, group, marked, named, owner, write};
use crate::{
    Pve,
    api::{Bus, Mapping, PciDevice},
    client::Reader,
    resource::Node,
};
use homelab_core::{
    AnyHandle, Apply, Claim, Declare, Failure, Field, Lab, Lock, Look, Output, Owner, Resource, ResourceExt, Site,
    outputs,
    plan::{Action, Change, Note, NoteKind},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A PCI device of a node, as it is looked for. Neither `Copy` nor `Clone`: it is one piece of hardware.
///
/// ```
/// # use homelab_core::{Lab, Site, units::SizeUnits};
/// # use homelab_proxmox::{Node, Pve, Vm};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # let mut lab = Lab::named("home");
/// let h330 = DIN.pci("1000:0097").map(&mut lab, "h330");
/// lab.add(Vm::blank().uefi().on(DIN).id(300).named("nas").disk(32.gib()).passthrough([h330]));
/// ```
#[derive(Debug)]
#[must_use = "a device is given to a guest by its name: `.map(&mut lab, \"..\")`, then `Vm::passthrough`"]
pub struct PciOn {
    entries: Vec<(Node, PciEntry)>,
    after: Vec<AnyHandle>,
}

/// A PCI device that has a name in the cluster, to be given to one guest: it is moved into it.
#[derive(Debug)]
#[must_use = "a device is given to a guest: `Vm::passthrough([..])`"]
pub struct Pci {
    pub(in crate::resource) id: Output<String>,
    pub(in crate::resource) name: String,
}

#[derive(Clone, Debug, Serialize)]
struct PciEntry {
    /// Vendor and device, where it is looked for by that.
    device: Option<String>,
    /// Its place, where it is looked for by that.
    path: Option<String>,
    /// Always to be none.
    problem: Field<String>,
}

impl Node {
    /// The PCI device of this vendor and device, as `lspci -nn` writes them: `1000:0097`. If there are several alike, say which by
    /// [`pci_slot`](Node::pci_slot).
    ///
    /// # Panics
    /// When it is no pair of four hexadecimal digits.
    #[track_caller]
    pub fn pci(self, id: &str) -> PciOn {
        PciOn {
            entries: vec![(self, PciEntry { device: Some(checked_id(id)), path: None, problem: Field::Cleared })],
            after: vec![],
        }
    }

    /// The PCI device in this place: `0000:03:00.0`, or all functions of it, `0000:03:00`. Places shift when cards are added.
    ///
    /// # Panics
    /// When it is no place.
    #[track_caller]
    pub fn pci_slot(self, slot: &str) -> PciOn {
        let parts: Vec<&str> = slot.split([':', '.']).collect();
        let hex = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(
            matches!(parts.len(), 3 | 4) && parts.iter().all(hex),
            "`{slot}` is no place of a PCI device: write it as `lspci -D` does, `0000:03:00.0`"
        );
        let path = Some(slot.to_ascii_lowercase());
        PciOn { entries: vec![(self, PciEntry { device: None, path, problem: Field::Cleared })], after: vec![] }
    }
}

impl PciOn {
    /// And on another node this one: one name for a device of each, so that the guest that gets it can run on either.
    ///
    /// # Panics
    /// When both are of one node.
    #[track_caller]
    pub fn or(mut self, other: PciOn) -> Self {
        for (node, entry) in other.entries {
            assert!(
                self.entries.iter().all(|(one, _)| one.name != node.name),
                "`{}` has one entry in a mapping",
                node.name
            );
            self.entries.push((node, entry));
        }
        self.after.extend(other.after);
        self
    }

    /// It gets its name only after `other` is done: the restart of its node, say, for without a quorum nothing is named.
    pub fn after(mut self, other: impl Into<AnyHandle>) -> Self {
        self.after.push(other.into());
        self
    }

    /// Names the device for the whole cluster, so that a token may give it to a guest.
    ///
    /// # Panics
    /// When it is no name of a mapping.
    #[track_caller]
    pub fn map(self, lab: &mut Lab, name: impl Into<String>) -> Pci {
        let name = checked(name.into());
        let mut nodes: Vec<Node> = self.entries.iter().map(|(node, _)| *node).collect();
        nodes.sort_by_key(|node| node.name);
        let entries = self.entries.into_iter().map(|(node, entry)| (node.name.to_owned(), entry)).collect();
        let mapping = PciMapping { name: name.clone(), nodes, entries }.with_terms();
        let mapping = lab.add(self.after.into_iter().fold(mapping, ResourceExt::after));
        Pci { id: mapping.id(), name }
    }
}

/// A mapping of a PCI device: its name in the cluster. Made by [`PciOn::map`].
///
/// The entry is made from the device as the node shows it, with all that is checked at the start of a guest (device, subsystem and
/// IOMMU group): after another board, BIOS or slot it does not fit any more, which the next plan shows and puts right.
#[derive(Debug, Serialize)]
pub struct PciMapping {
    #[serde(rename = "id")]
    name: String,
    /// Those that have an entry.
    nodes: Vec<Node>,
    entries: BTreeMap<String, PciEntry>,
}

/// What can be observed of a mapping of a PCI device.
#[derive(Clone, Debug, Serialize)]
pub struct PciMappingState {
    /// Its name.
    pub id: String,
    /// The nodes that it has something for.
    pub nodes: Vec<String>,
    /// What it has for each node.
    pub entries: BTreeMap<String, EntryState>,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What others need to know of a mapping.
    PciMappingOutputs of PciMappingState {
        /// Its name.
        id: String,
    }
);

impl PciEntry {
    fn fits(&self, device: &PciDevice) -> bool {
        let path =
            self.path.as_deref().is_none_or(|path| device.slot == path || device.slot.starts_with(&format!("{path}.")));
        path && self.device.as_ref().is_none_or(|id| *id == device.id)
    }

    fn wanted(&self) -> &str {
        self.device.as_deref().or(self.path.as_deref()).unwrap_or_default()
    }

    /// The one device that is meant.
    fn find<'a>(&self, node: &str, all: &'a [PciDevice]) -> Result<&'a PciDevice, Note> {
        let found: Vec<&PciDevice> = all.iter().filter(|device| self.fits(device)).collect();
        let list = |all: &[&PciDevice]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            // All functions of a place are one device.
            [one, rest @ ..] if rest.is_empty() || self.path.is_some() => Ok(one),
            [] => {
                let there =
                    if all.is_empty() { "none at all".to_owned() } else { list(&all.iter().collect::<Vec<_>>()) };
                Err(Note::refused(format!("{node} has no PCI device {}", self.wanted()))
                    .hint(format!("it has {there}")))
            }
            several => {
                Err(Note::refused(format!("{node} has several PCI devices {}: {}", self.wanted(), list(several)))
                    .hint(format!("say which by its place: `.pci_slot(\"{}\")`", several[0].slot)))
            }
        }
    }
}

impl PciMapping {
    /// The node of this name, of those that it has entries for.
    fn of(&self, name: &str) -> Node {
        self.nodes.iter().copied().find(|node| node.name == name).unwrap_or(self.nodes[0])
    }

    async fn state(mapping: &Mapping, reader: &Reader) -> Result<PciMappingState, Failure> {
        let mut entries = BTreeMap::new();
        for (node, entry) in mapping.entries() {
            let devices = match reader.pci_devices(&node).await {
                Ok(devices) => devices,
                // A node that is off cannot be compared with.
                Err(error) if error.is_transient() || error.is_missing() => vec![],
                Err(error) => return Err(error.into()),
            };
            let problem = if devices.is_empty() { None } else { problem(&entry, &devices) };
            let get = |key: &str| entry.get(key).cloned();
            entries.insert(node, EntryState { device: get("id"), path: get("path"), problem });
        }
        Ok(PciMappingState {
            id: mapping.id.clone(),
            nodes: entries.keys().cloned().collect(),
            entries,
            owner: owner(mapping),
        })
    }
}

/// What of an entry does not fit the devices of its node.
fn problem(entry: &BTreeMap<String, String>, devices: &[PciDevice]) -> Option<String> {
    let path = entry.get("path")?;
    let first = if path.contains('.') { path.clone() } else { format!("{path}.0") };
    let Some(device) = devices.iter().find(|device| device.slot == first) else {
        return Some(format!("there is no device at {path} any more"));
    };
    let group = device.group.map(|group| group.to_string());
    let checks =
        [("id", Some(&device.id)), ("subsystem-id", device.subsystem.as_ref()), ("iommugroup", group.as_ref())];
    let wrong = checks.into_iter().find(|(key, is)| entry.get(*key) != *is);
    let (key, is) = wrong?;
    let none = "none".to_owned();
    Some(format!("the {key} at {path} is {} and no longer {}", is.unwrap_or(&none), entry.get(key).unwrap_or(&none)))
}

impl Resource for PciMapping {
    const KIND: &'static str = "proxmox/pci-mapping";
    type Provider = Pve;
    type State = PciMappingState;
    type Id = MappingId;
    type Outputs = PciMappingOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        // A device is of one node at least.
        self.nodes[0].site
    }
    fn claims(&self) -> Vec<Claim> {
        let site = self.site().name();
        let devices = self
            .entries
            .iter()
            .map(|(node, entry)| Claim::new("PCI device", entry.wanted()).within(format!("{node} of {site}")));
        devices.chain([Claim::new("PCI mapping", &self.name).within(site)]).collect()
    }
    fn uses(&self) -> Vec<Claim> {
        self.nodes.iter().map(Node::claim).collect()
    }
    fn locks(&self) -> Vec<Lock> {
        // All share one digest (pve-notes section 14).
        vec![Lock::exclusive(format!("{}/mapping/pci", self.site().name()))]
    }
    fn review(&self, now: Option<&PciMappingState>, _: Action, _: &[Change]) -> Vec<Note> {
        let problems = now.into_iter().flat_map(|now| now.entries.values().filter_map(|entry| entry.problem.clone()));
        problems.map(|text| Note::new(NoteKind::Because, text)).collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<PciMappingState>, Failure> {
        Self::find(&MappingId { id: self.name.clone() }, cx).await
    }
    async fn inspect(&self, now: Option<&PciMappingState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = Vec::new();
        for (node, entry) in &self.entries {
            let is = now.and_then(|now| now.entries.get(node));
            if is.is_some_and(|is| is.problem.is_none()) {
                continue;
            }
            if !cx.has_node(node).await? {
                notes.push(self.of(node).joins_first());
                continue;
            }
            let all = cx.pci_devices(node).await?;
            match entry.find(node, &all) {
                Ok(device) => notes.extend(group::notes(self.of(node), node, device, &all)),
                Err(note) => notes.push(note),
            }
        }
        Ok(notes)
    }
    async fn find(id: &MappingId, cx: &Look<'_, Pve>) -> Result<Option<PciMappingState>, Failure> {
        let Some(mapping) = named(cx, Bus::Pci, &id.id).await? else { return Ok(None) };
        Self::state(&mapping, cx).await.map(Some)
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<PciMappingState>, Failure> {
        let mut states = Vec::new();
        for (mapping, _) in marked(cx, Bus::Pci).await? {
            states.push(Self::state(&mapping, cx).await?);
        }
        Ok(states)
    }
    fn id(state: &PciMappingState) -> MappingId {
        MappingId { id: state.id.clone() }
    }
    fn planned_id(&self) -> Option<MappingId> {
        Some(MappingId { id: self.name.clone() })
    }
    fn owner(state: &PciMappingState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&PciMappingState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let mut entries = BTreeMap::new();
        for (node, entry) in &self.entries {
            let all = cx.pci_devices(node).await?;
            let device =
                entry.find(node, &all).map_err(|note| Failure { hint: note.hint, ..Failure::new(note.text) })?;
            let path = entry.path.clone().unwrap_or_else(|| device.slot.clone());
            let mut fields = BTreeMap::from([("path", path), ("id", device.id.clone())]);
            fields.extend(device.subsystem.clone().map(|id| ("subsystem-id", id)));
            fields.extend(device.group.map(|group| ("iommugroup", group.to_string())));
            entries.insert(node.clone(), fields);
        }
        write(cx, Bus::Pci, &self.name, entries).await
    }
    async fn delete(state: &PciMappingState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        Ok(cx.delete_mapping(cx.permit(), Bus::Pci, &state.id).await?)
    }
}
