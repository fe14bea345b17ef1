//! A machine in memory. It answers the same questions as a real one and can be changed in the same ways.
use super::world::World;
use crate::{
    host::{
        Batch, Machine, Output, Reply, System,
        facts::{Group, Package, Unit, User},
    },
    ssh::SshError,
};
use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A machine in memory: files, users, packages, units, one boot after another. Interior mutability throughout, so a test can
/// hold it in an `Arc` beside whoever uses it.
///
/// It looks like Debian 12 with nothing but what every Debian has, and its programs do what Debian's do as far as anybody here calls
/// them; [`on_command`](SimMachine::on_command) teaches it more, everything else is not found.
pub struct SimMachine {
    name: String,
    pub(super) world: Mutex<World>,
}

impl SimMachine {
    /// A fresh machine.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        SimMachine { name: name.into(), world: Mutex::new(World::new()) }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a user, and a group of the same name and number unless there is one.
    pub fn add_user(&self, user: User) {
        let mut world = self.world();
        let group = Group { name: user.name.clone(), gid: user.gid, members: vec![] };
        world.groups.entry(user.name.clone()).or_insert(group);
        world.users.insert(user.name.clone(), user);
    }

    /// Adds a group, or sets its members.
    pub fn add_group(&self, group: Group) {
        self.world().groups.insert(group.name.clone(), group);
    }

    /// Puts a package into the repositories.
    pub fn offer(&self, name: &str, version: &str) {
        self.world().candidates.insert(name.into(), version.into());
    }

    /// Installs a package, from wherever.
    pub fn install(&self, name: &str, version: &str) {
        let package = Package {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            installed: true,
            held: false,
            status: "ii ".into(),
        };
        self.world().packages.insert(name.into(), package);
    }

    /// Removes a package, with its configuration.
    pub fn purge(&self, name: &str) {
        self.world().packages.remove(name);
    }

    /// Sets the state of a unit.
    pub fn set_unit(&self, unit: Unit) {
        self.world().units.insert(unit.name.clone(), unit);
    }

    /// Sets a kernel parameter, named with dots.
    pub fn set_sysctl(&self, key: &str, value: &str) {
        self.world().sysctls.insert(key.into(), value.into());
    }

    /// Teaches it commands: arguments and input to what they say, `None` for those that this does not know. The one taught last
    /// is asked first. It must not use the machine itself.
    pub fn on_command(&self, handler: impl Fn(&[String], &[u8]) -> Option<Output> + Send + 'static) {
        self.world().commands.push(Box::new(handler));
    }

    /// Lets it say something else of itself than Debian does: asked for each time, with what it would say otherwise.
    pub fn on_system(&self, handler: impl Fn(System) -> System + Send + 'static) {
        self.world().system = Some(Box::new(handler));
    }

    /// Another machine with the same disk. What it was taught it does not know.
    pub(super) fn copy(&self, name: &str) -> SimMachine {
        SimMachine { name: name.into(), world: Mutex::new(self.world().copy()) }
    }

    /// Restarts it: another boot, the files stay.
    pub fn reboot(&self) {
        self.world().reboot();
    }

    /// How often it has booted.
    #[must_use]
    pub fn boots(&self) -> u64 {
        self.world().boots
    }

    /// Lets its clock go on. Says whether a timer ran out.
    pub fn pass(&self, seconds: u64) -> bool {
        self.world().pass(seconds)
    }

    /// Lets a later batch fail, each call one more: `done` says whether it has its effect before the answer is lost.
    pub fn fail(&self, done: bool, error: SshError) {
        self.world().faults.push_back((done, error));
    }

    /// How many batches it was sent, and how many of them could change something.
    #[must_use]
    pub fn batches(&self) -> (u64, u64) {
        let world = self.world();
        (world.batches, world.writes)
    }

    /// Everything that exists on it, as text.
    #[must_use]
    pub fn inventory(&self) -> String {
        self.world().inventory()
    }
}

/// A machine in a kept world: what is on it, and its name.
#[derive(Serialize, Deserialize)]
struct Kept<W> {
    name: String,
    world: W,
}

/// What is on its disk and in its memory. Taught commands and faults to come are not a part of that.
impl Serialize for SimMachine {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Kept { name: self.name.clone(), world: &*self.world() }.serialize(to)
    }
}
impl<'de> Deserialize<'de> for SimMachine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Kept { name, world } = Kept::<World>::deserialize(from)?;
        Ok(SimMachine { name, world: Mutex::new(world) })
    }
}

#[async_trait]
impl Machine for SimMachine {
    fn name(&self) -> &str {
        &self.name
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        let mut world = self.world();
        world.batches += 1;
        world.writes += u64::from(!batch.is_reading());
        let fault = world.faults.pop_front();
        if let Some((false, error)) = fault {
            return Err(error);
        }
        let replies = world.batch(batch, &self.name);
        match fault {
            Some((_, error)) => Err(error),
            None => Ok(replies),
        }
    }
}
