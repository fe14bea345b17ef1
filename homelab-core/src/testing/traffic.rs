//! What goes between a lab and a test's world: counted, and broken where a test says.
use super::Fault;
use std::{
    fmt,
    future::{Future, pending},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The calls of a world. Clones count together: a world of several systems gives each of them a clone, so that a fault strikes
/// whichever is called next.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Inner>);

#[derive(Default)]
struct Inner {
    made: Mutex<Made>,
    killed: watch::Sender<bool>,
}

#[derive(Default)]
struct Made {
    calls: u64,
    writes: u64,
    fault: Option<(u64, Fault)>,
    accident: Option<(u64, Accident)>,
    cut_from: Option<u64>,
}

type Accident = Box<dyn FnOnce() + Send>;

/// What became of a call that broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It never arrived.
    Before,
    /// It had its effect; the answer did not arrive.
    After,
}

impl Traffic {
    /// How many calls there were so far, reading and writing.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.made().calls
    }

    /// How many of them could change something.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.made().writes
    }

    /// Makes `fault` happen at the call that is `after` calls away (0: the next).
    pub fn fail(&self, after: u64, fault: Fault) {
        let mut made = self.made();
        made.fault = Some((made.calls + after, fault));
    }

    /// Makes something happen just before the call that is `after` calls away: a power cut, a meddler.
    pub fn accident(&self, after: u64, accident: impl FnOnce() + Send + 'static) {
        let mut made = self.made();
        made.accident = Some((made.calls + after, Box::new(accident)));
    }

    /// From the call that is `after` calls away nothing arrives any more, until [`heal`](Traffic::heal).
    pub fn cut_off(&self, after: u64) {
        let mut made = self.made();
        made.cut_from = Some(made.calls + after);
    }

    /// Resolves when a [`Fault::Kill`] has struck. Calls that were under way, and later ones, never return until
    /// [`heal`](Traffic::heal).
    pub fn killed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut killed = self.0.killed.subscribe();
        let held = self.clone();
        async move {
            // `held` keeps the sender, so that this ends only with a kill.
            let _ = killed.wait_for(|killed| *killed).await;
            drop(held);
        }
    }

    /// Whether a [`Fault::Kill`] has struck.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        *self.0.killed.borrow()
    }

    /// No more faults. What the world was working on goes on.
    pub fn heal(&self) {
        let mut made = self.made();
        (made.fault, made.accident, made.cut_from) = (None, None, None);
        drop(made);
        self.0.killed.send_replace(false);
    }

    /// Makes one call, which `writes` or only looks; `broken` is what is heard of one that a fault strikes.
    ///
    /// # Errors
    /// Those of the call, and of `broken`.
    pub async fn through<T, E>(
        &self,
        writes: bool,
        broken: impl FnOnce(Broken) -> Result<T, E>,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if self.is_dead() {
            pending::<()>().await;
        }
        match self.count(writes) {
            Some(Fault::Error) => broken(Broken::Before),
            Some(Fault::LostReply) => {
                let _ = call.await;
                broken(Broken::After)
            }
            Some(Fault::Kill) => {
                let _ = call.await;
                self.0.killed.send_replace(true);
                pending().await
            }
            None => call.await,
        }
    }

    fn count(&self, writes: bool) -> Option<Fault> {
        let mut made = self.made();
        let this = made.calls;
        made.calls += 1;
        made.writes += u64::from(writes);
        let accident = made.accident.take_if(|(at, _)| *at == this);
        let cut = made.cut_from.filter(|from| this >= *from).map(|_| Fault::Error);
        let fault = cut.or(made.fault.take_if(|(at, _)| *at == this).map(|(_, fault)| fault));
        drop(made);
        if let Some((_, accident)) = accident {
            accident();
        }
        fault
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.made();
        write!(f, "Traffic({} calls, {} of them writes)", made.calls, made.writes)
    }
}
