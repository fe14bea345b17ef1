//! The firewalls of the cluster, its nodes and its guests: sets of addresses, security groups, and ordered rules.
//!
//! Nothing is filtered while the [cluster's](ClusterFirewall) is off, and of a guest only those network devices that say so
//! ([`Nic::firewall`](super::Nic::firewall)).
mod cluster;
mod group;
mod guest;
mod node;
mod rule;
mod set;

pub use cluster::{ClusterFirewall, ClusterFirewallState};
pub use group::{SecurityGroup, SecurityGroupOutputs, SecurityGroupState};
pub use guest::{Filtered, GuestFirewall, GuestFirewallId, GuestFirewallState};
pub use node::{NodeFirewall, NodeFirewallState};
pub use rule::Rule;
pub use set::{IpSet, IpSetOutputs, IpSetState};

use super::definition::{Row, text};
use crate::{
    Pve,
    client::{Params, Reader, call::Call},
    http::Method,
};
use homelab_core::{Apply, Claim, Failure, Site};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// What becomes of a connection that no rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is let through.
    Accept,
    /// It is refused, and told so.
    Reject,
    /// It is dropped without a word.
    Drop,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "ACCEPT",
            Verdict::Reject => "REJECT",
            Verdict::Drop => "DROP",
        }
    }
}

/// The switch and the policies of a firewall, as they are declared.
#[derive(Clone, Debug, Default, Serialize)]
struct Policies {
    incoming: Option<&'static str>,
    outgoing: Option<&'static str>,
}

impl Policies {
    fn params(&self) -> Params {
        Params::new().flag("enable", true).maybe("policy_in", self.incoming).maybe("policy_out", self.outgoing)
    }
}

/// The name of an option in the API, for what we switch off again.
const OPTIONS: [&str; 3] = ["enable", "policy_in", "policy_out"];

/// What is there of a firewall.
#[derive(Clone, Debug)]
struct Seen {
    enabled: Option<bool>,
    incoming: Option<String>,
    outgoing: Option<String>,
    rules: Vec<BTreeMap<String, String>>,
}

impl Seen {
    /// Whether nobody has said anything.
    fn is_untouched(&self) -> bool {
        self.enabled.is_none() && self.incoming.is_none() && self.outgoing.is_none() && self.rules.is_empty()
    }
}

/// Looks at a firewall by its place in the API: `/cluster/firewall`.
async fn look(reader: &Reader, base: &str) -> Result<Seen, Failure> {
    let options: Arc<Row> = reader.once(Call::get("read", "a firewall's options", format!("{base}/options"))).await?;
    let on = |text: String| text.parse::<u64>().is_ok_and(|number| number > 0);
    Ok(Seen {
        enabled: text(&options, "enable").map(on),
        incoming: text(&options, "policy_in"),
        outgoing: text(&options, "policy_out"),
        rules: rule::list(reader, &format!("{base}/rules")).await?.iter().map(rule::shown).collect(),
    })
}

/// Gives a firewall its rules, and switches it on with these policies only then.
async fn switch_on(cx: &Apply<'_, Pve>, base: &str, rules: &[Rule], policies: &Policies) -> Result<(), Failure> {
    rule::settle(cx, &format!("{base}/rules"), rules).await?;
    let call = Call::new(Method::Put, "set", "a firewall's options", format!("{base}/options"));
    cx.write(cx.permit(), call.with(policies.params())).await?;
    Ok(())
}

/// Takes back all that was said of a firewall: it is off first.
async fn clear(cx: &Apply<'_, Pve>, base: &str) -> Result<(), Failure> {
    let seen = look(cx, base).await?;
    let there = [seen.enabled.is_some(), seen.incoming.is_some(), seen.outgoing.is_some()];
    let gone: Vec<&str> = OPTIONS.into_iter().zip(there).filter(|(_, there)| *there).map(|(key, _)| key).collect();
    if !gone.is_empty() {
        let call = Call::new(Method::Put, "clear", "a firewall's options", format!("{base}/options"));
        cx.write(cx.permit(), call.with(Params::new().set("delete", gone.join(",")))).await?;
    }
    rule::settle(cx, &format!("{base}/rules"), &[]).await
}

/// What rules name, as those claim it who make it.
fn named(site: Site<Pve>, rules: &[Rule]) -> Vec<Claim> {
    rules.iter().flat_map(|rule| rule.names()).map(|(what, name)| Claim::new(what, name).within(site.name())).collect()
}
