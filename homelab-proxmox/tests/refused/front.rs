//! A server on loopback that is no simulator: it gives each request the answer that a function says.
use std::{sync::mpsc, thread};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime,
    sync::oneshot,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

/// It serves until this is dropped.
pub(crate) struct Front {
    pub(crate) url: String,
    pub(crate) fingerprint: String,
    _stop: oneshot::Sender<()>,
}

impl Front {
    /// `answer` gets the first line of the request and its body, and gives the rest of a status line and a body in JSON.
    pub(crate) fn new(answer: impl Fn(&str, &str) -> (&'static str, String) + Send + Sync + 'static) -> Front {
        let ((tell, told), (stop, stopped)) = (mpsc::channel(), oneshot::channel());
        thread::spawn(move || {
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
                let certificate: CertificateDer<'static> = made.cert.der().clone();
                let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
                let config = ServerConfig::builder_with_provider(ring::default_provider().into());
                let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
                let config = config.with_single_cert(vec![certificate.clone()], key).unwrap();
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let url = format!("https://{}", listener.local_addr().unwrap());
                let fingerprint = homelab_proxmox::client::Fingerprint::of(&certificate).to_string();
                tell.send((url, fingerprint)).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = serve(listener, TlsAcceptor::from(std::sync::Arc::new(config)), answer) => {}
                }
            });
        });
        let (url, fingerprint) = told.recv().unwrap();
        Front { url, fingerprint, _stop: stop }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, answer: impl Fn(&str, &str) -> (&'static str, String)) {
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(mut stream) = tls.accept(socket).await else { continue };
        let mut bytes = Vec::new();
        let request = loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0_usize) {
                    break text;
                }
            }
            if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                break text;
            }
        };
        let (head, sent) = request.split_once("\r\n\r\n").unwrap_or_default();
        let (status, body) = answer(head.lines().next().unwrap_or_default(), sent);
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close",
            body.len()
        );
        let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}
