//! Names asked for from this machine: what a new system of the Pi has to prove before it may stay.
use super::Verify;
use crate::deploy::Answers;
use async_trait::async_trait;
use homelab_core::Failure;
use std::net::{IpAddr, SocketAddr};

const PORT: u16 = 53;

/// Asks over the network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FromHere;

#[async_trait]
impl Answers for FromHere {
    async fn ask(&self, server: IpAddr, ours: &[(String, IpAddr)]) -> Result<(), Failure> {
        let verify = Verify::of(SocketAddr::new(server, PORT));
        let verify = ours.iter().fold(verify, |verify, (name, ip)| verify.local(name, [*ip]));
        let report = verify.run().await;
        if report.answers() { Ok(()) } else { Err(report.failure("names are not answered")) }
    }
}
