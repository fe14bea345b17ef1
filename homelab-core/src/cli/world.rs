//! A verb's way to the world: the runtime, who interrupts, the connections, the engine.
use super::{
    args::Scope,
    exit::Exit,
    session::Session,
    stop::{Problem, Stop},
};
use crate::{
    Providers, Sandbox,
    engine::{self, Engine, Interrupt, Interrupter},
    plan::{Known, Wishes, similar},
    report::{Plain, Reporter},
    store::Memory,
};
use std::pin::Pin;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

/// The simulated systems live in this directory below the state's.
const WORLD: &str = "world";

/// The connected sites of a session.
pub(super) struct World<'s> {
    pub(super) session: &'s Session<'s>,
    pub(super) providers: Providers,
    pub(super) interrupt: Interrupt,
}

impl<'s> Session<'s> {
    /// Runs what needs a runtime: only verbs that look at the world pay for one.
    pub(super) fn block_on<T>(&self, work: impl AsyncFnOnce(Interrupt) -> Result<T, Stop>) -> Result<T, Stop> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Stop::new(Exit::Refused, Problem::new(format!("cannot start: {e}"))))?;
        // One type for all verbs: see `spawn`.
        let doing: Pin<Box<dyn Future<Output = Result<T, Stop>> + '_>> = Box::pin(async {
            let interrupt = match &self.interrupt {
                Some(interrupt) => interrupt.clone(),
                None => {
                    let (interrupter, interrupt) = Interrupt::pair();
                    crate::spawn(listen(interrupter));
                    interrupt
                }
            };
            work(interrupt).await
        });
        let done = runtime.block_on(doing);
        // Somebody may still be asked something, and will not answer any more.
        runtime.shutdown_background();
        done
    }

    /// Connects every site.
    pub(super) async fn connect(&'s self, interrupt: Interrupt) -> Result<World<'s>, Stop> {
        let sandbox = Sandbox::new(self.state.path().join(WORLD));
        let connecting = async { Ok(self.sites.connect(self.mode, &self.secrets, &sandbox).await?) };
        let providers = unless_pressed(&interrupt, connecting).await?;
        Ok(World { session: self, providers, interrupt })
    }

    /// Checks what a person wrote against what there is.
    pub(super) fn check_scope(&self, scope: &Scope, wishes: &Wishes, memory: &Memory) -> Result<(), Stop> {
        let ledger = memory.ledger.entries.keys().map(String::as_str);
        wishes.selection.check(&self.graph, ledger)?;
        scope.allow_destroy.iter().try_for_each(|key| self.check_key(key, memory))
    }

    /// Whether the code or the ledger knows a key.
    pub(super) fn check_key(&self, key: &str, memory: &Memory) -> Result<(), Stop> {
        let begun = memory.maybe.iter().map(|m| m.key.as_str());
        let known = self.graph.resources().map(|r| r.key()).chain(memory.ledger.entries.keys().map(String::as_str));
        let left = memory.ledger.left.keys().map(String::as_str);
        let known: Vec<&str> = known.chain(begun).chain(left).collect();
        if known.contains(&key) {
            return Ok(());
        }
        Err(Stop::unknown_key(key, self.graph.lab(), &similar(key, known.into_iter())))
    }
}

impl World<'_> {
    pub(super) fn engine<'e>(&'e self, reporter: &'e dyn Reporter) -> Engine<'e> {
        let session = self.session;
        Engine {
            graph: &session.graph,
            providers: &self.providers,
            secrets: &session.secrets,
            reporter,
            parallel: engine::PARALLEL,
        }
    }

    /// Looks at everything, for verbs that only look.
    pub(super) async fn observe(&self, memory: &Memory, wishes: Option<&Wishes>) -> Result<Known, Stop> {
        self.observe_and_report(memory, wishes, &Plain::new(self.session.console.err.clone())).await
    }

    /// The same, telling somebody else what is waited for.
    pub(super) async fn observe_and_report(
        &self,
        memory: &Memory,
        wishes: Option<&Wishes>,
        reporter: &dyn Reporter,
    ) -> Result<Known, Stop> {
        let work = async { Ok(self.engine(reporter).observe_for(memory, wishes).await?) };
        unless_pressed(&self.interrupt, work).await
    }
}

/// Does something that can simply be given up.
pub(super) async fn unless_pressed<T>(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    let mut interrupt = interrupt.clone();
    tokio::select! {
        biased;
        () = interrupt.pressed() => Err(Stop::new(Exit::Interrupted, Problem::new("interrupted; nothing was changed"))),
        done = work => done,
    }
}

/// Ctrl-C presses once, SIGTERM twice: whoever sends that does not wait.
async fn listen(interrupter: Interrupter) {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    loop {
        tokio::select! {
            _ = int.recv() => interrupter.press(),
            _ = term.recv() => {
                interrupter.press();
                interrupter.press();
            }
        }
    }
}
