//! [`NodeNetwork`]: what is declared of a node's network, and what is seen of it.
use super::{
    carry::{At, foreign, in_use, unwatched},
    part::{Options, Part, has_address},
    steps::{after, carriers, dangerous, marked, steps},
    watchdog::Watchdog,
};
use crate::{Pve, api::Interfaces, client::Reader, resource::Node};
use homelab_core::{
    Apply, Claim, Failure, Field, Lock, Look, Mark, Nature, Owner, Resource, Site,
    host::Spot,
    outputs,
    plan::{Action, Change, Note, NoteKind},
    units::HostAddr,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

/// The network of a node: its bridges, bonds and VLANs. All of it is changed in one step and loaded once.
///
/// ```
/// # use homelab_core::{Lab, Site, units::{HostAddr, Network}};
/// # use homelab_proxmox::{Node, Pve, resource::{Bridge, NodeNetwork, VlanInterface}};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
/// # const STORAGE: Network = Network::new("storage", [10, 10, 10, 0], 24).vlan(10);
/// # let mut lab = Lab::named("home");
/// lab.add(
///     NodeNetwork::of(DIN)
///         .part(Bridge::named("vmbr0").port("eno1").vlans([LAN, STORAGE]))
///         .part(VlanInterface::on("vmbr0", LAN.host(11)).way_out())
///         .part(VlanInterface::on("vmbr0", STORAGE.host(11)))
///         .watched_at(LAN.host(11)),
/// );
/// ```
///
/// - What is not declared is left alone, unless this lab made it: then it goes, if no guest is plugged into it.
/// - An interface that was there before is adopted, and stays as it is when it leaves the code.
/// - A change that could cut the node off is loaded only under a watchdog on the node itself, which puts the old network back unless
///   the node was reached over the new one, by API and SSH, within two minutes.
/// - Changes that somebody else has staged are never loaded along: they are refused.
/// - Needs `Sys.Modify` on the node, and root's login for the watchdog. A guest on a bridge that is declared here comes after it.
#[derive(Clone, Debug, Serialize)]
pub struct NodeNetwork {
    node: Node,
    interfaces: BTreeMap<String, Options>,
    /// What this lab made and no longer declares: nothing.
    surplus: Field<Vec<String>>,
    /// A change that nobody has confirmed: none.
    unconfirmed: Field<String>,
    #[serde(skip)]
    ports: BTreeMap<String, String>,
    #[serde(skip)]
    spot: Option<Spot>,
}

/// What a node's network is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeNetworkId {
    /// The node.
    pub node: String,
    /// Where it is logged in to.
    #[serde(default)]
    pub spot: Option<Spot>,
}

/// What is seen of a node's network.
#[derive(Clone, Debug, Serialize)]
pub struct NodeNetworkState {
    /// The node.
    pub node: String,
    /// Those interfaces that are declared, by the API's names.
    pub interfaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Those that this lab made and that are not declared.
    pub surplus: Option<Vec<String>>,
    /// A change that an earlier run staged and did not load, or loaded and did not confirm.
    pub unconfirmed: Option<String>,
    #[serde(skip)]
    owner: Owner,
    #[serde(skip)]
    there: Interfaces,
    #[serde(skip)]
    spot: Option<Spot>,
}

outputs!(
    /// What others need to know of a node's network.
    NodeNetworkOutputs of NodeNetworkState {
        /// The node's name.
        node: String,
    }
);

impl NodeNetwork {
    /// The network of this node.
    #[must_use]
    pub fn of(node: Node) -> NodeNetwork {
        NodeNetwork {
            node,
            interfaces: BTreeMap::new(),
            surplus: Field::Cleared,
            unconfirmed: Field::Cleared,
            ports: BTreeMap::new(),
            spot: None,
        }
    }

    /// With this bridge, bond or VLAN.
    ///
    /// # Panics
    /// When there is one of that name already, or one of its ports is a part of another.
    #[must_use]
    #[track_caller]
    pub fn part(mut self, part: impl Into<Part>) -> NodeNetwork {
        let part: Part = part.into();
        for port in part.ports {
            if let Some(other) = self.ports.insert(port.clone(), part.name.clone()) {
                panic!("{port} of {} is a part of {other} and of {}: it can be in one", self.node.name, part.name);
            }
        }
        let twice = self.interfaces.insert(part.name.clone(), part.options).is_some();
        assert!(!twice, "{} of {} is declared twice", part.name, self.node.name);
        self
    }

    /// root is logged in to here while the network changes: by this the watchdog is set, and the new network proven. The address has
    /// to stay: a node that moves to another one is moved at its console.
    #[must_use]
    pub fn watched_at(self, host: HostAddr) -> NodeNetwork {
        NodeNetwork { spot: Some(Spot::at(host.ip()).login("root")), ..self }
    }

    /// What a network claims of each of its interfaces, and what a guest uses that is plugged into one.
    pub(crate) fn claim(site: Site<Pve>, node: &str, name: &str) -> Claim {
        Claim::new("interface", name).within(format!("{}/{node}", site.name()))
    }

    fn address(&self) -> Option<IpAddr> {
        self.spot.as_ref().map(|spot| spot.address)
    }
}

/// The interfaces that this lab made and that nothing declares, but for those that the node is reached by.
fn surplus(
    there: &Interfaces,
    declared: &BTreeMap<String, Options>,
    mark: Option<&Mark>,
    kept: &BTreeSet<String>,
) -> Vec<String> {
    let ours = marked(there).filter(|(_, theirs)| mark.is_none_or(|mark| theirs == mark));
    let names =
        ours.map(|(found, _)| &found.name).filter(|name| !declared.contains_key(*name) && !kept.contains(*name));
    names.cloned().collect()
}

/// What is said of those that this lab made and that do not go with the rest.
fn stays(there: &Interfaces, node: &str, address: Option<IpAddr>) -> Option<String> {
    let kept = carriers(there, address);
    let names = marked(there).map(|(found, _)| found.name.as_str()).filter(|name| kept.contains(*name));
    let names = names.collect::<Vec<_>>().join(" and ");
    (!names.is_empty()).then(|| format!("{names} stays as it is: {node} is reached by it"))
}

/// What is not as it seems: the API shows what is staged as if it were loaded.
fn unloaded(cx: &Reader, node: &str, there: &Interfaces, declared: &BTreeMap<String, Options>) -> Option<String> {
    let staged = there.staged.as_ref()?;
    let concerns = |name: &String| staged.split_whitespace().any(|word| word == name);
    let ours = cx.staging().contains(node);
    (ours || declared.keys().any(concerns)).then(|| "changes that are staged and not loaded".to_owned())
}

/// Whether a change waits for its confirmation. Nothing where the node cannot be logged in to: then none was made either.
async fn unconfirmed(cx: &Reader, spot: Option<&Spot>) -> Result<Option<String>, Failure> {
    let Some(dog) = Watchdog::at(cx, spot) else { return Ok(None) };
    match dog.is_pending().await {
        Ok(true) => Ok(Some("a change that nobody has confirmed".to_owned())),
        Ok(false) => Ok(None),
        Err(failure) if failure.nature == Nature::Passing => Err(failure),
        Err(_) => Ok(None),
    }
}

async fn look(
    cx: &Reader,
    node: &str,
    spot: Option<&Spot>,
    declared: &BTreeMap<String, Options>,
    mark: Option<&Mark>,
) -> Result<NodeNetworkState, Failure> {
    let there = cx.interfaces(node).await?;
    let kept = carriers(&there, spot.map(|spot| spot.address));
    let surplus = surplus(&there, declared, mark, &kept);
    // What the node is reached by stays when the rest goes: where there is nothing else, there is nothing of ours to delete, and
    // what was there before us bears no mark.
    let goes = marked(&there).filter(|(found, _)| !kept.contains(&found.name)).map(|(_, theirs)| theirs);
    let owner = goes.filter(|theirs| mark.is_none_or(|mark| mark == theirs)).last();
    let unconfirmed = match unloaded(cx, node, &there, declared) {
        Some(staged) => Some(staged),
        None => unconfirmed(cx, spot).await?,
    };
    let interfaces = declared.keys().filter_map(|name| Some((name.clone(), there.all.get(name)?.options.clone())));
    Ok(NodeNetworkState {
        node: node.to_owned(),
        interfaces: interfaces.collect(),
        surplus: (!surplus.is_empty()).then_some(surplus),
        unconfirmed,
        owner: owner.map_or(Owner::Unmarkable, Owner::Marked),
        there,
        spot: spot.cloned(),
    })
}

impl Resource for NodeNetwork {
    const KIND: &'static str = "proxmox/node-network";
    type Provider = Pve;
    type State = NodeNetworkState;
    type Id = NodeNetworkId;
    type Outputs = NodeNetworkOutputs;

    fn name(&self) -> &str {
        self.node.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        let (site, node) = (self.node.site, self.node.name);
        let whole = Claim::new("network of node", node).within(site.name());
        let names = self.interfaces.keys().map(|name| NodeNetwork::claim(site, node, name));
        std::iter::once(whole).chain(names).collect()
    }
    fn uses(&self) -> Vec<Claim> {
        vec![self.node.claim()]
    }
    fn locks(&self) -> Vec<Lock> {
        // Of two nodes one is always there.
        vec![Lock::maintenance()]
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(15)
    }

    fn review(&self, now: Option<&NodeNetworkState>, action: Action, _: &[Change]) -> Vec<Note> {
        if action == Action::Delete {
            return now
                .and_then(|now| stays(&now.there, &now.node, self.address()))
                .into_iter()
                .map(Note::info)
                .collect();
        }
        let acts = matches!(action, Action::Create | Action::Update | Action::Adopt);
        let Some(now) = now.filter(|_| acts) else { return vec![] };
        // The mark that new interfaces get changes nothing of what is dangerous.
        let mark = Mark { lab: String::new(), key: String::new() };
        let steps = steps(&now.there, &self.interfaces, now.surplus.as_deref().unwrap_or_default(), &mark);
        let danger = dangerous(&now.there, &steps, self.address());
        if danger.is_empty() {
            return vec![];
        }
        let text =
            format!("{} is reached by {}: it may be away for some seconds", self.node.name, danger.join(" and "));
        let note = Note::new(NoteKind::Downtime, text);
        vec![
            note.hint(
                "unless it is reached over its new network within two minutes, it puts the old one back by itself",
            ),
        ]
    }

    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<NodeNetworkState>, Failure> {
        if !cx.has_node(self.node.name).await? {
            return Ok(None);
        }
        let state = look(cx, self.node.name, self.spot.as_ref(), &self.interfaces, Some(cx.mark())).await?;
        let nothing = state.interfaces.is_empty() && state.surplus.is_none() && state.unconfirmed.is_none();
        Ok((!nothing).then_some(state))
    }

    async fn inspect(&self, now: Option<&NodeNetworkState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let node = self.node.name;
        if !cx.has_node(node).await? {
            return Ok(vec![self.node.joins_first()]);
        }
        let there = match now {
            Some(now) => now.there.clone(),
            None => cx.interfaces(node).await?,
        };
        let refused = |failure: Failure| {
            let note = Note::refused(failure.message);
            match failure.hint {
                Some(hint) => note.hint(hint),
                None => note,
            }
        };
        let mut notes = vec![];
        if let Some(staged) = there.staged.as_ref().filter(|_| !cx.staging().contains(node)) {
            notes.push(refused(foreign(node)));
            let heads = |line: &&str| !line.starts_with("+++") && !line.starts_with("---");
            let lines = staged.lines().filter(|line| line.starts_with(['+', '-'])).filter(heads);
            let lines: Vec<String> = lines.map(|line| line.replace('\t', " ")).collect();
            notes.push(Note::info(format!("staged by somebody else: {}", lines.join("; "))));
            return Ok(notes);
        }
        let missing: Vec<&str> = self
            .ports
            .keys()
            .map(String::as_str)
            .filter(|port| !there.all.contains_key(*port) && !self.interfaces.contains_key(*port))
            .collect();
        if !missing.is_empty() {
            let has =
                there.all.values().filter(|found| found.get("type") == Some("eth")).map(|found| found.name.as_str());
            notes.push(
                Note::refused(format!("{node} has no {}", missing.join(" and ")))
                    .hint(format!("its ports are: {}", has.collect::<Vec<_>>().join(", "))),
            );
        }
        let surplus = now.and_then(|now| now.surplus.clone()).unwrap_or_default();
        for name in &surplus {
            notes.extend(in_use(cx, node, name).await?.map(refused));
        }
        let steps = steps(&there, &self.interfaces, &surplus, cx.mark());
        let danger = dangerous(&there, &steps, self.address());
        let has =
            |network: &Interfaces, address| network.all.values().any(|found| has_address(&found.options, address));
        if let Some(address) =
            self.address().filter(|address| has(&there, *address) && !has(&after(&there, &steps), *address))
        {
            notes.push(
                Note::refused(format!("{node} would not have {address} any more, by which it is logged in to"))
                    .hint("keep that address in one of its interfaces; a node is moved to another one at its console"),
            );
        }
        if !danger.is_empty() {
            let way = match Watchdog::at(cx, self.spot.as_ref()) {
                Some(dog) => dog.is_pending().await.is_ok(),
                None => false,
            };
            if !way {
                notes.push(refused(unwatched(node, &danger, self.spot.as_ref())));
            }
        }
        Ok(notes)
    }

    async fn find(id: &NodeNetworkId, cx: &Look<'_, Pve>) -> Result<Option<NodeNetworkState>, Failure> {
        if !cx.has_node(&id.node).await? {
            return Ok(None);
        }
        let state = look(cx, &id.node, id.spot.as_ref(), &BTreeMap::new(), Some(cx.mark())).await?;
        Ok((state.surplus.is_some() || state.unconfirmed.is_some()).then_some(state))
    }
    fn id(state: &NodeNetworkState) -> NodeNetworkId {
        NodeNetworkId { node: state.node.clone(), spot: state.spot.clone() }
    }
    fn planned_id(&self) -> Option<NodeNetworkId> {
        Some(NodeNetworkId { node: self.node.name.to_owned(), spot: self.spot.clone() })
    }
    fn owner(state: &NodeNetworkState) -> Owner {
        state.owner.clone()
    }

    async fn apply(&self, _: Option<&NodeNetworkState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let at = At { node: self.node.name, spot: self.spot.as_ref() };
        let (address, mark) = (self.address(), cx.mark());
        at.change(cx, |there| {
            let surplus = surplus(there, &self.interfaces, Some(mark), &carriers(there, address));
            steps(there, &self.interfaces, &surplus, mark)
        })
        .await
    }

    async fn delete(state: &NodeNetworkState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let at = At { node: &state.node, spot: state.spot.as_ref() };
        let mark = cx.mark();
        if let Some(stays) = stays(&state.there, &state.node, at.address()) {
            cx.progress(stays, None);
        }
        at.change(cx, |there| {
            let gone = surplus(there, &BTreeMap::new(), Some(mark), &carriers(there, at.address()));
            steps(there, &BTreeMap::new(), &gone, mark)
        })
        .await
    }
}
