//! Several nodes as one: any node of a cluster answers for all.
use crate::http::{Http, Request, Response, TransportError};
use async_trait::async_trait;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Sends to the node that answered last, and to the next one if it cannot be reached. Nothing was sent to a node that
/// was not reached, so this is safe for every call; after a lost answer no other node is asked.
pub struct Failover {
    nodes: Vec<Arc<dyn Http>>,
    good: AtomicUsize,
}

impl Failover {
    /// Tries `nodes` in this order.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn new(nodes: Vec<Arc<dyn Http>>) -> Self {
        assert!(!nodes.is_empty(), "a cluster has at least one node");
        Failover { nodes, good: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Http for Failover {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if let [only] = self.nodes.as_slice() {
            return only.send(request).await;
        }
        let first = self.good.load(Ordering::Relaxed);
        let mut unreached = Vec::new();
        for turn in 0..self.nodes.len() {
            let at = (first + turn) % self.nodes.len();
            match self.nodes[at].send(request.clone()).await {
                Err(TransportError::Unreached { host, reason }) => unreached.push((host, reason)),
                answer => {
                    self.good.store(at, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        let hosts: Vec<_> = unreached.iter().map(|(host, _)| host.as_str()).collect();
        let reasons: Vec<_> = unreached.iter().map(|(host, reason)| format!("{host}: {reason}")).collect();
        Err(TransportError::Unreached { host: hosts.join(" or "), reason: reasons.join("; ") })
    }
}
