//! A machine that is there already, or that somebody sets up by hand: it is waited for and looked at, never made or deleted.
use crate::{
    Apply, Claim, Failure, Handle, Input, Look, Resource, Site,
    host::{HOSTS, Host, Hosts, Reachable, Spot, probe},
    outputs,
    units::HostAddr,
};
use serde::Serialize;
use std::{net::IpAddr, time::Duration};

/// How long a machine is waited for that does not answer yet.
const WAIT: Duration = Duration::from_secs(300);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// A machine that is there already: a node, a Raspberry Pi, a rented server. What lives on it is managed, it itself is not.
///
/// ```
/// use homelab_core::{Lab, host::Computer, units::Network};
/// const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// let mut lab = Lab::named("home");
/// let din = lab.add(Computer::named("din", LAN.host(11)).login("root"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Computer {
    #[serde(skip)]
    name: &'static str,
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<&'static str>,
}

impl Computer {
    /// A machine at an address. Who logs in, with which key and over which hosts is what `~/.ssh/config` says for the address,
    /// unless it is said here.
    #[must_use]
    pub fn named(name: &'static str, at: HostAddr) -> Self {
        Computer { name, address: at.ip(), login: None }
    }

    /// The login. Where it is not `root`, everything is done through sudo, which must not want a password.
    #[must_use]
    pub fn login(mut self, user: &'static str) -> Self {
        self.login = Some(user);
        self
    }

    fn spot(&self) -> Spot {
        Spot { login: self.login.map(str::to_owned), ..Spot::at(self.address) }
    }
}

/// What is seen of a machine.
#[derive(Clone, Debug, Serialize)]
pub struct ComputerState {
    /// The address.
    pub address: IpAddr,
    /// The login; empty if `~/.ssh/config` says it.
    pub login: Option<String>,
    /// The host's own name.
    pub hostname: String,
    /// The kernel's release: `6.12.9-amd64`.
    pub kernel: String,
    /// The distribution: `debian`.
    pub os: String,
    /// Its version: `12`.
    pub os_version: String,
    /// Different after each boot.
    pub boot_id: String,
}

outputs!(
    /// What is known of a machine.
    ComputerOutputs of ComputerState {
        /// The address.
        address: IpAddr,
        /// The login.
        login: String,
        /// The host's own name.
        hostname: String,
        /// Different after each boot.
        boot_id: String,
    }
);

impl Reachable for Computer {
    fn host(machine: Handle<Self>) -> Host {
        let host = Host::at(machine, Input::From(machine.address()));
        host.login_from(machine.login())
    }
}

impl Resource for Computer {
    const KIND: &'static str = "host/computer";
    const OBSERVED: bool = true;
    const SAID: &'static [&'static str] = &["address", "login"];
    const MACHINE: bool = true;
    type Provider = Hosts;
    type State = ComputerState;
    type Id = Spot;
    type Outputs = ComputerOutputs;

    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Hosts> {
        HOSTS
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("address", self.address)]
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<ComputerState>, Failure> {
        Self::find(&self.spot(), cx).await
    }
    async fn find(at: &Spot, cx: &Look<'_, Hosts>) -> Result<Option<ComputerState>, Failure> {
        let system = cx.ask(at, probe::system()).await?;
        let os = |field: &str| system.os.get(field).cloned().unwrap_or_default();
        Ok(Some(ComputerState {
            address: at.address,
            login: at.login.clone(),
            os: os("ID"),
            os_version: os("VERSION_ID"),
            hostname: system.hostname,
            kernel: system.release,
            boot_id: system.boot_id,
        }))
    }
    fn id(state: &ComputerState) -> Spot {
        Spot { login: state.login.clone(), ..Spot::at(state.address) }
    }
    fn login(state: &ComputerState) -> Option<Spot> {
        Some(Self::id(state))
    }
    async fn apply(&self, _: Option<&ComputerState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let mut batch = crate::host::Batch::new();
        batch.ask(probe::system());
        let mut waited = Duration::ZERO;
        loop {
            match cx.ask(&self.spot(), &batch).await {
                Err(e) if e.nature == crate::Nature::Passing && waited < WAIT => {
                    cx.progress(format!("waits for {} to answer: {e}", self.spot()), None);
                    tokio::time::sleep(PAUSE).await;
                    waited += PAUSE;
                }
                other => return other.map(drop),
            }
        }
    }
    async fn delete(_: &ComputerState, _: &Apply<'_, Hosts>) -> Result<(), Failure> {
        Ok(())
    }
}
