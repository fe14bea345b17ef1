//! The simulator on sockets of loopback: its API over HTTP, its names over UDP and TCP.
use super::{Sim, simulator::Away};
use crate::{
    dns::Via,
    pihole::http::{Http as _, Method, Request},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How often a port is looked for that is free over UDP and TCP.
const PORTS: u32 = 20;

/// A simulator that is being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Served {
    /// The address of its web server: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Where names are asked, over UDP and TCP.
    pub dns: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Sim {
    /// Serves it on 127.0.0.1, on ports that are free.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn serve(&self) -> io::Result<Served> {
        let web = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", web.local_addr()?);
        let (udp, tcp) = both().await?;
        let dns = udp.local_addr()?;
        let tasks = vec![
            homelab_core::spawn(accept(self.clone(), web)),
            homelab_core::spawn(datagrams(self.clone(), Arc::new(udp))),
            homelab_core::spawn(streams(self.clone(), tcp)),
        ];
        Ok(Served { url, dns, tasks })
    }
}

/// A port that is free over UDP and TCP.
async fn both() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = io::Error::other("no port was tried");
    for _ in 0..PORTS {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(e) => last = e,
        }
    }
    Err(last)
}

async fn datagrams(sim: Sim, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        if let Ok(Some(answer)) = sim.resolve(Via::Udp, &buffer[..length]) {
            // Whoever asked may be gone.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn streams(sim: Sim, listener: TcpListener) {
    loop {
        let stream = homelab_core::sim::accept(&listener).await;
        homelab_core::spawn(messages(sim.clone(), stream));
    }
}

/// Messages of one connection, until it ends.
async fn messages(sim: Sim, mut stream: TcpStream) {
    while let Ok(length) = stream.read_u16().await {
        let mut message = vec![0; usize::from(length)];
        if stream.read_exact(&mut message).await.is_err() {
            return;
        }
        let answer = match sim.resolve(Via::Tcp, &message) {
            Ok(Some(answer)) => answer,
            Ok(None) => continue,
            Err(Away) => return,
        };
        let Ok(length) = u16::try_from(answer.len()) else { return };
        let framed = [&length.to_be_bytes()[..], &answer].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

async fn accept(sim: Sim, listener: TcpListener) {
    loop {
        let stream = homelab_core::sim::accept(&listener).await;
        let sim = sim.clone();
        homelab_core::spawn(async move {
            let service = service_fn(move |request| answer(sim.clone(), request));
            // A connection that breaks is the client's to notice.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers one request; an error closes the connection without an answer.
async fn answer(sim: Sim, request: hyper::Request<Incoming>) -> io::Result<hyper::Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let whole = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = whole.strip_prefix("/api").unwrap_or("/nosuch").to_owned();
    let method = Method::parse(head.method.as_str()).ok_or_else(|| io::Error::other("a verb that is not known"))?;
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    let response =
        sim.send(Request { method, path, headers, body, timeout: TIMEOUT }).await.map_err(io::Error::other)?;
    let mut built = hyper::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        built = built.header(name, value);
    }
    built.body(Full::new(Bytes::from(response.body))).map_err(io::Error::other)
}
