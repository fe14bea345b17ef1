//! How a lab's Pis are reached: over SSH, or simulated in the sandbox.
use super::{Pis, names::FromHere, site::STAGE};
use crate::{
    Pi,
    builder::{Builder, Built, Machine, Nix, Output, Processes, Say, Versions},
    nix::NixTree,
    pihole::{PASSWORD, Pihole, PiholeAt},
};
use async_trait::async_trait;
use homelab_core::{
    Connect, Failure, Sandbox, Secret, Secrets, Verb,
    host::{Hosts, Spot, Ssh},
};
use std::{path::PathBuf, sync::Arc};

/// The way to all Pis of a lab: `Sites::new().with(PIS, PiSite::of([pihole()]))`.
///
/// They are logged in to with the keys of the agent. What builds for them is looked for when something is to be built: a machine that
/// `HOMELAB_PI_BUILDER` names, Nix here, or Nix in a container.
pub struct PiSite {
    pis: Vec<Pi>,
    stage: PathBuf,
}

impl PiSite {
    /// These Pis.
    #[must_use]
    pub fn of(pis: impl IntoIterator<Item = Pi>) -> Self {
        PiSite { pis: pis.into_iter().collect(), stage: PathBuf::from(STAGE) }
    }

    /// Builds in another directory than `.homelab/pi`.
    #[must_use]
    pub fn stage(mut self, dir: impl Into<PathBuf>) -> Self {
        self.stage = dir.into();
        self
    }
}

impl Connect for PiSite {
    type Provider = Pis;

    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![]
    }

    fn verbs(&self) -> &'static [Verb<Pis>] {
        super::words::VERBS
    }

    async fn live(&self, secrets: &Secrets) -> Result<Pis, Failure> {
        let stage = std::path::absolute(&self.stage).unwrap_or_else(|_| self.stage.clone());
        let builder = Chosen { stage: stage.clone() };
        let mut pis = Pis::new(Hosts::of(Ssh), Arc::new(builder), Arc::new(FromHere::default()));
        pis = pis.with(self.pis.clone()).stage(stage);
        for secret in self.pis.iter().flat_map(|pi| pi.password.iter().chain(&pi.host_key)) {
            if secrets.has(secret) {
                pis.secrets.insert(secret.name(), secrets.resolve(secret)?);
            }
        }
        for pi in &self.pis {
            // One that has a password lets nobody in without it.
            if secrets.has(&PASSWORD) || pi.password.is_none() {
                let api: Pihole = PiholeAt::address(pi.address.ip()).live(secrets).await?;
                pis = pis.api(pi.name, api);
            }
        }
        Ok(pis)
    }

    #[cfg(feature = "sim")]
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Pis, Failure> {
        crate::sim::sandbox(&self.pis, sandbox).await
    }

    #[cfg(not(feature = "sim"))]
    async fn sandbox(&self, _: &Sandbox) -> Result<Pis, Failure> {
        Err(Failure::unusable("this program has no simulated Pi").hint("build it with the feature `sim` of homelab-pi"))
    }
}

/// The builder that this machine has, looked for when it is needed.
struct Chosen {
    stage: PathBuf,
}

impl Chosen {
    fn now(&self) -> Result<Nix<Processes>, Failure> {
        Ok(Nix::new(Machine::here().choose()?, Processes, self.stage.clone()))
    }
}

#[async_trait]
impl Builder for Chosen {
    fn describe(&self) -> String {
        self.now().map_or_else(|_| "nothing that is here".into(), |nix| nix.describe())
    }
    async fn up(&self, say: Say<'_>) -> Result<String, Failure> {
        self.now()?.up(say).await
    }
    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure> {
        self.now()?.build(tree, output, say).await
    }
    async fn copy(&self, toplevel: &str, to: &Spot, say: Say<'_>) -> Result<(), Failure> {
        self.now()?.copy(toplevel, to, say).await
    }
    async fn newest(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure> {
        self.now()?.newest(tree, say).await
    }
    async fn versions(&self, tree: &NixTree, function: &str, say: Say<'_>) -> Result<Versions, Failure> {
        self.now()?.versions(tree, function, say).await
    }
}
