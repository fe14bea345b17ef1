//! A machine that is made to be copied, as a recipe sees it.
use super::RunsDocker;
use crate::{
    Apply, Failure, Handle, Input, Look, Resource, Site,
    host::{HOSTS, Host, Hosts, Reachable, Spot, probe},
    outputs,
};
use serde::Serialize;
use std::net::IpAddr;

/// A machine that is made to be copied, while a recipe is carried out on it. What is put on a guest that runs can be put on it too;
/// only what holds a secret cannot. A [`Recipe`](crate::host::Recipe) gives it, and nothing else does.
#[derive(Clone, Debug, Serialize)]
pub struct Unsealed {
    #[serde(skip)]
    name: String,
    address: IpAddr,
    login: &'static str,
}

impl Unsealed {
    pub(crate) fn new(name: &str, address: IpAddr, login: &'static str) -> Self {
        Unsealed { name: name.to_owned(), address, login }
    }

    fn spot(&self) -> Spot {
        Spot::at(self.address).login(self.login)
    }
}

/// What is seen of it.
#[derive(Clone, Debug, Serialize)]
pub struct UnsealedState {
    /// The address that it has while it is made.
    pub address: IpAddr,
    /// Whom its image lets in.
    pub login: String,
    /// Different after each boot.
    pub boot_id: String,
}

outputs!(
    /// What is known of a machine that is made to be copied.
    UnsealedOutputs of UnsealedState {
        /// The address that it has while it is made.
        address: IpAddr,
        /// Whom its image lets in.
        login: String,
        /// Different after each boot.
        boot_id: String,
    }
);

impl Reachable for Unsealed {
    fn host(machine: Handle<Self>) -> Host {
        Host::at(machine, Input::From(machine.address())).login_from(machine.login())
    }
}

impl RunsDocker for Unsealed {}

impl Resource for Unsealed {
    const KIND: &'static str = "host/unsealed";
    const OBSERVED: bool = true;
    const MACHINE: bool = true;
    type Provider = Hosts;
    type State = UnsealedState;
    type Id = Spot;
    type Outputs = UnsealedOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Hosts> {
        HOSTS
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<UnsealedState>, Failure> {
        Self::find(&self.spot(), cx).await
    }
    async fn find(at: &Spot, cx: &Look<'_, Hosts>) -> Result<Option<UnsealedState>, Failure> {
        let boot_id = cx.ask(at, probe::system()).await?.boot_id;
        Ok(Some(UnsealedState { address: at.address, login: at.login.clone().unwrap_or_default(), boot_id }))
    }
    fn id(state: &UnsealedState) -> Spot {
        Spot::at(state.address).login(&state.login)
    }
    async fn apply(&self, _: Option<&UnsealedState>, _: &Apply<'_, Hosts>) -> Result<(), Failure> {
        Ok(())
    }
    async fn delete(_: &UnsealedState, _: &Apply<'_, Hosts>) -> Result<(), Failure> {
        Ok(())
    }
}
