//! The Pi itself: what is on its card, what runs, and what its timer will do.
use super::{
    Flaw,
    builder::built,
    command,
    pihole::{Ground, Sim, World},
};
use crate::{
    Pi,
    deploy::BootFiles,
    dns::{Via, Wire},
    nix::{Addresses, generate},
};
use async_trait::async_trait;
use homelab_core::{
    Failure,
    host::System,
    sim::{Computer, Net},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// A simulated Pi: a machine of the network, and the name server that runs on it. Clones are the same one.
#[derive(Clone)]
pub struct SimPi {
    card: Arc<Mutex<Card>>,
    pihole: Sim,
    /// Its machine is in that network and holds it in turn, so this must not keep the network.
    net: Weak<Net>,
    computer: Computer,
    file: Option<PathBuf>,
}

/// A system in the store of a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) description: Value,
    pub(super) boot: BootFiles,
    pub(super) flaw: Flaw,
}

/// What is on the card, and what runs of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) store: BTreeMap<String, Stored>,
    /// The generations of the profile, the first is number 1.
    pub(super) generations: Vec<String>,
    /// The place of the default among them.
    pub(super) default: usize,
    /// The system that the boot loader starts.
    pub(super) loader: String,
    pub(super) current: String,
    pub(super) files: BTreeMap<String, String>,
    /// The timer that goes back.
    #[serde(skip)]
    pub(super) goes_back: Option<Instant>,
    /// The same by the clock, in seconds since 1970: it runs on while this program does not.
    goes_back_at: Option<u64>,
    #[serde(skip)]
    pub(super) cut: Option<&'static str>,
    pub(super) is_on: bool,
}

impl Card {
    fn flashed() -> Card {
        let system = "/nix/store/00000000000000000000000000000000-nixos-system-factory-25.11".to_owned();
        let boot = BootFiles { kernel: "/nix/store/factory-linux/Image".into(), ..BootFiles::default() };
        Card::with(system, Stored { description: Value::Object(Default::default()), boot, flaw: Flaw::None })
    }

    fn with(system: String, stored: Stored) -> Card {
        Card {
            store: BTreeMap::from([(system.clone(), stored)]),
            generations: vec![system.clone()],
            default: 0,
            loader: system.clone(),
            current: system,
            files: BTreeMap::new(),
            goes_back: None,
            goes_back_at: None,
            cut: None,
            is_on: true,
        }
    }

    pub(super) fn profile(&self) -> &str {
        &self.generations[self.default]
    }

    pub(super) fn running(&self) -> &Stored {
        &self.store[&self.current]
    }

    /// What the Pi does by itself as time goes on.
    fn tick(&mut self) {
        if self.is_on && self.goes_back.is_some_and(|at| Instant::now() >= at) {
            self.disarm();
            self.current = self.profile().to_owned();
        }
    }

    pub(super) fn arm(&mut self, after: Duration) {
        self.goes_back = Some(Instant::now() + after);
        self.goes_back_at = Some((clock() + after).as_secs());
    }

    pub(super) fn disarm(&mut self) {
        (self.goes_back, self.goes_back_at) = (None, None);
    }

    /// The timer goes on where it was when the program ended.
    fn resume(&mut self) {
        let left = |at: u64| Duration::from_secs(at).saturating_sub(clock());
        self.goes_back = self.goes_back_at.map(|at| Instant::now() + left(at));
    }

    fn answers(&self) -> bool {
        self.is_on && !matches!(self.running().flaw, Flaw::NoNames | Flaw::NoNetwork)
    }

    /// The power goes, and comes back: what is not on the card is gone.
    fn restart(&mut self) {
        self.disarm();
        self.current.clone_from(&self.loader);
    }
}

impl SimPi {
    /// A Pi as it is after its card was written and it has booted, at an address of a network. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn flashed(net: &Arc<Net>, name: &str, address: IpAddr) -> SimPi {
        SimPi::of(net, name, address, Card::flashed(), None, Sim::new(World::new()))
    }

    /// The Pi of a sandbox with the name server that runs on it. Its card is kept in a file across runs. In the beginning it is as
    /// `pi build` wrote it, before it knew any names.
    ///
    /// # Errors
    /// When that cannot be built.
    pub fn kept(net: &Arc<Net>, pi: &Pi, file: PathBuf, pihole: Sim) -> Result<SimPi, Failure> {
        let card = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let mut card = match card {
            Some(card) => card,
            None => {
                let (system, stored) = built(&generate(pi, &Addresses::new()))?;
                Card::with(system, stored)
            }
        };
        card.resume();
        Ok(SimPi::of(net, pi.name, pi.address.ip(), card, Some(file), pihole))
    }

    fn of(net: &Arc<Net>, name: &str, address: IpAddr, card: Card, file: Option<PathBuf>, pihole: Sim) -> SimPi {
        let computer = Computer::named(name, [address]);
        let card = Arc::new(Mutex::new(card));
        let pi = SimPi { card: Arc::clone(&card), pihole, net: Arc::downgrade(net), computer, file };
        net.switch_on(&pi.id(), pi.computer.clone());
        if let Some(machine) = net.machine(&pi.id()) {
            let own = pi.clone();
            machine.on_command(move |argv, input| command::run(&own, argv, input));
            machine.on_system(nixos);
        }
        pi.pihole.runs_on(Arc::new(Running(card)));
        pi
    }

    /// The name server that runs on it.
    #[must_use]
    pub fn pihole(&self) -> &Sim {
        &self.pihole
    }

    fn id(&self) -> String {
        format!("pi/{}", self.computer.name)
    }

    pub(super) fn card(&self) -> MutexGuard<'_, Card> {
        look(&self.card)
    }

    /// Writes the card to its file, if it has one.
    pub(super) fn save(&self, card: &Card) {
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_vec(card)) {
            // A sandbox that cannot be kept begins anew the next time.
            let _ = std::fs::write(file, text);
        }
    }

    /// Puts a system into its store.
    pub(super) fn receive(&self, toplevel: &str, stored: Stored) {
        let mut card = self.card();
        card.store.insert(toplevel.to_owned(), stored);
        self.save(&card);
    }

    /// Takes the power away for good.
    pub fn switch_off(&self) {
        self.card().is_on = false;
        if let Some(net) = self.net.upgrade() {
            net.switch_off(&self.id());
        }
    }

    /// Cuts the power, and gives it back: it boots what the boot loader says.
    pub fn cut_power(&self) {
        self.lose_power();
        if let Some(net) = self.net.upgrade() {
            net.switch_off(&self.id());
            net.switch_on(&self.id(), self.computer.clone());
        }
    }

    /// What the card looks like after that, for somebody who is inside the machine.
    pub(super) fn lose_power(&self) {
        let mut card = self.card();
        card.restart();
        self.save(&card);
    }

    /// Cuts the power in the middle of the next command that contains these words, before it has any effect.
    pub fn cut_power_at(&self, words: &'static str) {
        self.card().cut = Some(words);
    }

    /// Whether it is the one at this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.computer.addresses.contains(&address)
    }

    /// Whether it answers names now: some system always should.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.card().answers()
    }

    /// Whether it can be reached over the network.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let card = self.card();
        card.is_on && card.running().flaw != Flaw::NoNetwork
    }

    /// The systems that run, that the profile names and that the boot loader starts.
    #[must_use]
    pub fn systems(&self) -> [String; 3] {
        let card = self.card();
        [card.current.clone(), card.profile().to_owned(), card.loader.clone()]
    }

    /// Whether the way back is armed.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.card().goes_back.is_some()
    }

    /// What this lab has on it: nothing as long as it bears no mark.
    #[must_use]
    pub fn inventory(&self) -> String {
        let mark = self.card().files.get(crate::deploy::MARK).cloned();
        match mark {
            None => String::new(),
            Some(mark) => format!("{mark} {:?} armed {}", self.systems(), self.is_armed()),
        }
    }
}

/// The card as it is now.
fn look(card: &Mutex<Card>) -> MutexGuard<'_, Card> {
    let mut card = card.lock().unwrap_or_else(PoisonError::into_inner);
    card.tick();
    card
}

/// The time, since 1970.
fn clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What a Pi with NixOS says of itself. Its clock is right.
fn nixos(other: System) -> System {
    let os = [("ID", "nixos"), ("NAME", "NixOS"), ("VERSION_ID", "25.11")];
    System {
        release: "6.12.58".into(),
        architecture: "aarch64".into(),
        os: os.map(|(field, value)| (field.to_owned(), value.to_owned())).into(),
        clock: clock().as_secs(),
        ..other
    }
}

/// What the name server sees of its machine.
struct Running(Arc<Mutex<Card>>);

impl Ground for Running {
    fn system(&self) -> Option<String> {
        let card = look(&self.0);
        card.answers().then(|| card.current.clone())
    }

    fn description(&self) -> Value {
        look(&self.0).running().description.clone()
    }
}

/// The wire to the name servers of simulated Pis, without any socket.
pub struct SimWire(pub Vec<SimPi>);

#[async_trait]
impl Wire for SimWire {
    async fn exchange(&self, at: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        match self.0.iter().find(|pi| pi.is_at(at.ip())) {
            Some(pi) => pi.pihole.exchange(at, via, message).await,
            None => pending().await,
        }
    }
}
