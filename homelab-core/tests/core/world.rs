//! A small world for the core's own tests: guests on a hypervisor, disks behind controllers, pools on a NAS, files on machines,
//! and a Pi that takes back what nobody confirms. Every call is counted, and can be made to fail.
use homelab_core::{
    Begun, Failure, Kind, Mark, Permit, Provider, Providers, Site,
    testing::{Broken, Traffic, World},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::Instant;

pub const HYPER: Site<Hyper> = Site::named("hyper");
pub const NAS: Site<Nas> = Site::named("nas");
pub const FLEET: Site<Fleet> = Site::named("fleet");
pub const PI: Site<Pi> = Site::named("pi");

#[derive(Clone, Debug, Serialize)]
pub struct Guest {
    pub cores: u32,
    pub uuid: u64,
    pub dns: Option<Ipv4Addr>,
    pub ip: Ipv4Addr,
    pub controllers: BTreeSet<String>,
    pub mark: Option<Mark>,
    /// Work that goes on: until then it is half-made.
    #[serde(skip)]
    pub busy_until: Option<Instant>,
}

#[derive(Default)]
pub struct State {
    pub guests: BTreeMap<u32, Guest>,
    pub names: BTreeMap<u32, String>,
    next_uuid: u64,
    /// Serial numbers behind each controller.
    pub shelves: BTreeMap<String, Vec<String>>,
    pub pools: BTreeMap<String, (Vec<String>, Option<Mark>)>,
    /// By machine: path to content.
    pub files: BTreeMap<Ipv4Addr, BTreeMap<String, String>>,
    /// Machines that do not answer.
    pub silent: BTreeSet<Ipv4Addr>,
    /// Files that every new guest comes with.
    pub comes_with: BTreeMap<String, String>,
    pub pi: Generations,
}

/// The generations of a machine that can go back.
pub struct Generations {
    pub running: String,
    /// What it goes back to, and when, unless somebody confirms.
    pub unless_confirmed: Option<(String, Instant)>,
    /// Generations with which its DNS does not answer.
    pub broken: BTreeSet<String>,
}

impl Default for Generations {
    fn default() -> Self {
        Generations { running: "factory".into(), unless_confirmed: None, broken: BTreeSet::new() }
    }
}

impl State {
    /// What time does by itself.
    fn settle(&mut self) {
        let now = Instant::now();
        for guest in self.guests.values_mut() {
            guest.busy_until = guest.busy_until.filter(|t| *t > now);
        }
        if let Some((old, _)) = self.pi.unless_confirmed.clone().filter(|(_, at)| *at <= now) {
            self.pi.running = old;
            self.pi.unless_confirmed = None;
        }
    }
    pub fn uuid(&mut self) -> u64 {
        self.next_uuid += 1;
        self.next_uuid
    }
    /// The kernel's names of the disks that a guest sees: they depend on what else is plugged in, so nobody may keep one.
    pub fn disks_of(&self, guest: &Guest) -> BTreeMap<String, String> {
        let serials = guest.controllers.iter().flat_map(|c| self.shelves.get(c).cloned().unwrap_or_default());
        serials.enumerate().map(|(n, serial)| (serial, format!("sd{}", (b'a' + n as u8) as char))).collect()
    }
}

struct Inner {
    state: Mutex<State>,
    traffic: Traffic,
    witness: Mutex<Option<PathBuf>>,
}

/// Clones share one world.
#[derive(Clone)]
pub struct Toy(Arc<Inner>);

impl Default for Toy {
    fn default() -> Self {
        Toy(Arc::new(Inner { state: Mutex::default(), traffic: Traffic::default(), witness: Mutex::default() }))
    }
}

impl Toy {
    /// The world itself, for tests that look or meddle behind everybody's back. Not a call.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap();
        state.settle();
        state
    }

    /// From now on every write must find the beginning of something in this journal.
    pub fn witness(&self, journal: Option<PathBuf>) {
        *self.0.witness.lock().unwrap() = journal;
    }

    /// One call.
    pub async fn call<T>(&self, write: bool, f: impl FnOnce(&mut State) -> Result<T, Failure>) -> Result<T, Failure> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let broken = |broken| {
            Err(Failure::passing(match broken {
                Broken::Before => "the world is not in the mood",
                Broken::After => "the answer was lost",
            }))
        };
        let arrives = async {
            if let Some(journal) = self.0.witness.lock().unwrap().as_deref().filter(|_| write) {
                assert!(crate::random::something_has_begun(journal), "a write without a journaled start");
            }
            f(&mut self.state())
        };
        self.0.traffic.through(write, broken, arrives).await
    }
}

impl World for Toy {
    fn providers(&self) -> Providers {
        Providers::default()
            .with(HYPER, Hyper(self.clone()))
            .with(NAS, Nas(self.clone()))
            .with(FLEET, Fleet(self.clone()))
            .with(PI, Pi(self.clone()))
    }
    fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }
    fn inventory(&self) -> String {
        let state = self.state();
        let guests = state.guests.iter().map(|(id, g)| Guest { uuid: u64::from(*id), ..g.clone() }).collect::<Vec<_>>();
        serde_json::to_string_pretty(&(guests, &state.names, &state.pools, &state.files, &state.pi.running)).unwrap()
    }
}

macro_rules! provider {
    ($name:ident: $($kind:ty),* $(; settle $settle:expr)?) => {
        pub struct $name(pub Toy);
        impl Provider for $name {
            type Reader = Toy;
            fn reader(&self) -> Toy {
                self.0.clone()
            }
            fn kinds() -> Vec<Kind<Self>> {
                vec![$(Kind::of::<$kind>()),*]
            }
            $(async fn settle(&self, begun: &Begun<'_>) -> Result<(), Failure> {
                $settle(&self.0, begun).await
            })?
        }
        impl $name {
            /// A call that writes: only a permit opens it.
            pub async fn write<T>(&self, _: &Permit, f: impl FnOnce(&mut State) -> Result<T, Failure>) -> Result<T, Failure> {
                self.0.call(true, f).await
            }
        }
    };
}

async fn guest_is_still(toy: &Toy, begun: &Begun<'_>) -> Result<(), Failure> {
    let Some(vmid) = begun.id.and_then(|id| id["vmid"].as_u64()) else { return Ok(()) };
    loop {
        let busy = toy.call(false, |s| Ok(s.guests.get(&(vmid as u32)).and_then(|g| g.busy_until))).await?;
        match busy {
            None => return Ok(()),
            Some(until) => tokio::time::sleep_until(until).await,
        }
    }
}

provider!(Hyper: crate::kinds::Vm; settle guest_is_still);
provider!(Nas: crate::kinds::Pool);
provider!(Fleet: crate::kinds::File);
provider!(Pi: crate::kinds::Generation);
