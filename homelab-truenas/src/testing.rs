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
    testing::{self, Broken, Traffic},
    tls::Fingerprint,
};
use serde_json::Value;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::broadcast;

/// The key that a set-up gives.
const KEY: &str = "1-simulated00000000000000000000000000";
const HOST: &str = "the simulated TrueNAS";

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
    traffic: Traffic,
    log: Mutex<Vec<Call>>,
    /// Whether there is no key for it yet.
    closed: AtomicBool,
}

impl SimNas {
    /// Connects a lab's site to a simulator of this world. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Nas>, world: World) -> Self {
        let sim = Sim::new(world);
        SimNas { site, wire: Wire::to(&sim, Traffic::default(), false), sim }
    }

    /// The same, as a part of a larger world: what is called here is counted there.
    #[must_use]
    pub fn counted_with(self, traffic: &Traffic) -> Self {
        let closed = self.wire.closed.load(Ordering::Relaxed);
        SimNas { wire: Wire::to(&self.sim, traffic.clone(), closed), ..self }
    }

    /// The same as a NAS that nobody has set up, in a computer that may not be there yet: it is absent until
    /// [`System`](crate::resource::System) has made its key.
    #[must_use]
    pub fn just_installed(self) -> Self {
        self.wire.closed.store(true, Ordering::Relaxed);
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
        self.wire.log().clone()
    }

    /// The methods of every call so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.wire.log().iter().map(|call| call.method.clone()).collect()
    }
}

fn broken<T>(broken: Broken) -> Result<T, RpcError> {
    let host = HOST.to_owned();
    Err(match broken {
        Broken::Before => RpcError::Unreached { host, reason: "connection refused".into() },
        Broken::After => RpcError::Lost { host, reason: "connection reset by peer".into() },
    })
}

impl Wire {
    fn to(sim: &Sim, traffic: Traffic, closed: bool) -> Arc<Wire> {
        let (link, closed) = (sim.link("root"), AtomicBool::new(closed));
        Arc::new(Wire { sim: sim.clone(), link, traffic, log: Mutex::default(), closed })
    }

    async fn send(&self, call: &Call) -> Result<Value, RpcError> {
        if self.closed.load(Ordering::Relaxed) && !self.traffic.is_dead() {
            return Err(RpcError::Absent { host: HOST.into() });
        }
        let arrives = async {
            self.log().push(call.clone());
            self.link.call(call).await
        };
        self.traffic.through(!call.is_read(), broken, arrives).await
    }

    fn log(&self) -> MutexGuard<'_, Vec<Call>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
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
        let arrives = async {
            if !self.sim.has_computer() || self.sim.change(|world| world.key(KEY)).is_err() {
                return broken(Broken::Before);
            }
            self.closed.store(false, Ordering::Relaxed);
            Ok(Keys { key: KEY.into(), fingerprint: Fingerprint::of(b"simulated") })
        };
        self.traffic.through(true, broken, arrives).await
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

    fn traffic(&self) -> &Traffic {
        &self.wire.traffic
    }

    fn inventory(&self) -> String {
        self.sim.world().inventory()
    }
}
