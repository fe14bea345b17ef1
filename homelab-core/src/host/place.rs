//! Where something inside a machine lives: [`Host`] as it is declared, [`Spot`] once its address is known.
use super::Hosts;
use crate::{AnyHandle, Apply, Failure, Handle, Input, Look, Output, Resource};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// A machine that is logged in to over SSH, as a resource that lives on it declares it. Made from a handle:
/// `File::on(web, "/etc/motd")` takes the handle of a guest, of a [`Computer`](super::Computer), or of anything else that is
/// [`Reachable`]. What lives on it is named within it, and goes with it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Host {
    address: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Output<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<Output<bool>>,
    #[serde(skip)]
    machine: AnyHandle,
}

/// Where it is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
enum At {
    Address(Input<IpAddr>),
    Said(Output<Spot>),
}

/// Who logs in.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
enum Login {
    Known(&'static str),
    From(Output<String>),
}

impl Host {
    /// A machine that is reached at this address, as the login that `~/.ssh/config` names for it.
    #[must_use]
    pub fn at(machine: impl Into<AnyHandle>, address: impl Into<Input<IpAddr>>) -> Self {
        Host { address: At::Address(address.into()), login: None, key: None, up: None, machine: machine.into() }
    }

    /// A machine of which only what made it knows how it is reached.
    #[must_use]
    pub fn said(machine: impl Into<AnyHandle>, spot: Output<Spot>) -> Self {
        Host { address: At::Said(spot), login: None, key: None, up: None, machine: machine.into() }
    }

    /// The login. Where it is not `root`, everything is done through sudo, which must not want a password.
    #[must_use]
    pub fn login(mut self, user: &'static str) -> Self {
        self.login = Some(Login::Known(user));
        self
    }

    /// The login, where only the machine knows it; while it names none, it is what `~/.ssh/config` says.
    #[must_use]
    pub fn login_from(mut self, user: Output<String>) -> Self {
        self.login = Some(Login::From(user));
        self
    }

    /// The host key that it must show, as in files (`ssh-ed25519 AAAA...`): what deployed the machine has read it there. Without one,
    /// or while it is empty because nobody could read it, known_hosts decides.
    #[must_use]
    pub fn key_from(mut self, key: Output<String>) -> Self {
        self.key = Some(key);
        self
    }

    /// Whether it runs. What is on a machine that does not cannot be seen.
    #[must_use]
    pub fn up_from(mut self, up: Output<bool>) -> Self {
        self.up = Some(up);
        self
    }

    /// The resource that is the machine: what lives on it answers this to [`Resource::lives_in`].
    #[must_use]
    pub fn machine(&self) -> AnyHandle {
        self.machine
    }

    /// Which machine it is, for claims and locks.
    pub(super) fn scope(&self) -> String {
        format!("machine #{}", self.machine.0.index())
    }

    /// Where it is; `None` while it does not exist, has no address, or does not run.
    #[must_use]
    pub fn spot(&self, cx: &Look<'_, Hosts>) -> Option<Spot> {
        let get = |output: Output<String>| cx.get(&Input::From(output));
        if self.up.is_some_and(|up| cx.get(&Input::From(up)) != Some(true)) {
            return None;
        }
        let address = match self.address {
            At::Said(spot) => return cx.get(&Input::From(spot)),
            At::Address(address) => address,
        };
        let login = match self.login {
            None => None,
            Some(Login::Known(user)) => Some(user.to_owned()),
            // Empty on a machine that leaves it to `~/.ssh/config`; if the machine were not there, neither would its address be.
            Some(Login::From(output)) => get(output),
        };
        let key = match self.key {
            None => None,
            Some(output) => Some(get(output)?).filter(|key| !key.is_empty()),
        };
        Some(Spot { login, key, ..Spot::at(cx.get(&address)?) })
    }

    /// Where it is.
    ///
    /// # Errors
    /// When that is not known although the machine is made.
    pub fn spot_now(&self, cx: &Apply<'_, Hosts>) -> Result<Spot, Failure> {
        let address = match self.address {
            At::Said(spot) => return cx.get(&Input::From(spot)),
            At::Address(address) => address,
        };
        let login = match self.login {
            None => None,
            Some(Login::Known(user)) => Some(user.to_owned()),
            Some(Login::From(output)) => cx.get(&Input::From(output)).ok(),
        };
        let key = self.key.map(|output| cx.get(&Input::From(output))).transpose()?;
        let key = key.filter(|key: &String| !key.is_empty());
        Ok(Spot { login, key, ..Spot::at(cx.get(&address)?) })
    }
}

impl<R: Reachable> From<Handle<R>> for Host {
    fn from(machine: Handle<R>) -> Self {
        R::host(machine)
    }
}

/// A resource that is a machine one can log in to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can be logged in to",
    label = "files, packages and services live on a machine: a guest with cloud-init, a container, or a `Computer`"
)]
pub trait Reachable: Resource {
    /// How it is reached.
    fn host(machine: Handle<Self>) -> Host
    where
        Self: Sized;
}

/// A machine whose whereabouts are known. It goes into the ledger with each thing that lives there, so it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The address.
    pub address: IpAddr,
    /// The login; what `~/.ssh/config` says, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The host key that it must show; what known_hosts says, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The number of a container that is entered with `pct exec` by whoever is logged in there, a node of Proxmox VE; the machine
    /// itself, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<u32>,
}

impl Spot {
    /// What answers at an address, as the login and with the host key that the SSH configuration says.
    #[must_use]
    pub const fn at(address: IpAddr) -> Self {
        Spot { address, login: None, key: None, container: None }
    }

    /// What OpenSSH's client is told for a terminal there.
    #[must_use]
    pub fn terminal(&self) -> Vec<String> {
        let at = Spot { container: None, ..self.clone() }.to_string();
        let Some(container) = self.container else { return vec!["--".into(), at] };
        // A node need not have sudo, and who logs in may stand in `~/.ssh/config` alone.
        let enter = format!("pct enter {container}");
        let enter = format!("if [ \"$(id -u)\" = 0 ]; then exec {enter}; else exec sudo {enter}; fi");
        vec!["-t".into(), "--".into(), at, enter]
    }

    /// The same as this login.
    #[must_use]
    pub fn login(self, user: impl Into<String>) -> Self {
        Spot { login: Some(user.into()), ..self }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = self.container {
            write!(f, "container {container} of ")?;
        }
        match &self.login {
            Some(login) => write!(f, "{login}@{}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}
