//! Waiting until a guest is up: its address answers, or its agent reports it, whichever comes first.
use super::{
    Spec,
    parts::{Address, NetKey},
    state::KEY_TYPE,
};
use crate::{
    Pve,
    api::qemu::QemuConfig,
    client::{Reader, pause_after},
    resource::work::{self, At, SSH},
    site::Answered,
};
use homelab_core::{
    Apply, Failure, Field,
    units::{HostAddr, Mac},
};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Where a guest keeps its host key.
const HOST_KEY_FILE: &str = "/etc/ssh/ssh_host_ed25519_key.pub";
/// How long cloud-init is asked what it did.
const CLOUD_INIT_ANSWER: Duration = Duration::from_secs(10);

/// What a guest is waited for.
enum Expected {
    /// This address.
    Address(HostAddr),
    /// Any address, which only its agent can tell.
    Reported,
}

/// What the agent said last.
enum Agent {
    /// It is switched off.
    Off,
    /// It does not answer.
    Silent,
    /// It sees these addresses.
    Sees(Vec<IpAddr>),
}

/// The address of the first device as the guest's agent sees it; nothing while no agent answers.
pub(super) async fn reported(
    reader: &Reader,
    node: &str,
    vmid: u32,
    mac: Option<Mac>,
) -> Result<Option<IpAddr>, Failure> {
    Ok(match ask(reader, node, vmid, mac).await? {
        Agent::Sees(addresses) => addresses.into_iter().find(IpAddr::is_ipv4),
        Agent::Off | Agent::Silent => None,
    })
}

async fn ask(reader: &Reader, node: &str, vmid: u32, mac: Option<Mac>) -> Result<Agent, Failure> {
    let interfaces = match reader.agent_interfaces(node, vmid).await {
        Ok(interfaces) => interfaces,
        Err(error) if error.is_agent_silent() => return Ok(Agent::Silent),
        Err(error) => return Err(error.into()),
    };
    let mac = mac.map(|mac| mac.to_string());
    let first = interfaces.into_iter().filter(|interface| mac.is_some() && interface.mac == mac);
    Ok(Agent::Sees(first.flat_map(|interface| interface.addresses).filter(|ip| is_usable(*ip)).collect()))
}

/// The SSH host key of a guest, as its agent tells it, without its type; nothing if there is no agent, or it may not be asked.
pub(in crate::resource) async fn host_key(cx: &Apply<'_, Pve>, at: &At, config: &QemuConfig) -> Option<String> {
    config.agent.as_ref().filter(|agent| agent.enabled)?;
    let text = match cx.agent_file(&at.node, at.vmid, HOST_KEY_FILE).await {
        Ok(text) => text,
        Err(error) if error.is_agent_silent() => return None,
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            cx.warn(format!("its SSH host key is not known, so the first login trusts what is shown: {error}; {hint}"));
            return None;
        }
    };
    let key = text.strip_prefix(KEY_TYPE)?.split_whitespace().next()?;
    Some(key.to_owned())
}

fn is_usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

impl Spec {
    fn expected(&self, agent: bool) -> Option<Expected> {
        match self.nics.get(&NetKey(0)).and_then(Field::as_set)?.address? {
            Address::Fixed(host) => Some(Expected::Address(host)),
            Address::Dhcp => agent.then_some(Expected::Reported),
        }
    }

    /// Says that somebody else has the address of a guest that never ran. Started all the same, it would seem to be up while
    /// the two take turns in answering.
    pub(super) async fn stranger(&self, cx: &Apply<'_, Pve>) -> Option<Failure> {
        let Some(Expected::Address(host)) = self.expected(false) else { return None };
        work::stranger(cx, &self.name, host.ip()).await
    }

    /// Waits until the guest is up, as far as it declares how to tell.
    pub(super) async fn ready(&self, cx: &Apply<'_, Pve>, at: &At) -> Result<(), Failure> {
        let config = cx.config(&at.node, at.vmid).await?;
        let agent = config.agent.as_ref().is_some_and(|agent| agent.enabled);
        let mac = config.nets.get(&0).and_then(|net| net.mac).map(|mac| Mac::new(mac.bytes()));
        let Some(expected) = self.expected(agent) else { return Ok(()) };
        let (began, limit) = (Instant::now(), Duration::from(self.terms.ready_within));
        loop {
            let heard = if agent { ask(cx, &at.node, at.vmid, mac).await? } else { Agent::Off };
            let answered = match &expected {
                Expected::Reported => Answered::Nobody,
                Expected::Address(host) => cx.network().knock(SocketAddr::new(host.ip(), SSH)).await,
            };
            let seen = |ip: &IpAddr| match &expected {
                Expected::Reported => ip.is_ipv4(),
                Expected::Address(host) => *ip == host.ip(),
            };
            if answered == Answered::Open || matches!(&heard, Agent::Sees(addresses) if addresses.iter().any(seen)) {
                return Ok(());
            }
            if began.elapsed() >= limit {
                let told = if matches!(heard, Agent::Sees(_)) { cloud_init(cx, at).await } else { vec![] };
                return Err(self.diagnosis(at, &expected, answered, &heard).detail(told));
            }
            let seconds = began.elapsed().as_secs();
            cx.progress(format!("waits for {} ({seconds} s)", waited_for(&expected, agent)), None);
            sleep(pause_after(began.elapsed())).await;
        }
    }

    /// Says which of the things that can be missing is: the network, cloud-init, the agent, or SSH.
    fn diagnosis(&self, at: &At, expected: &Expected, answered: Answered, heard: &Agent) -> Failure {
        let (vmid, within) = (at.vmid, self.terms.ready_within);
        let who = format!("{} ({vmid} on {})", self.name, at.node);
        let console = format!("look at its console: `qm terminal {vmid}` on {}", at.node);
        match (expected, answered, heard) {
            (Expected::Reported, _, Agent::Sees(_)) => {
                Failure::new(format!("{who} runs and its agent answers, but it got no address by DHCP within {within}"))
                    .hint("does a DHCP server answer on its bridge and VLAN? or give it an address: `.at(..)`")
            }
            (Expected::Reported, ..) => Failure::new(format!(
                "{who} runs, but its guest agent did not answer within {within}"
            ))
            .hint(
                "install qemu-guest-agent in the template's image, or say that there is none: `.agent(false)`; with a \
                     fixed address, `.at(..)`, no agent is needed",
            ),
            (Expected::Address(host), _, Agent::Sees(addresses)) => {
                let seen: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
                Failure::new(format!(
                    "{who} is up and its agent answers, but its address is {seen} and not {}: cloud-init did not run in this \
                     clone",
                    host.ip()
                ))
                .hint(
                    "its template was booted and not cleaned: seal it with `cloud-init clean --logs --seed`, or make it from a \
                     cloud image, which is clean",
                )
            }
            (Expected::Address(host), Answered::Refused, _) => {
                Failure::new(format!("{who} answers at {}, but nothing in it listens on port {SSH}", host.ip()))
                    .hint(format!("its SSH server does not run: {console}"))
            }
            (Expected::Address(host), _, heard) => {
                let agent = match heard {
                    Agent::Off => "",
                    _ => ", and its guest agent does not answer either",
                };
                let tag = host.vlan().map_or_else(|| "untagged".to_owned(), |vlan| format!("in VLAN {}", vlan.tag()));
                Failure::new(format!("{who} runs, but nobody answered at {} within {within}{agent}", host.ip())).hint(format!(
                    "can this machine reach {} ({tag} on {})? if so, cloud-init is missing in its template's image or did not \
                     run: {console}",
                    host.network(),
                    self.node.bridge
                ))
            }
        }
    }
}

/// What cloud-init says that it did, where the agent may run programs.
async fn cloud_init(cx: &Apply<'_, Pve>, at: &At) -> Vec<String> {
    let Ok(pid) = cx.agent_exec(cx.permit(), &at.node, at.vmid, &["cloud-init", "status", "--long"]).await else {
        return vec![];
    };
    let began = Instant::now();
    while began.elapsed() < CLOUD_INIT_ANSWER {
        match cx.agent_exec_status(&at.node, at.vmid, pid).await {
            Ok(Some(text)) => return text.lines().map(|line| format!("cloud-init: {line}")).collect(),
            Ok(None) => sleep(pause_after(began.elapsed())).await,
            Err(_) => break,
        }
    }
    vec![]
}

fn waited_for(expected: &Expected, agent: bool) -> String {
    match (expected, agent) {
        (Expected::Reported, _) => "its agent to report an address".to_owned(),
        (Expected::Address(host), false) => format!("{} to answer on port {SSH}", host.ip()),
        (Expected::Address(host), true) => format!("{} to answer on port {SSH}, or its agent to report it", host.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Template, Vm};
    use homelab_core::{Lab, Site, units::Network};

    const DIN: Node = Node::of(Site::named("pve"), "din");
    const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);

    /// What is said of a guest that should have this address, or any.
    fn said(fixed: bool, answered: Answered, heard: &Agent) -> String {
        let mut lab = Lab::named("home");
        let template = lab.add(Template::debian_13(9000).on(DIN).cloud_init());
        let spec = Vm::clone_from(template).on(DIN).id(201).named("web").at(LAN.host(202)).spec;
        let expected = if fixed { Expected::Address(LAN.host(202)) } else { Expected::Reported };
        let failure = spec.diagnosis(&At::vm(201, "din"), &expected, answered, heard);
        format!("{} / {}", failure.message, failure.hint.unwrap_or_default())
    }

    #[test]
    fn what_is_missing_is_named_with_its_cure() {
        let other = Agent::Sees(vec!["192.168.0.77".parse().unwrap()]);
        for (fixed, answered, heard, what, cure) in [
            (true, Answered::Nobody, Agent::Off, "nobody answered at 192.168.0.202", "LAN (in VLAN 20 on vmbr0)"),
            (true, Answered::Nobody, Agent::Silent, "its guest agent does not answer either", "cloud-init is missing"),
            (true, Answered::Refused, Agent::Off, "nothing in it listens on port 22", "qm terminal 201"),
            (true, Answered::Nobody, other, "its address is 192.168.0.77", "cloud-init clean --logs --seed"),
            (false, Answered::Nobody, Agent::Silent, "its guest agent did not answer", "install qemu-guest-agent"),
            (false, Answered::Nobody, Agent::Sees(vec![]), "got no address by DHCP", "DHCP server"),
        ] {
            let text = said(fixed, answered, &heard);
            assert!(text.contains(what) && text.contains(cure), "{text}");
        }
    }
}
