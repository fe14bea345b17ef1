//! [`Witness`]: the vote of a machine beside the nodes, as corosync has it.
use super::job::{self, ELSEWHERE, root_at};
use crate::{Pve, client::Reader, resource::Node};
use homelab_core::{
    Apply, Claim, Failure, Lock, Look, NoOutputs, Owner, Resource, Site,
    host::Spot,
    plan::{Action, Change, Note},
};
use serde::{Deserialize, Serialize};
use std::{net::IpAddr, time::Duration};

/// The vote of a [`QDevice`](super::QDevice), set up by a node of the cluster. What leaves the code is forgotten, and the machine keeps
/// its vote: `pvecm qdevice remove` takes it away by hand.
#[derive(Clone, Debug, Serialize)]
pub struct Witness {
    address: IpAddr,
    #[serde(skip)]
    node: Node,
    #[serde(skip)]
    at: IpAddr,
    #[serde(skip)]
    name: String,
}

/// What is seen of it.
#[derive(Clone, Debug, Serialize)]
pub struct WitnessState {
    /// Its address.
    pub address: String,
    #[serde(skip)]
    connected: bool,
}

/// What it is found by: where the node that sets it up is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessId {
    /// Where root is logged in to.
    pub spot: Option<Spot>,
}

impl Witness {
    pub(super) fn of(address: IpAddr, node: Node, at: IpAddr) -> Self {
        Witness { address, node, at, name: address.to_string() }
    }

    async fn look(cx: &Reader) -> Result<Option<WitnessState>, Failure> {
        let status = cx.qdevice().await?;
        let Some(host) = &status.host else { return Ok(None) };
        // The port stands behind it.
        let address = host.rsplit_once(':').map_or(host.as_str(), |(address, _)| address);
        let address = address.trim_matches(['[', ']']).to_owned();
        Ok(Some(WitnessState { address, connected: status.state.as_deref() == Some("Connected") }))
    }
}

impl Resource for Witness {
    const KIND: &'static str = "proxmox/qdevice";
    /// It is brought about once and for all, as the cluster is.
    const OBSERVED: bool = true;
    type Provider = Pve;
    type State = WitnessState;
    type Id = WitnessId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Pve> {
        self.node.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("QDevice of", self.node.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::maintenance()]
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(20)
    }

    fn review(&self, now: Option<&WitnessState>, action: Action, _: &[Change]) -> Vec<Note> {
        match (action, now) {
            (Action::Create, _) => {
                vec![Note::info(format!("as root over SSH, for no token may: `pvecm qdevice setup` on {}", self.at))]
            }
            (Action::Update, Some(now)) => vec![
                Note::refused(format!("{} has the third vote, and would lose it to {}", now.address, self.address))
                    .hint("no deploy takes a vote away: `pvecm qdevice remove` on a node, and run again"),
            ],
            _ => vec![],
        }
    }

    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<WitnessState>, Failure> {
        Witness::look(cx).await
    }
    async fn find(_: &WitnessId, _: &Look<'_, Pve>) -> Result<Option<WitnessState>, Failure> {
        Ok(None)
    }
    fn id(_: &WitnessState) -> WitnessId {
        WitnessId { spot: None }
    }
    fn planned_id(&self) -> Option<WitnessId> {
        Some(WitnessId { spot: Some(root_at(self.at)) })
    }
    fn owner(_: &WitnessState) -> Owner {
        Owner::Unmarkable
    }

    async fn apply(&self, _: Option<&WitnessState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let (node, there) = (root_at(self.at), root_at(self.address));
        job::ended(cx, &node).await?;
        if Witness::look(cx).await?.is_none() {
            job::introduce(cx, cx.permit(), &node, &there, ELSEWHERE).await?;
            cx.note(self.node.name).await?;
            cx.progress("gives the machine a vote", None);
            let words = ["qdevice", "setup", &self.name].map(str::to_owned);
            job::start(cx, cx.permit(), &node, &words).await?;
        }
        let connected = async || Ok(Witness::look(cx).await?.is_some_and(|now| now.connected));
        job::becomes(cx, &node, "what gives it a vote", connected).await
    }

    async fn delete(_: &WitnessState, _: &Apply<'_, Pve>) -> Result<(), Failure> {
        Ok(())
    }
}
