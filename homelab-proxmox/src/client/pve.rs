//! The client of one Proxmox VE: everything that can be read, and, with a permit, written.
use super::{
    Credential, Failover, Reader, Task, Upid,
    auth::Session,
    call::{Call, Params},
    core::Core,
    https::{Endpoint, Https},
    ids::Ids,
    retry::Retry,
};
use crate::{
    api::scalar,
    error::{Cause, Error, Result},
    http::{Http, Method, Request, Response, TransportError},
    root::Root,
    site::{Network, Reach},
};
use async_trait::async_trait;
use homelab_core::{
    Failure, Permit,
    host::{self, Machine},
    tls::Trust,
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, OnceLock},
};

/// One Proxmox VE, a single node or a cluster. Cloning is cheap.
///
/// It is a [`Reader`] that remembers nothing, and it writes: every method that changes the world takes the [`Permit`] of
/// an agreed plan.
#[derive(Clone)]
pub struct Pve {
    reader: Reader,
    reach: Arc<dyn Reach>,
    /// Who may give rights to others: by his password, or by his shell on a node.
    admin: Option<Credential>,
    shell: Option<Arc<dyn Machine>>,
    /// How others than who asks here reach it, if not the same way.
    wire: Option<Arc<dyn Http>>,
}

impl Deref for Pve {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// What is needed to talk to a real one.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Nodes of one cluster; any of them answers for all, and the next is asked if one cannot be reached.
    pub endpoints: Vec<Endpoint>,
    /// How their certificates are checked.
    pub trust: Trust,
    /// Who we are.
    pub credential: Credential,
}

impl Pve {
    /// Sets up a connection. Nothing is sent yet.
    ///
    /// # Errors
    /// If there is no endpoint, or the certificates to trust cannot be used.
    pub fn connect(connection: Connection) -> Result<Pve> {
        let Connection { endpoints, trust, credential } = connection;
        let hosts = endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let setup = |reason: String| Error::new("connect to", hosts.clone(), Cause::Setup(reason), 1);
        if endpoints.is_empty() {
            return Err(setup("no address of a node is given".to_owned()));
        }
        let tls = trust.config().map_err(setup)?;
        let node = |endpoint| Https::new(endpoint, &tls).map(|node| Arc::new(node) as Arc<dyn Http>);
        let nodes: Result<Vec<_>, String> = endpoints.into_iter().map(node).collect();
        Ok(Pve::over(Arc::new(Failover::new(nodes.map_err(setup)?)), credential))
    }

    /// A client over any transport: a simulator in process, or a recording.
    #[must_use]
    pub fn over(http: Arc<dyn Http>, credential: Credential) -> Pve {
        Pve::with_retry(http, credential, Retry::new())
    }

    /// As [`over`](Pve::over), with pauses between attempts that are the same for the same `seed`.
    #[must_use]
    pub fn seeded(http: Arc<dyn Http>, credential: Credential, seed: u64) -> Pve {
        Pve::with_retry(http, credential, Retry::seeded(seed))
    }

    fn with_retry(http: Arc<dyn Http>, credential: Credential, retry: Retry) -> Pve {
        let core = Core {
            http,
            session: Session::new(credential),
            retry,
            ids: Ids::default(),
            machines: OnceLock::new(),
            staging: Mutex::default(),
        };
        Pve { reader: Reader::fresh_on(Arc::new(core)), reach: Arc::new(Network), admin: None, shell: None, wire: None }
    }

    /// The same, with guests that are reached by another network than this machine's: a simulated one.
    #[must_use]
    pub fn reaching(self, reach: Arc<dyn Reach>) -> Pve {
        Pve { reach, ..self }
    }

    /// The same, with nodes whose machines are logged in to by this network: what no call of the API can do is done there. Said once;
    /// what is said later counts for nothing.
    #[must_use]
    pub fn logging_in_by(self, machines: Arc<dyn host::Network>) -> Pve {
        self.reader.core.machines.get_or_init(|| machines);
        self
    }

    /// The same Proxmox VE, asked by somebody else.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Pve {
        let wire = self.wire.clone().unwrap_or_else(|| self.reader.transport());
        let other = Pve::with_retry(wire, credential, Retry::new());
        let other = Pve { reach: Arc::clone(&self.reach), ..other };
        match self.reader.core.machines.get() {
            Some(machines) => other.logging_in_by(Arc::clone(machines)),
            None => other,
        }
    }

    /// The same, and it knows who may give rights to others: root, with his password.
    #[must_use]
    pub fn with_admin(self, admin: Option<Credential>) -> Pve {
        Pve { admin, ..self }
    }

    /// The same, and it knows a node where root can be logged in as.
    #[must_use]
    pub fn with_shell(self, node: Option<Arc<dyn Machine>>) -> Pve {
        Pve { shell: node, ..self }
    }

    /// The same, of which nobody is known who could ask: all that can be done is to give rights, by root's shell.
    #[must_use]
    pub fn for_nobody(self) -> Pve {
        let wire = self.wire.clone().unwrap_or_else(|| self.reader.transport());
        let nobody = Pve::over(Arc::new(Nobody), Credential::token("nobody@pve!none", ""));
        Pve { reader: nobody.reader, wire: Some(wire), ..self }
    }

    /// Who may give rights to others.
    ///
    /// # Errors
    /// When nobody said who that is.
    pub(crate) fn root(&self) -> std::result::Result<Root, Failure> {
        match (&self.admin, &self.shell) {
            (Some(admin), _) => Ok(Root::Api(self.with_credential(admin.clone()))),
            (None, Some(node)) => Ok(Root::Shell(Arc::clone(node))),
            (None, None) => Err(Failure::unusable(
                "tokens, users and roles are given by root, and neither his password nor a node to log in to is configured",
            )
            .hint(
                "set PROXMOX_SSH=root@NODE, or PROXMOX_USERNAME=root@pam and PROXMOX_PASSWORD, for this command; a deploy needs neither",
            )),
        }
    }

    /// The network by which guests are reached.
    #[must_use]
    pub fn network(&self) -> &dyn Reach {
        self.reach.as_ref()
    }

    /// A reader that asks each question once, for one look at the world.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.remembering()
    }

    /// Any call that creates or starts: `path` after `/api2/json`, encoded, with a leading slash.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn post(&self, permit: &Permit, path: &str, params: Params) -> Result<Value> {
        self.write(permit, Call::new(Method::Post, "post to", path, path).with(params)).await
    }

    /// Any call that changes.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn put(&self, permit: &Permit, path: &str, params: Params) -> Result<Value> {
        self.write(permit, Call::new(Method::Put, "put to", path, path).with(params)).await
    }

    /// Any call that removes. Its parameters travel in the query.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn delete(&self, permit: &Permit, path: &str, params: Params) -> Result<Value> {
        self.write(permit, Call::new(Method::Delete, "delete", path, path).with(params)).await
    }

    /// Stops a task. What it has made so far stays behind.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn stop_task(&self, permit: &Permit, upid: &Upid) -> Result<()> {
        let path = super::call::path(&[&"nodes", &upid.node, &"tasks", upid]);
        self.write(permit, Call::new(Method::Delete, "stop", format!("task {upid}"), path)).await.map(drop)
    }

    /// Sends a call that writes and is done when it is answered.
    pub(crate) async fn write(&self, _: &Permit, call: Call) -> Result<Value> {
        Ok(self.core.call(&call).await?.data)
    }

    /// Sends a call that starts a task. An answer without a task means that there was nothing left to do.
    pub(crate) async fn start(&self, permit: &Permit, call: Call) -> Result<Task> {
        #[derive(Deserialize)]
        struct Started(#[serde(deserialize_with = "scalar")] Option<String>);
        let (operation, object) = (call.operation, call.object.clone());
        let unreadable = |reason: String| Error::new(operation, &object, Cause::Answer(reason), 1);
        let data = self.write(permit, call).await?;
        let Started(text) = serde_json::from_value(data).map_err(|error| unreadable(error.to_string()))?;
        let upid = text.filter(|text| !text.is_empty()).map(|text| text.parse::<Upid>()).transpose();
        let upid = upid.map_err(|error| unreadable(error.to_string()))?;
        Ok(Task::new(self.reader.clone(), operation, object, upid))
    }
}

/// A transport without anybody who could ask.
struct Nobody;

#[async_trait]
impl Http for Nobody {
    async fn send(&self, _: Request) -> std::result::Result<Response, TransportError> {
        Err(TransportError::Untrusted(
            "no credential is configured but root's login to a node: `token create --yes` makes a token with which all else works"
                .to_owned(),
        ))
    }
}
