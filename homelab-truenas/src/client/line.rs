//! One TCP connection with or without TLS, and what is said on it: a short HTTP request, or a WebSocket.
use super::address::Address;
use crate::rpc::RpcError;
use futures_util::{SinkExt as _, StreamExt as _};
use homelab_core::tls::{Fingerprint, Trust, Untrusted};
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::{collections::HashMap, error::Error, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::{broadcast, mpsc, oneshot},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the answer to a short request may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The largest answer to a short request: a configuration with its secrets is a few megabytes.
const LARGEST: u64 = 64 << 20;
/// How often a silent connection is tried: one whose far end went away without a word is noticed so.
const PING: Duration = Duration::from_secs(20);
/// Messages that wait to be sent.
const QUEUE: usize = 32;

/// A call on its way, and where its answer goes.
pub(super) struct Outgoing {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) answer: oneshot::Sender<Value>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The way to an address.
pub(super) struct Line<'a> {
    pub(super) address: &'a Address,
    pub(super) trust: &'a Trust,
}

impl Line<'_> {
    fn unreached(&self, reason: impl Into<String>) -> RpcError {
        RpcError::Unreached { host: self.address.to_string(), reason: reason.into() }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, RpcError> {
        let stream = self.dial().await?;
        // Calls are small and wait for each other.
        let _ = stream.set_nodelay(true);
        if self.address.is_plain() {
            return Ok(Box::new(stream));
        }
        match self.handshake(stream, self.trust).await? {
            Ok(stream) => Ok(Box::new(stream)),
            Err(problem) => Err(self.untrusted(&problem)),
        }
    }

    async fn dial(&self) -> Result<TcpStream, RpcError> {
        let dial = TcpStream::connect((self.address.host(), self.address.port()));
        match timeout(CONNECT, dial).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(problem)) => Err(self.unreached(problem.to_string())),
            Err(_) => Err(self.unreached("it does not answer")),
        }
    }

    async fn handshake(&self, stream: TcpStream, trust: &Trust) -> Result<io::Result<TlsStream<TcpStream>>, RpcError> {
        let config = trust.config().map_err(RpcError::Untrusted)?;
        let name = ServerName::try_from(self.address.host().to_owned())
            .map_err(|problem| self.unreached(format!("its name makes no sense: {problem}")))?;
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
        timeout(CONNECT, handshake).await.map_err(|_| self.unreached("it does not answer"))
    }

    /// The certificate that somebody shows who is not trusted.
    pub(super) async fn shown(&self, trust: &Trust) -> Result<Fingerprint, RpcError> {
        let stream = self.dial().await?;
        let refused = self.handshake(stream, trust).await?.err();
        let untrusted = refused.as_ref().and_then(|problem| Untrusted::behind(problem as &(dyn Error + 'static)));
        untrusted.map(Untrusted::presented).ok_or_else(|| self.unreached("it shows no certificate"))
    }

    fn untrusted(&self, problem: &io::Error) -> RpcError {
        match Untrusted::behind(problem as &(dyn Error + 'static)) {
            Some(untrusted) => RpcError::Untrusted(format!("{} is not who it should be: {untrusted}", self.address)),
            None => self.unreached(problem.to_string()),
        }
    }

    /// A short request for a file. A secret in the path is in nobody's error.
    pub(super) async fn get(&self, path: &str) -> Result<Vec<u8>, RpcError> {
        let mut stream = self.connect().await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        let mut answer = Vec::new();
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            let mut limited = (&mut stream).take(LARGEST);
            match limited.read_to_end(&mut answer).await {
                // Many servers end without TLS's farewell; the length tells whether all is there.
                Err(problem) if problem.kind() != io::ErrorKind::UnexpectedEof => Err(problem),
                _ => Ok(()),
            }
        };
        let lost = |reason: String| RpcError::Lost { host: self.address.to_string(), reason };
        match timeout(ANSWER, exchange).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => return Err(lost(problem.to_string())),
            Err(_) => return Err(lost(format!("nothing came for {} seconds", ANSWER.as_secs()))),
        }
        body(&answer).map_err(lost)
    }

    /// The versions of the API that the NAS serves, the oldest first.
    pub(super) async fn versions(&self) -> Result<Vec<String>, RpcError> {
        let answer = match self.get("/api/versions").await {
            // Releases before 25.04 have no such list.
            Err(RpcError::Lost { reason, .. }) if reason.contains("404") => return Ok(vec![]),
            other => other?,
        };
        serde_json::from_slice(&answer).map_err(|_| {
            RpcError::Version(format!("what answers at {} is no TrueNAS: it has no list of versions", self.address))
        })
    }

    /// Opens a WebSocket. It ends with the last sender, or with the connection.
    pub(super) async fn open(
        &self,
        path: &str,
        news: broadcast::Sender<Arc<Value>>,
    ) -> Result<mpsc::Sender<Outgoing>, RpcError> {
        let stream = self.connect().await?;
        let scheme = if self.address.is_plain() { "ws" } else { "wss" };
        let url = format!("{scheme}://{}{path}", self.address);
        let (socket, _) = match timeout(CONNECT, client_async(url, stream)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(problem)) => return Err(self.unreached(format!("no WebSocket at {path}: {problem}"))),
            Err(_) => return Err(self.unreached("it does not answer")),
        };
        let (out, calls) = mpsc::channel(QUEUE);
        homelab_core::spawn(speak(socket, calls, news));
        Ok(out)
    }
}

/// What a short request was answered with.
fn body(answer: &[u8]) -> Result<Vec<u8>, String> {
    let cut = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer has no end of its head")?;
    let head = String::from_utf8_lossy(&answer[..cut]).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    if status != "200" {
        return Err(format!("it answers {status}"));
    }
    let body = &answer[cut + 4..];
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
    if field("transfer-encoding:") == Some("chunked") {
        return chunks(body).ok_or_else(|| "the answer is cut off".to_owned());
    }
    match field("content-length:").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if body.len() < length => Err("the answer is cut off".to_owned()),
        _ => Ok(body.to_vec()),
    }
}

/// A body in chunks, each with its length before it.
fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let chunk = rest.get(line + 2..line + 2 + size)?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(chunk);
        rest = rest.get(line + 4 + size..)?;
    }
}

/// Sends calls and hands out answers, until one side ends. Whoever still waits then hears that the connection is gone.
async fn speak<S: Stream>(
    mut socket: WebSocketStream<S>,
    mut calls: mpsc::Receiver<Outgoing>,
    news: broadcast::Sender<Arc<Value>>,
) {
    let mut waiting: HashMap<String, oneshot::Sender<Value>> = HashMap::new();
    let mut ping = tokio::time::interval(PING);
    let mut answered = true;
    loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(Outgoing { id, text, answer }) = call else { return };
                waiting.insert(id, answer);
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.next() => {
                answered = true;
                match message {
                    Some(Ok(Message::Text(text))) => {
                        if !hand_out(&text, &mut waiting, &news) {
                            return;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            _ = ping.tick() => {
                if !answered || socket.send(Message::Ping(vec![].into())).await.is_err() {
                    return;
                }
                answered = false;
            }
        }
    }
}

/// Hands one message to whom it is for. One without an id is about a message that the server could not read: nobody knows which, so
/// the connection is given up (notes section 12).
fn hand_out(
    text: &str,
    waiting: &mut HashMap<String, oneshot::Sender<Value>>,
    news: &broadcast::Sender<Arc<Value>>,
) -> bool {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return false };
    if let Some(id) = message.get("id").and_then(Value::as_str) {
        if let Some(answer) = waiting.remove(id) {
            // Whoever gave up waiting does not want it any more.
            let _ = answer.send(message);
        }
        return true;
    }
    let event = message.get("method").and_then(Value::as_str);
    if event == Some("collection_update")
        && message.pointer("/params/collection").and_then(Value::as_str) == Some("core.get_jobs")
        && let Some(fields) = message.pointer("/params/fields")
    {
        // Nobody may be listening.
        let _ = news.send(Arc::new(fields.clone()));
    }
    if event == Some("installation_progress")
        && let Some(told) = message.pointer("/params/0")
    {
        let _ = news.send(Arc::new(told.clone()));
    }
    event.is_some() || message.get("error").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_whole_or_an_error() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap(), b"ok");
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").unwrap_err(), "the answer is cut off");
        assert_eq!(body(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err(), "it answers 404");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked).unwrap(), b"abcde");
        assert!(body(&chunked[..chunked.len() - 9]).is_err());
    }

    #[test]
    fn an_error_that_belongs_to_no_call_ends_the_connection() {
        let (news, _) = broadcast::channel(1);
        let mut waiting = HashMap::new();
        assert!(!hand_out(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}"#, &mut waiting, &news));
        assert!(hand_out(r#"{"jsonrpc":"2.0","method":"notify_unsubscribed","params":{}}"#, &mut waiting, &news));
        assert!(!hand_out("nonsense", &mut waiting, &news));
    }
}
