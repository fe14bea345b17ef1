//! The real way: JSON-RPC 2.0 over one WebSocket with TLS. It connects at the first call, and again after the connection broke.
use super::{
    address::Address,
    job::complaints,
    line::{self, Line},
};
use crate::rpc::{Call, First, Install, Installed, Keys, Refusal, Rpc, RpcError, Watch};
use async_trait::async_trait;
use homelab_core::{Failure, Permit, SecretValue, tls::Trust};
use serde_json::{Value, json};
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex, Semaphore, broadcast, mpsc, oneshot},
    time::timeout,
};

/// How many calls are in flight at once: the server runs ten and refuses the 21st (notes section 1).
const IN_FLIGHT: usize = 8;
/// How long an answer is waited for. Jobs answer at once; deleting a large dataset does not.
const PATIENCE: Duration = Duration::from_secs(180);
/// The largest message that the server reads; above it the connection closes without a word (notes section 1).
const LARGEST: usize = 64 << 10;
/// How many news of jobs are kept for somebody who is slow to listen.
const NEWS: usize = 256;

/// Who logs in, and whom he trusts.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The user.
    pub(crate) user: String,
    /// The API key that proves it.
    pub(crate) key: SecretValue,
    /// Whose certificate is accepted.
    pub(crate) trust: Trust,
}

/// Where the login comes from, asked at each connection: a key may be made in the middle of a run. `None` while there is none.
pub(crate) type Source = Box<dyn Fn() -> Result<Option<Entry>, Failure> + Send + Sync>;

/// Whom to trust at the first meeting, before there is a login.
pub(crate) type FirstTrust = Box<dyn Fn() -> Result<Trust, Failure> + Send + Sync>;

/// How a NAS is reached.
pub(crate) struct Way {
    /// Where.
    pub(crate) address: Address,
    /// As whom.
    pub(crate) login: Source,
    /// Whom to trust before that is known.
    pub(crate) trust: FirstTrust,
    /// Where the installer answers, before there is a system.
    pub(crate) installer: Address,
}

/// A WebSocket to one NAS.
pub(crate) struct Socket {
    pub(super) address: Address,
    login: Source,
    pub(super) trust: FirstTrust,
    installer: Address,
    live: Mutex<Option<Live>>,
    permits: Semaphore,
    news: broadcast::Sender<Arc<Value>>,
    /// The version of the API, once it is known.
    version: std::sync::Mutex<Option<String>>,
}

/// An open connection.
#[derive(Clone)]
pub(super) struct Live {
    out: mpsc::Sender<line::Outgoing>,
}

impl Socket {
    /// A socket that goes this way. Nothing is sent yet.
    pub(crate) fn new(way: Way) -> Self {
        let Way { address, login, trust, installer } = way;
        let (news, _) = broadcast::channel(NEWS);
        let (live, version) = (Mutex::default(), std::sync::Mutex::default());
        Socket { address, login, trust, installer, live, permits: Semaphore::new(IN_FLIGHT), news, version }
    }

    fn lost(&self, reason: impl Into<String>) -> RpcError {
        RpcError::Lost { host: self.address.to_string(), reason: reason.into() }
    }

    /// The open connection, or a new one.
    async fn live(&self) -> Result<Live, RpcError> {
        let mut held = self.live.lock().await;
        if let Some(live) = held.as_ref().filter(|live| !live.out.is_closed()) {
            return Ok(live.clone());
        }
        let live = self.connect(&self.entry()?).await?;
        *held = Some(live.clone());
        Ok(live)
    }

    async fn send(&self, call: &Call) -> Result<Value, RpcError> {
        let _permit = self.permits.acquire().await.map_err(|_| self.lost("the program ends"))?;
        let live = self.live().await?;
        self.exchange(&live, call).await
    }

    fn entry(&self) -> Result<Entry, RpcError> {
        let absent = || RpcError::Absent { host: self.address.to_string() };
        (self.login)().map_err(|failure| RpcError::Untrusted(failure.message))?.ok_or_else(absent)
    }

    async fn connect(&self, entry: &Entry) -> Result<Live, RpcError> {
        let live = self.open(&entry.trust).await?;
        let data = json!({"mechanism": "API_KEY_PLAIN", "username": entry.user, "api_key": entry.key.expose()});
        self.log_in(&live, data).await?;
        // Before any job is started: news that nobody asked for do not come.
        self.exchange(&live, &Call::new("core.subscribe", vec![json!("core.get_jobs")])).await?;
        Ok(live)
    }

    /// Opens a connection, without a login.
    pub(super) async fn open(&self, trust: &Trust) -> Result<Live, RpcError> {
        if self.address.is_plain() && !self.address.is_loopback() {
            return Err(RpcError::Untrusted(format!(
                "{} would be shown a key over a connection that anybody can listen to, and would revoke it at once",
                self.address
            )));
        }
        let line = Line { address: &self.address, trust };
        let known = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let version = match known {
            Some(version) => version,
            None => self.choose(&line.versions().await?)?,
        };
        let out = line.open(&format!("/api/{version}"), self.news.clone()).await?;
        *self.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
        Ok(Live { out })
    }

    /// The version of the API to speak, of those that the NAS has.
    fn choose(&self, served: &[String]) -> Result<String, RpcError> {
        choose(served).ok_or_else(|| {
            let newest = served.last().map_or("none that has a version", String::as_str);
            let text = format!("the NAS at {} speaks {newest}, and v25.04 or v25.10 is needed", self.address);
            RpcError::Version(text)
        })
    }

    pub(super) async fn log_in(&self, live: &Live, data: Value) -> Result<(), RpcError> {
        let answer = self.exchange(live, &Call::new("auth.login_ex", vec![data])).await?;
        match answer.get("response_type").and_then(Value::as_str) {
            Some("SUCCESS") => Ok(()),
            other => Err(RpcError::Login {
                host: self.address.to_string(),
                reason: other.unwrap_or("without a reason").to_owned(),
            }),
        }
    }

    /// Sends a call over an open connection and waits for its answer.
    pub(super) async fn exchange(&self, live: &Live, call: &Call) -> Result<Value, RpcError> {
        let text = json!({"jsonrpc": "2.0", "id": call.id, "method": call.method, "params": call.params}).to_string();
        if text.len() > LARGEST {
            let reason = format!("the call is larger than the {LARGEST} bytes that the NAS reads");
            return Err(RpcError::Refused(Refusal { reason, ..Refusal::default() }));
        }
        let (answer, answered) = oneshot::channel();
        let outgoing = line::Outgoing { id: call.id.clone(), text, answer };
        live.out.send(outgoing).await.map_err(|_| self.lost("the connection ended"))?;
        let message = match timeout(PATIENCE, answered).await {
            Ok(Ok(message)) => message,
            Ok(Err(_)) => return Err(self.lost("the connection ended")),
            Err(_) => return Err(self.lost(format!("nothing came for {} seconds", PATIENCE.as_secs()))),
        };
        match message.get("error") {
            Some(error) => Err(RpcError::Refused(refusal(error))),
            None => Ok(message.get("result").cloned().unwrap_or_default()),
        }
    }
}

/// The version of the API to speak: 25.10 where there is one, for each release serves those before it, else the newest 25.04.
fn choose(served: &[String]) -> Option<String> {
    let release = |release: &str| served.iter().filter(|version| version.starts_with(release)).collect::<Vec<_>>();
    release("v25.10.").first().or(release("v25.04.").last()).map(|version| (*version).clone())
}

/// The error object of JSON-RPC. Its trace may hold parameters, so it is left out.
fn refusal(error: &Value) -> Refusal {
    let data = error.get("data").cloned().unwrap_or_default();
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let reason = match text(&data, "reason") {
        empty if empty.is_empty() => text(error, "message"),
        reason => reason,
    };
    Refusal {
        code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
        errname: text(&data, "errname"),
        reason,
        complaints: complaints(data.get("extra").unwrap_or(&Value::Null)),
    }
}

#[async_trait]
impl Rpc for Socket {
    async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        call.must_read()?;
        self.send(call).await
    }

    async fn write(&self, _: &Permit, call: &Call) -> Result<Value, RpcError> {
        self.send(call).await
    }

    fn news(&self) -> Option<broadcast::Receiver<Arc<Value>>> {
        Some(self.news.subscribe())
    }

    async fn set_up(&self, _: &Permit, first: &First) -> Result<Keys, RpcError> {
        super::setup::set_up(self, first).await
    }

    async fn install(&self, _: &Permit, wish: &Install, watch: &mut Watch<'_>) -> Result<Installed, RpcError> {
        super::installer::install(&self.installer, wish, watch).await
    }

    async fn download(&self, path: &str) -> Result<Vec<u8>, RpcError> {
        let entry = self.entry()?;
        Line { address: &self.address, trust: &entry.trust }.get(path).await
    }
}

#[cfg(test)]
mod tests {
    use super::{choose, refusal};
    use serde_json::json;

    #[test]
    fn a_trace_may_hold_parameters_and_is_left_out() {
        let error = json!({"code": -32001, "message": "Method call error", "data": {"error": 14, "errname": "EFAULT", "reason": "it failed",
            "trace": {"formatted": "create({'password': 'hunter2'})"}, "extra": null}});
        assert_eq!(format!("{0} {0:?}", refusal(&error)).matches("hunter2").count(), 0);
        assert_eq!(refusal(&error).to_string(), "it failed");
    }

    #[test]
    fn the_version_is_pinned_where_the_nas_has_it() {
        let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(choose(&list(&["v25.04.0", "v25.10.0", "v25.10.1"])).unwrap(), "v25.10.0");
        assert_eq!(choose(&list(&["v25.04.0", "v25.04.2"])).unwrap(), "v25.04.2");
        assert_eq!(choose(&list(&["v25.04.0", "v25.10.0", "v26.0.0"])).unwrap(), "v25.10.0");
        assert_eq!(choose(&list(&["v27.0.0"])), None);
        assert_eq!(choose(&[]), None);
    }
}
