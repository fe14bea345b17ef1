//! The real side of the seam: HTTP to the Pi, within the own network.
//!
//! A connection for each call: on a wire that costs a fraction of a millisecond, and a call never meets a connection that FTL
//! closed while it started itself anew.
use super::http::{Http, Request, Response, TransportError};
use async_trait::async_trait;
use homelab_core::Failure;
use http_body_util::{BodyExt as _, Full};
use hyper::{Uri, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use std::{
    io::{Read as _, Write as _},
    net::ToSocketAddrs as _,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// How long a connection may take: in a lab's own network it takes a millisecond.
const CONNECT: Duration = Duration::from_secs(3);
/// How long the end of a program may wait for a logout.
const FAREWELL: Duration = Duration::from_millis(500);
const PORT: u16 = 80;

/// One Pi-hole's web server.
struct Web {
    /// Host and port.
    host: String,
}

/// The web server at an address: `http://192.168.0.53`.
///
/// # Errors
/// When the address cannot be used.
pub(crate) fn web_to(address: &str) -> Result<Arc<dyn Http>, Failure> {
    let unusable = |reason: &str, hint: &str| {
        Failure::unusable(format!("`{address}` is no address of a Pi-hole: {reason}")).hint(hint)
    };
    let uri: Uri = address
        .trim_end_matches('/')
        .parse()
        .map_err(|_| unusable("it cannot be read", "write it as http://192.168.0.53"))?;
    let host = uri.host().ok_or_else(|| unusable("it has no host", "write it as http://192.168.0.53"))?;
    if uri.scheme_str() != Some("http") {
        return Err(unusable(
            "only http is spoken here",
            "http://ADDRESS, within the own network; the certificate that Pi-hole makes for itself proves nothing",
        ));
    }
    Ok(Arc::new(Web { host: format!("{host}:{}", uri.port_u16().unwrap_or(PORT)) }))
}

impl Web {
    fn unreached(&self, reason: impl ToString) -> TransportError {
        TransportError::Unreached { host: self.host.clone(), reason: reason.to_string() }
    }

    fn lost(&self, reason: impl ToString) -> TransportError {
        TransportError::Lost { host: self.host.clone(), reason: reason.to_string() }
    }

    async fn exchange(&self, stream: TcpStream, request: Request) -> Result<Response, TransportError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.lost(e))?;
        let mut call = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(format!("/api{}", request.path))
            .header(HOST, &self.host);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let call = call.body(Full::new(Bytes::from(request.body))).map_err(|e| self.unreached(e))?;
        let answer = async {
            let answer = sender.send_request(call).await.map_err(|e| self.lost(e))?;
            let status = answer.status().as_u16();
            let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers =
                answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
            let body = answer.into_body().collect().await.map_err(|e| self.lost(e))?.to_bytes().to_vec();
            Ok(Response { status, headers, body })
        };
        let mut answer = std::pin::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The connection ends by itself when the answer is there, which is then read to its end.
            _ = connection => answer.await,
        }
    }
}

#[async_trait]
impl Http for Web {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let limit = request.timeout;
        let stream = match timeout(CONNECT, TcpStream::connect(&self.host)).await {
            Ok(connected) => connected.map_err(|e| self.unreached(e))?,
            Err(_) => return Err(self.unreached(format!("no answer within {} s", CONNECT.as_secs()))),
        };
        let answered = timeout(limit, self.exchange(stream, request)).await;
        answered.map_err(|_| self.lost(format!("no answer within {} s", limit.as_secs())))?
    }

    /// By itself, for whatever ran the other calls has ended.
    fn leave(&self, request: Request) {
        let Some(at) = self.host.to_socket_addrs().ok().and_then(|mut all| all.next()) else { return };
        let Ok(mut stream) = std::net::TcpStream::connect_timeout(&at, FAREWELL) else { return };
        let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{} /api{} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n",
            request.method.as_str(),
            request.path,
            self.host
        );
        // A session that could not be ended ends by itself in half an hour.
        let _ = stream.set_read_timeout(Some(FAREWELL));
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.read(&mut [0; 64]));
    }
}
