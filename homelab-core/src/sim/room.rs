//! A network of machines as a world for tests (feature `testing`): each message to a machine is a call, and any may fail.
use super::{Computer, Net, SimMachine, Wire};
use crate::{
    Providers,
    host::{Batch, HOSTS, Hosts, Machine, Network, OneOff, Reply, Spot},
    ssh::SshError,
    testing::{Broken, Traffic, World},
};
use async_trait::async_trait;
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a message is under way, so that what runs at the same time overlaps.
const UNDER_WAY: Duration = Duration::from_millis(10);

/// A network with machines, for [`Bench`](crate::testing::Bench) and [`conformance`](crate::testing::conformance()). Clones share
/// it. What is on the machines in the beginning is what tests put there.
#[derive(Clone)]
pub struct Room(Arc<Inner>);

struct Inner {
    net: Arc<Net>,
    traffic: Traffic,
}

impl Default for Room {
    fn default() -> Self {
        Room(Arc::new(Inner { net: Net::new(), traffic: Traffic::default() }))
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
}

impl World for Room {
    fn providers(&self) -> Providers {
        Providers::default().with(HOSTS, Hosts::of(self.clone()))
    }
    fn traffic(&self) -> &Traffic {
        &self.0.traffic
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
        let broken = |broken| {
            let reason = match broken {
                Broken::Before => "before the message had gone out",
                Broken::After => "before the answer had come",
            };
            Err(SshError::Closed { host: self.name().to_owned(), during: "a test".into(), reason: reason.to_owned() })
        };
        self.room.0.traffic.through(!batch.is_reading(), broken, self.wire.run(batch)).await
    }
}
