//! The running simulator: the world, what is not kept (sessions), its clock, and both seams.
use super::{auth::Session, front, ground::Ground, name_service, world::World};
use crate::{
    dns::{Via, Wire},
    pihole::http::{Http, Method, Request, Response, TransportError},
};
use async_trait::async_trait;
use std::{
    collections::BTreeSet,
    fs,
    future::pending,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::{Instant, sleep};

/// How long FTL takes to start itself anew.
const RESTART: Duration = Duration::from_secs(1);
/// The answer to a change leaves before the restart begins.
const RESTART_AFTER: Duration = Duration::from_millis(50);
/// How long loading the lists takes; other calls are answered meanwhile.
const GRAVITY: Duration = Duration::from_millis(500);
/// The file of a world that is kept.
const FILE: &str = "world.json";

/// A simulated Pi-hole. Clones are the same one. Needs a tokio runtime for its clock.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<State>>);

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sim")
    }
}

pub(super) struct State {
    pub(super) world: World,
    pub(super) sessions: Vec<Session>,
    pub(super) next_session: u64,
    /// The second of the last login, and how many there were in it.
    pub(super) logins: (u64, u32),
    /// What was blocked since the lists changed: only the second answer says why (pi-notes section 12).
    pub(super) told: BTreeSet<(String, u16)>,
    /// The last name that was asked for, and how many there were.
    pub(super) asked: (u64, String, String),
    restart: Option<(Instant, Instant)>,
    is_down: bool,
    start: (Instant, Duration),
    dir: Option<PathBuf>,
    /// The machine that it runs on, if it is one that has systems, and the one whose configuration it has.
    ground: Option<Arc<dyn Ground>>,
    system: Option<String>,
}

impl State {
    /// Seconds since 1970.
    pub(super) fn now(&self) -> f64 {
        (self.start.1 + self.start.0.elapsed()).as_secs_f64()
    }

    pub(super) fn seconds(&self) -> u64 {
        self.now() as u64
    }

    pub(super) fn restart(&mut self) {
        let begin = Instant::now() + RESTART_AFTER;
        self.restart = Some((begin, begin + RESTART));
    }

    fn is_away(&self) -> bool {
        let now = Instant::now();
        self.is_down || self.restart.is_some_and(|(begin, end)| begin <= now && now < end)
    }

    /// Sees what has become of the machine: what it runs is what is answered.
    fn stand(&mut self) {
        let Some(ground) = self.ground.clone() else { return };
        let system = ground.system();
        self.is_down = system.is_none();
        let now = self.seconds();
        match system {
            Some(system) if self.system.as_ref() != Some(&system) => {
                self.world.configured(&ground.description(), now);
                self.system = Some(system);
                self.told.clear();
            }
            Some(_) if self.world.has_old_lists(now) => self.world.load(now),
            _ => return,
        }
        // A sandbox that cannot be kept is configured anew the next time.
        let _ = self.keep();
    }

    /// Lets timers strike whose time has come.
    fn pass(&mut self) {
        self.stand();
        if let Some((at, to)) = self.world.timer
            && self.now() >= at
        {
            self.world.timer = None;
            self.world.config["dns"]["blocking"]["active"] = to.into();
            self.told.clear();
        }
    }

    fn keep(&self) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let text = serde_json::to_vec(&self.world)?;
        let fresh = dir.join(format!("{FILE}.new"));
        fs::write(&fresh, text)?;
        fs::rename(fresh, dir.join(FILE))
    }
}

impl Sim {
    /// A simulator of this world.
    #[must_use]
    pub fn new(world: World) -> Sim {
        Sim::start(world, None)
    }

    /// The world that is kept in `dir`, or else this one, which is kept there from now on.
    ///
    /// # Errors
    /// When the directory cannot be used, or what is kept there cannot be read.
    pub fn persistent(dir: &Path, fresh: World) -> io::Result<Sim> {
        fs::create_dir_all(dir)?;
        let world = match fs::read(dir.join(FILE)) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => fresh,
            Err(e) => return Err(e),
        };
        Ok(Sim::start(world, Some(dir.to_owned())))
    }

    fn start(world: World, dir: Option<PathBuf>) -> Sim {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Sim(Arc::new(Mutex::new(State {
            world,
            sessions: vec![],
            next_session: 1,
            logins: (0, 0),
            told: BTreeSet::new(),
            asked: (0, String::new(), String::new()),
            restart: None,
            is_down: false,
            start: (Instant::now(), since),
            dir,
            ground: None,
            system: None,
        })))
    }

    /// Lets it run on a machine: its configuration is that of the system which runs there, and it answers while that does.
    pub(crate) fn runs_on(&self, ground: Arc<dyn Ground>) {
        let mut state = self.state();
        state.ground = Some(ground);
        state.stand();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the world as it is.
    #[must_use]
    pub fn world(&self) -> World {
        let mut state = self.state();
        state.stand();
        state.world.clone()
    }

    /// Changes the world, as a person at the web page would, or fate.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        let mut state = self.state();
        change(&mut state.world);
        state.told.clear();
    }

    /// Switches the whole machine off, or on again. Sessions do not survive that.
    pub fn set_down(&self, down: bool) {
        let mut state = self.state();
        state.is_down = down;
        state.sessions.clear();
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    fn answered(&self, request: &Request) -> Result<Response, TransportError> {
        let host = || "the simulated Pi-hole".to_owned();
        let mut state = self.state();
        state.pass();
        if state.is_away() {
            return Err(TransportError::Unreached { host: host(), reason: "Connection refused".into() });
        }
        let response = front::answer(&mut state, request).response();
        if request.method != Method::Get {
            state.keep().map_err(|e| TransportError::Lost { host: host(), reason: e.to_string() })?;
        }
        Ok(response)
    }

    /// What is answered to a message; nothing is silence.
    pub(super) fn resolve(&self, via: Via, message: &[u8]) -> Result<Option<Vec<u8>>, Away> {
        let mut state = self.state();
        state.pass();
        if state.is_away() {
            return Err(Away);
        }
        Ok(name_service::answer(&mut state, via, message))
    }
}

/// Nobody is there for now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away;

#[async_trait]
impl Http for Sim {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let response = self.answered(&request)?;
        if request.path == "/action/gravity" {
            sleep(GRAVITY).await;
        }
        Ok(response)
    }

    fn leave(&self, request: Request) {
        let mut state = self.state();
        if !state.is_away() {
            front::answer(&mut state, &request);
        }
    }
}

#[async_trait]
impl Wire for Sim {
    async fn exchange(&self, _: SocketAddr, via: Via, message: &[u8]) -> io::Result<Vec<u8>> {
        match self.resolve(via, message) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => pending().await,
            // What is asked while FTL starts is lost, over UDP.
            Err(Away) if via == Via::Udp => pending().await,
            Err(Away) => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }
}
