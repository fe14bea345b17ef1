//! The simulator over a WebSocket with TLS on loopback, so that the real client is used end to end.
//!
//! What the middleware's front does itself is done here: paths of versions, logins and their rate, sizes of frames, malformed messages
//! (notes sections 1 and 2).
use super::{Sim, fail::Fail, handlers::Caller};
use crate::rpc::Call;
use futures_util::{SinkExt as _, StreamExt as _};
use homelab_core::tls::Fingerprint;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

/// The largest frame before a login and after it; a larger one closes the connection without a word.
const FRAME: (usize, usize) = (8 << 10, 64 << 10);
/// The largest head of a request.
const HEAD: usize = 16 << 10;

/// A simulator that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate's fingerprint; empty where it is served without TLS.
    pub fingerprint: String,
    task: JoinHandle<()>,
}

impl Served {
    pub(super) fn at(address: SocketAddr, task: JoinHandle<()>) -> Served {
        Served { address, fingerprint: String::new(), task }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Sim {
    /// Serves the simulator on 127.0.0.1 with a new certificate; port 0 takes any.
    ///
    /// # Errors
    /// When the port is taken or the certificate cannot be made.
    pub async fn serve(&self, port: u16) -> io::Result<Served> {
        let other = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]);
        let made = made.map_err(|problem| other(problem.to_string()))?;
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::from_pem_slice(made.signing_key.serialize_pem().as_bytes());
        let key = key.map_err(|problem| other(problem.to_string()))?;
        let fingerprint = Fingerprint::of(&certificate).to_string();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(|problem| other(problem.to_string()))?;
        self.listen(port, Some(TlsAcceptor::from(Arc::new(config))), fingerprint).await
    }

    /// The same without TLS: a key that is shown here is revoked, unless the listener counts as loopback.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn serve_plain(&self, port: u16) -> io::Result<Served> {
        self.listen(port, None, String::new()).await
    }

    async fn listen(&self, port: u16, tls: Option<TlsAcceptor>, fingerprint: String) -> io::Result<Served> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = homelab_core::spawn(accept(self.clone(), listener, tls));
        Ok(Served { address, fingerprint, task })
    }
}

async fn accept(sim: Sim, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        let stream = homelab_core::sim::accept(&listener).await;
        homelab_core::spawn(connection(sim.clone(), stream, tls.clone()));
    }
}

async fn connection(sim: Sim, stream: TcpStream, tls: Option<TlsAcceptor>) {
    if !sim.is_up() {
        return;
    }
    // A handshake or a connection that fails is the client's to notice.
    match tls {
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                let _ = talk(sim, stream, false).await;
            }
        }
        None => {
            let _ = talk(sim, stream, true).await;
        }
    }
}

/// Reads the head of a request, and answers or becomes a WebSocket.
async fn talk(sim: Sim, mut stream: impl Stream + 'static, is_plain: bool) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > HEAD {
            return Ok(());
        }
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let versions = sim.versions();
    let is_known = path == "/api/current" || versions.iter().any(|version| path == format!("/api/{version}"));
    match key {
        Some(key) if is_known => {
            let accept = derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await?;
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
            let is_current =
                path == "/api/current" || versions.last().is_some_and(|last| path == format!("/api/{last}"));
            session(sim, socket, Caller { user: None, is_current, is_plain }).await;
            Ok(())
        }
        None if path == "/api/versions" && !versions.is_empty() => {
            answer(stream, 200, &json!(versions).to_string()).await
        }
        None if path.starts_with("/_download/") => answer(stream, 200, "the configuration of a simulated NAS").await,
        _ => answer(stream, 404, "not found").await,
    }
}

async fn answer(mut stream: impl Stream, status: u16, body: &str) -> io::Result<()> {
    let text = format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// One connection, from its first message to its end.
async fn session<S: Stream>(sim: Sim, mut socket: WebSocketStream<S>, mut caller: Caller) {
    let mut news: Option<broadcast::Receiver<Arc<Value>>> = None;
    let mut cut = sim.cuts();
    loop {
        let heard = async {
            match &mut news {
                Some(news) => news.recv().await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            _ = cut.recv() => return,
            job = heard => {
                // Who is slow to listen misses some.
                let Ok(job) = job else { continue };
                let event = json!({"jsonrpc": "2.0", "method": "collection_update", "params": {"msg": "changed", "collection":
                    "core.get_jobs", "id": job.get("id"), "fields": *job}});
                if socket.send(Message::text(event.to_string())).await.is_err() {
                    return;
                }
                continue;
            }
            message = socket.next() => message,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            _ => return,
        };
        let most = if caller.user.is_some() { FRAME.1 } else { FRAME.0 };
        if text.len() > most || !sim.is_up() {
            return;
        }
        let (answer, subscribes) = reply(&sim, &mut caller, &text);
        if subscribes {
            news = Some(sim.news());
        }
        if sim.takes_cut() || !sim.is_up() {
            return;
        }
        if socket.send(Message::text(answer.to_string())).await.is_err() {
            return;
        }
    }
}

fn envelope(id: &Value, done: Result<Value, Fail>) -> Value {
    match done {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(fail) => json!({"jsonrpc": "2.0", "id": id, "error": fail.to_json()}),
    }
}

/// The answer to a message, and whether it subscribes to jobs.
fn reply(sim: &Sim, caller: &mut Caller, text: &str) -> (Value, bool) {
    let Ok(message) = serde_json::from_str::<Value>(text) else {
        return (envelope(&Value::Null, Err(Fail::protocol(-32700, "Invalid JSON"))), false);
    };
    // A malformed time breaks the whole message, so its id is not known (notes section 12).
    if has_bad_time(&message) {
        return (envelope(&Value::Null, Err(Fail::protocol(-32700, "Invalid $date"))), false);
    }
    let id = message.get("id").cloned().unwrap_or_default();
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
    let params = match message.get("params") {
        None => vec![],
        Some(Value::Array(params)) => params.clone(),
        Some(_) => return (envelope(&id, Err(Fail::protocol(-32600, "`params` must be an array"))), false),
    };
    let call = Call { id: id.as_str().map_or_else(|| id.to_string(), str::to_owned), method: method.clone(), params };
    if ["auth.login_ex", "auth.login", "auth.login_with_api_key"].contains(&method.as_str()) {
        return (envelope(&id, login(sim, caller, &call)), false);
    }
    let subscribes = method == "core.subscribe" && call.params.first().is_some_and(|event| event == "core.get_jobs");
    (envelope(&id, sim.answer(caller, &call)), subscribes)
}

fn login(sim: &Sim, caller: &mut Caller, call: &Call) -> Result<Value, Fail> {
    sim.may_try_login()?;
    sim.judge(call)?;
    let (answer, user) = sim.login(caller, &call.method, &call.params);
    if user.is_some() {
        caller.user = user;
    }
    Ok(answer)
}

fn has_bad_time(value: &Value) -> bool {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("$date") => !map["$date"].is_i64(),
        Value::Object(map) => map.values().any(has_bad_time),
        Value::Array(list) => list.iter().any(has_bad_time),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::World;

    #[tokio::test(start_paused = true)]
    async fn parameters_that_are_no_list_are_a_bad_request() {
        let sim = Sim::new(World::new("nas"));
        let mut caller = Caller { user: Some("root".into()), ..Caller::default() };
        for params in ["\"x\"", "{\"id\": 1}", "null"] {
            let text = format!(r#"{{"jsonrpc": "2.0", "id": "1", "method": "core.ping", "params": {params}}}"#);
            let (answer, _) = reply(&sim, &mut caller, &text);
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("1"), &json!(-32600)), "{params}");
        }
        let (answer, _) = reply(&sim, &mut caller, r#"{"id": "1", "method": "core.ping"}"#);
        assert_eq!(answer["result"], "pong", "none is an empty list");
    }

    #[tokio::test(start_paused = true)]
    async fn a_malformed_time_is_answered_without_an_id() {
        let sim = Sim::new(World::new("nas"));
        let text = r#"{"id": "1", "method": "core.ping", "params": [{"$date": "today"}]}"#;
        assert_eq!(reply(&sim, &mut Caller::default(), text).0["id"], Value::Null);
    }

    #[tokio::test(start_paused = true)]
    async fn logins_have_a_rate() {
        let sim = Sim::new(World::new("nas").key("1-secret"));
        let login = r#"{"id": "1", "method": "auth.login_ex", "params": [{"mechanism": "API_KEY_PLAIN", "username": "truenas_admin", "api_key": "1-wrong"}]}"#;
        for _ in 0..20 {
            assert_eq!(reply(&sim, &mut Caller::default(), login).0["result"]["response_type"], "AUTH_ERR");
        }
        assert_eq!(reply(&sim, &mut Caller::default(), login).0["error"]["data"]["errname"], "EBUSY");
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
        assert_eq!(reply(&sim, &mut Caller::default(), login).0["result"]["response_type"], "AUTH_ERR");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_answered_before_a_login_but_what_needs_none() {
        let sim = Sim::new(World::new("nas"));
        let ask =
            |method: &str| reply(&sim, &mut Caller::default(), &format!(r#"{{"id": "1", "method": "{method}"}}"#)).0;
        assert_eq!(ask("pool.query")["error"]["data"]["errname"], "ENOTAUTHENTICATED");
        assert!(ask("system.boot_id")["result"].is_string());
    }
}
