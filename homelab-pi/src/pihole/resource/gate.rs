//! The gate: there is one while names are answered, and none while they are not. What needs names stands behind it; what takes a
//! machine away (a reboot of a node) comes after it.
use super::Appliance;
use crate::{pihole::Pihole, verify::Verify};
use homelab_core::{Apply, Failure, Input, Look, Owner, Resource, Site, outputs, plan::Action};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a Pi that was just started, or has just got another system, has until it answers.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(2);

/// Names are answered: the port is open, a public name and these local names resolve.
///
/// ```
/// use homelab_core::{Lab, Site};
/// use homelab_pi::pihole::{Appliance, DnsGate, DnsRecord};
/// const PIHOLE: Appliance = Appliance::of(Site::named("pihole"));
/// let mut lab = Lab::named("home");
/// let gate = lab.add(DnsGate::of(PIHOLE));
/// let pihole = PIHOLE.behind(gate);
/// lab.add(DnsRecord::on(pihole, "din.lan", std::net::IpAddr::from([192, 168, 0, 11])));
/// ```
#[derive(Debug, Serialize)]
pub struct DnsGate {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    answers: bool,
    since: Option<Input<String>>,
    public: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    local: BTreeMap<String, Input<IpAddr>>,
    #[serde(skip)]
    patience: Duration,
}

impl DnsGate {
    /// The gate of this Pi-hole: `example.com` resolves.
    #[must_use]
    pub fn of(pihole: impl Into<Appliance>) -> DnsGate {
        let on = pihole.into();
        DnsGate {
            key: on.name("dns"),
            site: on.site(),
            answers: true,
            since: None,
            public: "example.com".into(),
            local: BTreeMap::new(),
            patience: PATIENCE,
        }
    }

    /// Another public name than `example.com`.
    #[must_use]
    pub fn public(mut self, name: impl Into<String>) -> DnsGate {
        self.public = name.into();
        self
    }

    /// A name of the Pi's own configuration that must resolve too. A record that stands behind this gate cannot.
    #[must_use]
    pub fn local(mut self, name: impl Into<String>, address: impl Into<Input<IpAddr>>) -> DnsGate {
        self.local.insert(name.into(), address.into());
        self
    }

    /// It is passed anew whenever this changes: the generation of the Pi's system.
    #[must_use]
    pub fn since(mut self, generation: impl Into<Input<String>>) -> DnsGate {
        self.since = Some(generation.into());
        self
    }

    /// How long it is waited for, instead of two minutes.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> DnsGate {
        self.patience = patience;
        self
    }

    fn verify(&self, dns: crate::dns::Prober, address: impl Fn(&Input<IpAddr>) -> Option<IpAddr>) -> Verify {
        let verify = Verify::with(dns).public(&self.public);
        self.local.iter().fold(verify, |verify, (name, ip)| match address(ip) {
            Some(ip) => verify.local(name, [ip]),
            None => verify,
        })
    }
}

/// An open gate.
#[derive(Debug, Serialize)]
pub struct DnsGateState {
    /// Names are answered.
    pub answers: bool,
    /// What answers: `192.168.0.53:53`.
    pub server: String,
    /// The generation for which that was seen.
    pub since: Option<String>,
}
outputs!(
    /// What an open gate gives.
    DnsGateOutputs of DnsGateState {
        /// What answers: `192.168.0.53:53`.
        server: String,
    }
);

/// There is one for each Pi-hole.
#[derive(Debug, Serialize, Deserialize)]
pub struct GateId {}

impl Resource for DnsGate {
    const KIND: &'static str = "pi/dns-gate";
    const WRITE_ONLY: &'static [&'static str] = &["public", "local"];
    /// It is a look, not a thing: nothing of it is there to be deleted.
    const OBSERVED: bool = true;
    type Provider = Pihole;
    type State = DnsGateState;
    type Id = GateId;
    type Outputs = DnsGateOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn estimate(&self, _: Action) -> Duration {
        Duration::from_secs(5)
    }

    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<DnsGateState>, Failure> {
        let report = self.verify(cx.dns().clone(), |ip| cx.get(ip)).run().await;
        Ok(report.answers().then(|| DnsGateState {
            answers: true,
            server: report.server,
            since: self.since.as_ref().and_then(|since| cx.get(since)),
        }))
    }

    async fn find(_: &GateId, _: &Look<'_, Pihole>) -> Result<Option<DnsGateState>, Failure> {
        Ok(None)
    }

    fn id(_: &DnsGateState) -> GateId {
        GateId {}
    }
    fn owner(_: &DnsGateState) -> Owner {
        Owner::Unmarkable
    }

    async fn apply(&self, _: Option<&DnsGateState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let verify = self.verify(cx.dns().clone(), |ip| cx.get(ip).ok());
        let began = Instant::now();
        loop {
            let report = verify.run().await;
            if report.answers() {
                return Ok(());
            }
            if began.elapsed() >= self.patience {
                return Err(report.failure(&format!("no name service after {} s", self.patience.as_secs())));
            }
            cx.progress(format!("waits for names to be answered ({} s)", began.elapsed().as_secs()), None);
            sleep(PAUSE).await;
        }
    }

    async fn delete(_: &DnsGateState, _: &Apply<'_, Pihole>) -> Result<(), Failure> {
        Ok(())
    }
}
