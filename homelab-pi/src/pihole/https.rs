//! The real side of the seam: HTTP to the Pi.
use super::http::{Http, Method, Request, Response, TransportError};
use async_trait::async_trait;
use homelab_core::Failure;
use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

/// How long the end of a program may wait for a logout.
const FAREWELL: Duration = Duration::from_millis(500);

/// A connection to one Pi-hole. Connections are kept and used again.
struct Web {
    base: String,
    client: reqwest::Client,
}

impl Web {
    /// To the web server at `base`, `http://192.168.0.53`.
    ///
    /// # Errors
    /// When the address cannot be used.
    fn to(base: &str) -> Result<Web, Failure> {
        let unusable = |reason: String| Failure::unusable(format!("`{base}` is no address of a Pi-hole: {reason}"));
        let base = base.trim_end_matches('/');
        let url =
            reqwest::Url::parse(base).map_err(|e| unusable(e.to_string()).hint("write it as http://192.168.0.53"))?;
        if url.scheme() != "http" {
            return Err(unusable(format!("`{}` is not spoken here", url.scheme()))
                .hint("http://ADDRESS, within the own network; Pi-hole's own certificate proves nothing"));
        }
        let client = reqwest::Client::builder().no_proxy().build().map_err(|e| unusable(e.to_string()))?;
        Ok(Web { base: base.to_owned(), client })
    }
}

/// A connection to the web server at an address.
///
/// # Errors
/// When the address cannot be used.
pub(crate) fn web_to(base: &str) -> Result<Arc<dyn Http>, Failure> {
    Ok(Arc::new(Web::to(base)?))
}

#[async_trait]
impl Http for Web {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let host = || self.base.clone();
        let mut call =
            self.client.request(method, format!("{}/api{}", self.base, request.path)).timeout(request.timeout);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if !request.body.is_empty() {
            call = call.body(request.body);
        }
        // The URL of the error would repeat what the message says already.
        let answer = call.send().await.map_err(|e| {
            let reason = root(&e);
            if e.is_connect() {
                TransportError::Unreached { host: host(), reason }
            } else {
                TransportError::Lost { host: host(), reason }
            }
        })?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let lost = |e: reqwest::Error| TransportError::Lost { host: host(), reason: root(&e) };
        Ok(Response { status, headers, body: answer.bytes().await.map_err(lost)?.to_vec() })
    }

    /// On a connection of its own, for whoever ran the other ones has ended.
    fn leave(&self, request: Request) {
        let Some(host) = self.base.strip_prefix("http://") else { return };
        let at = if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let Some(at) = at.to_socket_addrs().ok().and_then(|mut all| all.next()) else { return };
        let Ok(mut stream) = TcpStream::connect_timeout(&at, FAREWELL) else { return };
        let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{} /api{} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n",
            request.method.as_str(),
            request.path
        );
        // A session that could not be ended ends by itself in half an hour.
        let _ = stream.set_read_timeout(Some(FAREWELL));
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.read(&mut [0; 64]));
    }
}

/// The innermost reason: what the system said.
fn root(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
