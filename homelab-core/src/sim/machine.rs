//! A machine in memory. It answers the same questions as a real one and can be changed in the same ways.
use super::files::{Files, Names};
use crate::{
    host::{
        Action, Answer, Batch, Command, Group, Machine, NoAnswer, Output, Package, Policy, Probe, Reply, System, Unit,
        User, What, worked,
    },
    ssh::SshError,
};
use async_trait::async_trait;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A machine in memory: files, users, packages, units, one boot after another. Interior mutability throughout, so a test can
/// hold it in an `Arc` beside whoever uses it.
///
/// It looks like Debian 12 with nothing but what every Debian has. Commands are what [`on_command`](SimMachine::on_command) says
/// they are; `true`, `false`, `cat` and `echo` are known, everything else is not found.
pub struct SimMachine {
    name: String,
    world: Mutex<World>,
}

type Handler = Box<dyn Fn(&[String], &[u8]) -> Option<Output> + Send>;

#[derive(Serialize, Deserialize)]
struct World {
    files: Files,
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
    packages: BTreeMap<String, Package>,
    candidates: BTreeMap<String, String>,
    units: BTreeMap<String, Unit>,
    sysctls: BTreeMap<String, String>,
    boots: u64,
    clock: u64,
    #[serde(skip)]
    commands: Vec<Handler>,
    #[serde(skip)]
    batches: u64,
    #[serde(skip)]
    writes: u64,
    #[serde(skip)]
    faults: VecDeque<(bool, SshError)>,
}

impl SimMachine {
    /// A fresh machine.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let user = |name: &str, uid, home: &str, shell: &str| User {
            name: name.into(),
            uid,
            gid: uid,
            comment: name.into(),
            home: home.into(),
            shell: shell.into(),
        };
        let group = |name: &str, gid| Group { name: name.into(), gid, members: vec![] };
        let users = [user("root", 0, "/root", "/bin/bash"), user("daemon", 1, "/usr/sbin", "/usr/sbin/nologin")];
        let groups = [group("root", 0), group("daemon", 1), group("sudo", 27)];
        let world = World {
            files: Files::default(),
            users: users.map(|u| (u.name.clone(), u)).into(),
            groups: groups.map(|g| (g.name.clone(), g)).into(),
            packages: BTreeMap::new(),
            candidates: BTreeMap::new(),
            units: BTreeMap::new(),
            sysctls: BTreeMap::from([("kernel.ostype".into(), "Linux".into())]),
            boots: 1,
            clock: 1_750_000_000,
            commands: vec![],
            batches: 0,
            writes: 0,
            faults: VecDeque::new(),
        };
        SimMachine { name: name.into(), world: Mutex::new(world) }
    }

    fn world(&self) -> MutexGuard<'_, World> {
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

    /// Restarts it: another boot, the files stay.
    pub fn reboot(&self) {
        self.world().boots += 1;
    }

    /// Lets its clock go on.
    pub fn pass(&self, seconds: u64) {
        self.world().clock += seconds;
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
        let world = self.world();
        let mut lines: Vec<String> = world.files.paths().into_iter().collect();
        lines.extend(
            world.users.values().map(|u| format!("user {} {}:{} {} {}", u.name, u.uid, u.gid, u.home, u.shell)),
        );
        lines.extend(world.groups.values().map(|g| format!("group {} {} {}", g.name, g.gid, g.members.join(","))));
        lines.extend(world.packages.values().map(|p| format!("package {} {} held {}", p.name, p.version, p.held)));
        lines.extend(world.units.values().map(|u| format!("unit {} {} {} {}", u.name, u.load, u.active, u.file_state)));
        lines.join("\n")
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

impl World {
    fn batch(&mut self, batch: &Batch, hostname: &str) -> Vec<Reply> {
        let mut replies: Vec<Reply> = vec![];
        let mut stopped: Option<String> = None;
        for item in batch.items() {
            let what = item.what.to_string();
            if let Some(barrier) = &stopped {
                replies.push(Err(NoAnswer::Skipped { item: what, barrier: barrier.clone() }));
                continue;
            }
            let reply = match (item.impossible(), &item.what) {
                (Some(why), _) => Err(why),
                (None, What::Probe(probe)) => self.probe(probe, hostname),
                (None, What::Action(action)) => self.action(action),
            };
            let reply = reply.map_err(|why| NoAnswer::failed(&what, &why));
            if item.barrier && !worked(&reply) {
                stopped = Some(what);
            }
            replies.push(reply);
        }
        replies
    }

    fn with_names<T>(&mut self, f: impl FnOnce(&mut Files, &Names<'_>) -> T) -> T {
        let users = self.users.values().map(|u| (u.uid, u.name.clone())).collect();
        let groups = self.groups.values().map(|g| (g.gid, g.name.clone())).collect();
        f(&mut self.files, &Names { users: &users, groups: &groups })
    }

    fn probe(&mut self, probe: &Probe, hostname: &str) -> Result<Answer, String> {
        Ok(match probe {
            Probe::Stat { path, digest } => self.with_names(|files, names| files.stat(path, *digest, names)),
            Probe::Read(path) => self.files.read(path)?,
            Probe::ReadLink(path) => self.files.read_link(path),
            Probe::List(path) => self.files.list(path)?,
            Probe::User(name) => Answer::User(self.users.get(name).cloned()),
            Probe::Group(name) => Answer::Group(self.groups.get(name).cloned()),
            Probe::Package(name) => Answer::Package(self.packages.get(name).cloned()),
            Probe::Policy(name) => {
                let installed = self.packages.get(name).map(|p| p.version.clone());
                let candidate = self.candidates.get(name).cloned().or_else(|| installed.clone());
                let known = installed.is_some() || candidate.is_some();
                Answer::Policy(known.then(|| Policy { name: name.clone(), installed, candidate }))
            }
            Probe::Unit(name) => Answer::Unit(self.units.get(name).cloned().unwrap_or_else(|| Unit {
                name: name.clone(),
                load: "not-found".into(),
                active: "inactive".into(),
                sub: "dead".into(),
                file_state: String::new(),
                fragment: String::new(),
                needs_reload: false,
                main_pid: None,
                result: "success".into(),
            })),
            Probe::Sysctl(key) => Answer::Sysctl(self.sysctls.get(key).cloned()),
            Probe::System => Answer::System(System {
                kernel: "Linux".into(),
                release: "6.1.0-37-amd64".into(),
                architecture: "x86_64".into(),
                hostname: hostname.into(),
                os: [("ID", "debian"), ("VERSION_ID", "12"), ("VERSION_CODENAME", "bookworm")]
                    .map(|(k, v)| (k.to_owned(), v.to_owned()))
                    .into(),
                boot_id: format!("00000000-0000-4000-8000-{:012x}", self.boots),
                clock: self.clock,
                uid: 0,
            }),
            Probe::Command(command) => Answer::Output(self.command(command)),
        })
    }

    fn action(&mut self, action: &Action) -> Result<Answer, String> {
        if let Action::Run(command) = action {
            return Ok(Answer::Output(self.command(command)));
        }
        self.with_names(|files, names| files.act(action, names)).map(|()| Answer::Done)
    }

    fn command(&self, command: &Command) -> Output {
        let argv: Vec<String> = command.argv.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        let input = command.stdin.as_ref().map_or(&[][..], |c| c.expose());
        if let Some(output) = self.commands.iter().rev().find_map(|handler| handler(&argv, input)) {
            return output;
        }
        let says = |status, stdout: Vec<u8>, stderr: &str| Output { status, stdout, stderr: stderr.into() };
        match argv.first().map_or("", String::as_str) {
            "true" => says(0, vec![], ""),
            "false" => says(1, vec![], ""),
            "cat" if argv.len() == 1 => says(0, input.to_vec(), ""),
            "echo" => says(0, format!("{}\n", argv[1..].join(" ")).into_bytes(), ""),
            other => says(127, vec![], &format!("sh: {other}: not found\n")),
        }
    }
}
