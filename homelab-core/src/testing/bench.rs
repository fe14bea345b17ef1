//! Running labs against a world, with the state directory in a temporary place.
use super::World;
use crate::{
    Graph, Lab, Redactor, Secrets,
    engine::{Engine, Interrupt, Outcome, Trouble},
    env::Env,
    plan::{Goal, Known, Plan, Wishes, plan},
    report::{Reporter, Silent},
    secret::{IdentityFile, Vault},
    store::Store,
};
use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

/// A world, and the state directory of the lab that is run against it.
pub struct Bench<W> {
    /// The world.
    pub world: W,
    /// The secrets that labs may use. There is an encrypted store with them: add sources with `and`.
    pub secrets: Secrets,
    /// How many steps run at once.
    pub parallel: usize,
    dir: tempfile::TempDir,
    generation: Cell<u32>,
}

/// How a run ended.
pub enum Run {
    /// It came to its end.
    Ended(Box<Plan>, Box<Outcome>),
    /// It was killed.
    Killed,
    /// It could not even look.
    Blind(Vec<Trouble>),
}

impl Run {
    /// Whether everything that was planned was done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Run::Ended(_, outcome) if outcome.is_success())
    }

    /// What went wrong, for a test's message.
    #[must_use]
    pub fn story(&self) -> String {
        match self {
            Run::Killed => "killed".into(),
            Run::Blind(troubles) => {
                troubles.iter().map(|t| format!("{:?}: {}", t.keys, t.failure)).collect::<Vec<_>>().join("; ")
            }
            Run::Ended(plan, outcome) => {
                let failed: Vec<_> = outcome
                    .failed
                    .iter()
                    .map(|f| format!("{} {}: {} {:?}", f.action, f.key, f.failure, f.failure.detail))
                    .collect();
                format!("{}; failed: {failed:?}; skipped: {:?}", plan.summary(), outcome.skipped)
            }
        }
    }
}

impl<W: World> Bench<W> {
    /// A bench around a world.
    ///
    /// # Panics
    /// When there is no temporary directory.
    #[must_use]
    pub fn new(world: W) -> Self {
        let dir = tempfile::tempdir().expect("tests need a temporary directory");
        let identity = IdentityFile::at(dir.path().join("identity.txt"));
        let vault = Vault::open(&dir.path().join("secrets.age"), "bench", identity).expect("nothing is there yet");
        Bench {
            secrets: Secrets::none().and(Env::from_pairs(world.secrets())).with_vault(vault),
            world,
            parallel: crate::engine::PARALLEL,
            dir,
            generation: Cell::new(0),
        }
    }

    /// Where the lab's memory is.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.dir.path().join(self.generation.get().to_string())
    }

    /// The graph of a lab that must be valid.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn graph(lab: Lab) -> Graph {
        lab.build().unwrap_or_else(|e| panic!("the lab is not valid:\n{e}"))
    }

    fn open(&self) -> PathBuf {
        let dir = self.state();
        fs::create_dir_all(&dir).expect("a temporary directory can be written");
        dir
    }

    /// What is known, without changing anything.
    ///
    /// # Errors
    /// What could not be looked at.
    ///
    /// # Panics
    /// When the state directory is damaged.
    pub async fn look(&self, graph: &Graph) -> Result<Known, Vec<Trouble>> {
        self.look_for(graph, None).await
    }

    async fn look_for(&self, graph: &Graph, wishes: Option<&Wishes>) -> Result<Known, Vec<Trouble>> {
        let memory = Store::peek(&self.open(), graph.lab()).expect("the state is readable");
        let providers = self.world.providers();
        self.engine(graph, &providers, &Silent).observe_for(&memory, wishes).await
    }

    fn engine<'a>(
        &'a self,
        graph: &'a Graph,
        providers: &'a crate::Providers,
        reporter: &'a dyn Reporter,
    ) -> Engine<'a> {
        Engine { graph, providers, secrets: &self.secrets, reporter, parallel: self.parallel }
    }

    /// The plan for a lab.
    ///
    /// # Panics
    /// When the lab is not valid or the world cannot be looked at.
    pub async fn plan(&self, lab: Lab, wishes: &Wishes) -> Plan {
        let graph = Self::graph(lab);
        let known = self.look_for(&graph, Some(wishes)).await.unwrap_or_else(|t| panic!("{}", Run::Blind(t).story()));
        plan(&graph, &known, wishes)
    }

    /// Plans and carries out; a kill of the world ends it in the middle.
    pub async fn run(&self, lab: Lab, wishes: &Wishes) -> Run {
        self.run_with(lab, wishes, &Silent, Interrupt::pair().1).await
    }

    /// The same with somebody who listens, and somebody who may interrupt.
    ///
    /// # Panics
    /// When the lab is not valid or the state directory cannot be used.
    pub async fn run_with(&self, lab: Lab, wishes: &Wishes, reporter: &dyn Reporter, interrupt: Interrupt) -> Run {
        self.run_graph(Self::graph(lab), wishes, reporter, interrupt).await
    }

    async fn run_graph(&self, graph: Graph, wishes: &Wishes, reporter: &dyn Reporter, interrupt: Interrupt) -> Run {
        let dir = self.open();
        let providers = self.world.providers();
        let engine = self.engine(&graph, &providers, reporter);
        let (store, memory) = Store::open(&dir, graph.lab(), "test", Redactor::default()).expect("the state opens");
        let work = async {
            let known = match engine.observe_for(&memory, Some(wishes)).await {
                Ok(known) => known,
                Err(troubles) => return Run::Blind(troubles),
            };
            let plan = plan(&graph, &known, wishes);
            let outcome = engine.carry_out(&plan, known, store, interrupt).await;
            Run::Ended(Box::new(plan), Box::new(outcome))
        };
        let mut work = std::pin::pin!(work);
        let ended = tokio::select! {
            biased;
            () = self.world.traffic().killed() => None,
            run = &mut work => Some(run),
        };
        ended.unwrap_or_else(|| {
            // The destructors of `work` would still write: what counts is the disk as it is now.
            self.generation.set(self.generation.get() + 1);
            copy(&dir, &self.open());
            Run::Killed
        })
    }

    /// Deploys.
    pub async fn deploy(&self, lab: Lab) -> Run {
        self.run(lab, &Wishes::new(Goal::Deploy)).await
    }

    /// Destroys everything, also what is protected or holds data: each key is allowed by name.
    pub async fn clear(&self, lab: Lab) -> Run {
        let mut wishes = Wishes::new(Goal::Destroy);
        let graph = Self::graph(lab);
        wishes.allow_destroy = graph.resources().map(|resource| resource.key().to_owned()).collect();
        self.run_graph(graph, &wishes, &Silent, Interrupt::pair().1).await
    }

    /// Destroys.
    pub async fn destroy(&self, lab: Lab) -> Run {
        self.run(lab, &Wishes::new(Goal::Destroy)).await
    }
}

/// Copies the files of a directory. One that is being written may come out torn, as after a real kill.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the state directory is readable").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a temporary directory can be written");
    }
}
