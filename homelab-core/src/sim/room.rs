//! A network of machines as a world for tests (feature `testing`): each message to a machine is a call, and any may fail.
use super::{Computer, Net, SimMachine, Wire};
use crate::{
    Providers,
    host::{Batch, HOSTS, Hosts, Machine, Network, OneOff, Reply, Spot},
    ssh::SshError,
    testing::{Fault, World},
};
use async_trait::async_trait;
use std::{
    future::{Future, pending},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// How long a message is under way, so that what runs at the same time overlaps.
const UNDER_WAY: Duration = Duration::from_millis(10);

/// A network with machines, for [`Bench`](crate::testing::Bench) and [`conformance`](crate::testing::conformance()). Clones share
/// it. What is on the machines in the beginning is what tests put there.
#[derive(Clone)]
pub struct Room(Arc<Inner>);

struct Inner {
    net: Arc<Net>,
    calls: Mutex<Calls>,
    killed: watch::Sender<bool>,
}

#[derive(Default)]
struct Calls {
    all: u64,
    writes: u64,
    fault: Option<(u64, Fault)>,
}

impl Default for Room {
    fn default() -> Self {
        Room(Arc::new(Inner { net: Net::new(), calls: Mutex::default(), killed: watch::Sender::new(false) }))
    }
}

impl Room {
    /// A room with one machine that is on.
    #[must_use]
    pub fn with(name: &str, address: impl Into<IpAddr>) -> Self {
        let room = Room::default();
        room.put(name, address);
        room
    }

    /// One machine more, switched on.
    pub fn put(&self, name: &str, address: impl Into<IpAddr>) {
        self.0.net.switch_on(name, Computer::named(name, [address.into()]));
    }

    /// The network, to switch machines on and off.
    #[must_use]
    pub fn net(&self) -> &Arc<Net> {
        &self.0.net
    }

    /// What is inside a machine, to look or meddle behind everybody's back. Not a call.
    ///
    /// # Panics
    /// When there is none of this name.
    #[must_use]
    #[track_caller]
    pub fn machine(&self, name: &str) -> Arc<SimMachine> {
        self.0.net.machine(name).unwrap_or_else(|| panic!("there is no machine `{name}` in this room"))
    }

    fn calls_made(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for Room {
    fn providers(&self) -> Providers {
        Providers::default().with(HOSTS, Hosts::of(self.clone()))
    }
    fn calls(&self) -> u64 {
        self.calls_made().all
    }
    fn writes(&self) -> u64 {
        self.calls_made().writes
    }
    fn fail(&self, after: u64, fault: Fault) {
        let mut calls = self.calls_made();
        calls.fault = Some((calls.all + after + 1, fault));
    }
    fn killed(&self) -> impl Future<Output = ()> + Send {
        let mut killed = self.0.killed.subscribe();
        async move {
            // The room outlives whoever waits for it.
            let _ = killed.wait_for(|k| *k).await;
        }
    }
    fn heal(&self) {
        self.calls_made().fault = None;
        self.0.killed.send_replace(false);
    }
    fn inventory(&self) -> String {
        self.0.net.inventory()
    }
}

impl Network for Room {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        let wire = Wire(Arc::clone(&self.0.net)).machine(spot)?;
        Ok(Arc::new(Counted { room: self.clone(), wire }))
    }

    fn one_off(&self) -> Result<Arc<dyn OneOff>, SshError> {
        Wire(Arc::clone(&self.0.net)).one_off()
    }
}

/// A machine whose messages are counted.
struct Counted {
    room: Room,
    wire: Arc<dyn Machine>,
}

#[async_trait]
impl Machine for Counted {
    fn name(&self) -> &str {
        self.wire.name()
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        tokio::time::sleep(UNDER_WAY).await;
        if *self.room.0.killed.borrow() {
            pending::<()>().await;
        }
        let fault = {
            let mut calls = self.room.calls_made();
            calls.all += 1;
            calls.writes += u64::from(!batch.is_reading());
            let at = calls.all;
            calls.fault.take_if(|(n, _)| *n == at).map(|(_, fault)| fault)
        };
        let lost = |reason: &str| SshError::Closed {
            host: self.name().to_owned(),
            during: "a test".into(),
            reason: reason.to_owned(),
        };
        if fault == Some(Fault::Error) {
            return Err(lost("before the message had gone out"));
        }
        let replies = self.wire.run(batch).await;
        match fault {
            Some(Fault::LostReply) => Err(lost("before the answer had come")),
            Some(Fault::Kill) => {
                self.room.0.killed.send_replace(true);
                pending().await
            }
            _ => replies,
        }
    }
}
