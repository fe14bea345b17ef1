//! How a lab's Pis are reached: over SSH, or simulated in the sandbox.
use super::{Answers, Pis, names::FromHere};
use crate::{
    Pi,
    builder::{Builder, Built, Machine, Nix, Output, Processes, Say},
    nix::NixTree,
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
        PiSite { pis: pis.into_iter().collect(), stage: PathBuf::from(".homelab/pi") }
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
        let builder = Chosen { stage: std::path::absolute(&self.stage).unwrap_or_else(|_| self.stage.clone()) };
        let mut pis = Pis::new(Hosts::of(Ssh), Arc::new(builder), Arc::new(FromHere)).with(self.pis.clone());
        for secret in self.pis.iter().flat_map(|pi| pi.password.iter().chain(&pi.host_key)) {
            if secrets.has(secret) {
                pis.secrets.insert(secret.name(), secrets.resolve(secret)?);
            }
        }
        Ok(pis)
    }

    #[cfg(feature = "sim")]
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Pis, Failure> {
        use crate::sim::{SimAnswers, SimBuilder, SimPi};
        use homelab_core::sim::{Net, Wire};
        let net = Net::of(sandbox)?;
        let failed = |e: std::io::Error| Failure::new(format!("the sandbox cannot keep its Pis: {e}"));
        std::fs::create_dir_all(sandbox.dir()).map_err(failed)?;
        let simulated = |pi: &Pi| {
            let file = sandbox.dir().join(format!("pi-{}.json", pi.name));
            SimPi::kept(&net, pi, file)
        };
        let all = self.pis.iter().map(simulated).collect::<Result<Vec<SimPi>, _>>()?;
        let answers: Arc<dyn Answers> = Arc::new(SimAnswers(all.clone()));
        Ok(Pis::new(Hosts::of(Wire(net)), Arc::new(SimBuilder::new(all)), answers).with(self.pis.clone()))
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
    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure> {
        self.now()?.build(tree, output, say).await
    }
    async fn copy(&self, toplevel: &str, to: &Spot, say: Say<'_>) -> Result<(), Failure> {
        self.now()?.copy(toplevel, to, say).await
    }
    async fn newest(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure> {
        self.now()?.newest(tree, say).await
    }
}
