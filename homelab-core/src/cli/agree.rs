//! Agreement: nothing real is changed before a person has said so, or a flag or a saved plan has.
use super::{
    exit::Exit,
    session::Session,
    stop::{Problem, Stop},
    world::unless_pressed,
};
use crate::{Mode, engine::Interrupt, plan::Goal};
use std::io::BufRead;

/// Asks, where somebody has to be asked.
pub(super) async fn agree(session: &Session<'_>, interrupt: &Interrupt, goal: Goal, agreed: bool) -> Result<(), Stop> {
    if agreed || session.mode == Mode::Sandbox {
        return Ok(());
    }
    let stdin = session.stdin.take().filter(|_| session.can_answer);
    let Some(mut stdin) = stdin else {
        return Err(Stop::usage(
            "this would change real systems, and nobody is there to ask",
            "add `--yes`, or keep a plan with `plan --out FILE` and carry it out with `deploy FILE`",
        ));
    };
    let (question, expected) = match goal {
        Goal::Deploy => ("Carry this out for real? Only `yes` does it: ".to_owned(), "yes"),
        Goal::Destroy => {
            let lab = session.graph.lab();
            (format!("This deletes real things. Type the lab's name (`{lab}`) to do it: "), lab)
        }
    };
    session.console.err.text(question);
    let answer = unless_pressed(interrupt, async {
        let read = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            stdin.read_line(&mut answer).map(|_| answer)
        });
        // What cannot be read is no yes.
        Ok(read.await.ok().and_then(Result::ok).unwrap_or_default())
    });
    let answer = answer.await.inspect_err(|_| session.console.err.line(""))?;
    if answer.trim() == expected {
        return Ok(());
    }
    if !answer.ends_with('\n') {
        session.console.err.line("");
    }
    Err(Stop::new(Exit::Interrupted, Problem::new("not agreed to; nothing was changed")))
}
