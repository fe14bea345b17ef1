//! The HTTP layer: bodies and methods that it refuses itself, over a real socket.
use super::{Lab, ROOT, SECRET};
use crate::sim::{Served, Sim, World};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends text over TLS, trusting only the server's own certificate; the answer as text.
async fn exchange(served: &Served, request: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(served.certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of the stream may come without TLS's goodbye.
    let _ = tls.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(method: &str, path: &str, kind: &str, body: &str) -> String {
    format!(
        "{method} /api2/json{path} HTTP/1.1\r\nHost: pve\r\nAuthorization: PVEAPIToken={ROOT}={SECRET}\r\n\
         Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn the_http_layer_refuses_bodies_and_methods_in_its_own_way() {
    let lab = Lab::new();
    let served = lab.sim.serve(0).await.unwrap();
    for (method, kind, body, start, content) in [
        ("DELETE", FORM, "a=1", "HTTP/1.1 501 Unexpected content for method 'DELETE'", "Unexpected content"),
        ("PATCH", FORM, "", "HTTP/1.1 501 ", ""),
        ("POST", "application/json", "{", "HTTP/1.1 500 ", "malformed JSON"),
        ("POST", "text/plain", "x", "HTTP/1.1 506 ", "not implemented"),
    ] {
        let answer = exchange(&served, &request(method, "/pools", kind, body)).await;
        assert!(answer.starts_with(start), "{method} {kind}: {answer}");
        let (_, got) = answer.split_once("\r\n\r\n").unwrap();
        assert!(got.contains(content) && (content.is_empty() == got.is_empty()), "{method} {kind}: {answer}");
    }
}

#[tokio::test]
async fn the_error_stands_in_the_reason_phrase_and_the_connection_is_closed() {
    let lab = Lab::new();
    let served = lab.sim.serve(0).await.unwrap();
    let plus = request("POST", "/pools", FORM, "poolid=a&comment=one+two%2B");
    assert!(exchange(&served, &plus).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(lab.get("/pools").await[0]["comment"], "one two+");
    let answer = exchange(&served, &request("POST", "/pools", FORM, "poolid=a")).await;
    assert!(answer.starts_with("HTTP/1.1 500 create pool failed: pool 'a' already exists\r\n"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn only_one_process_keeps_a_world_and_nothing_is_written_before_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("world");
    let open = || Sim::persistent(&kept, World::parity().with_token(ROOT, SECRET)).unwrap();
    let (first, second) = (open(), open());
    assert!(!kept.exists(), "to look is not to write");
    for (sim, pool) in [(&first, "a"), (&second, "b")] {
        let served = sim.serve(0).await.unwrap();
        let answer = exchange(&served, &request("POST", "/pools", FORM, &format!("poolid={pool}"))).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let world = std::fs::read_to_string(kept.join("world.json")).unwrap();
    assert!(world.contains("\"a\"") && !world.contains("\"b\""), "the second does not overwrite what the first keeps");
}

#[tokio::test]
async fn the_certificate_of_a_kept_world_stays_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut prints = Vec::new();
    for _ in 0..2 {
        let sim = Sim::persistent(dir.path(), World::parity()).unwrap();
        prints.push(sim.serve_keeping(0, dir.path()).await.unwrap().fingerprint.clone());
    }
    assert_eq!(prints[0], prints[1]);
    assert_eq!(prints[0].len(), 95);
}
