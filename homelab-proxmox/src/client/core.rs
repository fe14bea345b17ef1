//! What all handles of one connection share: the wire, the session, the attempts, the ids given out.
use super::{Answer, auth::Session, call::Call, ids::Ids, retry::Retry};
use crate::{
    error::{Error, Result},
    http::Http,
};
use homelab_core::host::Network;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock},
};
use tokio::time::sleep;

pub(crate) struct Core {
    pub(crate) http: Arc<dyn Http>,
    pub(crate) session: Session,
    pub(crate) retry: Retry,
    pub(crate) ids: Ids,
    /// How the machines of nodes are logged in to.
    pub(crate) machines: OnceLock<Arc<dyn Network>>,
    /// Nodes of which this program staged network changes that are not loaded yet, in this run or in one that was cut off.
    pub(crate) staging: Mutex<BTreeSet<String>>,
}

impl Core {
    /// Sends `call`, and sends it again where that is safe.
    pub(crate) async fn call(&self, call: &Call) -> Result<Answer> {
        let mut attempts = 1;
        let mut renewed = false;
        loop {
            let headers = self.session.headers(&*self.http, &self.retry, call.method).await?;
            let cause = match call.send(&*self.http, headers).await {
                Ok(answer) => return Ok(answer),
                Err(cause) => cause,
            };
            // A ticket ends early when the cluster's key changes. A refused call did nothing, whatever it was.
            if !renewed && cause.is_unauthorised() && self.session.forget().await {
                renewed = true;
                continue;
            }
            match self.retry.pause(call.method, &cause, attempts) {
                Some(pause) => sleep(pause).await,
                None => return Err(Error::new(call.operation, &call.object, cause, attempts)),
            }
            attempts += 1;
        }
    }
}
