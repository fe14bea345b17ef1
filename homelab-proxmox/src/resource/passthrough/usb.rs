//! USB devices: [`UsbOn`] says which, [`UsbMapping`] names it for the cluster, [`Usb`] is what a guest gets.
use super::{EntryState, MappingId, checked, checked_id, marked, named, owner, write};
use crate::{
    Pve,
    api::{Bus, Mapping, UsbDevice},
    client::Reader,
    resource::Node,
};
use homelab_core::{
    Apply, Claim, Failure, Field, Lab, Lock, Look, Output, Owner, Resource, Site, outputs,
    plan::{Action, Change, Note, NoteKind},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A USB device of a node, as it is looked for. Neither `Copy` nor `Clone`.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::Node;
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # let mut lab = Lab::named("home");
/// let zigbee = DIN.usb("10c4:ea60").serial("A1B2C3").map(&mut lab, "zigbee");
/// ```
#[derive(Debug)]
#[must_use = "a device is given to a guest by its name: `.map(&mut lab, \"..\")`, then `Vm::usb`"]
pub struct UsbOn {
    entries: Vec<(Node, UsbEntry)>,
}

/// A USB device that has a name in the cluster, to be given to one guest: it is moved into it.
#[derive(Debug)]
#[must_use = "a device is given to a guest: `Vm::usb([..])`"]
pub struct Usb {
    pub(in crate::resource) id: Output<String>,
    pub(in crate::resource) name: String,
}

#[derive(Clone, Debug, Serialize)]
struct UsbEntry {
    device: String,
    /// The port, where it is looked for by that.
    path: Option<String>,
    #[serde(skip)]
    serial: Option<String>,
    /// Always to be none.
    problem: Field<String>,
}

impl Node {
    /// The USB device of this vendor and product, as `lsusb` writes them: `10c4:ea60`.
    ///
    /// # Panics
    /// When it is no pair of four hexadecimal digits.
    #[track_caller]
    pub fn usb(self, id: &str) -> UsbOn {
        let entry = UsbEntry { device: checked_id(id), path: None, serial: None, problem: Field::Cleared };
        UsbOn { entries: vec![(self, entry)] }
    }
}

impl UsbOn {
    /// And on another node this one: one name for a device of each, so that the guest that gets it can run on either.
    ///
    /// # Panics
    /// When both are of one node.
    #[track_caller]
    pub fn or(mut self, other: UsbOn) -> Self {
        for (node, entry) in other.entries {
            assert!(
                self.entries.iter().all(|(one, _)| one.name != node.name),
                "`{}` has one entry in a mapping",
                node.name
            );
            self.entries.push((node, entry));
        }
        self
    }

    /// The one with this serial number, wherever it is plugged in when the mapping is made.
    pub fn serial(mut self, serial: impl Into<String>) -> Self {
        self.last().serial = Some(serial.into());
        self
    }

    /// The one in this port: `1-2.1`.
    pub fn port(mut self, port: impl Into<String>) -> Self {
        self.last().path = Some(port.into());
        self
    }

    /// What was looked for last: it is that which is said more of.
    fn last(&mut self) -> &mut UsbEntry {
        let last = self.entries.len() - 1;
        &mut self.entries[last].1
    }

    /// Names the device for the whole cluster, so that a token may give it to a guest.
    ///
    /// # Panics
    /// When it is no name of a mapping.
    #[track_caller]
    pub fn map(self, lab: &mut Lab, name: impl Into<String>) -> Usb {
        let name = checked(name.into());
        let mut nodes: Vec<Node> = self.entries.iter().map(|(node, _)| *node).collect();
        nodes.sort_by_key(|node| node.name);
        let entries = self.entries.into_iter().map(|(node, entry)| (node.name.to_owned(), entry)).collect();
        let mapping = lab.add(UsbMapping { name: name.clone(), nodes, entries });
        Usb { id: mapping.id(), name }
    }
}

/// A mapping of a USB device: its name in the cluster. Made by [`UsbOn::map`].
#[derive(Debug, Serialize)]
pub struct UsbMapping {
    #[serde(rename = "id")]
    name: String,
    /// Those that have an entry.
    nodes: Vec<Node>,
    entries: BTreeMap<String, UsbEntry>,
}

/// What can be observed of a mapping of a USB device.
#[derive(Clone, Debug, Serialize)]
pub struct UsbMappingState {
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
    UsbMappingOutputs of UsbMappingState {
        /// Its name.
        id: String,
    }
);

impl UsbEntry {
    fn find<'a>(&self, node: &str, all: &'a [UsbDevice]) -> Result<&'a UsbDevice, Note> {
        let fits = |device: &&UsbDevice| {
            device.id == self.device
                && (self.path.is_none() || device.port == self.path)
                && (self.serial.is_none() || device.serial == self.serial)
        };
        let found: Vec<&UsbDevice> = all.iter().filter(fits).collect();
        let list = |all: &[&UsbDevice]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            [one] => Ok(one),
            [] => {
                let there =
                    if all.is_empty() { "none at all".to_owned() } else { list(&all.iter().collect::<Vec<_>>()) };
                Err(Note::refused(format!("{node} has no USB device {}", self.device)).hint(format!("it has {there}")))
            }
            several => Err(Note::refused(format!("{node} has several USB devices {}: {}", self.device, list(several)))
                .hint("say which by its serial number or port: `.serial(..)`, `.port(..)`")),
        }
    }

    /// Two alike are told apart by their port, which is written down only where it is needed: a stick may be plugged in elsewhere.
    fn needs_port(&self) -> bool {
        self.path.is_some() || self.serial.is_some()
    }
}

impl UsbMapping {
    async fn state(mapping: &Mapping, reader: &Reader) -> Result<UsbMappingState, Failure> {
        let mut entries = BTreeMap::new();
        for (node, entry) in mapping.entries() {
            let devices = match reader.usb_devices(&node).await {
                Ok(devices) => Some(devices),
                // A node that is off cannot be compared with.
                Err(error) if error.is_transient() || error.is_missing() => None,
                Err(error) => return Err(error.into()),
            };
            let (device, path) = (entry.get("id").cloned(), entry.get("path").cloned());
            let there = |all: &Vec<UsbDevice>| {
                all.iter().any(|one| device.as_ref() == Some(&one.id) && (path.is_none() || one.port == path))
            };
            let problem = devices.filter(|all| !there(all)).map(|_| {
                let at = path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
                format!("there is no device {}{at} any more", device.as_deref().unwrap_or_default())
            });
            entries.insert(node, EntryState { device, path, problem });
        }
        Ok(UsbMappingState {
            id: mapping.id.clone(),
            nodes: entries.keys().cloned().collect(),
            entries,
            owner: owner(mapping),
        })
    }
}

impl Resource for UsbMapping {
    const KIND: &'static str = "proxmox/usb-mapping";
    type Provider = Pve;
    type State = UsbMappingState;
    type Id = MappingId;
    type Outputs = UsbMappingOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        // A device is of one node at least.
        self.nodes[0].site
    }
    fn claims(&self) -> Vec<Claim> {
        let site = self.site().name();
        let devices = self.entries.iter().map(|(node, entry)| {
            let which = entry.serial.as_ref().or(entry.path.as_ref()).unwrap_or(&entry.device);
            Claim::new("USB device", which).within(format!("{node} of {site}"))
        });
        devices.chain([Claim::new("USB mapping", &self.name).within(site)]).collect()
    }
    fn uses(&self) -> Vec<Claim> {
        self.nodes.iter().map(Node::claim).collect()
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/mapping/usb", self.site().name()))]
    }
    fn review(&self, now: Option<&UsbMappingState>, _: Action, _: &[Change]) -> Vec<Note> {
        let problems = now.into_iter().flat_map(|now| now.entries.values().filter_map(|entry| entry.problem.clone()));
        problems.map(|text| Note::new(NoteKind::Because, text)).collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<UsbMappingState>, Failure> {
        Self::find(&MappingId { id: self.name.clone() }, cx).await
    }
    async fn inspect(&self, now: Option<&UsbMappingState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let mut notes = Vec::new();
        for (node, entry) in &self.entries {
            if !cx.has_node(node).await? {
                notes.extend(self.nodes.iter().find(|own| own.name == node).map(Node::joins_first));
                continue;
            }
            let is = now.and_then(|now| now.entries.get(node));
            if is.is_none_or(|is| is.problem.is_some()) {
                notes.extend(entry.find(node, &cx.usb_devices(node).await?).err());
            }
        }
        Ok(notes)
    }
    async fn find(id: &MappingId, cx: &Look<'_, Pve>) -> Result<Option<UsbMappingState>, Failure> {
        let Some(mapping) = named(cx, Bus::Usb, &id.id).await? else { return Ok(None) };
        Self::state(&mapping, cx).await.map(Some)
    }
    async fn survey(cx: &Look<'_, Pve>) -> Result<Vec<UsbMappingState>, Failure> {
        let mut states = Vec::new();
        for (mapping, _) in marked(cx, Bus::Usb).await? {
            states.push(Self::state(&mapping, cx).await?);
        }
        Ok(states)
    }
    fn id(state: &UsbMappingState) -> MappingId {
        MappingId { id: state.id.clone() }
    }
    fn planned_id(&self) -> Option<MappingId> {
        Some(MappingId { id: self.name.clone() })
    }
    fn owner(state: &UsbMappingState) -> Owner {
        state.owner.clone()
    }
    async fn apply(&self, _: Option<&UsbMappingState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let mut entries = BTreeMap::new();
        for (node, entry) in &self.entries {
            let all = cx.usb_devices(node).await?;
            let device =
                entry.find(node, &all).map_err(|note| Failure { hint: note.hint, ..Failure::new(note.text) })?;
            let mut fields = BTreeMap::from([("id", device.id.clone())]);
            fields.extend(device.port.clone().filter(|_| entry.needs_port()).map(|port| ("path", port)));
            entries.insert(node.clone(), fields);
        }
        write(cx, Bus::Usb, &self.name, entries).await
    }
    async fn delete(state: &UsbMappingState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        Ok(cx.delete_mapping(cx.permit(), Bus::Usb, &state.id).await?)
    }
}
