//! A real machine behind the seam: batches become scripts, on a connection that is kept and made anew when it is lost.
use super::{
    SshError, Surroundings, Target,
    connection::{Broken, Connection, Ran},
    target::Route,
};
use crate::host::{Batch, Boundary, Machine, Reply, Script, Start};
use async_trait::async_trait;
use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::PublicKey;
use std::sync::{
    Arc, Mutex as StdMutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::sync::Mutex;

/// How often a batch is begun in all, when the connection is lost before it had an effect.
const ATTEMPTS: u32 = 3;

/// A machine over SSH. Connects when it is first asked something, and keeps the connection.
pub struct SshMachine {
    target: Target,
    around: Surroundings,
    connection: Mutex<Option<Arc<Connection>>>,
    boot: StdMutex<Option<String>>,
    /// The login shell is none that can be given a script as an argument.
    stdin_only: AtomicBool,
    connects: AtomicU64,
    execs: AtomicU64,
}

/// What a machine has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Connections that were made.
    pub connects: u64,
    /// Scripts that were run.
    pub execs: u64,
    /// Round trips that were waited for on the connection that is open now, those of connecting and logging in included.
    pub round_trips: u64,
}

impl SshMachine {
    /// A machine, as seen by this process.
    #[must_use]
    pub fn new(target: Target) -> Self {
        SshMachine::within(target, Surroundings::of_process())
    }

    /// The same with surroundings that are not the process's own.
    #[must_use]
    pub fn within(target: Target, around: Surroundings) -> Self {
        SshMachine {
            target,
            around,
            connection: Mutex::default(),
            boot: StdMutex::default(),
            stdin_only: AtomicBool::new(false),
            connects: AtomicU64::new(0),
            execs: AtomicU64::new(0),
        }
    }

    /// Connects and logs in, if that has not been done.
    ///
    /// # Errors
    /// When the machine cannot be reached, shows the wrong key, or refuses the login.
    pub async fn connect(&self) -> Result<(), SshError> {
        self.connected().await.map(drop)
    }

    /// Closes the connection. The next batch makes another.
    pub async fn disconnect(&self) {
        *self.connection.lock().await = None;
    }

    /// Which boot of the machine answered last. It differs after a restart.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        self.boot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has cost so far.
    pub async fn cost(&self) -> Cost {
        Cost {
            connects: self.connects.load(Ordering::Relaxed),
            execs: self.execs.load(Ordering::Relaxed),
            round_trips: self.connection.lock().await.as_ref().map_or(0, |c| c.turns()),
        }
    }

    async fn connected(&self) -> Result<Arc<Connection>, SshError> {
        let mut open = self.connection.lock().await;
        if let Some(connection) = open.as_ref().filter(|c| !c.is_closed()) {
            return Ok(connection.clone());
        }
        let pins = self.pins()?;
        let connection = Arc::new(Connection::open(&self.route()?, &pins).await?);
        self.connects.fetch_add(1, Ordering::Relaxed);
        *open = Some(connection.clone());
        Ok(connection)
    }

    fn route(&self) -> Result<Route, SshError> {
        Route::to(&self.target, &self.around)
    }

    fn pins(&self) -> Result<Vec<PublicKey>, SshError> {
        let parse = |pin: &String| {
            PublicKey::from_openssh(pin.trim()).map_err(|e| SshError::Handshake {
                host: self.target.name.clone(),
                reason: format!("the pinned key `{pin}` is none: {e}"),
            })
        };
        self.target.pins.iter().map(parse).collect()
    }

    async fn attempt(&self, connection: &Connection, batch: &Batch) -> Result<Vec<Reply>, Broken> {
        let route = self.route().map_err(Broken::Before)?;
        let start = Start { sudo: self.target.sudo && route.user != "root", container: self.target.container };
        let script = Script::of(batch, boundary());
        let (command, stdin) = match self.stdin_only.load(Ordering::Relaxed) {
            true => script.command_on_stdin(start),
            false => script.command(start),
        };
        let ran = self.exec(connection, command, &stdin, &script).await?;
        let as_argument = stdin.is_empty();
        if as_argument && !script.has_begun(&ran.stdout) {
            // A login shell that reads quotes in its own way. Nothing has run, and what only asks may be asked again.
            let (command, stdin) = script.command_on_stdin(start);
            let ran = self.exec(connection, command, &stdin, &script).await?;
            let replies = self.replies(connection, &route, &script, &ran)?;
            self.stdin_only.store(true, Ordering::Relaxed);
            return Ok(replies);
        }
        self.replies(connection, &route, &script, &ran)
    }

    async fn exec(
        &self,
        connection: &Connection,
        command: Vec<u8>,
        stdin: &[u8],
        script: &Script<'_>,
    ) -> Result<Ran, Broken> {
        self.execs.fetch_add(1, Ordering::Relaxed);
        connection.exec(command, stdin, script.is_reading(), &|stream| script.is_complete(stream)).await
    }

    fn replies(
        &self,
        connection: &Connection,
        route: &Route,
        script: &Script<'_>,
        ran: &Ran,
    ) -> Result<Vec<Reply>, Broken> {
        if !script.has_begun(&ran.stdout) {
            return Err(Broken::Midway(not_begun(route, self.target.container, &ran.stderr)));
        }
        if let Some(boot) = script.boot_id(&ran.stdout) {
            *self.boot.lock().unwrap_or_else(PoisonError::into_inner) = Some(boot);
        }
        if !ran.complete {
            return Err(Broken::Midway(connection.gone("the script was ended on the machine")));
        }
        script.replies(&ran.stdout, &ran.stderr).ok_or_else(|| {
            Broken::Midway(SshError::NotUnderstood { host: route.name.clone(), said: tail(&ran.stderr) })
        })
    }

    /// Says of a batch that was lost whether the machine has restarted, if it can be told at once.
    async fn after(&self, lost: SshError) -> SshError {
        let SshError::Closed { host, during, .. } = &lost else { return lost };
        let before = self.boot_id();
        let Ok(connection) = self.connected().await else { return lost };
        let again = self.attempt(&connection, &Batch::new()).await;
        match again.is_ok() && before.is_some() && before != self.boot_id() {
            true => SshError::Rebooted { host: host.clone(), during: during.clone() },
            false => lost,
        }
    }
}

#[async_trait]
impl Machine for SshMachine {
    fn name(&self) -> &str {
        &self.target.name
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        let mut attempt = 1;
        loop {
            let connection = self.connected().await?;
            let (lost, harmless) = match self.attempt(&connection, batch).await {
                Ok(replies) => return Ok(replies),
                Err(Broken::Before(e)) => (e, true),
                Err(Broken::Midway(e)) => (e, batch.is_reading()),
            };
            if !lost.may_pass() {
                return Err(lost);
            }
            self.forget(&connection).await;
            if !harmless {
                return Err(self.after(lost).await);
            }
            if attempt == ATTEMPTS {
                return Err(lost);
            }
            attempt += 1;
        }
    }
}

impl SshMachine {
    /// Drops a connection that is lost, unless somebody has replaced it already.
    async fn forget(&self, lost: &Arc<Connection>) {
        let mut open = self.connection.lock().await;
        if open.as_ref().is_some_and(|c| Arc::ptr_eq(c, lost)) {
            *open = None;
        }
    }
}

/// Why a script did not even begin.
fn not_begun(route: &Route, container: Option<u32>, stderr: &[u8]) -> SshError {
    let said = tail(stderr);
    let (host, user) = (route.name.clone(), route.user.clone());
    if let Some(container) = container {
        // pct looks for its configuration on this node, then becomes lxc-attach, whose last line says less than the one before.
        if String::from_utf8_lossy(stderr).contains("Failed to get init pid") {
            return SshError::ContainerOff { host, container };
        }
        if said.contains("does not exist") || said.contains("pct") && said.contains("not found") {
            return SshError::ContainerMissing { host, container, reason: said };
        }
    }
    if said.contains("a password is required") || said.contains("a terminal is required") {
        return SshError::SudoPassword { host, user };
    }
    if said.contains("sudo:") || said.contains("sudo: not found") || said.contains("not in the sudoers") {
        return SshError::SudoRefused { host, user, reason: said };
    }
    SshError::NotUnderstood { host, said: if said.is_empty() { "nothing came back".into() } else { said } }
}

/// The last line of what a machine complained of.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().to_owned()
}

/// # Panics
/// When the system has no random numbers: nothing else would work either.
fn boundary() -> Boundary {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("the system has random numbers");
    Boundary::from_random(bytes)
}
