//! Tasks without threads: each is a start, an end and a job, and whoever asks next settles what has ended.
//!
//! A task waits for its guest's lock like the real worker (10 s, then it fails), begins (which says how long it will
//! take, and already shows some effects, such as `lock: clone`), and finishes. So the state after a restart is right:
//! the world's clock moved on, and settling does what would have happened meanwhile.
mod clone;
mod configure;
mod content;
mod create;
mod destroy;
mod disk;
mod hotplug;
mod installer;
mod job;
mod lxc;
mod migrate;
mod moving;
mod power;
mod snapshot;

pub(crate) use clone::Clone as CloneJob;
pub(crate) use configure::{Change, clipboard, keep_unused, machine, run as configure, stored, unique_tags};
pub(crate) use content::{Fetch, file_format};
pub(crate) use create::Create as CreateJob;
pub(crate) use disk::{New as NewVolume, Spec, allocate, path_of, spec_of};
pub(crate) use installer::uploaded;
pub(crate) use job::Job;
pub(crate) use lxc::make_volumes;
pub(crate) use migrate::{Migrate as MigrateJob, StorageMap};
pub(crate) use moving::Move as MoveJob;
pub(crate) use snapshot::is_able;

use super::answer::Fail;
use super::quirks;
use super::world::{Identity, World};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Guests whose lock a task takes, alone or with others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Locks {
    pub(crate) alone: Vec<u32>,
    pub(crate) shared: Vec<u32>,
}

impl Locks {
    /// No lock at all.
    pub(crate) fn none() -> Locks {
        Locks::default()
    }

    /// The lock of one guest.
    pub(crate) fn alone(vmid: u32) -> Locks {
        Locks { alone: vec![vmid], shared: Vec::new() }
    }
}

/// Where a task stands; times in milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    /// Waits for its locks, from then, until then.
    Waiting { from: u64, until: u64 },
    /// Works until then.
    Running { end: u64 },
    /// Ended then, with that exit status.
    Done { at: u64, exit: String },
}

/// A task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) upid: String,
    pub(crate) node: String,
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) who: Identity,
    pub(crate) pid: u32,
    pub(crate) pstart: u64,
    /// Milliseconds since 1970.
    pub(crate) start: u64,
    pub(crate) state: State,
    pub(crate) log: Vec<String>,
    locks: Locks,
    pub(crate) job: Job,
}

impl Task {
    /// The exit status, once there is one.
    pub(crate) fn exit(&self) -> Option<&str> {
        match &self.state {
            State::Done { exit, .. } => Some(exit),
            _ => None,
        }
    }

    /// When it will have ended, if that is known.
    pub(crate) fn ends_at(&self) -> Option<u64> {
        match self.state {
            State::Waiting { .. } => None,
            State::Running { end } => Some(end),
            State::Done { at, .. } => Some(at),
        }
    }

    /// When it ended, in seconds.
    pub(crate) fn ended(&self) -> Option<u64> {
        match &self.state {
            State::Done { at, .. } => Some(at / 1000),
            _ => None,
        }
    }

    /// A task that no list shows: the work of a synchronous call.
    pub(crate) fn unseen() -> Task {
        Task {
            upid: String::new(),
            node: String::new(),
            kind: String::new(),
            id: String::new(),
            who: Identity::user("root@pam"),
            pid: 0,
            pstart: 0,
            start: 0,
            state: State::Running { end: 0 },
            log: Vec::new(),
            locks: Locks::none(),
            job: Job::Other { span: 0 },
        }
    }

    /// Adds a line to the log.
    pub(crate) fn say(&mut self, line: impl Into<String>) {
        self.log.push(line.into());
    }

    fn done(&mut self, at: u64, result: Result<(), Fail>) {
        let exit = match result.map_err(Fail::text) {
            Ok(()) => "OK".to_owned(),
            Err(text) => text.replace('\n', " "),
        };
        self.say(if exit == "OK" { "TASK OK".to_owned() } else { format!("TASK ERROR: {exit}") });
        self.state = State::Done { at, exit };
        // What it did is done; only what it said is kept.
        self.job = Job::Other { span: 0 };
    }

    fn holds(&self, vmid: u32, alone: bool) -> bool {
        matches!(self.state, State::Running { .. })
            && (self.locks.alone.contains(&vmid) || (alone && self.locks.shared.contains(&vmid)))
    }

    /// As `tasks/UPID/status` shows it.
    pub(crate) fn status(&self) -> Value {
        let mut value = json!({
            "upid": self.upid, "node": self.node, "pid": self.pid, "pstart": self.pstart,
            "starttime": self.start / 1000, "type": self.kind, "id": self.id, "user": self.who.user,
            "status": if self.exit().is_some() { "stopped" } else { "running" },
        });
        if let Some(token) = &self.who.token {
            value["tokenid"] = json!(token);
        }
        if let Some(exit) = self.exit() {
            value["exitstatus"] = json!(exit);
        }
        value
    }
}

/// The tasks that are kept; older ones are forgotten, as the real index is rotated.
const KEPT: usize = 1_000;

impl World {
    /// Whether a running task holds a guest's lock; `alone` asks for the exclusive one.
    pub(crate) fn is_locked(&self, vmid: u32, alone: bool) -> bool {
        self.tasks.iter().any(|task| task.holds(vmid, alone))
    }

    fn is_free(&self, locks: &Locks) -> bool {
        !locks.alone.iter().any(|vmid| self.is_locked(*vmid, true))
            && !locks.shared.iter().any(|vmid| self.is_locked(*vmid, false))
    }

    /// Starts a task now.
    pub(crate) fn start_task(
        &mut self,
        node: &str,
        kind: &str,
        id: &str,
        who: &Identity,
        locks: Locks,
        job: Job,
    ) -> String {
        self.start_task_at(self.now, node, kind, id, who, locks, job)
    }

    /// Starts a task that begins a little later.
    #[expect(clippy::too_many_arguments, reason = "a task is all of these, and only two callers start one")]
    pub(crate) fn start_task_at(
        &mut self,
        from: u64,
        node: &str,
        kind: &str,
        id: &str,
        who: &Identity,
        locks: Locks,
        job: Job,
    ) -> String {
        let pid = self.new_pid();
        let booted = self.nodes.get(node).map_or(0, |node| node.booted);
        let pstart = (from.saturating_sub(booted) / 10) & 0xffff_ffff;
        let upid = format!("UPID:{node}:{pid:08X}:{pstart:08X}:{:08X}:{kind}:{id}:{}:", from / 1000, who.full());
        self.tasks.push(Task {
            upid: upid.clone(),
            node: node.to_owned(),
            kind: kind.to_owned(),
            id: id.to_owned(),
            who: who.clone(),
            pid,
            pstart,
            start: from,
            state: State::Waiting { from, until: from + quirks::LOCK_WAIT },
            log: Vec::new(),
            locks,
            job,
        });
        if self.tasks.len() > KEPT && self.tasks[0].exit().is_some() {
            self.tasks.remove(0);
        }
        self.begin_ready();
        upid
    }

    /// Does everything whose time has come, in order, up to `now`; says whether there was anything.
    pub(crate) fn settle(&mut self, now: u64) -> bool {
        let mut busy = false;
        loop {
            self.begin_ready();
            let next = self
                .tasks
                .iter()
                .enumerate()
                .filter_map(|(place, task)| match task.state {
                    State::Waiting { from, .. } if from > self.now => Some((from, place)),
                    State::Waiting { until, .. } => Some((until, place)),
                    State::Running { end } => Some((end, place)),
                    State::Done { .. } => None,
                })
                .min();
            let Some((at, place)) = next.filter(|(at, _)| *at <= now) else { break };
            self.now = self.now.max(at);
            busy = true;
            match self.tasks[place].state {
                State::Waiting { from, until } if from < at || until == at => self.give_up(place),
                State::Running { .. } => self.finish(place),
                _ => {}
            }
        }
        self.now = self.now.max(now);
        self.finish_installations() || busy
    }

    /// When something will happen next by itself.
    pub(crate) fn next_event(&self) -> Option<u64> {
        self.tasks
            .iter()
            .filter_map(|task| match task.state {
                State::Waiting { until, .. } => Some(until),
                State::Running { end } => Some(end),
                State::Done { .. } => None,
            })
            .chain(self.installations().map(|(_, end)| end))
            .min()
    }

    fn begin_ready(&mut self) {
        let ready = |world: &World| {
            world.tasks.iter().position(|task| match task.state {
                State::Waiting { from, .. } => from <= world.now && world.is_free(&task.locks),
                _ => false,
            })
        };
        while let Some(place) = ready(self) {
            let mut task = self.tasks[place].clone();
            match job::begin(self, &mut task) {
                Ok(span) => task.state = State::Running { end: self.now + span },
                Err(fail) => {
                    job::abandon(self, &task);
                    task.done(self.now, Err(fail));
                }
            }
            self.tasks[place] = task;
        }
    }

    fn finish(&mut self, place: usize) {
        let mut task = self.tasks[place].clone();
        let result = job::finish(self, &mut task);
        if result.is_err() {
            job::abandon(self, &task);
        }
        task.done(self.now, result);
        self.tasks[place] = task;
    }

    /// The lock did not come free in time.
    fn give_up(&mut self, place: usize) {
        let mut task = self.tasks[place].clone();
        let held = task.locks.alone.iter().chain(&task.locks.shared).find(|vmid| self.is_locked(**vmid, true));
        let vmid = held.copied().unwrap_or_default();
        let lxc = self.guests.get(&vmid).is_some_and(|guest| guest.lxc);
        task.done(self.now, Err(Fail::die(quirks::lock_timeout(lxc, vmid))));
        self.tasks[place] = task;
    }

    /// Stops a task: its effects do not happen, its debris stays (pve-notes section 6).
    pub(crate) fn interrupt(&mut self, upid: &str) {
        let now = self.now;
        if let Some(task) = self.tasks.iter_mut().find(|task| task.upid == upid && task.exit().is_none()) {
            task.done(now, Err(Fail::die("received interrupt")));
        }
    }
}
