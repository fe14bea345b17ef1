//! The simulator over HTTPS on loopback, so that a real client is used end to end.
//!
//! What the HTTP layer of Proxmox VE does itself is done here: which methods and bodies it takes, reason phrases of its
//! own, connections closed after an error (pve-notes sections 1 and 14).
use super::{Sim, random, wire};
use crate::http::{Method, Request, Response, TransportError};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A simulator that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address to give to a client: `https://127.0.0.1:PORT`.
    pub url: String,
    /// The certificate, as PEM: it signs itself, so it is its own authority.
    pub certificate: String,
    /// The certificate's sha256 as Proxmox VE shows it: upper-case pairs with colons.
    pub fingerprint: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a lost answer keeps a client waiting for nothing.
const TIMEOUT: Duration = Duration::from_secs(600);

impl Sim {
    /// Serves the simulator on 127.0.0.1 with a new certificate; port 0 takes any. Writes nothing to the disk.
    ///
    /// # Errors
    /// When the port is taken or the certificate cannot be made.
    pub async fn serve(&self, port: u16) -> std::io::Result<Served> {
        self.serve_as(port, None).await
    }

    /// The same with a certificate that is kept in a directory, as `certificate.pem`, so that the fingerprint stays the same.
    ///
    /// # Errors
    /// When the port is taken, or the certificate cannot be made, kept or read.
    pub async fn serve_keeping(&self, port: u16, dir: &Path) -> std::io::Result<Served> {
        std::fs::create_dir_all(dir)?;
        self.serve_as(port, Some(dir)).await
    }

    async fn serve_as(&self, port: u16, dir: Option<&Path>) -> std::io::Result<Served> {
        let (certificate, key) = certificate(dir)?;
        let other = |problem: String| Error::new(ErrorKind::InvalidData, problem);
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(certificate.as_bytes()).filter_map(Result::ok).collect();
        let digest = random::hex(&Sha256::digest(chain.first().map_or(&[][..], |der| der.as_ref())));
        let pairs: Vec<String> =
            digest.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|problem| other(problem.to_string()))?;
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|problem| other(problem.to_string()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let task = homelab_core::spawn(accept(self.clone(), listener, TlsAcceptor::from(Arc::new(config))));
        Ok(Served { address, url: format!("https://{address}"), certificate, fingerprint: pairs.join(":"), task })
    }
}

/// The certificate and its key: those of the directory, or new ones.
fn certificate(dir: Option<&Path>) -> std::io::Result<(String, String)> {
    let files = dir.map(|dir| (dir.join("certificate.pem"), dir.join("key.pem")));
    if let Some((certificate, key)) = &files
        && let (Ok(certificate), Ok(key)) = (std::fs::read_to_string(certificate), std::fs::read_to_string(key))
    {
        return Ok((certificate, key));
    }
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|problem| Error::other(problem.to_string()))?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    if let Some((certificate_path, key_path)) = files {
        std::fs::write(certificate_path, &certificate)?;
        private(&key_path, &key)?;
    }
    Ok((certificate, key))
}

/// Writes a file that only its owner reads.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

async fn accept(sim: Sim, listener: TcpListener, tls: TlsAcceptor) {
    loop {
        let stream = homelab_core::sim::accept(&listener).await;
        homelab_core::spawn(connection(sim.clone(), stream, tls.clone()));
    }
}

async fn connection(sim: Sim, stream: TcpStream, tls: TlsAcceptor) {
    // A handshake or connection that fails is the client's to notice.
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request| answer(sim.clone(), request));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers one request; an error closes the connection without an answer.
async fn answer(sim: Sim, request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, TransportError> {
    let response = match read(request).await {
        Ok(request) => sim.send_through_faults(request).await?,
        Err(response) => response,
    };
    let mut built = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *built.status_mut() = hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    if let Ok(reason) = ReasonPhrase::try_from(response.reason.into_bytes()) {
        built.extensions_mut().insert(reason);
    }
    let headers = built.headers_mut();
    if let Ok(kind) = response.content_type.parse::<hyper::header::HeaderValue>()
        && !kind.is_empty()
    {
        headers.insert(hyper::header::CONTENT_TYPE, kind);
    }
    if response.status >= 400 {
        headers.insert(hyper::header::CONNECTION, hyper::header::HeaderValue::from_static("close"));
    }
    Ok(built)
}

fn text(status: u16, reason: &str) -> Response {
    let content_type = "text/plain;charset=UTF-8".to_owned();
    Response { status, reason: reason.to_owned(), content_type, body: format!("{reason}\n").into_bytes() }
}

fn empty(status: u16, reason: &str) -> Response {
    Response { status, reason: reason.to_owned(), content_type: String::new(), body: Vec::new() }
}

/// Reads a request, or says what the HTTP layer refuses it with.
async fn read(request: hyper::Request<Incoming>) -> Result<Request, Response> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| empty(400, "Bad Request"))?.to_bytes();
    let method = match head.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        other => return Err(empty(501, &format!("method '{other}' not available"))),
    };
    let Some(path) = head.uri.path().strip_prefix("/api2/json") else {
        return Err(empty(404, &format!("no such file '{}'", head.uri.path())));
    };
    if !body.is_empty() && matches!(method, Method::Get | Method::Delete) {
        return Err(text(501, &format!("Unexpected content for method '{}'", method.as_str())));
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut params = wire::form(head.uri.query().unwrap_or_default());
    let mut upload = None;
    let kind = header("content-type");
    match kind.split(';').next().unwrap_or_default().trim() {
        _ if body.is_empty() => {}
        "application/json" => {
            params.extend(wire::json(&body).ok_or_else(|| text(500, "malformed JSON string"))?);
        }
        "application/x-www-form-urlencoded" | "" => params.extend(wire::form(&String::from_utf8_lossy(&body))),
        "multipart/form-data" => {
            let boundary = kind.split("boundary=").nth(1).unwrap_or_default().trim_matches('"');
            let (fields, file) = wire::multipart(&body, boundary);
            params.extend(fields);
            upload = file;
        }
        other => return Err(text(506, &format!("upload 'Content-Type '{other}' not implemented"))),
    }
    let headers = ["Authorization", "Cookie", "CSRFPreventionToken"];
    let headers = headers.into_iter().map(|name| (name, header(name).to_owned())).filter(|(_, text)| !text.is_empty());
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    Ok(Request { method, path, params, headers: headers.collect(), upload, timeout: TIMEOUT })
}
