//! `plan`: what would be done. Reads only; writes nothing but the file that `--out` names.
use super::{
    args::PlanArgs,
    exit::Exit,
    session::Session,
    stop::{Problem, Stop},
};
use crate::{
    plan::{Goal, Plan, SavedPlan, plan},
    report::Voice,
};

pub(super) fn run(session: &Session<'_>, args: &PlanArgs, tell: bool) -> Result<Exit, Stop> {
    let wishes = args.scope.wishes(if args.destroy { Goal::Destroy } else { Goal::Deploy });
    let memory = session.peek()?;
    session.check_scope(&args.scope, &wishes, &memory)?;
    let known =
        session.block_on(async |interrupt| session.connect(interrupt).await?.observe(&memory, Some(&wishes)).await)?;
    let plan = plan(&session.graph, &known, &wishes);
    if args.json.json {
        session.print_json(&plan);
    } else {
        show(session, &plan, &session.console.out);
    }
    let refused = refused(&plan);
    if let Some(stop) = refused {
        session.console.say_stop(&stop, session.globals.verbose);
        return Ok(stop.exit);
    }
    let pending = tell && !plan.is_noop();
    if let Some(path) = &args.out {
        let saved = SavedPlan::new(plan, wishes, session.mode.word(), &session.graph, &known);
        session.write_file(path, &format!("{:#}\n", cleaned(session, &saved)))?;
        session.console.err.line(format_args!("kept in {0}; carry it out with `deploy {0}`", path.display()));
    }
    Ok(if pending { Exit::Pending } else { Exit::Done })
}

/// A saved plan as its file holds it.
pub(super) fn cleaned(session: &Session<'_>, saved: &SavedPlan) -> serde_json::Value {
    let mut value = serde_json::to_value(saved).unwrap_or_default();
    session.secrets.redactor().clean_value(&mut value);
    value
}

/// Prints a plan; with `--verbose` also what stays as it is.
pub(super) fn show(session: &Session<'_>, plan: &Plan, voice: &Voice) {
    if session.globals.verbose {
        for kept in session.graph.resources().filter(|r| plan.item(r.key()).is_none()) {
            voice.line(voice.palette().paint("2", format!("  {}", kept.key())));
        }
    }
    voice.text(plan.show(voice.palette()));
}

/// What forbids a plan, if anything does.
pub(super) fn refused(plan: &Plan) -> Option<Stop> {
    let refusals = plan.refusals();
    let problem = |text: String, hint: &Option<String>| Problem { hint: hint.clone(), ..Problem::new(text) };
    let problems: Vec<Problem> =
        refusals.iter().map(|(item, note)| problem(format!("{}: {}", item.key, note.text), &note.hint)).collect();
    (!problems.is_empty()).then_some(Stop { problems, exit: Exit::Refused })
}
