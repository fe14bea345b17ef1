//! Logging in to a machine that is about to be made, with a key that is made for it and known to nobody else.
use super::{Batch, HostPath, Hosts, Machine, Network, Spot, probe};
use crate::{Failure, ssh::SshError};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long a machine is waited for until it lets us in: sshd may refuse everybody while the system starts.
const LETS_IN: Duration = Duration::from_secs(300);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// A key for one machine: in memory only, and gone with this.
pub trait OneOff: Send + Sync {
    /// Its public half, as in `authorized_keys`.
    fn public(&self) -> &str;

    /// The machine at a spot, logged in to with this key alone. Nothing is connected yet.
    ///
    /// # Errors
    /// When there can be none.
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError>;
}

/// A machine that is about to be made, and the key that will open it.
pub struct Visit {
    key: Arc<dyn OneOff>,
    pub(super) spot: Spot,
}

impl Visit {
    /// The public half of its key: what makes the machine lets it in.
    #[must_use]
    pub fn public_key(&self) -> &str {
        self.key.public()
    }

    /// The same, knowing the host key that the machine must show (`ssh-ed25519 AAAA..`). Without one it is held to the key that it
    /// shows first: it was made a moment ago, and nobody knows one.
    #[must_use]
    pub fn pinned(mut self, key: Option<String>) -> Self {
        self.spot.key = key;
        self
    }

    /// All of it that others need.
    pub(super) fn hosts(&self) -> Hosts {
        Hosts::of(Pinned { key: Arc::clone(&self.key), pin: self.spot.key.clone() })
    }

    /// Waits until it lets us in.
    pub(super) async fn enter(&self, hosts: &Hosts, waits: &(dyn Fn(String) + Sync)) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.ask(probe::stat(HostPath::at("/")));
        let began = Instant::now();
        loop {
            match hosts.ask(&self.at(), &batch).await {
                Ok(_) => return Ok(()),
                Err(failure) if began.elapsed() >= LETS_IN => return Err(failure),
                Err(failure) => waits(format!("waits to be let in ({} s): {failure}", began.elapsed().as_secs())),
            }
            sleep(PAUSE).await;
        }
    }

    /// Where it is, as those say it who live on it: they know of no host key.
    pub(super) fn at(&self) -> Spot {
        Spot { key: None, ..self.spot.clone() }
    }
}

impl Hosts {
    /// A way to a machine that is about to be made.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn visit(&self, address: IpAddr, login: &str) -> Result<Visit, Failure> {
        Ok(Visit { key: self.network().one_off()?, spot: Spot::at(address).login(login) })
    }
}

/// The one machine that the key opens.
struct Pinned {
    key: Arc<dyn OneOff>,
    pin: Option<String>,
}

impl Network for Pinned {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        self.key.machine(&Spot { key: self.pin.clone(), ..spot.clone() })
    }
}
