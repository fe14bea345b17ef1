//! Waiting until a container is up: its network is, and its SSH server answers if it has one.
use super::Spec;
use crate::{
    Pve,
    client::{Reader, pause_after},
    resource::{
        vm::parts::{Address, NetKey},
        work::At,
    },
    site::Answered,
};
use homelab_core::{Apply, Failure, Field};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The port of SSH.
const SSH: u16 = 22;
/// How long a container whose network is up has until its SSH server answers: later it has none.
const SSH_GRACE: Duration = Duration::from_secs(10);

/// The address of the first device as the node sees it from outside; nothing while it has none, or not the expected one.
pub(super) async fn address(
    reader: &Reader,
    node: &str,
    vmid: u32,
    expected: Option<IpAddr>,
) -> Result<Option<IpAddr>, Failure> {
    let interfaces = reader.container_interfaces(node, vmid).await?;
    let first = interfaces.into_iter().filter(|interface| interface.name == "eth0");
    let seen = |ip: &IpAddr| expected.map_or_else(|| ip.is_ipv4(), |expected| *ip == expected);
    Ok(first.flat_map(|interface| interface.addresses).find(seen))
}

impl Spec {
    /// The fixed address that it is to have.
    pub(super) fn fixed(&self) -> Option<IpAddr> {
        match self.nics.get(&NetKey(0)).and_then(Field::as_set)?.address? {
            Address::Fixed(host) => Some(host.ip()),
            Address::Dhcp => None,
        }
    }

    /// Waits until the container is up, as far as it declares how to tell.
    pub(super) async fn ready(&self, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
        let has_network = self.nics.get(&NetKey(0)).and_then(Field::as_set).is_some_and(|nic| nic.address.is_some());
        if !has_network {
            return Ok(());
        }
        let (began, limit) = (Instant::now(), Duration::from(self.terms.ready_within));
        let mut up_since: Option<Instant> = None;
        loop {
            let address = address(cx, &at.node, at.vmid, self.fixed()).await?;
            let answered = match address {
                Some(ip) => cx.network().knock(SocketAddr::new(ip, SSH)).await,
                None => Answered::Nobody,
            };
            if address.is_some() {
                let since = *up_since.get_or_insert_with(Instant::now);
                // Without keys nobody expects to log in; with them, a system that has no SSH server is worked on through its node.
                let settled = self.authorized_keys.is_none() || since.elapsed() >= SSH_GRACE;
                if answered == Answered::Open
                    || (settled && answered == Answered::Refused)
                    || self.authorized_keys.is_none()
                {
                    return Ok(());
                }
            }
            if began.elapsed() >= limit {
                return Err(self.diagnosis(at, address));
            }
            let seconds = began.elapsed().as_secs();
            let what = if address.is_some() { "its SSH server" } else { "its network" };
            cx.progress(format!("waits for {what} ({seconds} s)"), None);
            sleep(pause_after(began.elapsed())).await;
        }
    }

    fn diagnosis(&self, at: &At, address: Option<IpAddr>) -> Failure {
        let (vmid, within) = (at.vmid, self.terms.ready_within);
        let who = format!("container {} ({vmid} on {})", self.name, at.node);
        let console = format!("look into it: `pct enter {vmid}` on {}", at.node);
        match (address, self.fixed()) {
            (Some(ip), _) => {
                Failure::new(format!("{who} is up at {ip}, but nobody answered there on port {SSH} within {within}"))
                    .hint(format!("can this machine reach that network? if so, {console}"))
            }
            (None, Some(ip)) => {
                Failure::new(format!("{who} runs, but it did not take its address {ip} within {within}"))
                    .hint(format!("a systemd of today wants `.nesting()`; otherwise {console}"))
            }
            (None, None) => {
                Failure::new(format!("{who} runs, but it got no address by DHCP within {within}")).hint(format!(
                    "does a DHCP server answer on its bridge and VLAN? or give it an address: `.at(..)`; {console}"
                ))
            }
        }
    }
}
