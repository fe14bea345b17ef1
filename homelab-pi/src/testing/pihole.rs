//! A simulated Pi-hole for tests of labs (feature `testing`): a [`World`](homelab_core::testing::World) that counts its calls and
//! can be made to fail at each of them.
use crate::{
    dns::{Prober, Wire},
    pihole::{
        Http, Pihole,
        http::{Method, Request, Response, TransportError},
    },
    sim::pihole::{Sim, World},
};
use async_trait::async_trait;
use homelab_core::{
    Providers, SecretValue, Site,
    testing::{self, Broken, Traffic},
};
use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The password that tests use.
pub const PASSWORD: &str = "correct horse battery";
/// Where the simulated name service is, to those who ask.
pub const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 53)), 53);

/// A simulator behind a wire that can break.
#[derive(Clone)]
pub struct PiholeWorld {
    site: Site<Pihole>,
    sim: Sim,
    wire: Arc<Breakable>,
}

struct Breakable {
    sim: Sim,
    traffic: Traffic,
    log: Mutex<Vec<String>>,
}

impl PiholeWorld {
    /// Connects a lab's site to a simulator of this world, whose password is [`PASSWORD`]. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(site: Site<Pihole>, world: World) -> PiholeWorld {
        PiholeWorld::open(site, world.password(PASSWORD))
    }

    /// The same with whatever password the world has.
    #[must_use]
    pub fn open(site: Site<Pihole>, world: World) -> PiholeWorld {
        let sim = Sim::new(world);
        let wire = Arc::new(Breakable { sim: sim.clone(), traffic: Traffic::default(), log: Mutex::default() });
        PiholeWorld { site, sim, wire }
    }

    /// The simulator, for tests that look behind the API.
    #[must_use]
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// A client of its own. Its calls are counted too.
    #[must_use]
    pub fn client(&self) -> Pihole {
        let password = Some(SecretValue::from(PASSWORD));
        Pihole::connect(Arc::clone(&self.wire) as Arc<dyn Http>, "192.168.0.53", password, self.prober())
    }

    /// The name service, asked in process.
    #[must_use]
    pub fn prober(&self) -> Prober {
        Prober::over(Arc::new(self.sim.clone()) as Arc<dyn Wire>, SERVER)
    }

    /// Every call so far: `PUT /config/dns/hosts/..`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.wire.log().clone()
    }
}

impl Breakable {
    fn log(&self) -> MutexGuard<'_, Vec<String>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Http for Breakable {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let broken = |broken| {
            let host = "simulator".to_owned();
            Err(match broken {
                Broken::Before => TransportError::Unreached { host, reason: "connection refused".into() },
                Broken::After => TransportError::Lost { host, reason: "connection reset by peer".into() },
            })
        };
        // Logging in and out changes nothing that exists.
        let writes = request.method != Method::Get && request.path != "/auth";
        let arrives = async {
            self.log().push(format!("{request:?}"));
            self.sim.send(request).await
        };
        self.traffic.through(writes, broken, arrives).await
    }

    fn leave(&self, request: Request) {
        if !self.traffic.is_dead() {
            self.sim.leave(request);
        }
    }
}

impl testing::World for PiholeWorld {
    fn providers(&self) -> Providers {
        Providers::default().with(self.site, self.client())
    }

    fn traffic(&self) -> &Traffic {
        &self.wire.traffic
    }

    /// Settings, groups, rules, lists and clients, by name: the order of lines and numbers mean nothing.
    fn inventory(&self) -> String {
        let world = self.sim.world();
        let names = |ids: &[u32]| {
            let name = |id: &u32| world.groups.iter().find(|g| g.id == *id).map_or("?", |g| &g.name).to_owned();
            let mut names: Vec<String> = ids.iter().map(name).collect();
            names.sort_unstable();
            names.join("+")
        };
        let comment = |comment: &Option<String>| comment.clone().unwrap_or_default();
        let mut lines: Vec<String> = vec![];
        for g in &world.groups {
            lines.push(format!("group {} {} {}", g.name, g.enabled, comment(&g.comment)));
        }
        for d in &world.domains {
            lines.push(format!(
                "{} {} {} {} {} {}",
                d.kind,
                d.form,
                d.domain,
                d.enabled,
                names(&d.groups),
                comment(&d.comment)
            ));
        }
        for l in &world.lists {
            let all = (l.status, l.domains.len());
            lines.push(format!(
                "{} {} {} {} {} {all:?}",
                l.kind,
                l.address,
                l.enabled,
                names(&l.groups),
                comment(&l.comment)
            ));
        }
        for c in &world.clients {
            lines.push(format!("client {} {} {}", c.client, names(&c.groups), comment(&c.comment)));
        }
        for list in ["dns.hosts", "dns.cnameRecords"] {
            lines.extend(world.lines(list).into_iter().map(|line| format!("{list} {line}")));
        }
        lines.sort_unstable();
        let mut config = world.config.clone();
        for list in ["hosts", "cnameRecords"] {
            config["dns"][list].take();
        }
        let mut text = lines.join("\n");
        let _ = write!(text, "\n{config}\npassword {}", world.password.unwrap_or_default());
        text
    }
}
