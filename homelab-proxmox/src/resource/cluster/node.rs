//! [`ClusterNode`]: a node that begins a cluster, or joins one.
use super::job::{self, NODES, root_at};
use crate::{Pve, client::Reader, resource::Node};
use homelab_core::{
    Apply, Claim, Failure, Lock, Look, Nature, Owner, Resource, Site,
    host::Spot,
    outputs,
    plan::{Action, Change, Note, NoteKind},
};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, time::Duration};

/// A node as a part of a cluster; [`Cluster`](super::Cluster) declares it. It is brought about once and for all: what leaves the code is
/// forgotten, and stays in its cluster.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterNode {
    node: Node,
    cluster: &'static str,
    links: Vec<IpAddr>,
    without_third_vote: Option<&'static str>,
    #[serde(skip)]
    at: IpAddr,
    /// Whom it joins: a node of the cluster, and where root is logged in to there. Who begins the cluster joins nobody.
    #[serde(skip)]
    peer: Option<(Node, IpAddr)>,
}

/// What is seen of a node in its cluster.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterNodeState {
    /// The node.
    pub node: String,
    /// The cluster's name.
    pub cluster: String,
    /// The addresses by which the others reach it.
    pub links: Vec<String>,
}

outputs!(
    /// What others need to know of a node in its cluster.
    ClusterNodeOutputs of ClusterNodeState {
        /// The node's name.
        node: String,
        /// The cluster's name.
        cluster: String,
    }
);

/// What a node in its cluster is found by, and where its machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNodeId {
    /// The node.
    pub node: String,
    /// Where root is logged in to.
    #[serde(default)]
    pub spot: Option<Spot>,
}

impl ClusterNode {
    pub(super) fn of(cluster: &'static str, node: Node, at: IpAddr, more: Vec<IpAddr>) -> Self {
        let links = [at].into_iter().chain(more).collect();
        ClusterNode { node, cluster, links, without_third_vote: None, at, peer: None }
    }

    pub(super) fn joining(self, peer: (Node, IpAddr)) -> Self {
        ClusterNode { peer: Some(peer), ..self }
    }

    pub(super) fn alone_for(self, why: Option<&'static str>) -> Self {
        ClusterNode { without_third_vote: why, ..self }
    }

    fn name(&self) -> &'static str {
        self.node.name
    }

    /// What is wrong with the node as it stands.
    async fn obstacle(&self, cx: &Reader) -> Result<Option<Note>, Failure> {
        let (name, cluster, spot) = (self.name(), self.cluster, root_at(self.at));
        let standing = match job::standing(cx, &spot).await {
            Err(failure) if failure.nature == Nature::Passing => return Err(failure),
            Err(failure) => return Ok(Some(refused(failure))),
            Ok(standing) => standing,
        };
        if standing.node != name {
            let note = Note::refused(format!("{} is the address of {}, and not of {name}", self.at, standing.node));
            return Ok(Some(note.hint("give each node its own address in the code")));
        }
        // An earlier run was cut off after this.
        if standing.cluster.as_deref() == Some(cluster) {
            return Ok(None);
        }
        if let Some(other) = &standing.cluster {
            let note = Note::refused(format!("{name} is in the cluster {other}, and would be in {cluster}"));
            return Ok(Some(note.hint(
                "no deploy takes a node out of a cluster: do it by hand (`pvecm delnode`), and install the node anew; or write the \
                 name of its cluster in the code",
            )));
        }
        let status = cx.cluster().await?;
        let Some((peer, _)) = self.peer else {
            let answers = status.members.iter().find(|member| member.local).map(|member| member.name.clone());
            return Ok(answers.filter(|answers| answers != name).map(|answers| {
                Note::refused(format!("{name} would begin the cluster {cluster}, and the API is that of {answers}"))
                    .hint(format!("give the address of {name} first in `Cluster::at`, for its token is the cluster's then; or have {answers} begin it"))
            }));
        };
        if !standing.guests.is_empty() {
            let note =
                Note::refused(format!("{name} has guests and cannot join {cluster}: {}", standing.guests.join(", ")));
            return Ok(Some(note.hint(format!(
                "a node that joins loses what it knows of its guests: back them up (`vzdump`) and remove them, or have {name} begin \
                 the cluster and {} join it",
                peer.name
            ))));
        }
        if !status.quorate {
            let note = Note::refused(format!("{name} cannot join {cluster}, which has no quorum"));
            return Ok(Some(note.hint("bring its nodes up first")));
        }
        Ok(None)
    }

    /// Whether the cluster knows the node, and may write.
    async fn is_in(&self, cx: &Reader) -> Result<bool, Failure> {
        let status = cx.cluster().await?;
        let there = status.members.iter().any(|member| member.name == self.name() && member.online);
        Ok(status.name.as_deref() == Some(self.cluster) && status.quorate && there)
    }
}

fn refused(failure: Failure) -> Note {
    let note = Note::refused(failure.message);
    match failure.hint {
        Some(hint) => note.hint(hint),
        None => note,
    }
}

impl Resource for ClusterNode {
    const KIND: &'static str = "proxmox/cluster-node";
    const WRITE_ONLY: &'static [&'static str] = &["without_third_vote"];
    /// Once it is in its cluster nothing here takes it out again.
    const OBSERVED: bool = true;
    type Provider = Pve;
    type State = ClusterNodeState;
    type Id = ClusterNodeId;
    type Outputs = ClusterNodeOutputs;

    fn name(&self) -> &str {
        self.node.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![self.node.claim()]
    }
    fn locks(&self) -> Vec<Lock> {
        // Meanwhile there may be no quorum, and an API that is away.
        vec![Lock::maintenance()]
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(30)
    }

    fn review(&self, now: Option<&ClusterNodeState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let name = self.name();
        if action == Action::Create {
            let root = Note::info(format!("as root over SSH, for no token may: `pvecm` on {}", self.at));
            let text = match self.peer {
                None => format!("the API of {name} is away for some seconds"),
                Some(_) => format!(
                    "{name} forgets its own users, tokens, storages and firewall: they are those of {} then, and it gets another \
                     certificate",
                    self.cluster
                ),
            };
            return vec![root, Note::new(NoteKind::Downtime, text)];
        }
        let changed = |field: &str| changes.iter().any(|change| change.top() == field);
        let Some(now) = now.filter(|_| action == Action::Update) else { return vec![] };
        if changed("cluster") {
            let note =
                Note::refused(format!("{name} is in the cluster {}, and would be in {}", now.cluster, self.cluster));
            return vec![
                note.hint(
                    "a cluster keeps its name, and no deploy takes a node out of one: write its name in the code",
                ),
            ];
        }
        let is = now.links.join(", ");
        vec![
            Note::refused(format!("the others reach {name} by {is}, and no deploy changes that"))
                .hint("write these addresses in the code; they are changed by hand in /etc/pve/corosync.conf"),
        ]
    }

    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<ClusterNodeState>, Failure> {
        let status = cx.cluster().await?;
        let Some(cluster) = status.name.clone() else { return Ok(None) };
        let Some(member) = status.members.iter().find(|member| member.name == self.name()) else { return Ok(None) };
        if !member.online
            && let Ok(standing) = job::standing(cx, &root_at(self.at)).await
            && standing.cluster.is_none()
        {
            // The others expect it, and it does not know that: an earlier run, or somebody, was cut off between the two.
            return Ok(None);
        }
        let links = cx.corosync_nodes().await?.0.get(self.name()).cloned().unwrap_or_default();
        Ok(Some(ClusterNodeState { node: self.name().to_owned(), cluster, links }))
    }

    async fn inspect(&self, now: Option<&ClusterNodeState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        if now.is_some() {
            return Ok(vec![]);
        }
        Ok(self.obstacle(cx).await?.into_iter().collect())
    }

    async fn find(_: &ClusterNodeId, _: &Look<'_, Pve>) -> Result<Option<ClusterNodeState>, Failure> {
        Ok(None)
    }
    fn id(state: &ClusterNodeState) -> ClusterNodeId {
        ClusterNodeId { node: state.node.clone(), spot: None }
    }
    fn planned_id(&self) -> Option<ClusterNodeId> {
        Some(ClusterNodeId { node: self.name().to_owned(), spot: Some(root_at(self.at)) })
    }
    fn owner(_: &ClusterNodeState) -> Owner {
        Owner::Unmarkable
    }

    async fn apply(&self, _: Option<&ClusterNodeState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let (name, spot) = (self.name(), root_at(self.at));
        job::ended(cx, &spot).await?;
        // Much may have happened since the plan.
        if let Some(note) = self.obstacle(cx).await? {
            let failure = Failure::new(note.text);
            return Err(Failure { hint: note.hint, ..failure });
        }
        if job::standing(cx, &spot).await?.cluster.is_none() {
            let links = self.links.iter().enumerate().flat_map(|(n, link)| [format!("--link{n}"), link.to_string()]);
            let words: Vec<String> = match self.peer {
                None => ["create", self.cluster].map(str::to_owned).into_iter().chain(links).collect(),
                Some((_, peer)) => {
                    job::introduce(cx, cx.permit(), &spot, &root_at(peer), NODES).await?;
                    let over_ssh = ["--use_ssh", "1"].map(str::to_owned);
                    ["add".to_owned(), peer.to_string()].into_iter().chain(over_ssh).chain(links).collect()
                }
            };
            cx.note(name).await?;
            cx.progress(if self.peer.is_some() { "joins the cluster" } else { "begins the cluster" }, None);
            job::start(cx, cx.permit(), &spot, &words).await?;
        }
        let what = format!("what makes {name} a node of {}", self.cluster);
        job::becomes(cx, &spot, &what, || self.is_in(cx)).await?;
        if self.peer.is_some()
            && let Some(fingerprint) = cx.cluster_fingerprint(name).await?
        {
            cx.warn(format!("{name} has another certificate now: where its old one was pinned, pin {fingerprint}"));
        }
        Ok(())
    }

    async fn delete(_: &ClusterNodeState, _: &Apply<'_, Pve>) -> Result<(), Failure> {
        Ok(())
    }
}
