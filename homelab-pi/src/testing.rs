//! A simulated Pi for tests of labs (feature `testing`): every message to it is counted, and can be made to fail.
mod pihole;

pub use pihole::{PASSWORD, PiholeWorld, SERVER};

use crate::{
    PIS, Pis,
    builder::{Builder, Built, Output, Say, Versions},
    deploy::{Answers, FromHere},
    dns::Prober,
    nix::NixTree,
    sim::{Flaw, SimBuilder, SimPi, SimWire},
};
use async_trait::async_trait;
use homelab_core::{
    Failure, Providers,
    host::{Batch, Hosts, Machine, Network, Reply, Spot},
    sim::{Net, Wire},
    ssh::SshError,
    testing::{Traffic, World},
};
use serde_json::Value;
use std::{net::IpAddr, sync::Arc};

/// A Pi behind a line that can break. Clones are the same one.
#[derive(Clone)]
pub struct PiWorld(Arc<Inner>);

struct Inner {
    pi: SimPi,
    net: Arc<Net>,
    flaw: fn(&Value) -> Flaw,
    traffic: Traffic,
}

impl PiWorld {
    /// A Pi that was just flashed. What is built is as flawed as `flaw` says of its description.
    #[must_use]
    pub fn new(address: IpAddr, flaw: fn(&Value) -> Flaw) -> Self {
        let net = Net::new();
        let pi = SimPi::flashed(&net, "pihole", address);
        PiWorld(Arc::new(Inner { pi, net, flaw, traffic: Traffic::default() }))
    }

    /// The Pi.
    #[must_use]
    pub fn pi(&self) -> &SimPi {
        &self.0.pi
    }

    /// The way names are asked for, without any fault.
    fn answers(&self) -> FromHere {
        FromHere::over(Arc::new(SimWire(vec![self.0.pi.clone()])))
    }

    /// At the call that is `after` calls away the Pi loses its power, just before it hears of it.
    pub fn cut_power(&self, after: u64) {
        let pi = self.0.pi.clone();
        self.0.traffic.accident(after, move || pi.cut_power());
    }

    /// One call, which takes a moment.
    async fn call<T, E>(
        &self,
        writes: bool,
        lost: impl FnOnce() -> E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        self.0.traffic.through(writes, |_| Err(lost()), call).await
    }
}

impl PiWorld {
    /// Its site: the Pi, whoever builds for it and whoever asks it for names, all over the line.
    #[must_use]
    pub fn pis(&self) -> Pis {
        let builder = SimBuilder::new(vec![self.0.pi.clone()]).flawed(self.0.flaw);
        let builder = Broken { world: self.clone(), inner: builder };
        let answers = Broken { world: self.clone(), inner: self.answers() };
        let hosts = Hosts::of(Broken { world: self.clone(), inner: Wire(Arc::clone(&self.0.net)) });
        Pis::new(hosts, Arc::new(builder), Arc::new(answers))
    }
}

impl World for PiWorld {
    fn providers(&self) -> Providers {
        Providers::default().with(PIS, self.pis())
    }
    fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }
    fn inventory(&self) -> String {
        self.0.pi.inventory()
    }
}

/// Something of which each call goes over the line.
struct Broken<T> {
    world: PiWorld,
    inner: T,
}

impl Network for Broken<Wire> {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(Arc::new(Broken { world: self.world.clone(), inner: self.inner.machine(spot)? }))
    }
}

#[async_trait]
impl Machine for Broken<Arc<dyn Machine>> {
    fn name(&self) -> &str {
        self.inner.name()
    }
    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        let nobody = || SshError::NoRoute { host: self.name().to_owned(), address: self.name().to_owned() };
        let reach = async {
            if !self.world.pi().is_reachable() {
                return Err(nobody());
            }
            let replies = self.inner.run(batch).await?;
            // What has just cut its own line cannot answer any more.
            if self.world.pi().is_reachable() { Ok(replies) } else { Err(nobody()) }
        };
        self.world.call(!batch.is_reading(), nobody, reach).await
    }
}

#[async_trait]
impl Builder for Broken<SimBuilder> {
    fn describe(&self) -> String {
        self.inner.describe()
    }
    async fn up(&self, say: Say<'_>) -> Result<String, Failure> {
        self.inner.up(say).await
    }
    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure> {
        let lost = || Failure::passing("the builder was lost");
        self.world.call(false, lost, self.inner.build(tree, output, say)).await
    }
    async fn copy(&self, toplevel: &str, to: &Spot, say: Say<'_>) -> Result<(), Failure> {
        let lost = || Failure::passing("the copy was cut off");
        self.world.call(true, lost, self.inner.copy(toplevel, to, say)).await
    }
    async fn newest(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure> {
        self.inner.newest(tree, say).await
    }
    async fn versions(&self, tree: &NixTree, function: &str, say: Say<'_>) -> Result<Versions, Failure> {
        self.inner.versions(tree, function, say).await
    }
}

#[async_trait]
impl Answers for Broken<FromHere> {
    async fn ask(&self, server: IpAddr, ours: &[(String, IpAddr)]) -> Result<(), Failure> {
        let lost = || Failure::new(format!("{server} does not answer"));
        self.world.call(false, lost, self.inner.ask(server, ours)).await
    }
    fn prober(&self, server: IpAddr) -> Prober {
        self.inner.prober(server)
    }
}
