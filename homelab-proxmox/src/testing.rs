//! A simulated Proxmox VE for tests of labs (feature `testing`): a [`World`](homelab_core::testing::World) that counts its calls
//! and can be made to fail at each of them.
mod definitions;
mod machines;
mod shell;

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
    testing::{self, Broken, Traffic},
};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

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
    /// Whether root can be logged in to a node as, and nobody else is known.
    shell: bool,
    /// The network that its guests and nodes are in.
    net: Option<Arc<Net>>,
    /// Whether messages to machines are calls too.
    counted: bool,
    /// What was defined in the beginning.
    fresh: Arc<BTreeSet<String>>,
}

struct Wire {
    sim: Sim,
    traffic: Traffic,
    log: Mutex<Vec<Request>>,
}

impl SimWorld {
    /// Connects a lab's site to a simulator of this world. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Pve>, world: World) -> Self {
        let sim = Sim::new(world.with_token(TOKEN.0, TOKEN.1));
        let wire = Wire { sim: sim.clone(), traffic: Traffic::default(), log: Mutex::default() };
        let fresh = Arc::new(definitions::definitions(&sim.world()));
        SimWorld {
            site,
            sim,
            wire: Arc::new(wire),
            credential: Credential::token(TOKEN.0, TOKEN.1),
            admin: None,
            shell: false,
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

    /// The same, of which nothing is known but root's login to a node: as a fresh one is.
    ///
    /// # Panics
    /// As [`as_root`](SimWorld::as_root).
    #[must_use]
    pub fn with_shell(self) -> Self {
        self.sim.change(|world| world.with_password("root@pam", ROOT)).expect("a world in memory can be changed");
        SimWorld { shell: true, ..self }
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
        let pve = pve.reaching(Arc::new(Guests(self.sim.clone())));
        let pve = match &self.net {
            Some(net) if self.counted => {
                pve.logging_in_by(Arc::new(machines::Counted::of(self.wire.traffic.clone(), Arc::clone(net))))
            }
            Some(net) => pve.logging_in_by(Arc::new(homelab_core::sim::Wire(Arc::clone(net)))),
            None => pve,
        };
        if !self.shell {
            return pve;
        }
        let root = pve.with_credential(Credential::password("root@pam", ROOT));
        pve.with_shell(Some(Arc::new(shell::RootShell(root)))).for_nobody()
    }

    /// Every call that arrived so far, `GET /cluster/resources`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method.as_str(), request.path)).collect()
    }

    /// The same with all that was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.wire.log().clone()
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
    fn log(&self) -> MutexGuard<'_, Vec<Request>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Http for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let broken = |broken| match broken {
            Broken::Before => Ok(Response {
                status: 595,
                reason: "No route to host".into(),
                content_type: String::new(),
                body: Vec::new(),
            }),
            Broken::After => {
                Err(TransportError::Lost { host: "simulator".into(), reason: "connection reset by peer".into() })
            }
        };
        let writes = request.method != Method::Get;
        let call = async {
            self.log().push(request.clone());
            self.sim.send(request).await
        };
        self.traffic.through(writes, broken, call).await
    }
}

impl testing::World for SimWorld {
    fn providers(&self) -> Providers {
        let providers = Providers::default().with(self.site, self.client());
        match &self.net {
            Some(net) if self.counted => {
                providers.with(HOSTS, Hosts::of(machines::Counted::of(self.wire.traffic.clone(), Arc::clone(net))))
            }
            Some(net) => providers.with(HOSTS, Hosts::of(homelab_core::sim::Wire(Arc::clone(net)))),
            None => providers,
        }
    }

    fn traffic(&self) -> &Traffic {
        &self.wire.traffic
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
