//! All that there is inside a simulated machine, and how it answers.
use super::{
    commands::{self, Call},
    debian::{DIRS, Debian, FILES, STOCK},
    files::{Files, Names},
};
use crate::{
    host::{
        Action, Answer, Batch, Command, HostPath, NoAnswer, Output, Policy, Probe, Reply, System, What,
        facts::{Group, Package, Unit, User},
        worked,
    },
    ssh::SshError,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A command that a test has taught the machine.
pub(super) type Handler = Box<dyn Fn(&[String], &[u8]) -> Option<Output> + Send>;

/// What a machine says of itself in place of Debian's words.
pub(super) type Guise = Box<dyn Fn(System) -> System + Send>;

/// The inside of a machine, as plain data.
#[derive(Serialize, Deserialize)]
pub(super) struct World {
    pub(super) files: Files,
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) packages: BTreeMap<String, Package>,
    pub(super) candidates: BTreeMap<String, String>,
    pub(super) units: BTreeMap<String, Unit>,
    pub(super) sysctls: BTreeMap<String, String>,
    pub(super) debian: Debian,
    pub(super) boots: u64,
    pub(super) clock: u64,
    #[serde(skip)]
    pub(super) commands: Vec<Handler>,
    #[serde(skip)]
    pub(super) system: Option<Guise>,
    #[serde(skip)]
    pub(super) batches: u64,
    #[serde(skip)]
    pub(super) writes: u64,
    #[serde(skip)]
    pub(super) faults: VecDeque<(bool, SshError)>,
}

impl World {
    /// A fresh Debian 12.
    pub(super) fn new() -> Self {
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
        let groups =
            [("root", 0), ("daemon", 1), ("adm", 4), ("sudo", 27), ("users", 100)].map(|(n, gid)| group(n, gid));
        let mut world = World {
            files: Files::default(),
            users: users.map(|u| (u.name.clone(), u)).into(),
            groups: groups.map(|g| (g.name.clone(), g)).into(),
            packages: BTreeMap::new(),
            candidates: BTreeMap::new(),
            units: BTreeMap::new(),
            sysctls: commands::parameters().collect(),
            debian: Debian::default(),
            boots: 1,
            clock: 1_750_000_000,
            commands: vec![],
            system: None,
            batches: 0,
            writes: 0,
            faults: VecDeque::new(),
        };
        for (dir, mode) in DIRS {
            let _made = world.files.root(&Action::MakeDir { path: HostPath::at(dir), mode: *mode, owner: None });
        }
        for (path, text) in FILES {
            world.files.put(path, *text);
        }
        for (name, offer) in STOCK.iter().filter(|(_, offer)| offer.base) {
            commands::set_up(&mut world, name, offer.version, false);
        }
        world
    }

    /// The same disk, in a machine that has not run yet.
    pub(super) fn copy(&self) -> Self {
        World {
            files: self.files.clone(),
            users: self.users.clone(),
            groups: self.groups.clone(),
            packages: self.packages.clone(),
            candidates: self.candidates.clone(),
            units: self.units.clone(),
            sysctls: self.sysctls.clone(),
            debian: self.debian.clone(),
            boots: 0,
            ..World::new()
        }
    }

    pub(super) fn batch(&mut self, batch: &Batch, hostname: &str) -> Vec<Reply> {
        let mut replies: Vec<Reply> = vec![];
        let mut stopped: Option<(usize, String)> = None;
        for item in batch.items() {
            let what = item.what.to_string();
            if let Some((_, barrier)) = stopped.as_ref().filter(|(part, _)| *part == item.part) {
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
                stopped = Some((item.part, what));
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
                let candidate = commands::candidate(self, name).or_else(|| installed.clone());
                let known = installed.is_some() || candidate.is_some();
                Answer::Policy(known.then(|| Policy { name: name.clone(), installed, candidate }))
            }
            Probe::Unit(name) => {
                let told = self.units.get(name).cloned();
                Answer::Unit(told.unwrap_or_else(|| commands::unit(self, name)))
            }
            Probe::Sysctl(key) => Answer::Sysctl(self.sysctls.get(key).cloned()),
            Probe::System => {
                let debian = System {
                    kernel: "Linux".into(),
                    release: "6.1.0-37-amd64".into(),
                    architecture: "x86_64".into(),
                    hostname: self.debian.hostname.clone().unwrap_or_else(|| hostname.into()),
                    os: [("ID", "debian"), ("VERSION_ID", "12"), ("VERSION_CODENAME", "bookworm")]
                        .map(|(k, v)| (k.to_owned(), v.to_owned()))
                        .into(),
                    boot_id: format!("00000000-0000-4000-8000-{:012x}", self.boots),
                    clock: self.clock,
                    uid: 0,
                };
                Answer::System(match &self.system {
                    Some(guise) => guise(debian),
                    None => debian,
                })
            }
            Probe::Command(command) => Answer::Output(self.command(command)),
        })
    }

    fn action(&mut self, action: &Action) -> Result<Answer, String> {
        if let Action::Run(command) = action {
            return Ok(Answer::Output(self.command(command)));
        }
        if matches!(action, Action::RemoveAll(path) if path.as_bytes() == b"/var/lib/apt/lists") {
            self.debian.lists = false;
        }
        let takes_room = !matches!(action, Action::Remove(_) | Action::RemoveAll(_));
        match &self.debian.disk {
            Some(refusal) if takes_room || refusal.contains("Read-only") => Err(refusal.clone()),
            _ => self.with_names(|files, names| files.act(action, names)).map(|()| Answer::Done),
        }
    }

    fn command(&mut self, command: &Command) -> Output {
        let call = Call::of(command);
        if let Some(output) = self.commands.iter().rev().find_map(|handler| handler(&call.argv, call.stdin)) {
            return output;
        }
        commands::run(self, &call).unwrap_or_else(|| commands::fails(127, format!("sh: {}: not found", call.argv[0])))
    }

    /// Everything that exists, as text; nothing that is counted or timed.
    pub(super) fn inventory(&self) -> String {
        let mut lines: Vec<String> = self.files.paths().into_iter().collect();
        lines
            .extend(self.users.values().map(|u| format!("user {} {}:{} {} {}", u.name, u.uid, u.gid, u.home, u.shell)));
        lines.extend(self.groups.values().map(|g| format!("group {} {} {}", g.name, g.gid, g.members.join(","))));
        lines.extend(self.packages.values().map(|p| format!("package {} {} held {}", p.name, p.version, p.held)));
        lines.extend(self.units.values().map(|u| format!("unit {} {} {} {}", u.name, u.load, u.active, u.file_state)));
        let running = self.debian.running.iter().filter(|(_, r)| r.active != "inactive");
        lines.extend(running.map(|(name, r)| format!("runs {name} {}", r.active)));
        lines.extend(self.sysctls.iter().map(|(k, v)| format!("sysctl {k}={v}")));
        lines.extend(self.debian.modules.iter().map(|m| format!("module {m}")));
        lines.extend(self.debian.timers.keys().map(|t| format!("timer {t}")));
        lines.extend(self.debian.hostname.iter().map(|h| format!("hostname {h}")));
        for (project, services) in &self.debian.docker {
            lines.extend(services.iter().map(|(service, c)| format!("container {project}/{service} {}", c.state)));
        }
        lines.extend(self.debian.nft.iter().map(|(table, rules)| format!("nft {table} {rules}")));
        lines.push(format!("sshd {:?}", self.debian.sshd));
        lines.join("\n")
    }

    /// Another boot: what was only in memory is gone, what is on the disk counts.
    pub(super) fn reboot(&mut self) {
        self.boots += 1;
        self.files.unlink("/run/reboot-required");
        self.debian.hostname =
            self.files.text("/etc/hostname").map(|n| n.trim().to_owned()).or(self.debian.hostname.take());
        commands::boot(self);
    }

    /// Time goes on, and what waits for it happens. Says whether anything did.
    pub(super) fn pass(&mut self, seconds: u64) -> bool {
        self.clock += seconds;
        let due: Vec<String> =
            self.debian.timers.iter().filter(|(_, (at, _))| *at <= self.clock).map(|(unit, _)| unit.clone()).collect();
        let happens = !due.is_empty();
        for unit in due {
            let Some((_, argv)) = self.debian.timers.remove(&unit) else { continue };
            let words: Vec<&str> = argv.iter().map(String::as_str).collect();
            let _said = commands::run(self, &Call::plain(&words));
        }
        happens
    }
}
