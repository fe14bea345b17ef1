//! [`NodeFirewall`]: rules of one node.
use super::{Policies, Rule, Seen, clear, look, named, switch_on};
use crate::{Node, Pve, client::call::path};
use homelab_core::{Apply, Claim, Failure, Look, NoOutputs, Resource, Site};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rules of a node, before those of the cluster. They are exactly the declared ones. Needs `Sys.Modify` on `/nodes/NODE`.
#[derive(Clone, Debug, Serialize)]
pub struct NodeFirewall {
    #[serde(skip)]
    node: Node,
    enabled: bool,
    rules: Vec<Rule>,
}

/// What can be observed of a node's firewall.
#[derive(Clone, Debug, Serialize)]
pub struct NodeFirewallState {
    /// Whether it is on, as it is unless it was switched off.
    pub enabled: bool,
    /// Its rules, in order.
    pub rules: Vec<BTreeMap<String, String>>,
    #[serde(skip)]
    node: String,
}

/// The node that a firewall is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFirewallId {
    /// Its name.
    pub node: String,
}

impl NodeFirewall {
    /// The firewall of this node is on, with these rules.
    #[must_use]
    pub fn of(node: Node, rules: impl IntoIterator<Item = Rule>) -> NodeFirewall {
        NodeFirewall { node, enabled: true, rules: rules.into_iter().collect() }
    }
}

fn base(node: &str) -> String {
    path(&[&"nodes", &node, &"firewall"])
}

fn state(seen: Seen, node: &str) -> Option<NodeFirewallState> {
    let there = !seen.is_untouched();
    there.then(|| NodeFirewallState { enabled: seen.enabled.unwrap_or(true), rules: seen.rules, node: node.to_owned() })
}

impl Resource for NodeFirewall {
    const KIND: &'static str = "proxmox/node-firewall";
    type Provider = Pve;
    type State = NodeFirewallState;
    type Id = NodeFirewallId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        self.node.name()
    }
    fn site(&self) -> Site<Pve> {
        self.node.site()
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("firewall of node", self.node.name()).within(self.site().name())]
    }
    fn uses(&self) -> Vec<Claim> {
        named(self.site(), &self.rules).into_iter().chain([self.node.claim()]).collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<NodeFirewallState>, Failure> {
        if !cx.has_node(self.node.name()).await? {
            return Ok(None);
        }
        Ok(state(look(cx, &base(self.node.name())).await?, self.node.name()))
    }
    async fn find(id: &NodeFirewallId, cx: &Look<'_, Pve>) -> Result<Option<NodeFirewallState>, Failure> {
        if !cx.has_node(&id.node).await? {
            return Ok(None);
        }
        Ok(state(look(cx, &base(&id.node)).await?, &id.node))
    }
    fn id(state: &NodeFirewallState) -> NodeFirewallId {
        NodeFirewallId { node: state.node.clone() }
    }
    fn planned_id(&self) -> Option<NodeFirewallId> {
        Some(NodeFirewallId { node: self.node.name().to_owned() })
    }
    async fn apply(&self, _: Option<&NodeFirewallState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        switch_on(cx, &base(self.node.name()), &self.rules, &Policies::default()).await
    }
    async fn delete(state: &NodeFirewallState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        clear(cx, &base(&state.node)).await
    }
}
