//! [`NodeReboot`]: a node is restarted, with its guests shut down or moved away before, and brought back after.
use super::{
    super::{mark::Notes, node::Node},
    guests::{self, Haven},
};
use crate::{
    Pve,
    api::{FromScalar, qemu::Description},
    client::{Params, Reader, call::path, pause_after},
};
use homelab_core::{
    Apply, Claim, Failure, Input, Lock, Look, Nature, Output, Owner, Resource, Site, Text, outputs,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a node may take until it answers again: servers count their memory for minutes.
const WAIT: Duration = Duration::from_secs(1200);
/// What is remembered in the node's notes: what the last restart was for, when it was asked for, and who ran then.
const FOR: &str = "for";
const KERNEL: &str = "kernel";
const ASKED: &str = "asked";
const RUNNING: &str = "running";

/// A restart of a node, when something that needs one has changed. It is a step of the plan with its reason, and is made over the API:
/// the guests are shut down, or moved away, in the reverse of their start order, the node is restarted and waited for, and those that ran are started
/// again. It stays to be done over crashes; what it has to remember stands in the node's notes, behind our mark.
///
/// Never two at once, nor while the name service is worked on ([`Lock::maintenance`]); let it come `.after` the name service's gate, so
/// that it is not begun while no names are answered.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReboot {
    #[serde(skip)]
    node: Node,
    when: Vec<Text>,
    kernel: Option<Text>,
    iommu: Option<bool>,
    #[serde(skip)]
    due: Option<Output<bool>>,
    #[serde(skip)]
    release: Option<u32>,
    #[serde(skip)]
    haven: Option<Haven>,
}

impl NodeReboot {
    /// A restart of this node.
    #[must_use]
    pub fn of(node: Node) -> NodeReboot {
        NodeReboot { node, when: vec![], kernel: None, iommu: None, due: None, release: None, haven: None }
    }

    /// Whenever this has another value than at the last restart: the digest of rules for modules, say.
    #[must_use]
    pub fn when(mut self, changed: impl Into<Text>) -> NodeReboot {
        self.when.push(changed.into());
        self
    }

    /// When the kernel should get other arguments, and was not booted with them yet: the outputs `digest` and `needs_reboot` of a
    /// [`KernelCommandLine`](homelab_core::host::KernelCommandLine).
    #[must_use]
    pub fn kernel(mut self, arguments: Output<String>, due: Output<bool>) -> NodeReboot {
        (self.kernel, self.due) = (Some(arguments.into()), Some(due));
        self
    }

    /// The node must run this major release of Proxmox VE: 8 or 9.
    #[must_use]
    pub fn of_release(mut self, major: u32) -> NodeReboot {
        self.release = Some(major);
        self
    }

    /// Guests whose disks both nodes see are moved to this one meanwhile, while they run, and back afterwards. All others are shut down:
    /// containers, and what has a device of its node.
    #[must_use]
    pub fn moving_guests_to(mut self, node: Node) -> NodeReboot {
        self.haven = Some(Haven { node, with_disks: false });
        self
    }

    /// The same, and disks that only their node has are copied along, there and back: that takes as long as copying them does.
    #[must_use]
    pub fn moving_guests_and_disks_to(mut self, node: Node) -> NodeReboot {
        self.haven = Some(Haven { node, with_disks: true });
        self
    }

    /// The IOMMU must be on: that is an error if it is not after the restart.
    #[must_use]
    pub fn expects_iommu(mut self) -> NodeReboot {
        self.iommu = Some(true);
        self
    }
}

/// What is seen of the need of a restart.
#[derive(Clone, Debug, Serialize)]
pub struct NodeRebootState {
    /// What the node was restarted for has these values.
    pub when: Vec<String>,
    /// The arguments that its kernel was to get.
    pub kernel: Option<String>,
    /// Whether devices are in IOMMU groups; nothing if the node has no PCI devices.
    pub iommu: Option<bool>,
    /// The node.
    pub node: String,
    #[serde(skip)]
    owner: Owner,
}

outputs!(
    /// What is known of a node that is as it should be.
    NodeRebootOutputs of NodeRebootState {
        /// The node's name.
        node: String,
    }
);

/// The node that a restart is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeId {
    /// Its name.
    pub node: String,
}

fn config_path(node: &str) -> String {
    path(&[&"nodes", &node, &"config"])
}

/// The node's notes, and the digest of what they stand in.
async fn notes(cx: &Reader, node: &str) -> Result<(Notes, Option<String>), Failure> {
    let config = cx.get(&config_path(node), Params::new()).await?;
    let text = |key: &str| config.get(key).and_then(String::from_scalar);
    Ok((Notes::read(text("description").map(Description::new).as_ref(), 0), text("digest")))
}

/// Whether a restart of ours was begun on the node and has not come to its end: the next run finishes it.
pub(crate) async fn is_unfinished(cx: &Reader, node: &str) -> Result<bool, Failure> {
    Ok(notes(cx, node).await?.0.recall(RUNNING).is_some())
}

async fn remember(cx: &Apply<'_, Pve>, node: &str, notes: &Notes, digest: Option<String>) -> Result<(), Failure> {
    let text = notes.description(0);
    let params = match text.as_str() {
        "" => Params::new().set("delete", "description"),
        text => Params::new().set("description", text),
    };
    cx.put(cx.permit(), &config_path(node), params.maybe("digest", digest)).await?;
    Ok(())
}

/// When the node booted, by its own clock, in seconds.
async fn booted(cx: &Reader, node: &str) -> Result<(i64, i64), Failure> {
    let number = |value: &serde_json::Value, key: &str| value.get(key).and_then(i64::from_scalar);
    let time = cx.get(&path(&[&"nodes", &node, &"time"]), Params::new()).await?;
    let status = cx.get(&path(&[&"nodes", &node, &"status"]), Params::new()).await?;
    let (Some(now), Some(uptime)) = (number(&time, "time"), number(&status, "uptime")) else {
        return Err(Failure::passing(format!("{node} does not tell since when it runs")));
    };
    Ok((now - uptime, now))
}

async fn iommu(cx: &Reader, node: &str) -> Result<Option<bool>, Failure> {
    let devices = cx.pci_devices(node).await?;
    Ok((!devices.is_empty()).then(|| devices.iter().any(|device| device.group.is_some())))
}

fn hash(values: &[String]) -> String {
    let digest = Sha256::digest(values.join("\0").as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

async fn look(node: &str, cx: &Reader) -> Result<(NodeRebootState, Notes, bool), Failure> {
    let (notes, _) = notes(cx, node).await?;
    let asked = notes.recall(ASKED).and_then(|text| text.parse::<i64>().ok());
    let (boot, _) = booted(cx, node).await?;
    let state = NodeRebootState {
        when: vec![],
        kernel: None,
        iommu: iommu(cx, node).await?,
        node: node.to_owned(),
        owner: notes.owner(),
    };
    // What was asked for and whose end nobody has seen is still to be done, or to be ended.
    let under_way = notes.recall(RUNNING).is_some() || asked.is_some_and(|asked| boot <= asked);
    Ok((state, notes, under_way))
}

impl Resource for NodeReboot {
    const KIND: &'static str = "proxmox/node-reboot";
    type Provider = Pve;
    type State = NodeRebootState;
    type Id = NodeId;
    type Outputs = NodeRebootOutputs;

    fn name(&self) -> &str {
        self.node.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("restarts of node", self.node.name).within(self.node.site.name())]
    }
    fn uses(&self) -> Vec<Claim> {
        vec![self.node.claim()]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::maintenance()]
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(300)
    }

    fn review(&self, _: Option<&NodeRebootState>, action: Action, changes: &[Change]) -> Vec<Note> {
        if matches!(action, Action::Delete | Action::Keep | Action::Forget) {
            return vec![];
        }
        let changed = |field: &str| changes.is_empty() || changes.iter().any(|change| change.top() == field);
        let mut why = vec![];
        if changed("when") && !self.when.is_empty() {
            why.push("rules for its modules change");
        }
        if changed("kernel") && self.kernel.is_some() {
            why.push("its kernel may lack arguments");
        }
        if why.is_empty() && changed("iommu") && self.iommu.is_some() {
            why.push("its IOMMU is off");
        }
        if why.is_empty() {
            return vec![];
        }
        let text = format!("{} is restarted, because {}", self.node.name, why.join(" and "));
        vec![Note::reboot(text).hint(match self.haven {
            None => "its guests are shut down before, and those that ran are started after".to_owned(),
            Some(haven) => format!(
                "guests that can are moved to {} meanwhile; the others are shut down before, and those that ran are started after",
                haven.node.name
            ),
        })]
    }

    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<NodeRebootState>, Failure> {
        if !cx.has_node(self.node.name).await? {
            return Ok(None);
        }
        let (mut state, notes, under_way) = look(self.node.name, cx).await?;
        if notes.mark.is_none() {
            return Ok(None);
        }
        let wanted = self.when.iter().map(|text| Ok(cx.text(text)?.map(|value| value.expose().to_owned())));
        let wanted: Option<Vec<String>> = wanted.collect::<Result<_, Failure>>()?;
        let kernel = self.kernel.as_ref().map(|text| cx.text(text)).transpose()?.flatten();
        let kernel = kernel.map(|value| value.expose().to_owned());
        let fits = |what: &str, values: &[String]| !under_way && notes.recall(what) == Some(&hash(values));
        state.when = wanted.filter(|values| fits(FOR, values)).unwrap_or_default();
        state.kernel = kernel.filter(|value| fits(KERNEL, std::slice::from_ref(value)));
        Ok(Some(state))
    }

    async fn inspect(&self, now: Option<&NodeRebootState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if let (Some(wanted), Some(there)) = (self.release, cx.version().await?.major())
            && wanted != there
        {
            let node = self.node.name;
            let why = Note::refused(format!("{node} runs Proxmox VE {there}, and its configuration is of {wanted}"));
            return Ok(vec![why.hint(format!("declare `NodeConfig::release_{there}()`"))]);
        }
        let Some(now) = now.filter(|now| self.iommu == Some(true) && now.iommu == Some(false)) else {
            return Ok(vec![]);
        };
        if now.when.len() != self.when.len() || now.kernel.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![
            Note::refused(format!("the IOMMU of {} is off, although its kernel was told to use it", now.node))
                .hint("switch VT-d (Intel) or AMD-Vi on in the machine's setup, then run again"),
        ])
    }

    async fn find(id: &NodeId, cx: &Look<'_, Pve>) -> Result<Option<NodeRebootState>, Failure> {
        if !cx.has_node(&id.node).await? {
            return Ok(None);
        }
        let (state, notes, _) = look(&id.node, cx).await?;
        Ok(notes.mark.is_some().then_some(state))
    }
    fn id(state: &NodeRebootState) -> NodeId {
        NodeId { node: state.node.clone() }
    }
    fn planned_id(&self) -> Option<NodeId> {
        Some(NodeId { node: self.node.name.to_owned() })
    }
    fn owner(state: &NodeRebootState) -> Owner {
        state.owner.clone()
    }

    async fn apply(&self, now: Option<&NodeRebootState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let node = self.node.name;
        let values = self.when.iter().map(|text| Ok(cx.text(text)?.expose().to_owned()));
        let values: Vec<String> = values.collect::<Result<_, Failure>>()?;
        let kernel = self.kernel.as_ref().map(|text| cx.text(text)).transpose()?;
        let kernel = kernel.map(|value| hash(&[value.expose().to_owned()]));
        let due = self.due.map(|due| cx.get(&Input::From(due))).transpose()?.unwrap_or(false);

        let (mut notes, digest) = self::notes(cx, node).await?;
        let rules = hash(&values);
        let off = self.iommu == Some(true) && now.is_none_or(|now| now.iommu == Some(false));
        let off = off && iommu(cx, node).await? == Some(false);
        let changed = !values.is_empty() && notes.recall(FOR) != Some(rules.as_str());
        let begun = notes.recall(RUNNING).is_some();
        let asked = notes.recall(ASKED).and_then(|text| text.parse::<i64>().ok());
        let (boot, time) = booted(cx, node).await?;

        if begun || due || changed || off {
            // A restart that an earlier run asked for and that has happened is not made twice.
            if !(begun && asked.is_some_and(|asked| boot > asked)) {
                let running = match notes.recall(RUNNING) {
                    Some(list) => numbers(list),
                    None => guests::up(cx, node).await?,
                };
                notes.mark = Some(cx.mark().clone());
                let list: Vec<String> = running.iter().map(u32::to_string).collect();
                // An empty list has to be remembered too.
                notes.memory.insert(RUNNING.into(), if list.is_empty() { "-".into() } else { list.join(",") });
                notes.memory.insert(ASKED.into(), time.to_string());
                remember(cx, node, &notes, digest).await?;
                guests::leave(cx, node, &running, self.haven).await?;
                cx.note(time).await?;
                cx.progress(format!("restarts {node}"), None);
                let path = path(&[&"nodes", &node, &"status"]);
                match cx.post(cx.permit(), &path, Params::new().set("command", "reboot")).await.map_err(Failure::from) {
                    // Whether the answer still comes is a matter of luck; that it boots anew is what counts.
                    Err(failure) if failure.nature != Nature::Passing => return Err(failure),
                    _ => back(cx, node, time).await?,
                }
            }
        }
        if self.iommu == Some(true) && iommu(cx, node).await? == Some(false) {
            return Err(Failure::new(format!("the IOMMU of {node} is off, although its kernel was told to use it")).hint(
                "switch VT-d (Intel) or AMD-Vi on in the machine's setup; its guests stay down until you start them or run again",
            ));
        }
        let (mut notes, digest) = self::notes(cx, node).await?;
        let running = notes.recall(RUNNING).map(numbers).unwrap_or_default();
        guests::come_back(cx, node, &running, self.haven).await?;
        notes.mark = Some(cx.mark().clone());
        notes.memory.retain(|what, _| ![RUNNING, ASKED].contains(&what.as_str()));
        notes.memory.insert(FOR.into(), rules);
        notes.memory.extend(kernel.map(|kernel| (KERNEL.to_owned(), kernel)));
        remember(cx, node, &notes, digest).await
    }

    async fn delete(state: &NodeRebootState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let (mut notes, digest) = notes(cx, &state.node).await?;
        if notes.mark.is_none() {
            return Ok(());
        }
        (notes.mark, notes.memory) = (None, std::collections::BTreeMap::new());
        remember(cx, &state.node, &notes, digest).await
    }
}

fn numbers(list: &str) -> Vec<u32> {
    list.split(',').filter_map(|number| number.parse().ok()).collect()
}

/// Waits until a node answers that an earlier run has restarted.
pub(in crate::resource) async fn answers(cx: &Reader, node: &str) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        match booted(cx, node).await {
            Err(failure) if failure.nature == Nature::Passing && began.elapsed() < WAIT => {}
            other => return other.map(drop),
        }
        sleep(pause_after(began.elapsed())).await;
    }
}

/// Waits until the node has booted anew.
async fn back(cx: &Apply<'_, Pve>, node: &str, asked: i64) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        match booted(cx, node).await {
            Ok((boot, _)) if boot > asked => return Ok(()),
            Err(failure) if failure.nature != Nature::Passing => return Err(failure),
            _ if began.elapsed() > WAIT => {
                return Err(Failure::new(format!("{node} has not come back from its restart in {} s", WAIT.as_secs()))
                    .hint("look at its console; when it is up again, run again: its guests are started then"));
            }
            _ => cx.progress(format!("waits for {node} to come back ({} s)", began.elapsed().as_secs()), None),
        }
        sleep(pause_after(began.elapsed())).await;
    }
}
