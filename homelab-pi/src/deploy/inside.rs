//! The Pi itself as the verifier asks it: over the connection that there is anyway, and nothing is changed.
use crate::verify::Inside;
use async_trait::async_trait;
use homelab_core::{
    Failure,
    host::{Batch, Hosts, Reply, Spot},
};
use std::sync::Arc;

/// One Pi, to be asked.
pub(crate) struct OnThePi {
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) spot: Spot,
}

#[async_trait]
impl Inside for OnThePi {
    async fn ask(&self, batch: &Batch) -> Result<Vec<Reply>, Failure> {
        self.hosts.ask(&self.spot, batch).await
    }

    fn is_pinned(&self) -> bool {
        self.spot.key.is_some()
    }
}
