//! The way to a host's SSH server: over TCP, or over the host before it.
use super::{Phase, SshError, connection::Connection, target::Route};
use russh::{ChannelOpenFailure, ChannelStream, Error as Russh, client};
use std::{io, time::Duration};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

/// How long one address may take to accept the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A way to the host's SSH server: TCP, or a channel of the host before it.
pub(super) enum Stream {
    Tcp(TcpStream),
    Channel(Box<ChannelStream<client::Msg>>),
}

pub(super) async fn reach(route: &Route) -> Result<(Stream, Option<Box<Connection>>), SshError> {
    let Some(before) = &route.jump else { return Ok((Stream::Tcp(tcp(route).await?), None)) };
    let on_the_way = |source| SshError::Jump { host: route.name.clone(), source: Box::new(source) };
    let over = Connection::open(before, &[]).await.map_err(on_the_way)?;
    let address = format!("{}:{}", route.address, route.port);
    let opened = over.forward(&route.address, route.port);
    let channel = timeout(CONNECT, opened).await.map_err(|_| timed_out(route))?.map_err(|e| match e {
        Russh::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed) => {
            on_the_way(SshError::Refused { host: format!("{} from {}", route.name, before.name), address })
        }
        Russh::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited) => on_the_way(SshError::Handshake {
            host: before.name.clone(),
            reason: "it does not forward connections (AllowTcpForwarding)".into(),
        }),
        e => on_the_way(over.gone(&e.to_string())),
    })?;
    Ok((Stream::Channel(Box::new(channel.into_stream())), Some(Box::new(over))))
}

fn timed_out(route: &Route) -> SshError {
    SshError::Timeout { host: route.name.clone(), phase: Phase::Connect, after: CONNECT }
}

async fn tcp(route: &Route) -> Result<TcpStream, SshError> {
    let host = route.name.clone();
    let found =
        timeout(CONNECT, lookup_host((route.address.as_str(), route.port))).await.map_err(|_| timed_out(route))?;
    let addresses = found.map_err(|e| SshError::NameNotFound { host: host.clone(), reason: e.to_string() })?;
    let mut last = SshError::NameNotFound { host: host.clone(), reason: "the name has no address".into() };
    for address in addresses {
        let (host, shown) = (host.clone(), address.to_string());
        last = match timeout(CONNECT, TcpStream::connect(address)).await {
            // Small packets wait for nothing: with Nagle's algorithm the first one after the key exchange waits for the
            // acknowledgement of the one before it, which the server delays by 40 ms.
            Ok(Ok(stream)) => match stream.set_nodelay(true) {
                Ok(()) => return Ok(stream),
                Err(e) => SshError::Handshake { host, reason: e.to_string() },
            },
            Ok(Err(e)) => match e.kind() {
                io::ErrorKind::ConnectionRefused => SshError::Refused { host, address: shown },
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    SshError::NoRoute { host, address: shown }
                }
                io::ErrorKind::TimedOut => timed_out(route),
                _ => SshError::Handshake { host, reason: e.to_string() },
            },
            Err(_) => timed_out(route),
        };
    }
    Err(last)
}
