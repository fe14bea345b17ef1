//! What a lab declares of a Pi-hole. All of it is changed while it runs; what needs another system comes from the Nix
//! configuration.
//!
//! Things that have a comment bear the lab's mark in it. Records and settings have none: of them the ledger is the witness.
mod cname;
mod gate;
mod group;
mod list;
mod password;
mod record;
mod rule;
mod setting;

pub use cname::{Cname, CnameState};
pub use gate::{DnsGate, DnsGateOutputs, DnsGateState};
pub use group::{ClientGroup, ClientGroupOutputs, ClientGroupState};
pub use list::{BlockList, BlockListState};
pub use password::{Password, PasswordState};
pub use record::{DnsRecord, DnsRecordOutputs, DnsRecordState};
pub use rule::{DomainRule, DomainRuleState};
pub use setting::{Setting, SettingState};

use super::Pihole;
use homelab_core::{Handle, Input, Kind, Lock, Look, Site};
use serde::Serialize;

/// A Pi-hole that things are declared on: the site, and the gate behind which it is, if there is one.
///
/// ```
/// use homelab_core::Site;
/// use homelab_pi::pihole::{Appliance, Pihole};
/// const PIHOLE: Appliance = Appliance::of(Site::named("pihole"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Appliance {
    site: Site<Pihole>,
    gate: Option<homelab_core::Output<String>>,
}

impl Appliance {
    /// The Pi-hole of a site.
    #[must_use]
    pub const fn of(site: Site<Pihole>) -> Appliance {
        Appliance { site, gate: None }
    }

    /// The same, once the gate is open: what is declared on it waits until names are answered. A Pi that is made in the same run
    /// needs that; until then nothing on it is looked for.
    #[must_use]
    pub fn behind(mut self, gate: Handle<DnsGate>) -> Appliance {
        self.gate = Some(gate.server());
        self
    }

    /// The site.
    #[must_use]
    pub const fn site(self) -> Site<Pihole> {
        self.site
    }

    fn name(self, own: &str) -> String {
        format!("{}/{own}", self.site.name())
    }
}

impl From<Site<Pihole>> for Appliance {
    fn from(site: Site<Pihole>) -> Self {
        Appliance::of(site)
    }
}

/// The reference to the gate as it stands in a spec: an edge of the graph, and never compared.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
struct Behind(Option<Input<String>>);

impl Behind {
    fn of(on: Appliance) -> Behind {
        Behind(on.gate.map(Input::From))
    }

    fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there is anything to look at yet.
    fn is_open(&self, cx: &Look<'_, Pihole>) -> bool {
        self.0.as_ref().is_none_or(|gate| cx.get(gate).is_some())
    }
}

/// The field of a spec that is no setting.
const BEHIND: &[&str] = &["behind"];

/// Pi-hole writes each change of settings to its card and may start anew after it: one at a time.
fn one_at_a_time(site: Site<Pihole>) -> Vec<Lock> {
    vec![Lock::exclusive(format!("pihole {}", site.name()))]
}

pub(super) fn kinds() -> Vec<Kind<Pihole>> {
    vec![
        Kind::of::<DnsGate>(),
        Kind::of::<DnsRecord>(),
        Kind::of::<Cname>(),
        Kind::of::<BlockList>(),
        Kind::of::<DomainRule>(),
        Kind::of::<ClientGroup>(),
        Kind::of::<Password>(),
        Kind::of::<Setting>(),
    ]
}
