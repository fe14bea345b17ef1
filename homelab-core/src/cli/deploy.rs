//! `deploy` and `destroy`: plan, show, ask, carry out.
use super::{
    agree::agree,
    args::{DeployArgs, DestroyArgs, Manner, Scope},
    carry::Carry,
    exit::Exit,
    plan::{cleaned, refused, show},
    session::Session,
    stop::{Problem, Stop},
    world::World,
};
use crate::{
    engine::Interrupt,
    plan::{Goal, Known, Plan, SavedPlan, Wishes, plan},
    store::{Memory, Store},
};
use std::{fs, path::Path};

pub(super) fn deploy(session: &Session<'_>, args: &DeployArgs) -> Result<Exit, Stop> {
    let saved = args.planfile.as_ref().map(|path| load(session, path)).transpose()?;
    let wishes = match &saved {
        Some(saved) => saved.wishes.clone(),
        None => args.scope.wishes(Goal::Deploy),
    };
    Run { session, scope: &args.scope, wishes, saved, manner: &args.manner }.go()
}

pub(super) fn destroy(session: &Session<'_>, args: &DestroyArgs) -> Result<Exit, Stop> {
    let wishes = args.scope.wishes(Goal::Destroy);
    Run { session, scope: &args.scope, wishes, saved: None, manner: &args.manner }.go()
}

/// One run that may write.
struct Run<'r> {
    session: &'r Session<'r>,
    scope: &'r Scope,
    wishes: Wishes,
    saved: Option<SavedPlan>,
    manner: &'r Manner,
}

impl Run<'_> {
    fn go(&self) -> Result<Exit, Stop> {
        let session = self.session;
        let verb = match self.wishes.goal {
            Goal::Deploy => "deploy",
            Goal::Destroy => "destroy",
        };
        session.state.create()?;
        let redactor = session.secrets.redactor().clone();
        let (store, memory) = Store::open(session.state.path(), session.graph.lab(), verb, redactor)?;
        let carry = Carry { session, manner: self.manner, verb };
        session.block_on(async |interrupt| match self.prepare(interrupt, &memory, &carry).await {
            Ok((world, plan, known)) => Ok(carry.out(&world, &plan, known, store).await),
            Err(stop) => {
                // Nothing was begun. What an earlier run left open stays so; the reason to stop is what matters.
                let _ = store.close(memory.maybe.is_empty());
                Err(stop)
            }
        })
    }

    /// Everything before the first effect: look, plan, show, ask.
    async fn prepare(
        &self,
        interrupt: Interrupt,
        memory: &Memory,
        carry: &Carry<'_>,
    ) -> Result<(World<'_>, Plan, Known), Stop> {
        let session = self.session;
        session.check_scope(self.scope, &self.wishes, memory)?;
        let world = session.connect(interrupt).await?;
        let known = world.observe_and_report(memory, Some(&self.wishes), carry.early_reporter().as_ref()).await?;
        let plan = plan(&session.graph, &known, &self.wishes);
        if let Some(saved) = &self.saved {
            self.check(saved, &plan, &known)?;
        }
        show(session, &plan, carry.voice());
        if let Some(stop) = refused(&plan) {
            return Err(stop);
        }
        if !plan.is_noop() {
            let agreed = self.manner.yes || self.saved.is_some();
            agree(session, &world.interrupt, self.wishes.goal, agreed).await?;
        }
        Ok((world, plan, known))
    }

    /// Whether a saved plan is still the plan.
    fn check(&self, saved: &SavedPlan, now: &Plan, known: &Known) -> Result<(), Stop> {
        let session = self.session;
        let fresh = SavedPlan::new(now.clone(), self.wishes.clone(), session.mode.word(), &session.graph, known);
        let cleaned = cleaned(session, &fresh);
        let again: SavedPlan = serde_json::from_value(cleaned.clone()).map_err(|e| unreadable("the plan", &e))?;
        saved.check_against(&again)?;
        // What was begun by a run that did not end is in neither, and decides too.
        if serde_json::to_value(&saved.plan).ok().as_ref() != cleaned.get("plan") {
            let problem = Problem::new("the saved plan is not carried out: the plan would be another one now");
            return Err(Stop::new(Exit::Refused, problem.hint("nothing was changed; plan again and look")));
        }
        Ok(())
    }
}

fn load(session: &Session<'_>, path: &Path) -> Result<SavedPlan, Stop> {
    let name = path.display().to_string();
    let text = fs::read(session.dir.join(path))
        .map_err(|e| Stop::usage(format!("cannot read the plan {name}: {e}"), "`plan --out FILE` makes one"))?;
    serde_json::from_slice(&text).map_err(|e| unreadable(&name, &e))
}

fn unreadable(name: &str, e: &serde_json::Error) -> Stop {
    Stop::usage(format!("{name} is not a plan that this program can read: {e}"), "`plan --out FILE` makes one")
}
