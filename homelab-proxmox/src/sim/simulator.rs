//! The simulator itself: counts calls, lets faults strike, asks the world, keeps it.
use super::answer::{Fail, plain, response};
use super::computers::Joined;
use super::faults::{Fault, Faults};
use super::handlers;
use super::world::{PATIENCE, Trouble, World};
use crate::http::{Http, Method, Request, Response, TransportError};
use async_trait::async_trait;
use homelab_core::sim::{Clock, Net, Store, StoreError};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The verb.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
}

/// A guest that is up, as the network sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Up {
    /// The guest's id.
    pub vmid: u32,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether SSH is answered yet.
    pub ssh: bool,
}

struct State {
    world: World,
    faults: Faults,
    calls: u64,
    writes: u64,
    log: Vec<Logged>,
    dead: bool,
    joined: Option<Joined>,
}

impl State {
    /// Lets the world catch up with the clock, and the network with the world. Says whether anything went on.
    fn settle(&mut self, now: u64) -> bool {
        let settled = self.world.settle(now);
        if let Some(joined) = &mut self.joined {
            joined.sync(&mut self.world);
        }
        settled
    }
}

struct Inner {
    state: Mutex<State>,
    clock: Clock,
    store: Option<Store<World>>,
}

/// A simulated Proxmox VE. Clones are handles to the same one.
#[derive(Clone)]
pub struct Sim {
    inner: Arc<Inner>,
}

impl Sim {
    /// A simulator of this world, in memory only. Needs a tokio runtime for its clock.
    #[must_use]
    pub fn new(world: World) -> Sim {
        Sim::build(world, None)
    }

    /// A simulator that keeps its world in a directory: the one that is there goes on (tasks by wall clock, as a real
    /// node's would), `fresh` gives only the pace then. Every effect is on disk before its answer is given.
    ///
    /// # Errors
    /// [`StoreError`] when the directory cannot be used or holds something else.
    pub fn persistent(dir: &Path, fresh: World) -> Result<Sim, StoreError> {
        let store = Store::at(dir, "Proxmox VE");
        let pace = fresh.pace;
        let mut world = store.load()?.unwrap_or(fresh);
        world.pace = pace;
        Ok(Sim::build(world, Some(store)))
    }

    fn build(mut world: World, store: Option<Store<World>>) -> Sim {
        let clock = if store.is_some() { Clock::system() } else { Clock::fixed(world.now) };
        if world.now == 0 {
            world.begin(clock.now());
        }
        let (calls, writes, dead) = (0, 0, false);
        let state = State { world, faults: Faults::none(), calls, writes, log: Vec::new(), dead, joined: None };
        Sim { inner: Arc::new(Inner { state: Mutex::new(state), clock, store }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the guests to a network under the name of a site: what starts here is a computer there, `proxmox/SITE/201`.
    #[must_use]
    pub fn joined(self, net: Arc<Net>, site: &str) -> Sim {
        {
            let mut state = self.state();
            let joined = Joined::new(net, site, &state.world);
            state.joined = Some(joined);
            let now = self.inner.clock.now();
            state.settle(now);
        }
        self
    }

    /// Chooses the faults to come; calls are counted since the simulator was made.
    pub fn plan_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Changes what is wrong with the cluster from now on.
    pub fn trouble(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.state().world.trouble);
    }

    /// Ends what [`Fault::Kill`] began.
    pub fn revive(&self) {
        self.state().dead = false;
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many of them could change something (all but GET).
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// Every call that was made, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.state().log.clone()
    }

    /// The world as it is now, for a test that looks behind the API.
    #[must_use]
    pub fn world(&self) -> World {
        let mut state = self.state();
        let now = self.inner.clock.now();
        state.settle(now);
        state.world.clone()
    }

    /// Changes the world behind the API's back, as somebody at the machines would.
    ///
    /// # Errors
    /// [`StoreError`] when the world is kept in a directory and that cannot be written.
    pub fn change(&self, change: impl FnOnce(World) -> World) -> Result<(), StoreError> {
        let mut state = self.state();
        state.world = change(state.world.clone());
        self.save(&state)
    }

    /// The guests that are up, with their addresses.
    #[must_use]
    pub fn up(&self) -> Vec<Up> {
        let mut state = self.state();
        let now = self.inner.clock.now();
        state.settle(now);
        state.world.up()
    }

    /// Whether a guest of this address is up and answers SSH.
    #[must_use]
    pub fn reachable(&self, address: IpAddr) -> bool {
        self.up().iter().any(|guest| guest.ssh && guest.addresses.contains(&address))
    }

    /// Writes the world to its directory, if it has one.
    fn save(&self, state: &State) -> Result<(), StoreError> {
        let Some(store) = &self.inner.store else { return Ok(()) };
        store.save(&state.world)
    }

    /// Answers one request: waits for locks, and as long as the real one takes to refuse.
    pub(crate) async fn answer(&self, request: &Request) -> Response {
        let arrived = self.inner.clock.now();
        loop {
            let (now, answer, next, slow) = {
                let mut state = self.state();
                let now = self.inner.clock.now();
                let settled = state.settle(now);
                let answer = handlers::dispatch(&mut state.world, request);
                if request.method != Method::Get
                    && let State { joined: Some(joined), world, .. } = &mut *state
                {
                    joined.sync(world);
                }
                let changed = settled || request.method != Method::Get;
                if changed && let Err(problem) = self.save(&state) {
                    return plain(599, &problem.to_string());
                }
                let slow = state.world.trouble.delay(request.method, &request.path);
                (now, answer, state.world.next_event(), slow)
            };
            if !matches!(answer, Err(Fail::Busy(..)))
                && let Some(delay) = slow
            {
                tokio::time::sleep(Duration::from_millis(delay.min(PATIENCE * 1000))).await;
                if delay > PATIENCE * 1000 {
                    return plain(596, "Connection timed out");
                }
            }
            match answer {
                Err(Fail::Busy(patience, text)) => {
                    let give_up = arrived + patience;
                    if now >= give_up {
                        return response(Err(Fail::Die(text)));
                    }
                    let wake = next.map_or(give_up, |next| next.max(now + 1)).min(give_up);
                    tokio::time::sleep(Duration::from_millis(wake - now)).await;
                }
                Err(Fail::Late(delay, fail)) => {
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    return response(Err(*fail));
                }
                other => return response(other),
            }
        }
    }

    /// Counts the call and says what goes wrong with it.
    fn count(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state();
        state.calls += 1;
        if request.method != Method::Get {
            state.writes += 1;
        }
        state.log.push(Logged { method: request.method, path: request.path.clone() });
        let fault = state.faults.of(state.calls);
        if fault == Some(Fault::Kill) {
            state.dead = true;
        }
        if state.dead { Some(Fault::Kill) } else { fault }
    }

    /// Sends a request through the planned faults.
    pub(crate) async fn send_through_faults(&self, request: Request) -> Result<Response, TransportError> {
        let host = "simulated Proxmox VE".to_owned();
        match self.count(&request) {
            None => Ok(self.answer(&request).await),
            Some(Fault::Error { status, reason }) => Ok(plain(status, &reason)),
            Some(Fault::LostReply) => {
                self.answer(&request).await;
                Err(TransportError::Lost { host, reason: "connection reset by peer".to_owned() })
            }
            Some(Fault::Slow(delay)) => {
                if delay >= request.timeout {
                    self.answer(&request).await;
                    tokio::time::sleep(request.timeout).await;
                    return Err(TransportError::Lost { host, reason: "timed out".to_owned() });
                }
                let answer = self.answer(&request).await;
                tokio::time::sleep(delay).await;
                Ok(answer)
            }
            Some(Fault::Kill) => Err(TransportError::Unreached { host, reason: "connection refused".to_owned() }),
        }
    }
}

#[async_trait]
impl Http for Sim {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let timeout = request.timeout;
        match tokio::time::timeout(timeout, self.send_through_faults(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::Lost {
                host: "simulated Proxmox VE".to_owned(),
                reason: format!("timed out after {} s", timeout.as_secs()),
            }),
        }
    }
}
