//! The network that joins simulated systems: who switches a computer on in one of them finds it running in the others.
use super::{SimMachine, Store, StoreError, cloud};
use crate::{
    Failure, Sandbox,
    host::{Machine, Network, OneOff, Spot},
    ssh::{Side, SshError},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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
    /// The CD in its drive, if there is one.
    #[serde(default)]
    pub cd: Option<String>,
    /// What cloud-init takes for another machine when it changes; nothing where there is no cloud-init.
    #[serde(default)]
    pub instance: Option<String>,
    /// The id of the computer that runs it as a container, and its number there.
    #[serde(default)]
    pub inside: Option<(String, u32)>,
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
            cd: None,
            instance: None,
            inside: None,
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
    kept: Option<Keeping>,
}

struct Known {
    computer: Computer,
    on: bool,
    machine: Arc<SimMachine>,
}

/// A computer in a kept network.
#[derive(Serialize, Deserialize)]
struct Kept<C, M> {
    computer: C,
    on: bool,
    machine: M,
}

/// Where the network is kept, and why it could not be the last time.
struct Keeping {
    store: Store<BTreeMap<String, Kept<Computer, SimMachine>>>,
    trouble: Mutex<Option<StoreError>>,
}

impl Net {
    /// A network of nobody.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The network that the simulators of a sandbox share. It lives in the sandbox's directory across runs.
    ///
    /// # Errors
    /// When what was kept there cannot be read.
    pub fn of(sandbox: &Sandbox) -> Result<Arc<Self>, Failure> {
        let net = sandbox.shared(|| Net::kept_in(&sandbox.dir().join("net")).map(Arc::new));
        match net.as_ref() {
            Ok(net) => Ok(Arc::clone(net)),
            Err(e) => Err(Failure::new(e.to_string())),
        }
    }

    /// A network that is kept in a directory: what was kept there before is there again. Each change is on the disk before
    /// its answer is given; looking writes nothing.
    ///
    /// # Errors
    /// When what was kept there cannot be read.
    pub fn kept_in(dir: &Path) -> Result<Self, StoreError> {
        let store: Store<BTreeMap<String, Kept<Computer, SimMachine>>> = Store::at(dir, "network");
        let kept = store.load()?.unwrap_or_default();
        let known = |k: Kept<Computer, SimMachine>| Known { computer: k.computer, on: k.on, machine: k.machine.into() };
        let computers = kept.into_iter().map(|(id, k)| (id, known(k))).collect();
        Ok(Net { computers: Mutex::new(computers), kept: Some(Keeping { store, trouble: Mutex::default() }) })
    }

    /// Keeps the network as it is now. Whoever switches a computer cannot be told that it did not work; who writes to one is.
    fn keep(&self, computers: &BTreeMap<String, Known>) {
        let Some(keeping) = &self.kept else { return };
        fn kept(k: &Known) -> Kept<&Computer, &SimMachine> {
            Kept { computer: &k.computer, on: k.on, machine: &k.machine }
        }
        let all: BTreeMap<&String, _> = computers.iter().map(|(id, k)| (id, kept(k))).collect();
        let trouble = keeping.store.save(&all).err();
        *keeping.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What went wrong when the network was kept the last time.
    fn trouble(&self) -> Option<String> {
        let trouble = self.kept.as_ref()?.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map(ToString::to_string)
    }

    fn computers(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.computers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a computer on. One that was there keeps what is on its disk, and is as it is described now; one that was off has
    /// booted anew.
    pub fn switch_on(&self, id: &str, computer: Computer) {
        let mut computers = self.computers();
        match computers.get_mut(id) {
            Some(known) if known.on && known.computer == computer => return,
            Some(known) => {
                if !known.on {
                    known.machine.reboot();
                    known.machine.wakes(id, &computer);
                }
                known.on = true;
                known.computer = computer;
            }
            None => {
                let machine = Arc::new(SimMachine::new(computer.name.clone()));
                machine.wakes(id, &computer);
                computers.insert(id.to_owned(), Known { computer, on: true, machine });
            }
        }
        self.keep(&computers);
    }

    /// Lets the clock of a computer go on, and keeps what its timers have done then.
    pub fn pass(&self, id: &str, seconds: u64) {
        let computers = self.computers();
        if computers.get(id).is_some_and(|known| known.machine.pass(seconds)) {
            self.keep(&computers);
        }
    }

    /// Somebody writes a text into these files of a computer, and it is kept. Where it stands already, nothing is written.
    pub fn somebody_writes(&self, id: &str, paths: &[&str], text: &str) {
        let computers = self.computers();
        let Some(known) = computers.get(id) else { return };
        let others: Vec<_> = paths.iter().filter(|path| known.machine.text(path).as_deref() != Some(text)).collect();
        for path in &others {
            known.machine.somebody_writes(path, text);
        }
        if !others.is_empty() {
            self.keep(&computers);
        }
    }

    /// Switches a computer off. What is on its disk stays.
    pub fn switch_off(&self, id: &str) {
        let mut computers = self.computers();
        if let Some(known) = computers.get_mut(id).filter(|k| k.on) {
            known.on = false;
            self.keep(&computers);
        }
    }

    /// Describes a computer that is off. One that was not there is, with nothing on it.
    pub fn put_off(&self, id: &str, computer: Computer) {
        let mut computers = self.computers();
        match computers.get_mut(id) {
            Some(known) if !known.on && known.computer == computer => return,
            Some(known) => (known.on, known.computer) = (false, computer),
            None => {
                let machine = Arc::new(SimMachine::new(computer.name.clone()));
                computers.insert(id.to_owned(), Known { computer, on: false, machine });
            }
        }
        self.keep(&computers);
    }

    /// Puts a computer there, off, with what is on the disk of another; nothing, if it is there already or the other is not.
    pub fn copy(&self, from: &str, id: &str, name: &str) {
        let mut computers = self.computers();
        if let Some(machine) = computers.get(from).filter(|_| !computers.contains_key(id)).map(|k| k.machine.copy(name))
        {
            let (computer, machine) = (Computer::named(name, []), Arc::new(machine));
            computers.insert(id.to_owned(), Known { computer, on: false, machine });
            self.keep(&computers);
        }
    }

    /// Takes a computer away, with all that is on it.
    pub fn discard(&self, id: &str) {
        let mut computers = self.computers();
        if computers.remove(id).is_some() {
            self.keep(&computers);
        }
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

    /// Everything that exists on all computers, as text.
    #[must_use]
    pub fn inventory(&self) -> String {
        let computers = self.computers();
        let lines = computers.iter().map(|(id, k)| format!("{id}, on: {}\n{}", k.on, k.machine.inventory()));
        lines.collect::<Vec<_>>().join("\n\n")
    }

    /// The computer that answers at an address, with its id; `None` when nothing there is on.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Option<(String, Computer)> {
        let computers = self.computers();
        let (id, known) = computers.iter().find(|(_, k)| k.on && k.computer.addresses.contains(&address))?;
        Some((id.clone(), known.computer.clone()))
    }

    /// The container of a number that a computer runs, and whether it is on.
    fn container(&self, host: &str, number: u32) -> Option<(Arc<SimMachine>, bool)> {
        let computers = self.computers();
        let is_it = |known: &&Known| known.computer.inside.as_ref().is_some_and(|(id, n)| id == host && *n == number);
        computers.values().find(is_it).map(|known| (Arc::clone(&known.machine), known.on))
    }
}

/// The network as those see it who log in.
pub struct Wire(pub Arc<Net>);

impl Network for Wire {
    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(Line::to(&self.0, spot, None))
    }

    fn one_off(&self) -> Result<Arc<dyn OneOff>, SshError> {
        Ok(Arc::new(Key { net: Arc::clone(&self.0), public: cloud::one_off_key() }))
    }
}

/// A key that opens only the machines that were told of it.
struct Key {
    net: Arc<Net>,
    public: String,
}

impl OneOff for Key {
    fn public(&self) -> &str {
        &self.public
    }

    fn machine(&self, spot: &Spot) -> Result<Arc<dyn Machine>, SshError> {
        Ok(Line::to(&self.net, spot, Some(self.public.clone())))
    }
}

/// The way to whatever answers at an address, looked for with each message.
struct Line {
    net: Arc<Net>,
    name: String,
    address: IpAddr,
    login: Option<String>,
    container: Option<u32>,
    /// The only key that is offered; without one, the right one is.
    key: Option<String>,
    /// A connection that is there stays, whatever becomes of the rules for new ones.
    logged_in: AtomicBool,
}

impl Line {
    fn to(net: &Arc<Net>, spot: &Spot, key: Option<String>) -> Arc<Line> {
        Arc::new(Line {
            net: Arc::clone(net),
            name: spot.to_string(),
            address: spot.address,
            login: spot.login.clone(),
            container: spot.container,
            key,
            logged_in: AtomicBool::new(false),
        })
    }

    fn log_in(&self, computer: &Computer, machine: &SimMachine) -> Result<(), SshError> {
        let user = self.login.as_ref().unwrap_or(&computer.login);
        if machine.firewall_is_shut() {
            return Err(SshError::NoRoute { host: self.name.clone(), address: self.address.to_string() });
        }
        if !machine.lets_in(user) || self.key.as_ref().is_some_and(|key| !machine.knows_key(user, key)) {
            let (host, user) = (self.name.clone(), user.clone());
            return Err(SshError::AuthRefused {
                host,
                user,
                offered: vec![],
                notes: vec![],
                side: Side::Theirs,
                methods: Box::default(),
            });
        }
        self.logged_in.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What `pct exec` on a machine enters.
    fn enter(&self, id: &str, container: u32) -> Result<Arc<SimMachine>, SshError> {
        let host = self.address.to_string();
        match self.net.container(id, container) {
            Some((machine, true)) => Ok(machine),
            Some((_, false)) => Err(SshError::ContainerOff { host, container }),
            None => {
                let reason = format!("Configuration file for {container} does not exist");
                Err(SshError::ContainerMissing { host, container, reason })
            }
        }
    }
}

#[async_trait::async_trait]
impl Machine for Line {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, batch: &crate::host::Batch) -> Result<Vec<crate::host::Reply>, SshError> {
        let nobody = || SshError::NoRoute { host: self.name.clone(), address: self.address.to_string() };
        let (id, computer) = self.net.at(self.address).ok_or_else(nobody)?;
        let machine = self.net.machine(&id).ok_or_else(nobody)?;
        if !self.logged_in.load(Ordering::Relaxed) {
            self.log_in(&computer, &machine)?;
        }
        let machine = match self.container {
            Some(container) => self.enter(&id, container)?,
            None => machine,
        };
        let answer = machine.run(batch).await;
        if !batch.is_reading() {
            self.net.keep(&self.net.computers());
            if let Some(reason) = self.net.trouble() {
                return Err(SshError::Handshake { host: self.name.clone(), reason });
            }
        }
        answer
    }
}
