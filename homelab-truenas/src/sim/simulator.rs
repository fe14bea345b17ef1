//! The simulator itself: asks the world, keeps it, tells of jobs.
use super::{
    check,
    fail::Fail,
    handlers::{self, Caller},
    installer::Stage,
    jobs,
    schema::Schema,
    world::{State as JobState, World},
};
use crate::rpc::{Call, Rpc, RpcError};
use async_trait::async_trait;
use homelab_core::{
    Permit,
    sim::{Clock, Computer, Store, StoreError},
};
use serde_json::Value;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tokio::{sync::broadcast, time::sleep};

/// How many news of jobs are kept for somebody who is slow to listen.
const NEWS: usize = 256;
/// How often it is told how far jobs are, in milliseconds.
const STRIDE: u64 = 500;
/// So many logins are let through in so many milliseconds.
const LOGINS: usize = 20;
const LOGIN_WINDOW: u64 = 60_000;

/// A job's number, where it is and how far.
type Told = (i64, JobState, u64);

struct State {
    world: World,
    /// What was told of jobs last.
    told: Vec<Told>,
    /// Whether somebody sees to it already that jobs end in time.
    driven: bool,
    /// When logins were tried, for their rate.
    logins: Vec<u64>,
    /// The method after whose next call the connection breaks, before it is answered.
    cut_after: Option<String>,
    /// Whether it breaks now.
    cut: bool,
}

struct Inner {
    state: Mutex<State>,
    clock: Clock,
    store: Option<Store<World>>,
    news: broadcast::Sender<Arc<Value>>,
    cuts: broadcast::Sender<()>,
    /// What tells of the computer that it runs on, if that is one of a simulated network.
    computer: OnceLock<Around>,
}

/// Tells of a computer; nothing while it is not there.
type Around = Box<dyn Fn() -> Option<Computer> + Send + Sync>;

/// A simulated TrueNAS. Clones are handles to the same one.
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

    /// A simulator that keeps its world in a directory: the one that is there goes on, `fresh` gives only the pace then. Every effect
    /// is on disk before its answer is given.
    ///
    /// # Errors
    /// When the directory cannot be used or holds something else.
    pub fn persistent(dir: &Path, fresh: World) -> Result<Sim, StoreError> {
        let store = Store::at(dir, "TrueNAS");
        let pace = fresh.pace;
        let world = store.load()?.unwrap_or(fresh).pace(pace);
        Ok(Sim::build(world, Some(store)))
    }

    fn build(world: World, store: Option<Store<World>>) -> Sim {
        let clock = if store.is_some() { Clock::system() } else { Clock::fixed(world.now) };
        let ((news, _), (cuts, _)) = (broadcast::channel(NEWS), broadcast::channel(1));
        let state =
            Mutex::new(State { world, told: vec![], driven: false, logins: vec![], cut_after: None, cut: false });
        let computer = OnceLock::new();
        Sim { inner: Arc::new(Inner { state, clock, store, news, cuts, computer }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.world.now = self.inner.clock.now();
        state.world.settle_stage();
        state
    }

    /// The world as it is now, for a test that looks behind the API.
    #[must_use]
    pub fn world(&self) -> World {
        let mut state = self.state();
        self.settle(&mut state);
        state.world.clone()
    }

    /// Changes the world behind the API's back, as somebody at the machine would.
    ///
    /// # Errors
    /// When the world is kept in a directory and that cannot be written.
    pub fn change(&self, change: impl FnOnce(World) -> World) -> Result<(), StoreError> {
        let mut state = self.state();
        state.world = change(state.world.clone());
        self.save(&state.world)
    }

    /// Whether the computer that it runs on is there.
    #[cfg(feature = "testing")]
    pub(crate) fn has_computer(&self) -> bool {
        self.inner.computer.get().is_none_or(|look| look().is_some())
    }

    /// The computer that it runs on, if that is one of a simulated network and there.
    pub(super) fn computer(&self) -> Option<Computer> {
        self.inner.computer.get().and_then(|look| look())
    }

    fn save(&self, world: &World) -> Result<(), StoreError> {
        self.inner.store.as_ref().map_or(Ok(()), |store| store.save(world))
    }

    /// Has the NAS run on a computer of the simulated network, as that is at each moment: a controller that is passed through to it brings
    /// its disks, and without a CD in its drive no installer starts. The first to be told stays.
    pub fn runs_on(&self, look: impl Fn() -> Option<Computer> + Send + Sync + 'static) {
        let _ = self.inner.computer.set(Box::new(look));
    }

    /// Brings everything to where it is by now, and tells of jobs that went on.
    fn settle(&self, state: &mut State) -> bool {
        if let Some(Computer { disks, .. }) = self.computer() {
            state.world.plug(&disks);
        }
        let changed = jobs::settle(&mut state.world);
        handlers::expire(&mut state.world);
        let now: Vec<Told> = state.world.jobs.iter().map(|job| (job.id, job.state, job.percent)).collect();
        for (job, told) in state.world.jobs.iter().zip(&now) {
            if !state.told.contains(told) {
                // Nobody may be listening.
                let _ = self.inner.news.send(Arc::new(handlers::job_row(job, false).into()));
            }
        }
        state.told = now;
        changed
    }

    /// Sees to it that jobs end when their time has come although nobody asks.
    fn drive(&self, state: &mut State) {
        if state.driven || jobs::next_event(&state.world).is_none() {
            return;
        }
        state.driven = true;
        let inner = Arc::downgrade(&self.inner);
        homelab_core::spawn(driver(inner));
    }

    /// Answers one call.
    pub(super) fn answer(&self, caller: &Caller, call: &Call) -> Result<Value, Fail> {
        let mut state = self.state();
        let settled = self.settle(&mut state);
        let reads = call.is_read();
        if state.cut_after.as_deref() == Some(call.method.as_str()) {
            (state.cut_after, state.cut) = (None, true);
        }
        let answer =
            handlers::call(&mut state.world, caller, &Value::from(call.id.clone()), &call.method, &call.params);
        self.settle(&mut state);
        if (settled || !reads)
            && let Err(problem) = self.save(&state.world)
        {
            return Err(Fail::call("EFAULT", problem.to_string()));
        }
        self.drive(&mut state);
        answer
    }

    /// Logs somebody in; gives the answer and who it is then.
    pub(super) fn login(&self, caller: &Caller, method: &str, params: &[Value]) -> (Value, Option<String>) {
        handlers::login(&mut self.state().world, caller, method, params)
    }

    /// Logins are slow to be refused, and then refused altogether (notes section 2).
    pub(super) fn may_try_login(&self) -> Result<(), Fail> {
        let mut state = self.state();
        let now = state.world.now;
        state.logins.retain(|at| at + LOGIN_WINDOW > now);
        state.logins.push(now);
        if state.logins.len() > LOGINS {
            return Err(Fail::call("EBUSY", "Rate Limit Exceeded"));
        }
        Ok(())
    }

    /// Judges the parameters of a call without carrying it out.
    pub(super) fn judge(&self, call: &Call) -> Result<(), Fail> {
        let schema = Schema::of(&self.state().world.version);
        let method = schema.method(&call.method);
        method.map_or(Ok(()), |method| {
            check::params(schema, &call.method, method, &call.params).map(|_| ()).map_err(Fail::from)
        })
    }

    /// The versions of the API that it serves. Each release has those before it too (notes section 1).
    pub(super) fn versions(&self) -> Vec<String> {
        let version = self.state().world.version.clone();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let (major, minor, patch) =
            (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let span = |release: &str, last: u32| (0..=last).map(|n| format!("v{release}.{n}")).collect::<Vec<_>>();
        match (major, minor) {
            (..25, _) => vec![],
            (25, ..10) => span("25.04", patch),
            (25, _) => [span("25.04", 0), span("25.10", patch)].concat(),
            // What a release far ahead still serves nobody knows; 26 has both.
            (26, _) => [span("25.04", 0), span("25.10", 5), span("26.0", patch)].concat(),
            _ => span(&format!("{major}.{minor}"), patch),
        }
    }

    /// How many logins were tried in the last minute.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state().logins.len()
    }

    /// Restarts it: jobs are forgotten, disks get other names, and nobody answers for a while.
    pub fn reboot(&self) {
        self.state().world.reboot();
    }

    /// Revokes a key.
    pub fn revoke(&self, key: i64) {
        self.state().world.revoke(key);
    }

    /// A key that opens it, if there is one.
    #[must_use]
    pub fn some_key(&self) -> Option<String> {
        self.state().world.keys.values().last().cloned()
    }

    /// Breaks all connections now.
    pub fn cut(&self) {
        // Nobody may be connected.
        let _ = self.inner.cuts.send(());
    }

    /// Lets the connection break after the next call of this method took effect, before it is answered.
    pub fn cut_after(&self, method: &str) {
        self.state().cut_after = Some(method.to_owned());
    }

    /// Whether the connection breaks now.
    pub(super) fn takes_cut(&self) -> bool {
        std::mem::take(&mut self.state().cut)
    }

    /// Tells when connections are broken.
    pub(super) fn cuts(&self) -> broadcast::Receiver<()> {
        self.inner.cuts.subscribe()
    }

    /// Whether it answers at all at the moment.
    pub(super) fn is_up(&self) -> bool {
        let state = self.state();
        state.world.stage == Stage::System && state.world.down_until <= state.world.now
    }

    /// How far the installation of its system is.
    pub(super) fn stage(&self) -> Stage {
        self.state().world.stage
    }

    /// The time of its clock, in milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.state().world.now
    }

    /// Does something that the installer was asked for, and keeps it.
    pub(super) fn act(&self, act: impl FnOnce(&mut World) -> Result<Value, String>) -> Result<Value, String> {
        let mut state = self.state();
        if let Some(Computer { disks, .. }) = self.computer() {
            state.world.plug(&disks);
        }
        let done = act(&mut state.world)?;
        self.save(&state.world).map_err(|problem| problem.to_string())?;
        Ok(done)
    }

    /// Whether the connection breaks after a call of this method, which had its effect.
    pub(super) fn strikes(&self, method: &str) -> bool {
        let mut state = self.state();
        let strikes = state.cut_after.as_deref() == Some(method);
        if strikes {
            state.cut_after = None;
        }
        strikes
    }

    /// News of jobs: rows as `core.get_jobs` has them.
    #[must_use]
    pub fn news(&self) -> broadcast::Receiver<Arc<Value>> {
        self.inner.news.subscribe()
    }

    /// A way to it in process, logged in as this user.
    #[must_use]
    pub fn link(&self, user: &str) -> Link {
        Link { sim: self.clone(), caller: Caller { user: Some(user.into()), ..Caller::default() } }
    }
}

async fn driver(inner: Weak<Inner>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let sim = Sim { inner: strong };
        let wait = {
            let mut state = sim.state();
            if sim.settle(&mut state) {
                // Who reads next sees it anyway; on disk it is with the next effect.
                let _ = sim.save(&state.world);
            }
            let now = state.world.now;
            let next = jobs::next_event(&state.world);
            state.driven = next.is_some();
            next.map(|at| Duration::from_millis(at.saturating_sub(now).clamp(1, STRIDE)))
        };
        drop(sim);
        let Some(wait) = wait else { return };
        sleep(wait).await;
    }
}

/// A way to a simulator in process.
#[derive(Clone)]
pub struct Link {
    sim: Sim,
    caller: Caller,
}

impl Link {
    /// The same as one who speaks `/api/current`, where a job judges its parameters itself.
    #[must_use]
    pub fn current(mut self) -> Link {
        self.caller.is_current = true;
        self
    }

    /// What somebody does on the NAS himself: any call.
    ///
    /// # Errors
    /// When the simulator refuses, or is being restarted.
    pub async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        let host = || "the simulated TrueNAS".to_owned();
        if !self.sim.is_up() {
            return Err(RpcError::Unreached { host: host(), reason: "connection refused".into() });
        }
        let answer = self.sim.answer(&self.caller, call);
        if !self.sim.is_up() {
            return Err(RpcError::Lost { host: host(), reason: "it restarts".into() });
        }
        answer.map_err(|fail| RpcError::Refused(fail.to_refusal()))
    }
}

#[async_trait]
impl Rpc for Link {
    async fn call(&self, call: &Call) -> Result<Value, RpcError> {
        call.must_read()?;
        Link::call(self, call).await
    }

    async fn write(&self, _: &Permit, call: &Call) -> Result<Value, RpcError> {
        Link::call(self, call).await
    }

    fn news(&self) -> Option<broadcast::Receiver<Arc<Value>>> {
        Some(self.sim.news())
    }

    async fn download(&self, path: &str) -> Result<Vec<u8>, RpcError> {
        Ok(format!("a configuration, fetched from {}", path.split('?').next().unwrap_or_default()).into_bytes())
    }
}
