//! The network that joins simulated systems: who switches a computer on in one of them finds it running in the others.
use super::SimMachine;
use crate::{
    Sandbox,
    host::{Machine, Network, Spot},
    ssh::SshError,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A simulated computer, as whoever runs it knows it from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computer {
    /// Its own name.
    pub name: String,
    /// Where it answers while it is on.
    pub addresses: Vec<IpAddr>,
    /// The login that its keys are for.
    pub login: String,
    /// Keys that may log in, as in `authorized_keys`.
    pub authorized_keys: Vec<String>,
    /// The disks that its system sees, beside the one that it boots from.
    pub disks: Vec<Disk>,
}

impl Computer {
    /// A computer that answers at these addresses and has no disks to give.
    #[must_use]
    pub fn named(name: impl Into<String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Computer {
            name: name.into(),
            addresses: addresses.into_iter().collect(),
            login: "root".into(),
            authorized_keys: vec![],
            disks: vec![],
        }
    }
}

/// A disk that a computer sees, whatever controller it hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// The serial number.
    pub serial: String,
    /// The model.
    pub model: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it spins.
    pub rotational: bool,
    /// On how many paths it shows: two in a shelf with two cables.
    pub paths: u32,
    /// The enclosure and the slot in it, if it is in one.
    pub slot: Option<(String, u32)>,
}

/// All simulated computers of a sandbox, by an id that whoever runs them chooses: `proxmox/home/201`, `pi/pihole`.
#[derive(Default)]
pub struct Net {
    computers: Mutex<BTreeMap<String, Known>>,
}

struct Known {
    computer: Computer,
    on: bool,
    machine: Arc<SimMachine>,
}

impl Net {
    /// A network of nobody.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The network that the simulators of a sandbox share.
    #[must_use]
    pub fn of(sandbox: &Sandbox) -> Arc<Self> {
        Arc::clone(&sandbox.shared(Net::new))
    }

    fn computers(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.computers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a computer on. One that was there keeps what is on its disk, and is as it is described now; one that was off has
    /// booted anew.
    pub fn switch_on(&self, id: &str, computer: Computer) {
        let mut computers = self.computers();
        match computers.get_mut(id) {
            Some(known) => {
                if !known.on {
                    known.machine.reboot();
                }
                known.on = true;
                known.computer = computer;
            }
            None => {
                let machine = Arc::new(SimMachine::new(computer.name.clone()));
                computers.insert(id.to_owned(), Known { computer, on: true, machine });
            }
        }
    }

    /// Switches a computer off. What is on its disk stays.
    pub fn switch_off(&self, id: &str) {
        if let Some(known) = self.computers().get_mut(id) {
            known.on = false;
        }
    }

    /// Takes a computer away, with all that is on it.
    pub fn discard(&self, id: &str) {
        self.computers().remove(id);
    }

    /// The computer of this id, on or off.
    #[must_use]
    pub fn computer(&self, id: &str) -> Option<Computer> {
        self.computers().get(id).map(|k| k.computer.clone())
    }

    /// What is inside the computer of this id, on or off.
    #[must_use]
    pub fn machine(&self, id: &str) -> Option<Arc<SimMachine>> {
        self.computers().get(id).map(|k| Arc::clone(&k.machine))
    }

    /// The computer that answers at an address, with its id; `None` when nothing there is on.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Option<(String, Computer)> {
        let computers = self.computers();
        let (id, known) = computers.iter().find(|(_, k)| k.on && k.computer.addresses.contains(&address))?;
        Some((id.clone(), known.computer.clone()))
    }
}

/// The network as those see it who log in.
pub struct Wire(pub Arc<Net>);

impl Network for Wire {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(Arc::new(Line { net: Arc::clone(&self.0), name: spot.to_string(), address: spot.address }))
    }
}

/// The way to whatever answers at an address, looked for with each message.
struct Line {
    net: Arc<Net>,
    name: String,
    address: IpAddr,
}

#[async_trait::async_trait]
impl Machine for Line {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, batch: &crate::host::Batch) -> Result<Vec<crate::host::Reply>, SshError> {
        let nobody = || SshError::NoRoute { host: self.name.clone(), address: self.address.to_string() };
        let (id, _) = self.net.at(self.address).ok_or_else(nobody)?;
        let machine = self.net.machine(&id).ok_or_else(nobody)?;
        machine.run(batch).await
    }
}
