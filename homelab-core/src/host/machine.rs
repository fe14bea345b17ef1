//! The seam: a machine that answers batches, over SSH or in memory.
use super::{Batch, Reply};
use crate::ssh::SshError;
use async_trait::async_trait;

/// A machine. One call is one message to it and one answer, whatever is in the batch.
#[async_trait]
pub trait Machine: Send + Sync {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// Asks and does what the batch says; one reply for each of its items, in order.
    ///
    /// # Errors
    /// When the machine cannot be reached, or was lost before it had answered everything. What a batch that changes something
    /// had done by then is not known; look again.
    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError>;
}
