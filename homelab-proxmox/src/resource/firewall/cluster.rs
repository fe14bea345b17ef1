//! [`ClusterFirewall`]: whether anything is filtered at all.
use super::{Policies, Rule, Seen, Verdict, clear, look, named, switch_on};
use crate::{Pve, resource::definition::NameId};
use homelab_core::{
    Apply, Claim, Failure, Input, Look, NoOutputs, Output, Resource, Site,
    plan::{Action, Change, Note},
};
use serde::Serialize;
use std::collections::BTreeMap;

const BASE: &str = "/cluster/firewall";

/// The firewall of the cluster: on, with policies and rules for all nodes.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_proxmox::{Pve, resource::{ClusterFirewall, IpSet, Rule, Verdict}};
/// # const PVE: Site<Pve> = Site::named("pve");
/// # let mut lab = Lab::named("home");
/// let desks = lab.add(IpSet::management(PVE).with("192.168.0.0/24"));
/// lab.add(ClusterFirewall::on(PVE, desks.name()).incoming(Verdict::Drop).rules([Rule::accept().service("Ping")]));
/// ```
///
/// - It needs the set [`IpSet::management`](super::IpSet::management), so that whoever is in it reaches the nodes whatever the rules
///   say. Without any policy everything that is not allowed is dropped, coming in.
/// - Switched on after its rules are there, and off before they go. There is one in a cluster; taken out of the code it is off again.
/// - Needs `Sys.Modify` on `/`.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterFirewall {
    #[serde(skip)]
    site: Site<Pve>,
    enabled: bool,
    management: Input<String>,
    #[serde(flatten)]
    policies: Policies,
    rules: Vec<Rule>,
}

/// What can be observed of the firewall of a cluster.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterFirewallState {
    /// Whether it is on.
    pub enabled: bool,
    /// The set of those who always reach the nodes.
    pub management: String,
    /// What becomes of what comes in and no rule decides.
    pub incoming: Option<String>,
    /// What becomes of what goes out.
    pub outgoing: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<BTreeMap<String, String>>,
}

/// The one that there is.
fn the_one() -> NameId {
    NameId { name: "cluster".to_owned() }
}

impl ClusterFirewall {
    /// On. Those in this set always reach the nodes.
    #[must_use]
    pub fn on(site: Site<Pve>, management: Output<String>) -> ClusterFirewall {
        ClusterFirewall {
            site,
            enabled: true,
            management: management.into(),
            policies: Policies::default(),
            rules: vec![],
        }
    }

    /// What becomes of what comes in and no rule decides.
    #[must_use]
    pub fn incoming(mut self, verdict: Verdict) -> ClusterFirewall {
        self.policies.incoming = Some(verdict.word());
        self
    }

    /// What becomes of what goes out and no rule decides: it is let through without this.
    #[must_use]
    pub fn outgoing(mut self, verdict: Verdict) -> ClusterFirewall {
        self.policies.outgoing = Some(verdict.word());
        self
    }

    /// Its rules, in order, and no others.
    #[must_use]
    pub fn rules(self, rules: impl IntoIterator<Item = Rule>) -> ClusterFirewall {
        ClusterFirewall { rules: rules.into_iter().collect(), ..self }
    }
}

fn state(seen: Seen) -> Option<ClusterFirewallState> {
    (!seen.is_untouched()).then(|| ClusterFirewallState {
        enabled: seen.enabled.unwrap_or(false),
        management: "management".to_owned(),
        incoming: seen.incoming,
        outgoing: seen.outgoing,
        rules: seen.rules,
    })
}

impl Resource for ClusterFirewall {
    const KIND: &'static str = "proxmox/cluster-firewall";
    type Provider = Pve;
    type State = ClusterFirewallState;
    type Id = NameId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        self.site.name()
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("firewall", "cluster").within(self.site.name())]
    }
    fn uses(&self) -> Vec<Claim> {
        named(self.site, &self.rules)
    }
    fn review(&self, now: Option<&ClusterFirewallState>, action: Action, _: &[Change]) -> Vec<Note> {
        let comes_on = action != Action::Delete && now.is_none_or(|now| !now.enabled);
        let note = || {
            Note::info("from now on it filters: what reaches the nodes is in the set `management`, or a rule lets it")
                .hint("open connections stay; should it lock you out, `pve-firewall stop` on a node, at its console")
        };
        comes_on.then(note).into_iter().collect()
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<ClusterFirewallState>, Failure> {
        Self::find(&the_one(), cx).await
    }
    async fn find(_: &NameId, cx: &Look<'_, Pve>) -> Result<Option<ClusterFirewallState>, Failure> {
        Ok(state(look(cx, BASE).await?))
    }
    fn id(_: &ClusterFirewallState) -> NameId {
        the_one()
    }
    fn planned_id(&self) -> Option<NameId> {
        Some(the_one())
    }
    async fn apply(&self, _: Option<&ClusterFirewallState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let set = cx.get(&self.management)?;
        if set != "management" {
            return Err(Failure::unusable(format!("the set `{set}` does not let anybody reach the nodes"))
                .hint("the firewall knows one name for that: `IpSet::management`"));
        }
        switch_on(cx, BASE, &self.rules, &self.policies).await
    }
    async fn delete(_: &ClusterFirewallState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        clear(cx, BASE).await
    }
}
