//! The real transport against a real TLS server on loopback: whom it trusts, and what it puts on the wire.
use homelab_core::Permit;
use homelab_proxmox::{
    Error, Pve,
    api::{DiskSize, Upload, qemu::Slot},
    client::{Connection, Credential, Endpoint, Fingerprint, Params, Trust},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedKey, DnType, IsCa, Issuer, KeyPair};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

/// A server that answers every request with the same bytes and remembers what it got.
struct Server {
    port: u16,
    fingerprint: Fingerprint,
    got: Arc<Mutex<Vec<String>>>,
}

const VERSION: &str = r#"{"data":{"version":"8.4.21","release":"8.4"}}"#;

fn answer(head: &str, body: &str) -> String {
    let length = body.len();
    format!("{head}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

async fn serve(certificate: CertificateDer<'static>, key: &KeyPair, answer: String) -> Server {
    let fingerprint = Fingerprint::of(&certificate);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Arc::new(Mutex::new(Vec::new()));
    let server = Server { port, fingerprint, got: Arc::clone(&got) };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust us hangs up here.
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let request = request(&mut stream).await;
            got.lock().unwrap().push(request);
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    server
}

async fn request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

async fn self_signed(response: String) -> Server {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    serve(cert.der().clone(), &signing_key, response).await
}

/// A CA such as each cluster has, and the file with its certificate.
fn authority() -> (Issuer<'static, KeyPair>, tempfile::NamedTempFile) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "Proxmox Virtual Environment");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
    (Issuer::new(params, key), file)
}

fn client(server: &Server, trust: Trust) -> Pve {
    let endpoints = vec![Endpoint::new("127.0.0.1", server.port)];
    Pve::connect(Connection { endpoints, trust, credential: Credential::token("root@pam!terraform", "s") }).unwrap()
}

fn pinned(server: &Server) -> Pve {
    client(server, Trust::Pinned(vec![server.fingerprint]))
}

/// What is told, with what differs between runs replaced.
fn told(error: &Error, server: &Server) -> String {
    let text = format!("{error}\nhint: {}", error.hint().unwrap_or_default());
    text.replace(&server.port.to_string(), "PORT").replace(&server.fingerprint.to_string(), "FINGERPRINT OF THE SERVER")
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted() {
    let server = self_signed(answer("HTTP/1.1 200 OK", VERSION)).await;
    assert_eq!(pinned(&server).version().await.unwrap().version, "8.4.21");
    let other = Fingerprint::of(b"another node's");
    let several = client(&server, Trust::Pinned(vec![other, server.fingerprint]));
    several.version().await.unwrap();
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_refused_showing_both() {
    let server = self_signed(answer("HTTP/1.1 200 OK", VERSION)).await;
    let error =
        client(&server, Trust::Pinned(vec![Fingerprint::of(b"before the renewal")])).version().await.unwrap_err();
    assert!(server.got.lock().unwrap().is_empty(), "nothing was sent, no token either");
    assert!(!error.may_have_happened() && !error.is_transient());
    insta::assert_snapshot!(told(&error, &server), @r"
    cannot read the version: 127.0.0.1:PORT is not who it should be: its certificate is not the pinned one
      presented: FINGERPRINT OF THE SERVER
      expected:  F2:01:46:2C:9A:B3:FB:38:6C:0C:E1:8F:96:AB:50:78:22:29:BA:C2:3D:9B:FE:A1:98:E6:FC:21:1C:58:93:7D
    hint: compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the same, pin it
    ");
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused_showing_what_to_pin() {
    let server = self_signed(answer("HTTP/1.1 200 OK", VERSION)).await;
    let (_, file) = authority();
    let error = client(&server, Trust::CaFile(file.path().into())).version().await.unwrap_err();
    assert!(server.got.lock().unwrap().is_empty());
    insta::assert_snapshot!(told(&error, &server), @r"
    cannot read the version: 127.0.0.1:PORT is not who it should be: its certificate is signed by nobody who is trusted
      presented: FINGERPRINT OF THE SERVER
    hint: compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the same, pin it
    ");
}

#[tokio::test]
async fn the_system_does_not_trust_a_fresh_proxmox_either() {
    let server = self_signed(answer("HTTP/1.1 200 OK", VERSION)).await;
    let error = client(&server, Trust::System).version().await.unwrap_err();
    assert!(server.got.lock().unwrap().is_empty());
    assert!(told(&error, &server).contains("presented: FINGERPRINT OF THE SERVER"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_the_clusters_own_authority_is_trusted_for_its_name_only() {
    let (issuer, file) = authority();
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = |name: &str| {
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap().der().clone()
    };
    let trust = Trust::CaFile(file.path().into());

    let server = serve(leaf("127.0.0.1"), &leaf_key, answer("HTTP/1.1 200 OK", VERSION)).await;
    client(&server, trust.clone()).version().await.unwrap();

    let server = serve(leaf("grogu"), &leaf_key, answer("HTTP/1.1 200 OK", VERSION)).await;
    let error = client(&server, trust).version().await.unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn the_reason_phrase_is_kept() {
    let reason = "HTTP/1.1 500 VM 100 already running";
    let server = self_signed(answer(reason, r#"{"data":null}"#)).await;
    let error = pinned(&server).start_guest(&Permit::for_tests(), "din", 100).await.err().unwrap();
    assert_eq!(error.to_string(), "cannot start guest 100 on din: VM 100 already running");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    // Bound and not listening: nobody else gets the port, and nobody answers.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let server = Server { port, fingerprint: Fingerprint::of(b""), got: Arc::default() };
    let error = pinned(&server).start_guest(&Permit::for_tests(), "din", 100).await.err().unwrap();
    assert!(!error.may_have_happened());
    insta::assert_snapshot!(told(&error, &server), @r"
    cannot start guest 100 on din: cannot connect to 127.0.0.1:PORT: Connection refused (os error 111) (tried 3 times)
    hint: check the address and that the node is up; Proxmox VE listens on port 8006
    ");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_leaves_open_whether_it_happened() {
    let server = self_signed(String::new()).await;
    let error = pinned(&server).start_guest(&Permit::for_tests(), "din", 100).await.err().unwrap();
    assert!(error.may_have_happened());
    assert_eq!(server.got.lock().unwrap().len(), 1, "it is not sent again");
}

#[tokio::test]
async fn parameters_travel_in_the_form_of_writes_and_in_the_query_of_the_others() {
    let server = self_signed(answer("HTTP/1.1 200 OK", r#"{"data":null}"#)).await;
    let (pve, permit) = (pinned(&server), Permit::for_tests());
    pve.put(&permit, "/nodes/din/qemu/201/resize", Params::new().set("disk", Slot::scsi(0)).set("size", "+4G"))
        .await
        .unwrap();
    pve.post(&permit, "/nodes/din/qemu/201/status/start", Params::new()).await.unwrap();
    pve.delete(&permit, "/nodes/din/qemu/201", Params::new().flag("purge", true).set("note", "a b+c")).await.unwrap();
    let resized = pve.resize(&permit, "din", 201, Slot::scsi(0), DiskSize::gib(50), None).await.unwrap();
    assert_eq!(resized.upid(), None);
    let got = server.got.lock().unwrap().join("\n----\n").replace(&server.port.to_string(), "PORT").replace('\r', "");
    insta::assert_snapshot!(got, @r"
    PUT /api2/json/nodes/din/qemu/201/resize HTTP/1.1
    authorization: PVEAPIToken=root@pam!terraform=s
    content-type: application/x-www-form-urlencoded
    accept: */*
    user-agent: homelab/0.1.0
    host: 127.0.0.1:PORT
    content-length: 21

    disk=scsi0&size=%2B4G
    ----
    POST /api2/json/nodes/din/qemu/201/status/start HTTP/1.1
    authorization: PVEAPIToken=root@pam!terraform=s
    content-type: application/x-www-form-urlencoded
    accept: */*
    user-agent: homelab/0.1.0
    host: 127.0.0.1:PORT


    ----
    DELETE /api2/json/nodes/din/qemu/201?purge=1&note=a%20b%2Bc HTTP/1.1
    authorization: PVEAPIToken=root@pam!terraform=s
    accept: */*
    user-agent: homelab/0.1.0
    host: 127.0.0.1:PORT


    ----
    PUT /api2/json/nodes/din/qemu/201/resize HTTP/1.1
    authorization: PVEAPIToken=root@pam!terraform=s
    content-type: application/x-www-form-urlencoded
    accept: */*
    user-agent: homelab/0.1.0
    host: 127.0.0.1:PORT
    content-length: 19

    disk=scsi0&size=50G
    ");
}

#[tokio::test]
async fn an_upload_has_its_length_and_its_file_last() {
    let server = self_signed(answer("HTTP/1.1 200 OK", r#"{"data":null}"#)).await;
    let file = Upload {
        content: "iso".into(),
        filename: "seed.iso".into(),
        bytes: b"0123456789abcdef".to_vec(),
        checksum: None,
    };
    let sent = pinned(&server).upload(&Permit::for_tests(), "din", "local", file).await.unwrap();
    assert_eq!(sent.upid(), None);
    let got = server.got.lock().unwrap()[0].replace(&server.port.to_string(), "PORT").replace('\r', "");
    let boundary = got.split("boundary=").nth(1).unwrap().lines().next().unwrap().to_owned();
    insta::assert_snapshot!(got.replace(&boundary, "BOUNDARY"), @r#"
    POST /api2/json/nodes/din/storage/local/upload HTTP/1.1
    authorization: PVEAPIToken=root@pam!terraform=s
    content-type: multipart/form-data; boundary=BOUNDARY
    content-length: 400
    accept: */*
    user-agent: homelab/0.1.0
    host: 127.0.0.1:PORT

    --BOUNDARY
    Content-Disposition: form-data; name="content"

    iso
    --BOUNDARY
    Content-Disposition: form-data; name="filename"; filename="seed.iso"
    content-type: application/octet-stream

    0123456789abcdef
    --BOUNDARY--
    "#);
}
