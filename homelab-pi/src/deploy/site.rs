//! The site of all Pis: their machines, whoever builds for them, whoever asks them for names, and where their cards are written.
use super::Answers;
use crate::{
    Pi,
    builder::Builder,
    dns::Prober,
    flash::{Cards, Devices},
    pihole::Pihole,
};
use homelab_core::{
    Failure, Kind, Provider, SecretValue, Site,
    host::{Hosts, HostsReader, Spot},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The site of all Pis.
pub const PIS: Site<Pis> = Site::named("pi");

/// All Pis of a lab.
pub struct Pis {
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) builder: Arc<dyn Builder>,
    pub(crate) answers: Arc<dyn Answers>,
    /// Where cards are.
    pub(crate) cards: Arc<dyn Cards>,
    /// Where what is built lies, with its record.
    pub(crate) stage: PathBuf,
    /// The Pis themselves, for what is done with one outside of a plan.
    pub(crate) pis: Vec<Pi>,
    /// Their Pi-holes' API, by the names of the Pis, where something lets us in.
    pub(crate) apis: BTreeMap<&'static str, Pihole>,
    /// Those of their secrets that are set.
    pub(crate) secrets: BTreeMap<&'static str, SecretValue>,
}

impl Pis {
    /// Pis on these machines, built for by this builder, asked in this way.
    #[must_use]
    pub fn new(hosts: Hosts, builder: Arc<dyn Builder>, answers: Arc<dyn Answers>) -> Self {
        Pis {
            hosts: Arc::new(hosts),
            builder,
            answers,
            cards: Arc::new(Devices),
            stage: PathBuf::from(STAGE),
            pis: vec![],
            apis: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// The same, knowing which there are.
    #[must_use]
    pub fn with(mut self, pis: Vec<Pi>) -> Self {
        self.pis = pis;
        self
    }

    /// Writes cards in these devices instead of this machine's.
    #[must_use]
    pub fn cards(mut self, cards: Arc<dyn Cards>) -> Self {
        self.cards = cards;
        self
    }

    /// Keeps what is built in this directory instead of `.homelab/pi`.
    #[must_use]
    pub fn stage(mut self, dir: impl AsRef<Path>) -> Self {
        self.stage = dir.as_ref().to_owned();
        self
    }

    /// The API of the Pi-hole on the Pi of this name.
    #[must_use]
    pub fn api(mut self, name: &'static str, pihole: Pihole) -> Self {
        self.apis.insert(name, pihole);
        self
    }

    /// Where a Pi is, with the host key that it must show.
    ///
    /// # Errors
    /// When the host key that is set is none.
    pub fn spot(&self, pi: &Pi) -> Result<Spot, Failure> {
        let key = pi.host_key.and_then(|secret| self.secrets.get(secret.name()));
        Ok(pi.spot(key.map(|key| super::public_half(key.expose())).transpose()?))
    }

    /// How the name server on a Pi is asked.
    #[must_use]
    pub fn prober(&self, pi: &Pi) -> Prober {
        self.answers.prober(pi.address.ip())
    }

    /// The machines.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Who builds.
    #[must_use]
    pub fn builder(&self) -> &dyn Builder {
        self.builder.as_ref()
    }
}

/// Where what is built lies, unless another place is named.
pub(super) const STAGE: &str = ".homelab/pi";

impl Provider for Pis {
    type Reader = PisReader;

    fn reader(&self) -> PisReader {
        PisReader { hosts: self.hosts.reader() }
    }

    fn kinds() -> Vec<Kind<Pis>> {
        vec![Kind::of::<Pi>()]
    }
}

/// One look at all Pis.
pub struct PisReader {
    pub(super) hosts: HostsReader,
}
