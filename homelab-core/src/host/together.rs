//! Lets those who ask or change one machine at the same time share a message, each with an end of its own.
use super::{Action, Batch, Machine, Probe, Reply, batch::What, gather::everybody_else};
use crate::ssh::SshError;
use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Semaphore;

/// How many messages may be under way to one machine. OpenSSH lets ten sessions into a connection (`MaxSessions`): two are for what is
/// shared, and one is kept for the next question.
const APART: usize = 7;
/// How many bytes of contents one message carries along for others.
const LOAD: usize = 256 * 1024;

/// A machine in front of another: what takes no time there travels together, questions with questions and changes with changes.
/// Whoever comes while a message is under way shares the next one. A command may take its time, so it travels by itself, unless it
/// is [quick](super::Command).
///
/// The steps of a run stay apart: each is a part of its message, so a failure in one of them ends no other, and each hears of its own.
pub(super) struct Together {
    machine: Arc<dyn Machine>,
    questions: Arc<Lane>,
    changes: Arc<Lane>,
    apart: Semaphore,
}

impl Together {
    pub(super) fn of(machine: Arc<dyn Machine>) -> Self {
        Together { machine, questions: Arc::default(), changes: Arc::default(), apart: Semaphore::new(APART) }
    }
}

#[async_trait]
impl Machine for Together {
    fn name(&self) -> &str {
        self.machine.name()
    }

    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        if !is_quick(batch) {
            // The semaphore is never closed.
            let _turn = self.apart.acquire().await;
            return self.machine.run(batch).await;
        }
        let lane = if batch.is_reading() { &self.questions } else { &self.changes };
        let (replies, range) = lane.join(&self.machine, batch);
        // Whoever comes first sends the message, so each lets the others in before it does.
        everybody_else().await;
        Ok(replies.await?.get(range).unwrap_or_default().to_vec())
    }
}

/// Whether nobody who shares a message with this has to wait for it.
fn is_quick(batch: &Batch) -> bool {
    let load = |what: &What| match what {
        What::Action(Action::Write { content, .. }) => content.expose().len(),
        _ => 0,
    };
    let slow = |what: &What| match what {
        What::Action(Action::Run(command)) | What::Probe(Probe::Command(command)) => !command.quick,
        What::Action(Action::RemoveAll(_)) => true,
        _ => false,
    };
    !batch.items().iter().any(|item| slow(&item.what))
        && batch.items().iter().map(|item| load(&item.what)).sum::<usize>() <= LOAD
}

/// Messages of one kind to a machine, one after the other.
#[derive(Default)]
struct Lane {
    open: Mutex<Option<Open>>,
    /// Held while a message is under way.
    line: tokio::sync::Mutex<()>,
}

/// A message that collects; not sent yet.
struct Open {
    batch: Batch,
    replies: Replies,
}

type Replies = Shared<BoxFuture<'static, Result<Arc<[Reply]>, SshError>>>;

impl Lane {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in the message that collects.
    fn join(self: &Arc<Self>, machine: &Arc<dyn Machine>, batch: &Batch) -> (Replies, Range<usize>) {
        let mut open = self.open();
        let open = open.get_or_insert_with(|| Open { batch: Batch::new(), replies: self.send(Arc::clone(machine)) });
        let first = open.batch.items().len();
        open.batch.join(batch);
        (open.replies.clone(), first..open.batch.items().len())
    }

    /// What sends the message that is open by then. Everybody who waits for it drives it, so it survives that one of them is dropped.
    fn send(self: &Arc<Self>, machine: Arc<dyn Machine>) -> Replies {
        let lane = Arc::clone(self);
        async move {
            let _turn = lane.line.lock().await;
            let batch = lane.open().take().map(|open| open.batch).unwrap_or_default();
            machine.run(&batch).await.map(Arc::from)
        }
        .boxed()
        .shared()
    }
}
