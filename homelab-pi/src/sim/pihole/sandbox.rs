//! The sandbox: a simulated Pi-hole on loopback, reached by the real client and the real prober.
use super::{Served, Sim, Upstream, World};
use crate::{
    dns::{Prober, Sockets, Via, Wire},
    pihole::{
        Http, Pihole, PiholeAt,
        http::{Request, Response, TransportError},
        web_to,
    },
};
use async_trait::async_trait;
use homelab_core::{Failure, Sandbox, SecretValue};
use std::{io, net::SocketAddr, sync::Arc};

/// Nobody but this program talks to the simulator, so its password is no secret.
const PASSWORD: &str = "sandbox";
/// What a list on the web holds in the sandbox: names that stand for advertisers.
const ADS: [&str; 3] = ["ads.example.net", "metrics.example.net", "tracker.example.net"];

/// Starts, or goes on with, the simulated Pi-hole below the sandbox's directory.
pub(crate) async fn sandbox(at: &PiholeAt, sandbox: &Sandbox) -> Result<Pihole, Failure> {
    let failed = |e: io::Error| {
        Failure::new(format!("the sandbox cannot be started: {e}")).hint("`sandbox reset` starts afresh")
    };
    let names = at.names.iter().fold(Upstream::default(), |upstream, name| upstream.with(name, "A", "192.0.2.1"));
    let world = World::new().password(PASSWORD).set("dns.upstreams", serde_json::json!(["127.0.0.1#5335"]));
    let mut world = world.upstream(names);
    for list in &at.lists {
        world = world.web(list, &ADS);
    }
    let sim = Sim::persistent(&sandbox.dir().join(format!("pihole-{}", at.ip())), world).map_err(failed)?;
    let served = sim.serve().await.map_err(failed)?;
    let loopback = Arc::new(Loopback { web: web_to(&served.url)?, served });
    let dns = Prober::over(Arc::clone(&loopback) as Arc<dyn Wire>, at.dns());
    Ok(Pihole::connect(loopback, &format!("{} (simulated)", at.ip()), Some(SecretValue::from(PASSWORD)), dns))
}

/// The way to the simulator's ports. Whoever holds it keeps the simulator serving.
struct Loopback {
    web: Arc<dyn Http>,
    served: Served,
}

#[async_trait]
impl Http for Loopback {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.web.send(request).await
    }

    fn leave(&self, _: Request) {
        // It ends together with its sessions.
    }
}

#[async_trait]
impl Wire for Loopback {
    async fn exchange(&self, _: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        Sockets.exchange(self.served.dns, via, message).await
    }
}
