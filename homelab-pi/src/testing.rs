//! A simulated Pi for tests of labs (feature `testing`): every message to it is counted, and can be made to fail.
mod pihole;

pub use pihole::{PASSWORD, PiholeWorld, SERVER};

use crate::{
    PIS, Pis,
    builder::{Builder, Built, Output, Say},
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
    testing::{Fault, World},
};
use serde_json::Value;
use std::{
    future::{Future, pending},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// A Pi behind a line that can break. Clones are the same one.
#[derive(Clone)]
pub struct PiWorld(Arc<Inner>);

struct Inner {
    pi: SimPi,
    net: Arc<Net>,
    flaw: fn(&Value) -> Flaw,
    calls: Mutex<Calls>,
    killed: watch::Sender<bool>,
}

#[derive(Default)]
struct Calls {
    all: u64,
    writes: u64,
    fault: Option<(u64, Fault)>,
    /// From this call on nothing arrives any more.
    deaf_from: Option<u64>,
    /// At this call the Pi loses its power.
    cut_at: Option<u64>,
}

/// What goes wrong with one call.
enum Wrong {
    Nothing,
    Before,
    After,
    Kill,
}

impl PiWorld {
    /// A Pi that was just flashed. What is built is as flawed as `flaw` says of its description.
    #[must_use]
    pub fn new(address: IpAddr, flaw: fn(&Value) -> Flaw) -> Self {
        let net = Net::new();
        let pi = SimPi::flashed(&net, "pihole", address);
        PiWorld(Arc::new(Inner { pi, net, flaw, calls: Mutex::default(), killed: watch::Sender::new(false) }))
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

    /// From the call that is `after` calls away nothing arrives any more, until [`heal`](World::heal).
    pub fn cut_line(&self, after: u64) {
        let mut calls = self.calls_now();
        calls.deaf_from = Some(calls.all + after + 1);
    }

    /// At the call that is `after` calls away the Pi loses its power, just before it hears of it.
    pub fn cut_power(&self, after: u64) {
        let mut calls = self.calls_now();
        calls.cut_at = Some(calls.all + after + 1);
    }

    fn calls_now(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call, and says what happens to it.
    async fn count(&self, write: bool) -> Wrong {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        if *self.0.killed.borrow() {
            pending::<()>().await;
        }
        let (wrong, cut) = {
            let mut calls = self.calls_now();
            calls.all += 1;
            calls.writes += u64::from(write);
            let at = calls.all;
            let cut = calls.cut_at.take_if(|n| *n == at).is_some();
            let wrong = match calls.fault.take_if(|(n, _)| *n == at) {
                _ if calls.deaf_from.is_some_and(|n| at >= n) => Wrong::Before,
                None => Wrong::Nothing,
                Some((_, Fault::Error)) => Wrong::Before,
                Some((_, Fault::LostReply)) => Wrong::After,
                Some((_, Fault::Kill)) => Wrong::Kill,
            };
            (wrong, cut)
        };
        if cut {
            self.0.pi.cut_power();
            return Wrong::Before;
        }
        wrong
    }

    /// One call.
    async fn call<T, E>(
        &self,
        write: bool,
        lost: impl Fn() -> E,
        f: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let wrong = self.count(write).await;
        if matches!(wrong, Wrong::Before) {
            return Err(lost());
        }
        let result = f.await;
        match wrong {
            Wrong::After => Err(lost()),
            Wrong::Kill => {
                self.0.killed.send_replace(true);
                pending().await
            }
            _ => result,
        }
    }
}

impl World for PiWorld {
    fn providers(&self) -> Providers {
        let builder = SimBuilder::new(vec![self.0.pi.clone()]).flawed(self.0.flaw);
        let builder = Broken { world: self.clone(), inner: builder };
        let answers = Broken { world: self.clone(), inner: self.answers() };
        let hosts = Hosts::of(Broken { world: self.clone(), inner: Wire(Arc::clone(&self.0.net)) });
        Providers::default().with(PIS, Pis::new(hosts, Arc::new(builder), Arc::new(answers)))
    }
    fn calls(&self) -> u64 {
        self.calls_now().all
    }
    fn writes(&self) -> u64 {
        self.calls_now().writes
    }
    fn fail(&self, after: u64, fault: Fault) {
        let mut calls = self.calls_now();
        calls.fault = Some((calls.all + after + 1, fault));
    }
    fn killed(&self) -> impl Future<Output = ()> + Send {
        let mut killed = self.0.killed.subscribe();
        async move {
            // The sender lives as long as the world.
            let _ = killed.wait_for(|k| *k).await;
        }
    }
    fn heal(&self) {
        let mut calls = self.calls_now();
        *calls = Calls { all: calls.all, writes: calls.writes, ..Calls::default() };
        drop(calls);
        self.0.killed.send_replace(false);
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
