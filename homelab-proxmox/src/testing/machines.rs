//! Messages to machines as calls of a world: they are counted with those of the API, and faults strike at them too.
use super::{Fault, Wire};
use async_trait::async_trait;
use homelab_core::{
    host::{Batch, Machine, Network, OneOff, Reply, Spot},
    sim::{self, Net},
    ssh::SshError,
};
use std::{future::pending, sync::Arc};

/// A network whose messages are counted.
#[derive(Clone)]
pub(super) struct Counted {
    wire: Arc<Wire>,
    net: Arc<Net>,
}

impl Counted {
    pub(super) fn of(wire: Arc<Wire>, net: Arc<Net>) -> Self {
        Counted { wire, net }
    }

    fn line(&self, machine: Arc<dyn Machine>) -> Arc<dyn Machine> {
        Arc::new(Line { wire: Arc::clone(&self.wire), machine })
    }
}

impl Network for Counted {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(self.line(sim::Wire(Arc::clone(&self.net)).machine(spot)?))
    }

    fn one_off(&self) -> Result<Arc<dyn OneOff>, SshError> {
        Ok(Arc::new(Key { network: self.clone(), key: sim::Wire(Arc::clone(&self.net)).one_off()? }))
    }
}

struct Key {
    network: Counted,
    key: Arc<dyn OneOff>,
}

impl OneOff for Key {
    fn public(&self) -> &str {
        self.key.public()
    }

    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(self.network.line(self.key.machine(spot)?))
    }
}

struct Line {
    wire: Arc<Wire>,
    machine: Arc<dyn Machine>,
}

#[async_trait]
impl Machine for Line {
    fn name(&self) -> &str {
        self.machine.name()
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        if self.wire.state().dead {
            return pending().await;
        }
        let lost = |reason: &str| SshError::Closed {
            host: self.name().to_owned(),
            during: "a test".into(),
            reason: reason.to_owned(),
        };
        match self.wire.strike(!batch.is_reading()) {
            None => self.machine.run(batch).await,
            Some(Fault::Error) => Err(lost("before the message had gone out")),
            Some(Fault::LostReply) => {
                let _effect = self.machine.run(batch).await;
                Err(lost("before the answer had come"))
            }
            Some(Fault::Kill) => {
                let _effect = self.machine.run(batch).await;
                self.wire.die().await
            }
        }
    }
}
