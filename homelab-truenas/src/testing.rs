//! A simulated TrueNAS for tests of labs (feature `testing`): a [`World`](homelab_core::testing::World) that counts its calls and can
//! be made to fail at each of them.
use crate::{
    Nas,
    rpc::{Call, Rpc, RpcError, is_read},
    sim::{Link, Sim, World},
};
use async_trait::async_trait;
use homelab_core::{
    Providers, Site,
    testing::{self, Broken, Traffic},
};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// A simulator behind a wire that can break.
#[derive(Clone)]
pub struct SimNas {
    site: Site<Nas>,
    sim: Sim,
    wire: Arc<Wire>,
}

struct Wire {
    link: Link,
    traffic: Traffic,
    log: Mutex<Vec<Call>>,
}

impl SimNas {
    /// Connects a lab's site to a simulator of this world. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Nas>, world: World) -> Self {
        let sim = Sim::new(world);
        let wire = Wire { link: sim.link("root"), traffic: Traffic::default(), log: Mutex::default() };
        SimNas { site, sim, wire: Arc::new(wire) }
    }

    /// The same, as a part of a larger world: what is called here is counted there.
    #[must_use]
    pub fn counted_with(self, traffic: &Traffic) -> Self {
        let wire = Wire { link: self.sim.link("root"), traffic: traffic.clone(), log: Mutex::default() };
        SimNas { wire: Arc::new(wire), ..self }
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

impl Wire {
    fn log(&self) -> MutexGuard<'_, Vec<Call>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Rpc for Wire {
    async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        let broken = |broken| {
            let host = "the simulated TrueNAS".to_owned();
            Err(match broken {
                Broken::Before => RpcError::Unreached { host, reason: "connection refused".into() },
                Broken::After => RpcError::Lost { host, reason: "connection reset by peer".into() },
            })
        };
        let arrives = async {
            self.log().push(call.clone());
            self.link.call(call).await
        };
        self.traffic.through(!is_read(&call.method), broken, arrives).await
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
