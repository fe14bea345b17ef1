//! The reading side: every read of the API, remembered or fresh.
use super::{call::Call, call::Params, core::Core};
use crate::{
    error::{Error, Result},
    http::Http,
};
use homelab_core::{
    host::{Hosts, Machine, Network, Spot},
    ssh::SshError,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    any::{Any, TypeId},
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;

/// Reads from a Proxmox VE. Cloning is cheap, and clones share what they remember.
///
/// A reader from [`Pve::reader`](super::Pve::reader) asks each question once: the listing of all guests, a guest's
/// configuration. Callers that ask at the same time wait for the same answer, so a wave of reads costs one listing and
/// one read for each guest. It sees the world as it was when asked first; take a new one after writing. The reader that a
/// [`Pve`](super::Pve) itself is remembers nothing.
#[derive(Clone)]
pub struct Reader {
    pub(crate) core: Arc<Core>,
    memory: Option<Arc<Memory>>,
}

type Remembered = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Answers by question and type.
#[derive(Default)]
struct Memory(Mutex<HashMap<(String, TypeId), Remembered>>);

impl Reader {
    pub(crate) fn fresh_on(core: Arc<Core>) -> Self {
        Reader { core, memory: None }
    }

    pub(crate) fn remembering(&self) -> Self {
        Reader { core: Arc::clone(&self.core), memory: Some(Arc::default()) }
    }

    /// Whether the credential is root@pam itself and may set what no token may.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.core.session.credential().is_root()
    }

    /// The machines of nodes, each logged in to anew; `None` where nobody said how.
    pub(crate) fn machines(&self) -> Option<Hosts> {
        struct Way(Arc<dyn Network>);
        impl Network for Way {
            fn machine(&self, spot: &Spot) -> std::result::Result<Arc<dyn Machine>, SshError> {
                self.0.machine(spot)
            }
        }
        self.core.machines.get().map(|network| Hosts::of(Way(Arc::clone(network))))
    }

    /// Nodes whose staged network changes are this program's own.
    pub(crate) fn staging(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.core.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the server.
    pub(crate) fn transport(&self) -> Arc<dyn Http> {
        Arc::clone(&self.core.http)
    }

    /// The user that the credential is of, `NAME@REALM`: a token's own user too.
    #[must_use]
    pub fn user(&self) -> &str {
        self.core.session.credential().user()
    }

    /// The token that the credential is, `NAME@REALM!TOKEN`; nothing if it is a password.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match self.core.session.credential() {
            super::Credential::Token { id, .. } => Some(id),
            super::Credential::Ticket { .. } => None,
        }
    }

    /// Any read of the API: `path` after `/api2/json`, encoded, with a leading slash. Never remembered.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn get(&self, path: &str, params: Params) -> Result<Value> {
        Ok(self.core.call(&Call::get("read", path, path).with(params)).await?.data)
    }

    /// Reads without remembering.
    pub(crate) async fn fresh<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let answer = self.core.call(&call).await?;
        answer.decode().map_err(|cause| Error::new(call.operation, call.object, cause, 1))
    }

    /// Reads, or gives back what was read before.
    pub(crate) async fn once<T: DeserializeOwned + Send + Sync + 'static>(&self, call: Call) -> Result<Arc<T>> {
        let Some(memory) = &self.memory else { return self.fresh(call).await.map(Arc::new) };
        let cell = {
            let mut cells = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry((call.line(), TypeId::of::<T>())).or_default())
        };
        let read =
            async || self.fresh::<T>(call.clone()).await.map(|answer| Arc::new(answer) as Arc<dyn Any + Send + Sync>);
        let answer = cell.get_or_try_init(read).await?;
        match Arc::clone(answer).downcast() {
            Ok(answer) => Ok(answer),
            Err(_) => unreachable!("answers are remembered by their type"),
        }
    }
}
