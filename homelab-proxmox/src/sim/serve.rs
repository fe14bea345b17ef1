//! The simulator over HTTPS on loopback, so that a real client is used end to end.
use super::Sim;
use std::net::SocketAddr;

/// A simulator that is being served.
#[derive(Debug)]
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
}
impl Sim {}
