//! [`GuestFirewall`]: what reaches one guest.
use super::{Policies, Rule, Seen, Verdict, clear, look, named, switch_on};
use crate::{
    Pve,
    api::{FromScalar, GuestKind},
    client::{
        Reader,
        call::{Call, path},
    },
    resource::{
        Container, Nesting, Vm,
        definition::Row,
        firmware::{Firmware, Setup},
    },
};
use homelab_core::{
    AnyHandle, Apply, Claim, Failure, Handle, Input, Look, NoOutputs, Output, Resource, Site, plan::Note,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A guest that can have a firewall.
pub trait Filtered {
    /// Its number, and itself.
    fn filtered(self) -> (Site<Pve>, AnyHandle, Output<u32>);
}

impl<F: Firmware, C: Setup> Filtered for Handle<Vm<F, C>> {
    fn filtered(self) -> (Site<Pve>, AnyHandle, Output<u32>) {
        (self.site(), self.into(), self.vmid())
    }
}

impl<N: Nesting> Filtered for Handle<Container<N>> {
    fn filtered(self) -> (Site<Pve>, AnyHandle, Output<u32>) {
        (self.site(), self.into(), self.vmid())
    }
}

/// The firewall of a guest: on, with its rules. It filters the network devices that say so
/// ([`Nic::firewall`](crate::resource::Nic::firewall)), and while that of the cluster is on.
///
/// ```
/// # use homelab_core::{Lab, Site, units::SizeUnits};
/// # use homelab_proxmox::{Node, Pve, Vm, resource::{GuestFirewall, Rule, Verdict}};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Vm::blank().on(DIN).id(201).named("web"));
/// lab.add(GuestFirewall::of(web).rules([Rule::accept().service("SSH"), Rule::accept().tcp("80,443")]));
/// ```
///
/// Its rules are exactly the declared ones; everything else that comes in is dropped, unless a policy says otherwise. Needs
/// `VM.Config.Network` on the guest.
#[derive(Clone, Debug, Serialize)]
pub struct GuestFirewall {
    #[serde(skip)]
    site: Site<Pve>,
    #[serde(skip)]
    guest: AnyHandle,
    vmid: Input<u32>,
    enabled: bool,
    #[serde(flatten)]
    policies: Policies,
    rules: Vec<Rule>,
}

/// What can be observed of a guest's firewall.
#[derive(Clone, Debug, Serialize)]
pub struct GuestFirewallState {
    /// The guest's number.
    pub vmid: u32,
    /// Whether it is on.
    pub enabled: bool,
    /// What becomes of what comes in and no rule decides.
    pub incoming: Option<String>,
    /// What becomes of what goes out.
    pub outgoing: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<BTreeMap<String, String>>,
}

/// The guest that a firewall is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestFirewallId {
    /// Its number.
    pub vmid: u32,
}

impl GuestFirewall {
    /// The firewall of this guest.
    #[must_use]
    pub fn of(guest: impl Filtered) -> GuestFirewall {
        let (site, guest, vmid) = guest.filtered();
        let (policies, rules) = (Policies::default(), vec![]);
        GuestFirewall { site, guest, vmid: vmid.into(), enabled: true, policies, rules }
    }

    /// What becomes of what comes in and no rule decides.
    #[must_use]
    pub fn incoming(mut self, verdict: Verdict) -> GuestFirewall {
        self.policies.incoming = Some(verdict.word());
        self
    }

    /// What becomes of what goes out and no rule decides: it is let through without this.
    #[must_use]
    pub fn outgoing(mut self, verdict: Verdict) -> GuestFirewall {
        self.policies.outgoing = Some(verdict.word());
        self
    }

    /// Its rules, in order.
    #[must_use]
    pub fn rules(self, rules: impl IntoIterator<Item = Rule>) -> GuestFirewall {
        GuestFirewall { rules: rules.into_iter().collect(), ..self }
    }
}

/// Where a guest is in the API: `/nodes/din/qemu/201`.
async fn place(reader: &Reader, vmid: u32) -> Result<Option<String>, Failure> {
    let Some(guest) = reader.guest(vmid).await? else { return Ok(None) };
    let kind = match guest.kind {
        GuestKind::Qemu => "qemu",
        GuestKind::Lxc => "lxc",
    };
    Ok(Some(path(&[&"nodes", &guest.node, &kind, &vmid])))
}

fn state(seen: Seen, vmid: u32) -> Option<GuestFirewallState> {
    (!seen.is_untouched()).then(|| GuestFirewallState {
        vmid,
        enabled: seen.enabled.unwrap_or(false),
        incoming: seen.incoming,
        outgoing: seen.outgoing,
        rules: seen.rules,
    })
}

impl Resource for GuestFirewall {
    const KIND: &'static str = "proxmox/guest-firewall";
    type Provider = Pve;
    type State = GuestFirewallState;
    type Id = GuestFirewallId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        "rules"
    }
    fn site(&self) -> Site<Pve> {
        self.site
    }
    fn uses(&self) -> Vec<Claim> {
        named(self.site, &self.rules)
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.guest)
    }
    async fn read(&self, cx: &Look<'_, Pve>) -> Result<Option<GuestFirewallState>, Failure> {
        match cx.get(&self.vmid) {
            Some(vmid) => Self::find(&GuestFirewallId { vmid }, cx).await,
            None => Ok(None),
        }
    }
    async fn inspect(&self, now: Option<&GuestFirewallState>, cx: &Look<'_, Pve>) -> Result<Vec<Note>, Failure> {
        let Some(vmid) = cx.get(&self.vmid).filter(|_| now.is_none()) else { return Ok(vec![]) };
        let Some(place) = place(cx, vmid).await? else { return Ok(vec![]) };
        let call = Call::get("read", format!("guest {vmid}"), format!("{place}/config"));
        let config: Arc<Row> = cx.once(call).await?;
        let filtered = config.iter().any(|(key, value)| {
            key.starts_with("net") && String::from_scalar(value).is_some_and(|net| net.contains("firewall=1"))
        });
        let note = Note::info("none of its network devices is filtered, so its rules say nothing yet");
        Ok((!filtered).then(|| note.hint("declare them with `Nic::firewall(true)`")).into_iter().collect())
    }
    async fn find(id: &GuestFirewallId, cx: &Look<'_, Pve>) -> Result<Option<GuestFirewallState>, Failure> {
        match place(cx, id.vmid).await? {
            Some(place) => Ok(state(look(cx, &format!("{place}/firewall")).await?, id.vmid)),
            None => Ok(None),
        }
    }
    fn id(state: &GuestFirewallState) -> GuestFirewallId {
        GuestFirewallId { vmid: state.vmid }
    }
    async fn apply(&self, _: Option<&GuestFirewallState>, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        let vmid = cx.get(&self.vmid)?;
        let Some(place) = place(cx, vmid).await? else {
            return Err(Failure::passing(format!("guest {vmid} is not listed, so its firewall cannot be set yet")));
        };
        switch_on(cx, &format!("{place}/firewall"), &self.rules, &self.policies).await
    }
    async fn delete(state: &GuestFirewallState, cx: &Apply<'_, Pve>) -> Result<(), Failure> {
        match place(cx, state.vmid).await? {
            Some(place) => clear(cx, &format!("{place}/firewall")).await,
            None => Ok(()),
        }
    }
}
