//! How a lab connects its machines: over SSH, or to those of the sandbox's network.
use super::{Hosts, Machine, Network, OneOff, Spot};
use crate::{
    Connect, Failure, Sandbox, Secret, Secrets,
    sim::{Net, Wire},
    ssh::{self, SshError, SshMachine, Target},
};
use std::sync::Arc;

/// All machines, over SSH: keys from the agent or from files, hosts and jump hosts as `~/.ssh/config` has them, host keys pinned or
/// from known_hosts. Nothing is connected before it is needed, and there is no credential to configure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ssh;

impl Connect for Ssh {
    type Provider = Hosts;

    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![]
    }

    async fn live(&self, _: &Secrets) -> Result<Hosts, Failure> {
        Ok(Hosts::of(Ssh))
    }

    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Hosts, Failure> {
        Ok(Hosts::of(Wire(Net::of(sandbox)?)))
    }
}

impl Network for Ssh {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        let mut target = Target::named(spot.address.to_string());
        if let Some(login) = &spot.login {
            target = target.user(login);
        }
        if let Some(key) = &spot.key {
            target = target.pinned(key);
        }
        if let Some(number) = spot.container {
            target = target.container(number);
        }
        Ok(Arc::new(SshMachine::new(target)))
    }

    fn one_off(&self) -> Result<Arc<dyn OneOff>, SshError> {
        Ok(Arc::new(ssh::one_off()?))
    }
}
