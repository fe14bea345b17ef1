//! Carrying out a recipe on the machine that it is for.
use super::Recipe;
use crate::{
    Apply, Failure, Graph, Provider, Providers, Secrets,
    context::StepLog,
    engine::{Engine, PARALLEL},
    host::{Batch, Command, HOSTS, Visit, probe},
    plan::{Goal, Wishes, plan},
    report::{Event, Reporter},
    store::Memory,
};
use std::time::Duration;

/// How long cloud-init may take: it may install packages.
const CLOUD_INIT: Duration = Duration::from_secs(900);
/// What `cloud-init status` ends with: it is done; it is done and had to put up with something; it did not end within the time;
/// there is none.
const DONE: u8 = 0;
const DEGRADED: u8 = 2;
const TOO_LATE: u8 = 124;
const NOT_THERE: u8 = 127;

impl Recipe {
    /// Waits until the machine lets us in and cloud-init is done with it, brings it to what the recipe says, and seals it. Afterwards
    /// nobody can log in to it any more: it is to be shut down and copied.
    ///
    /// # Errors
    /// What went wrong, with the part of the recipe and its line. The machine is then good for nothing: make another.
    pub async fn carry_out<P: Provider>(&self, visit: &Visit, cx: &Apply<'_, P>) -> Result<(), Failure> {
        let graph = self.graph.as_ref().ok_or_else(|| Failure::stuck("a recipe with errors cannot be carried out"))?;
        let hosts = visit.hosts();
        visit.enter(&hosts, &|message| cx.progress(message, None)).await?;
        cx.progress("waits for cloud-init to be done", None);
        let mut batch = Batch::new();
        let status = Command::new("cloud-init").args(["status", "--wait", "--long"]).within(CLOUD_INIT);
        let status = batch.ask(probe::command(status));
        let said = status.of(&hosts.ask(&visit.at(), &batch).await?)?;
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        let told = text.lines().map(|line| format!("cloud-init: {line}"));
        match said.status {
            DONE => {}
            DEGRADED => cx.warn("cloud-init had to put up with something: `cloud-init status --long` on a clone tells"),
            NOT_THERE => {
                return Err(
                    Failure::new("there is no cloud-init in the image").hint("take a cloud image: they have it")
                );
            }
            TOO_LATE => {
                let within = CLOUD_INIT.as_secs();
                return Err(Failure::new(format!("cloud-init was not done within {within} s")).detail(told));
            }
            status => return Err(Failure::new(format!("cloud-init failed with status {status}")).detail(told)),
        }
        let providers = Providers::default().with(HOSTS, visit.hosts());
        on(graph, &providers, cx.log()).await?;
        cx.progress("seals it", None);
        super::seal::seal(&hosts, &visit.at(), visit.public_key(), self.login, cx.permit()).await
    }
}

/// Brings the machine of a graph to what that says.
async fn on(graph: &Graph, providers: &Providers, log: &dyn StepLog) -> Result<(), Failure> {
    let secrets = Secrets::none();
    let engine = Engine { graph, providers, secrets: &secrets, reporter: &Told(log), parallel: PARALLEL };
    let mut known = engine.observe(&Memory::empty(graph.lab())).await.map_err(|troubles| {
        let trouble = troubles.into_iter().next();
        trouble.map_or_else(
            || Failure::stuck("the machine could not be looked at"),
            |trouble| of_part(graph, trouble.keys.first().map_or("", String::as_str), trouble.failure),
        )
    })?;
    // What is there came with the image.
    known.fresh.extend(graph.ids().take(1).map(|machine| graph.key(machine).to_owned()));
    let plan = plan(graph, &known, &Wishes::new(Goal::Deploy));
    let outcome = engine.carry_out_within(&plan, &known).await;
    match outcome.failed.into_iter().next() {
        Some(failed) => Err(of_part(graph, &failed.key, failed.failure)),
        None => Ok(()),
    }
}

/// Says of which part of the recipe a failure is, and where that stands.
fn of_part(graph: &Graph, key: &str, failure: Failure) -> Failure {
    let at = graph.resource(key).map(|part| part.declared_at());
    let at = at.map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
    Failure { message: format!("{key}{at}: {}", failure.message), ..failure }
}

/// What happens inside of a step, as that step's own progress.
struct Told<'a>(&'a dyn StepLog);

impl Reporter for Told<'_> {
    fn report(&self, event: &Event) {
        match event {
            Event::StepStarted { key, action } => self.0.progress(&format!("{key}: {action}"), None),
            Event::Progress { key, message, percent } => self.0.progress(&format!("{key}: {message}"), *percent),
            Event::Warning { key, message } => self.0.warn(&format!("{key}: {message}")),
            Event::Retrying { key, reason, .. } => self.0.progress(&format!("{key}: tries again: {reason}"), None),
            _ => {}
        }
    }
}
