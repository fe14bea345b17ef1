//! The site of all Pis: their machines, whoever builds for them, and whoever asks them for names.
use super::Answers;
use crate::{Pi, builder::Builder};
use homelab_core::{Kind, Provider, Site, host::Hosts, host::HostsReader};
use std::sync::Arc;

/// The site of all Pis.
pub const PIS: Site<Pis> = Site::named("pi");

/// All Pis of a lab.
pub struct Pis {
    pub(crate) hosts: Hosts,
    pub(crate) builder: Arc<dyn Builder>,
    pub(crate) answers: Arc<dyn Answers>,
}

impl Pis {
    /// Pis on these machines, built for by this builder, asked in this way.
    #[must_use]
    pub fn new(hosts: Hosts, builder: Arc<dyn Builder>, answers: Arc<dyn Answers>) -> Self {
        Pis { hosts, builder, answers }
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
