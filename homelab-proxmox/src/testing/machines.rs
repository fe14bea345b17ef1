//! Messages to machines as calls of a world: they are counted with those of the API, and faults strike at them too.
use async_trait::async_trait;
use homelab_core::{
    host::{Batch, Machine, Network, OneOff, Reply, Spot},
    sim::{self, Net},
    ssh::SshError,
    testing::{Broken, Traffic},
};
use std::sync::Arc;

/// A network whose messages are counted.
#[derive(Clone)]
pub(super) struct Counted {
    traffic: Traffic,
    net: Arc<Net>,
}

impl Counted {
    pub(super) fn of(traffic: Traffic, net: Arc<Net>) -> Self {
        Counted { traffic, net }
    }

    fn line(&self, machine: Arc<dyn Machine>) -> Arc<dyn Machine> {
        Arc::new(Line { traffic: self.traffic.clone(), machine })
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
    traffic: Traffic,
    machine: Arc<dyn Machine>,
}

#[async_trait]
impl Machine for Line {
    fn name(&self) -> &str {
        self.machine.name()
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        let broken = |broken| {
            let reason = match broken {
                Broken::Before => "before the message had gone out",
                Broken::After => "before the answer had come",
            };
            Err(SshError::Closed { host: self.name().to_owned(), during: "a test".into(), reason: reason.to_owned() })
        };
        self.traffic.through(!batch.is_reading(), broken, self.machine.run(batch)).await
    }
}
