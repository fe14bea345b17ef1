//! Lets those who ask a machine at the same time share one message to it.
use super::{Batch, Machine, NoAnswer, Probe, Query, Reply, batch::What};
use crate::{Failure, ssh::SshError};
use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

/// The reading front of a machine for one look at the world: questions that are asked concurrently travel together, and what was
/// asked before is not asked again.
///
/// Whoever asks gives all others one chance to ask too before anything is sent: with questions that do not wait for each other a
/// look costs one message, whatever their number. While one is under way, the next collects.
pub struct Gather {
    machine: Arc<dyn Machine>,
    state: Arc<Mutex<State>>,
    /// Held while a message is under way.
    line: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    /// Collecting; not sent yet.
    open: Option<Wave>,
    asked: HashMap<Probe, (Answers, usize)>,
}

struct Wave {
    batch: Batch,
    answers: Answers,
}

type Answers = Shared<BoxFuture<'static, Result<Arc<Vec<Reply>>, SshError>>>;

impl Gather {
    /// A fresh front of a machine.
    #[must_use]
    pub fn of(machine: Arc<dyn Machine>) -> Self {
        Gather { machine, state: Arc::default(), line: Arc::default() }
    }

    /// The machine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.machine.name()
    }

    /// Asks.
    ///
    /// # Errors
    /// When the machine cannot be reached, or has no answer to this question.
    pub async fn ask<T>(&self, query: Query<T>) -> Result<T, Failure> {
        let (answers, index) = self.join(query.probe);
        // Whoever is asked first drives the wave, so each lets the others in before it does.
        everybody_else().await;
        let replies = answers.await?;
        let reply = replies.get(index).cloned().ok_or_else(NoAnswer::strange)?;
        Ok((query.take)(reply?).ok_or_else(NoAnswer::strange)?)
    }

    /// A place in the wave that collects, or in the one that has asked this before.
    fn join(&self, probe: Probe) -> (Answers, usize) {
        let mut state = lock(&self.state);
        if let Some((answers, index)) = state.asked.get(&probe) {
            return (answers.clone(), *index);
        }
        let wave = state.open.get_or_insert_with(|| Wave { batch: Batch::new(), answers: self.wave() });
        wave.batch.push(What::Probe(probe.clone()));
        let place = (wave.answers.clone(), wave.batch.items().len() - 1);
        state.asked.insert(probe, place.clone());
        place
    }

    /// What sends the wave that is open by then. Everybody who waits for it drives it, so it survives that one of them is dropped.
    fn wave(&self) -> Answers {
        let (machine, line) = (self.machine.clone(), self.line.clone());
        // Weak, because the state holds the wave.
        let state = Arc::downgrade(&self.state);
        async move {
            let _turn = line.lock().await;
            let wave = state.upgrade().and_then(|state| lock(&state).open.take());
            let replies = machine.run(&wave.map_or_else(Batch::new, |w| w.batch)).await;
            replies.map(Arc::new)
        }
        .boxed()
        .shared()
    }
}

/// How often everything that is ready runs before a question is sent: who has just heard of an answer takes some turns to ask the next.
const TURNS: u32 = 4;

/// Lets everything that is ready run: all who are about to ask have asked by then.
pub(super) async fn everybody_else() {
    let mut left = TURNS;
    poll_fn(|cx| match left {
        0 => Poll::Ready(()),
        _ => {
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
