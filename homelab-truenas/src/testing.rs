//! A simulated TrueNAS for tests of labs (feature `testing`): a [`World`](homelab_core::testing::World) that counts its calls and can
//! be made to fail at each of them.
use crate::{
    Nas,
    rpc::{Call, First, Keys, Rpc, RpcError},
    sim::{Link, Sim, World},
};
use async_trait::async_trait;
use homelab_core::{
    Permit, Providers, Site,
    testing::{self, Fault},
    tls::Fingerprint,
};
use serde_json::Value;
use std::{
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, broadcast};

/// The key that a set-up gives.
const KEY: &str = "1-simulated00000000000000000000000000";

/// A simulator behind a wire that can break.
#[derive(Clone)]
pub struct SimNas {
    site: Site<Nas>,
    sim: Sim,
    wire: Arc<Wire>,
}

struct Wire {
    sim: Sim,
    link: Link,
    state: Mutex<State>,
    struck: Notify,
}

#[derive(Default)]
struct State {
    calls: u64,
    writes: u64,
    log: Vec<Call>,
    planned: Option<(u64, Fault)>,
    dead: bool,
    /// Whether there is no key for it yet.
    closed: bool,
}

impl SimNas {
    /// Connects a lab's site to a simulator of this world. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Nas>, world: World) -> Self {
        let sim = Sim::new(world);
        let wire = Wire { sim: sim.clone(), link: sim.link("root"), state: Mutex::default(), struck: Notify::new() };
        SimNas { site, sim, wire: Arc::new(wire) }
    }

    /// The same as a NAS that nobody has set up, in a computer that may not be there yet: it is absent until
    /// [`System`](crate::resource::System) has made its key.
    #[must_use]
    pub fn just_installed(self) -> Self {
        self.wire.state().closed = true;
        self
    }

    /// The simulator, for tests that look behind the API.
    #[must_use]
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// A client of its own, for what somebody else does meanwhile. Its calls are counted too.
    #[must_use]
    pub fn client(&self) -> Nas {
        Nas::over(Arc::clone(&self.wire) as Arc<dyn Rpc>)
    }

    /// Every call so far: methods and parameters.
    #[must_use]
    pub fn requests(&self) -> Vec<Call> {
        self.wire.state().log.clone()
    }

    /// The methods of every call so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.wire.state().log.iter().map(|call| call.method.clone()).collect()
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says what goes wrong with it.
    fn count(&self, call: &Call) -> Option<Fault> {
        let mut state = self.state();
        if state.dead {
            return Some(Fault::Kill);
        }
        let fault = state.planned.filter(|(at, _)| *at == state.calls).map(|(_, fault)| fault);
        state.calls += 1;
        state.writes += u64::from(!call.is_read());
        state.log.push(call.clone());
        fault
    }
}

impl Wire {
    /// A call of this method, with whatever goes wrong with it.
    async fn send(&self, call: &Call) -> Result<Value, RpcError> {
        if self.state().dead {
            return pending().await;
        }
        if self.state().closed {
            return Err(RpcError::Absent { host: "the simulated TrueNAS".into() });
        }
        let host = || "the simulated TrueNAS".to_owned();
        match self.count(call) {
            None => self.link.call(call).await,
            Some(Fault::Error) => Err(RpcError::Unreached { host: host(), reason: "connection refused".into() }),
            Some(Fault::LostReply) => {
                let _ = self.link.call(call).await;
                Err(RpcError::Lost { host: host(), reason: "connection reset by peer".into() })
            }
            Some(Fault::Kill) => {
                let _ = self.link.call(call).await;
                self.state().dead = true;
                self.struck.notify_waiters();
                pending().await
            }
        }
    }
}

#[async_trait]
impl Rpc for Wire {
    async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        call.must_read()?;
        self.send(call).await
    }

    async fn write(&self, _: &Permit, call: &Call) -> Result<Value, RpcError> {
        self.send(call).await
    }

    async fn set_up(&self, _: &Permit, _: &First) -> Result<Keys, RpcError> {
        if self.state().dead {
            return pending().await;
        }
        let host = || "the simulated TrueNAS".to_owned();
        let unreached = || RpcError::Unreached { host: host(), reason: "connection refused".into() };
        let fault = self.count(&Call::new("user.setup_local_administrator", vec![]));
        if fault == Some(Fault::Error) || !self.sim.has_computer() {
            return Err(unreached());
        }
        self.sim.change(|world| world.key(KEY)).map_err(|_| unreached())?;
        self.state().closed = false;
        match fault {
            Some(Fault::LostReply) => Err(RpcError::Lost { host: host(), reason: "connection reset by peer".into() }),
            Some(Fault::Kill) => {
                self.state().dead = true;
                self.struck.notify_waiters();
                pending().await
            }
            _ => Ok(Keys { key: KEY.into(), fingerprint: Fingerprint::of(b"simulated") }),
        }
    }

    fn news(&self) -> Option<broadcast::Receiver<Arc<Value>>> {
        self.link.news()
    }

    async fn download(&self, path: &str) -> Result<Vec<u8>, RpcError> {
        self.link.download(path).await
    }
}

impl testing::World for SimNas {
    fn providers(&self) -> Providers {
        Providers::default().with(self.site, self.client())
    }

    fn calls(&self) -> u64 {
        self.wire.state().calls
    }

    fn writes(&self) -> u64 {
        self.wire.state().writes
    }

    fn fail(&self, after: u64, fault: Fault) {
        let mut state = self.wire.state();
        state.planned = Some((state.calls + after, fault));
    }

    async fn killed(&self) {
        let struck = self.wire.struck.notified();
        if !self.wire.state().dead {
            struck.await;
        }
    }

    fn heal(&self) {
        let mut state = self.wire.state();
        (state.planned, state.dead) = (None, false);
    }

    fn inventory(&self) -> String {
        self.sim.world().inventory()
    }
}
