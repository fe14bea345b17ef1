//! The name servers of a sandbox on loopback, reached by the real client and the real prober. Whoever asks for the one at an address gets
//! the same: the site of the Pis that run it, and the site of what is declared on it.
use super::{Served, Sim, World};
use crate::{
    dns::{Prober, Sockets, Via, Wire},
    pihole::{
        Http, Pihole, PiholeAt,
        http::{Request, Response, TransportError},
        web_to,
    },
};
use async_trait::async_trait;
use homelab_core::{Connecting, Failure, Sandbox, SecretValue};
use std::{
    collections::BTreeMap,
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::sync::Mutex;

/// Nobody but this program talks to the simulator, so its password is no secret.
const PASSWORD: &str = "sandbox";
/// What a list on the web holds in the sandbox: names that stand for advertisers.
const ADS: [&str; 3] = ["ads.example.net", "metrics.example.net", "tracker.example.net"];
/// The port of names.
const DNS: u16 = 53;

/// All of them, by address.
#[derive(Default)]
struct Servers(Mutex<BTreeMap<IpAddr, Arc<Server>>>);

/// One of them. Whoever holds it keeps it serving.
pub(crate) struct Server {
    /// What answers.
    pub(crate) sim: Sim,
    address: IpAddr,
    web: Arc<dyn Http>,
    served: Served,
}

/// The name server at an address, started or gone on with below the sandbox's directory. It lets these names resolve, beside those that a
/// verification asks for, and has these lists on its web, which hold the names that are to be blocked.
pub(crate) async fn server(
    sandbox: &Sandbox,
    address: IpAddr,
    names: &[String],
    lists: &[String],
    blocked: &[String],
) -> Result<Arc<Server>, Failure> {
    let failed = |e: io::Error| {
        Failure::new(format!("the sandbox cannot be started: {e}")).hint("`sandbox reset` starts afresh")
    };
    let servers = sandbox.shared(Servers::default);
    let mut servers = servers.0.lock().await;
    let server = match servers.get(&address) {
        Some(server) => Arc::clone(server),
        None => {
            let world = World::new().password(PASSWORD).set("dns.upstreams", serde_json::json!(["127.0.0.1#5335"]));
            let sim = Sim::persistent(&sandbox.dir().join(format!("pihole-{address}")), world).map_err(failed)?;
            let served = sim.serve().await.map_err(failed)?;
            let server = Arc::new(Server { sim, address, web: web_to(&served.url)?, served });
            servers.insert(address, Arc::clone(&server));
            server
        }
    };
    let domains: Vec<String> = ADS.into_iter().map(str::to_owned).chain(blocked.iter().cloned()).collect();
    server.sim.change(|world| {
        let lists = lists.iter().map(|list| (list.as_str(), domains.clone()));
        world.offer(names.iter().chain(blocked).map(String::as_str), lists);
    });
    Ok(server)
}

impl Server {
    /// Its API, with the password that lets in.
    pub(crate) fn client(self: &Arc<Self>) -> Pihole {
        let loopback = Arc::new(Loopback(vec![Arc::clone(self)]));
        let dns = Prober::over(Arc::clone(&loopback) as Arc<dyn Wire>, SocketAddr::new(self.address, DNS));
        let host = format!("{} (simulated)", self.address);
        Pihole::connect(loopback, &host, Some(SecretValue::from(PASSWORD)), dns)
    }
}

/// Starts, or goes on with, the simulated Pi-hole of a site.
pub(crate) fn sandbox<'a>(at: &'a PiholeAt, sandbox: &'a Sandbox) -> Connecting<'a, Pihole> {
    Box::pin(begin(at, sandbox))
}

async fn begin(at: &PiholeAt, sandbox: &Sandbox) -> Result<Pihole, Failure> {
    let server = server(sandbox, at.ip(), &at.names, &at.lists, &[]).await?;
    Ok(server.client())
}

/// The way to the ports of name servers, by the addresses that they have in the lab.
pub(crate) struct Loopback(pub(crate) Vec<Arc<Server>>);

#[async_trait]
impl Http for Loopback {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        match self.0.first() {
            Some(server) => server.web.send(request).await,
            None => Err(TransportError::Unreached { host: "nobody".into(), reason: "no route to host".into() }),
        }
    }

    fn leave(&self, _: Request) {
        // It ends together with its sessions.
    }
}

#[async_trait]
impl Wire for Loopback {
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        match self.0.iter().find(|server| server.address == at.ip()) {
            Some(server) => Sockets.exchange(server.served.dns, via, message).await,
            None => pending().await,
        }
    }
}
