//! A simulated Proxmox VE for tests of labs (feature `testing`): a [`World`](homelab_core::testing::World) that counts its calls
//! and can be made to fail at each of them.
mod definitions;
mod machines;

use crate::{
    Pve,
    client::Credential,
    http::{Http, Method, Request, Response, TransportError},
    sim::{Sim, World},
    site::{Answered, Reach},
};
use async_trait::async_trait;
use homelab_core::{
    Providers, Site,
    host::{HOSTS, Hosts},
    sim::Net,
    testing::{self, Fault},
};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The token that tests use.
const TOKEN: (&str, &str) = ("iac@pve!test", "11111111-2222-3333-4444-555555555555");
/// The password of root that tests use.
const ROOT: &str = "root-of-the-simulator";
/// The seed of the pauses between attempts.
const SEED: u64 = 20;

/// A simulator behind a wire that can break.
#[derive(Clone)]
pub struct SimWorld {
    site: Site<Pve>,
    sim: Sim,
    wire: Arc<Wire>,
    credential: Credential,
    admin: Option<Credential>,
    /// The network that its guests and nodes are in.
    net: Option<Arc<Net>>,
    /// Whether messages to machines are calls too.
    counted: bool,
    /// What was defined in the beginning.
    fresh: Arc<BTreeSet<String>>,
}

struct Wire {
    sim: Sim,
    state: Mutex<State>,
    struck: Notify,
}

#[derive(Default)]
struct State {
    calls: u64,
    writes: u64,
    log: Vec<Request>,
    planned: Option<(u64, Fault)>,
    dead: bool,
}

impl SimWorld {
    /// Connects a lab's site to a simulator of this world. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Pve>, world: World) -> Self {
        let sim = Sim::new(world.with_token(TOKEN.0, TOKEN.1));
        let wire = Wire { sim: sim.clone(), state: Mutex::default(), struck: Notify::new() };
        let fresh = Arc::new(definitions::definitions(&sim.world()));
        SimWorld {
            site,
            sim,
            wire: Arc::new(wire),
            credential: Credential::token(TOKEN.0, TOKEN.1),
            admin: None,
            net: None,
            counted: false,
            fresh,
        }
    }

    /// The same, logged in as root@pam itself, who may set what no token may.
    ///
    /// # Panics
    /// When the simulated world cannot be changed, which one in memory always can.
    #[must_use]
    pub fn as_root(self) -> Self {
        self.sim.change(|world| world.with_password("root@pam", ROOT)).expect("a world in memory can be changed");
        SimWorld { credential: Credential::password("root@pam", ROOT), ..self }
    }

    /// The same, knowing root's password too, with which tokens are made.
    ///
    /// # Panics
    /// As [`as_root`](SimWorld::as_root).
    #[must_use]
    pub fn with_admin(self) -> Self {
        self.sim.change(|world| world.with_password("root@pam", ROOT)).expect("a world in memory can be changed");
        SimWorld { admin: Some(Credential::password("root@pam", ROOT)), ..self }
    }

    /// The same with another token, which the world has: see
    /// [`World::with_limited_token`](crate::sim::World::with_limited_token).
    #[must_use]
    pub fn as_token(self, id: &str, secret: &str) -> Self {
        SimWorld { credential: Credential::token(id, secret), ..self }
    }

    /// The same, with guests and nodes that are computers of this network: simulators and sites of other systems find them there, and
    /// what a lab declares on machines is done there.
    #[must_use]
    pub fn joined(self, net: Arc<Net>) -> Self {
        let sim = self.sim.clone().joined(Arc::clone(&net), self.site.name());
        SimWorld { sim, net: Some(net), ..self }
    }

    /// The same, where each message to a machine is a call too that can be made to fail, and what is inside of them is a part of the
    /// inventory.
    #[must_use]
    pub fn with_machines(self) -> Self {
        SimWorld { counted: true, ..self }
    }

    /// The simulator, for tests that look behind the API.
    #[must_use]
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// A client of its own, for what somebody else does meanwhile. Its calls are counted too.
    #[must_use]
    pub fn client(&self) -> Pve {
        let http = Arc::clone(&self.wire) as Arc<dyn Http>;
        let pve = Pve::seeded(http, self.credential.clone(), SEED).with_admin(self.admin.clone());
        pve.reaching(Arc::new(Guests(self.sim.clone())))
    }

    /// Every call so far, `GET /cluster/resources`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method.as_str(), request.path)).collect()
    }

    /// The same with all that was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.wire.state().log.clone()
    }
}

/// The network of the simulated guests.
pub(crate) struct Guests(pub(crate) Sim);

#[async_trait]
impl Reach for Guests {
    async fn knock(&self, at: SocketAddr) -> Answered {
        if self.0.reachable(at.ip()) { Answered::Open } else { Answered::Nobody }
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says what goes wrong with it.
    fn count(&self, request: &Request) -> Option<Fault> {
        let fault = self.strike(request.method != Method::Get);
        self.state().log.push(request.clone());
        fault
    }

    fn strike(&self, writes: bool) -> Option<Fault> {
        let mut state = self.state();
        if state.dead {
            return Some(Fault::Kill);
        }
        let fault = state.planned.filter(|(at, _)| *at == state.calls).map(|(_, fault)| fault);
        state.calls += 1;
        state.writes += u64::from(writes);
        fault
    }

    /// The program is killed: this call never returns, and no other does.
    async fn die<T>(&self) -> T {
        self.state().dead = true;
        self.struck.notify_waiters();
        pending().await
    }
}

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if self.state().dead {
            return pending().await;
        }
        let lost = || TransportError::Lost { host: "simulator".into(), reason: "connection reset by peer".into() };
        match self.count(&request) {
            None => self.sim.send(request).await,
            Some(Fault::Error) => Ok(Response {
                status: 595,
                reason: "No route to host".into(),
                content_type: String::new(),
                body: Vec::new(),
            }),
            Some(Fault::LostReply) => {
                self.sim.send(request).await?;
                Err(lost())
            }
            Some(Fault::Kill) => {
                self.sim.send(request).await?;
                self.die().await
            }
        }
    }
}

impl testing::World for SimWorld {
    fn providers(&self) -> Providers {
        let providers = Providers::default().with(self.site, self.client());
        match &self.net {
            Some(net) if self.counted => {
                providers.with(HOSTS, Hosts::of(machines::Counted::of(Arc::clone(&self.wire), Arc::clone(net))))
            }
            Some(net) => providers.with(HOSTS, Hosts::of(homelab_core::sim::Wire(Arc::clone(net)))),
            None => providers,
        }
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

    /// Guests with their configuration, what is pending, what they were started with, all volumes, and what is defined otherwise
    /// than in the beginning.
    fn inventory(&self) -> String {
        let world = self.sim.world();
        let mut text = String::new();
        for guest in world.guests.values() {
            let state = if guest.run.is_some() { "running" } else { "stopped" };
            let _ = writeln!(text, "{} on {}, {state}", guest.vmid, guest.node);
            let options =
                guest.config.iter().filter(|(key, _)| !["smbios1", "vmgenid", "meta"].contains(&key.as_str()));
            for (key, value) in options {
                let _ = writeln!(text, "  {key}: {}", without_mac(value));
            }
            for (key, value) in &guest.pending {
                let _ = writeln!(text, "  pending {key}: {}", without_mac(value));
            }
            for key in guest.deleting.keys() {
                let _ = writeln!(text, "  pending removal of {key}");
            }
            for (key, value) in guest.run.iter().flat_map(|run| &run.cloudinit) {
                let _ = writeln!(text, "  started with {key}: {value}");
            }
        }
        for volume in world.volumes.values() {
            let _ = writeln!(text, "{} on {}: {} bytes", volume.volid, volume.node, volume.size);
        }
        let now = definitions::definitions(&world);
        for line in now.difference(&self.fresh) {
            let _ = writeln!(text, "{line}");
        }
        for line in self.fresh.difference(&now) {
            let _ = writeln!(text, "gone: {line}");
        }
        if let Some(net) = self.net.as_ref().filter(|_| self.counted) {
            let _ = write!(text, "{}", net.inventory());
        }
        text
    }
}

/// Addresses that the server drew are another each time.
fn without_mac(value: &str) -> String {
    let parts = value.split(',').map(|part| match part.split_once('=') {
        Some((model, mac)) if mac.matches(':').count() == 5 => model,
        _ => part,
    });
    parts.collect::<Vec<_>>().join(",")
}
