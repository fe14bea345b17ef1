//! Whether a guest answers on the network: asked for real, or of a simulated network.
use async_trait::async_trait;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// How long a guest has to accept a connection. On a lab's own network an answer takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// How an address answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Something accepts connections there.
    Open,
    /// The machine is up and refuses: nothing listens on that port.
    Refused,
    /// Nobody answers.
    Nobody,
}

/// The seam to the guests' network.
#[async_trait]
pub trait Reach: Send + Sync {
    /// Tries to connect once, for a short while.
    async fn knock(&self, at: SocketAddr) -> Answered;
}

/// The network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network;

#[async_trait]
impl Reach for Network {
    async fn knock(&self, at: SocketAddr) -> Answered {
        match timeout(PATIENCE, TcpStream::connect(at)).await {
            Ok(Ok(_)) => Answered::Open,
            Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused => Answered::Refused,
            _ => Answered::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_open_port_is_told_from_a_closed_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(Network.knock(at).await, Answered::Open);
        drop(listener);
        assert_eq!(Network.knock(at).await, Answered::Refused);
    }
}
