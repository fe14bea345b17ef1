//! The seam to the network: one message there, one back.
use async_trait::async_trait;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
};

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// A datagram each.
    Udp,
    /// A connection.
    Tcp,
}

impl Via {
    /// The word: `UDP`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Via::Udp => "UDP",
            Via::Tcp => "TCP",
        }
    }
}

/// Sends a message and waits for one; whoever asks says how long.
#[async_trait]
pub trait Wire: Send + Sync {
    /// Sends `message` once and gives back the next message with the same id.
    ///
    /// # Errors
    /// What the network said: a port that is closed is `ConnectionRefused`.
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>>;
}

/// The sockets of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sockets;

#[async_trait]
impl Wire for Sockets {
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        match via {
            Via::Udp => udp(at, message).await,
            Via::Tcp => tcp(at, message).await,
        }
    }
}

async fn udp(at: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let any: SocketAddr = match at {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // A new socket for each question: a new port, and no answer to an earlier one.
    let socket = UdpSocket::bind(any).await?;
    socket.connect(at).await?;
    socket.send(message).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if buffer[..length].get(..2) == message.get(..2) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn tcp(at: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(|_| io::Error::other("a message over 65535 octets"))?;
    let mut stream = TcpStream::connect(at).await?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}
