//! Whether names are answered: what a new system has to prove before it may stay.
use crate::{
    dns::{Prober, Sockets, Wire},
    verify::Verify,
};
use async_trait::async_trait;
use homelab_core::{
    Failure,
    host::{Batch, Command, Hosts, Spot, probe},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// A name of the Internet that has been there for decades, for everybody.
pub(crate) const PUBLIC: &str = "example.com";
/// So long a system may take until it answers: FTL loads its lists first.
const WITHIN: Duration = Duration::from_secs(60);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_secs(2);

/// The way names are asked for from here.
#[async_trait]
pub trait Answers: Send + Sync {
    /// Asks a server for a public name, and for names of the lab that must lead to these addresses.
    ///
    /// # Errors
    /// With the layer that is broken, as far as it can be told from here.
    async fn ask(&self, server: IpAddr, ours: &[(String, IpAddr)]) -> Result<(), Failure>;

    /// How a server is asked, for whoever wants to know all of it.
    fn prober(&self, server: IpAddr) -> Prober;
}

/// Asks from the Pi and from here until both are answered.
///
/// # Errors
/// The last thing that was wrong when the time was over.
pub(super) async fn proven(
    answers: &dyn Answers,
    hosts: &Hosts,
    spot: &Spot,
    ours: &[(String, IpAddr)],
) -> Result<(), Failure> {
    let until = Instant::now() + WITHIN;
    loop {
        let tried = match on_the_pi(hosts, spot, ours).await {
            Ok(()) => answers.ask(spot.address, ours).await,
            broken => broken,
        };
        match tried {
            Ok(()) => return Ok(()),
            Err(e) if Instant::now() >= until => return Err(e),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Asks Pi-hole and Unbound on the Pi itself: that tells a firewall from a name server.
async fn on_the_pi(hosts: &Hosts, spot: &Spot, ours: &[(String, IpAddr)]) -> Result<(), Failure> {
    let dig = |port: &str, name: &str| {
        let argv = ["+short", "+time=2", "+tries=1", "@127.0.0.1", "-p", port, name, "A"];
        probe::command(Command::new("dig").args(argv))
    };
    let mut batch = Batch::new();
    let unbound = batch.ask(dig("5335", PUBLIC));
    let pihole = batch.ask(dig("53", PUBLIC));
    let local = ours.first().map(|(name, address)| (batch.ask(dig("53", name)), name, address));
    let replies = hosts.ask(spot, &batch).await?;
    let said = |output: homelab_core::host::Output| match output.is_success() {
        true => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        false => String::new(),
    };
    if said(unbound.of(&replies)?).is_empty() {
        return Err(Failure::new(format!("Unbound on {spot} does not resolve {PUBLIC}")).hint(
            "look at `journalctl -u unbound` on the Pi; a wrong clock, or port 53 closed by the provider, does this",
        ));
    }
    if said(pihole.of(&replies)?).is_empty() {
        return Err(Failure::new(format!("Pi-hole on {spot} does not resolve {PUBLIC}, although Unbound does"))
            .hint("look at `journalctl -u pihole-ftl` on the Pi; another program may hold port 53"));
    }
    if let Some((slot, name, address)) = local {
        let seen = said(slot.of(&replies)?);
        if !seen.lines().any(|line| line == address.to_string()) {
            return Err(Failure::new(format!("Pi-hole on {spot} says that {name} is at `{seen}`, not at {address}"))
                .hint("its settings did not take: look at `journalctl -u pihole-ftl` on the Pi"));
        }
    }
    Ok(())
}

/// Asks over a network: what the verifier calls vital.
#[derive(Clone)]
pub struct FromHere(Arc<dyn Wire>);

impl FromHere {
    /// Over this wire.
    #[must_use]
    pub fn over(wire: Arc<dyn Wire>) -> FromHere {
        FromHere(wire)
    }
}

/// Over the sockets of this machine.
impl Default for FromHere {
    fn default() -> Self {
        FromHere::over(Arc::new(Sockets))
    }
}

#[async_trait]
impl Answers for FromHere {
    async fn ask(&self, server: IpAddr, ours: &[(String, IpAddr)]) -> Result<(), Failure> {
        let verify = Verify::with(self.prober(server)).public(PUBLIC);
        let verify = ours.iter().fold(verify, |verify, (name, address)| verify.local(name, [*address]));
        let report = verify.run().await;
        let vital = report.failures().find(|(probe, ..)| probe.is_vital());
        match vital {
            None => Ok(()),
            Some((probe, why, fix)) => {
                Err(Failure::new(format!("{server} does not answer from here ({}): {why}", probe.word())).hint(fix))
            }
        }
    }

    fn prober(&self, server: IpAddr) -> Prober {
        Prober::over(Arc::clone(&self.0), SocketAddr::new(server, PORT))
    }
}

/// The port of names.
const PORT: u16 = 53;
