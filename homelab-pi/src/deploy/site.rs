//! The site of all Pis: their machines, whoever builds for them, and whoever asks them for names.
use super::Answers;
use crate::{Pi, builder::Builder};
use homelab_core::{
    Failure, Kind, Provider, SecretValue, Site,
    host::{Hosts, HostsReader, Spot},
};
use std::{collections::BTreeMap, sync::Arc};

/// The site of all Pis.
pub const PIS: Site<Pis> = Site::named("pi");

/// All Pis of a lab.
pub struct Pis {
    pub(crate) hosts: Hosts,
    pub(crate) builder: Arc<dyn Builder>,
    pub(crate) answers: Arc<dyn Answers>,
    /// The Pis themselves, for what is done with one outside of a plan.
    pub(crate) pis: Vec<Pi>,
    /// Those of their secrets that are set.
    pub(crate) secrets: BTreeMap<&'static str, SecretValue>,
}

impl Pis {
    /// Pis on these machines, built for by this builder, asked in this way.
    #[must_use]
    pub fn new(hosts: Hosts, builder: Arc<dyn Builder>, answers: Arc<dyn Answers>) -> Self {
        Pis { hosts, builder, answers, pis: vec![], secrets: BTreeMap::new() }
    }

    /// The same, knowing which there are.
    #[must_use]
    pub fn with(mut self, pis: Vec<Pi>) -> Self {
        self.pis = pis;
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
