//! apt's queue on each machine: what is asked for at the same time goes into one run, and only one run goes on at once.
use super::{Action, Answer, Batch, Command, Hosts, NoAnswer, Spot, gather::everybody_else};
use crate::{Failure, Permit};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long another process may hold apt's lock.
const PATIENCE: Duration = Duration::from_secs(600);
/// The pause between two tries to get the lock.
const PAUSE: Duration = Duration::from_secs(5);

/// What somebody wants of apt.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    /// What is done before, in the same message: notes.
    pub(super) prepare: Vec<Action>,
    /// Whether the package lists must be fetched in any case.
    pub(super) update: bool,
    /// Packages to install, `name` or `name=version`.
    pub(super) install: Vec<String>,
    /// Packages to remove. What they were configured with stays.
    pub(super) remove: Vec<String>,
    /// Packages to hold at their version.
    pub(super) hold: Vec<String>,
    /// Packages not to hold any more.
    pub(super) unhold: Vec<String>,
    /// What is done after.
    pub(super) finish: Vec<Action>,
}

impl Request {
    fn with(mut self, other: &Request) -> Self {
        self.prepare.extend_from_slice(&other.prepare);
        self.update |= other.update;
        self.install.extend_from_slice(&other.install);
        self.remove.extend_from_slice(&other.remove);
        self.hold.extend_from_slice(&other.hold);
        self.unhold.extend_from_slice(&other.unhold);
        self.finish.extend_from_slice(&other.finish);
        self
    }
}

/// The queues, by machine.
#[derive(Default)]
pub(super) struct Queues(Mutex<HashMap<Spot, Arc<Queue>>>);

#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    open: BTreeMap<u64, Request>,
    done: HashMap<u64, Result<(), Failure>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hosts {
    /// Has apt do something, together with whatever else is wanted of it on this machine. `say` tells what is waited for.
    ///
    /// Requests that fail together are tried one by one, so that each hears of its own mistake only.
    pub(super) async fn apt(
        &self,
        permit: &Permit,
        spot: &Spot,
        request: Request,
        say: &(dyn Fn(String) + Sync),
    ) -> Result<(), Failure> {
        let queue = Arc::clone(lock(&self.queues().0).entry(spot.clone()).or_default());
        let ticket = {
            let mut waiting = lock(&queue.state);
            waiting.next += 1;
            let ticket = waiting.next;
            waiting.open.insert(ticket, request.clone());
            ticket
        };
        everybody_else().await;
        let _turn = queue.turn.lock().await;
        let mut together = {
            let mut waiting = lock(&queue.state);
            if let Some(done) = waiting.done.remove(&ticket) {
                return done;
            }
            std::mem::take(&mut waiting.open)
        };
        // Whoever had taken it along and was dropped has not answered for it.
        together.entry(ticket).or_insert(request);
        let joined = together.values().fold(Request::default(), Request::with);
        let mut done: HashMap<u64, Result<(), Failure>> = HashMap::new();
        match self.run_apt(permit, spot, &joined, say).await {
            Err(failure) if together.len() > 1 && failure.nature == crate::Nature::Refused => {
                for (ticket, request) in &together {
                    done.insert(*ticket, self.run_apt(permit, spot, request, say).await);
                }
            }
            all => done.extend(together.keys().map(|ticket| (*ticket, all.clone()))),
        }
        let own = done.remove(&ticket).unwrap_or(Ok(()));
        lock(&queue.state).done.extend(done);
        own
    }

    async fn run_apt(
        &self,
        permit: &Permit,
        spot: &Spot,
        request: &Request,
        say: &(dyn Fn(String) + Sync),
    ) -> Result<(), Failure> {
        let (mut update, mut repair, mut waited) = (request.update, false, Duration::ZERO);
        let (mut has_updated, mut has_repaired) = (false, false);
        loop {
            let mut batch = Batch::new();
            for command in steps(request, update, repair) {
                batch.act(permit, command);
                batch.barrier();
            }
            let Some(trouble) = first_failure(&batch, self.run(permit, spot, &batch).await?) else { return Ok(()) };
            (has_updated, has_repaired) = (has_updated || update, has_repaired || repair);
            (update, repair) = (request.update && !has_updated, false);
            match trouble {
                Trouble::Held(by) if waited < PATIENCE => {
                    say(format!("waits for apt's lock, which process {by} holds"));
                    tokio::time::sleep(PAUSE).await;
                    waited += PAUSE;
                    (update, repair) = (request.update, false);
                }
                Trouble::Held(by) => {
                    return Err(Failure::passing(format!(
                        "apt on {spot} is locked by process {by} since {} minutes",
                        PATIENCE.as_secs() / 60
                    ))
                    .hint("look what it does there; when it has ended, run again"));
                }
                Trouble::Stale(_) if !has_updated => update = true,
                Trouble::Interrupted(_) if !has_repaired => repair = true,
                Trouble::Stale(failure) | Trouble::Interrupted(failure) | Trouble::Other(failure) => {
                    return Err(failure);
                }
            }
        }
    }
}

fn steps(request: &Request, update: bool, repair: bool) -> Vec<Action> {
    let run = |command: Command| Action::Run(command);
    let mut steps = request.prepare.clone();
    if repair {
        let plain = Command::new("dpkg").args(["--configure", "-a", "--force-confdef", "--force-confold"]);
        steps.push(run(quiet(plain)));
    }
    if update {
        steps.push(run(apt(&["update"])));
    }
    if !request.install.is_empty() {
        let mut flags = vec!["install", "--no-install-recommends"];
        if request.install.iter().any(|word| word.contains('=')) {
            // Only what is pinned by its version may go down, or move although it is held.
            flags.extend(["--allow-downgrades", "--allow-change-held-packages"]);
        }
        steps.push(run(apt(&flags).arg("--").args(&request.install)));
    }
    if !request.remove.is_empty() {
        steps.push(run(apt(&["remove", "--allow-change-held-packages", "--"]).args(&request.remove)));
    }
    for (verb, names) in [("hold", &request.hold), ("unhold", &request.unhold)] {
        if !names.is_empty() {
            steps.push(run(Command::new("apt-mark").arg(verb).args(names)));
        }
    }
    steps.extend_from_slice(&request.finish);
    steps
}

/// apt without anybody to ask: files that somebody changed stay as they are (dpkg(1), `--force-confold`), needrestart only lists.
fn apt(words: &[&str]) -> Command {
    let options = ["-y", "-q", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"];
    quiet(Command::new("apt-get").args(options).args(words))
}

fn quiet(command: Command) -> Command {
    command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_MODE", "l").env("UCF_FORCE_CONFFOLD", "1")
}

enum Trouble {
    /// Another process has the lock: its number and name.
    Held(String),
    /// The package lists are missing or too old.
    Stale(Failure),
    /// dpkg was cut off before.
    Interrupted(Failure),
    Other(Failure),
}

fn first_failure(batch: &Batch, replies: Vec<super::Reply>) -> Option<Trouble> {
    for (item, reply) in batch.items().iter().zip(replies) {
        let failure = match reply {
            Ok(Answer::Output(output)) if !output.is_success() => {
                let said = format!("{}{}", output.text(), String::from_utf8_lossy(&output.stderr));
                return Some(understood(&said, NoAnswer::output(&item.what, &output).into()));
            }
            Ok(_) => continue,
            Err(failure) => failure,
        };
        return Some(Trouble::Other(failure.into()));
    }
    None
}

/// What apt means. The words are those of apt 2.2 to 2.9: `cmdline/apt-get.cc`, `apt-pkg/contrib/fileutl.cc`, `apt-pkg/cacheset.cc`.
fn understood(said: &str, failure: Failure) -> Trouble {
    let has = |words: &str| said.contains(words);
    if let Some((_, rest)) = said.split_once("It is held by process ") {
        return Trouble::Held(rest.lines().next().unwrap_or_default().trim().to_owned());
    }
    if has("dpkg was interrupted") {
        return Trouble::Interrupted(failure);
    }
    if has("is not signed") || has("NO_PUBKEY") {
        return Trouble::Other(
            failure.hint("the key of the repository is not the one that signs it: give it the right one"),
        );
    }
    if has("does not have a Release file") || has("Malformed entry") {
        return Trouble::Other(failure.hint("check the address and the suite of the repository"));
    }
    if has("enough free space") {
        return Trouble::Other(failure.hint("make room on the machine's file system, or give its disk more"));
    }
    let unknown = has("Unable to locate package") || has("has no installation candidate");
    if unknown || has("was not found") || has("Failed to fetch") || has("Unable to fetch some archives") {
        let hint = if unknown {
            "no repository of the machine has a package of this name; declare its `AptRepository` before it"
        } else {
            "`apt-cache policy` on the machine shows which versions there are"
        };
        return Trouble::Stale(failure.hint(hint));
    }
    Trouble::Other(failure)
}
