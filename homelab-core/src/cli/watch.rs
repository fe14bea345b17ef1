//! `status --watch`: the same table again and again, in its place on the terminal.
use super::{
    exit::Exit,
    extra::Round,
    session::Session,
    stop::{Problem, Stop},
};
use crate::engine::Interrupt;
use std::time::Duration;

/// The pause between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// Takes everything off the screen, once, so that nothing of what stood there shows through.
const CLEAR: &str = "\x1b[2J";

/// Draws what a round says, until somebody presses Ctrl-C, which ends it well. A round that fails ends it with its reason.
pub(super) async fn until_pressed<F: Future<Output = Result<Round, Stop>>>(
    session: &Session<'_>,
    interrupt: &Interrupt,
    mut round: impl FnMut() -> F,
) -> Result<Exit, Stop> {
    if !session.console.out_is_terminal {
        let problem = Problem::new("`--watch` draws on a terminal, and this goes elsewhere");
        return Err(Stop::new(
            Exit::Usage,
            problem.hint("without it the state is told once; `--json` is for programs"),
        ));
    }
    let mut interrupt = interrupt.clone();
    session.console.out.text(CLEAR);
    loop {
        let drawn = tokio::select! {
            biased;
            drawn = round() => drawn,
            () = interrupt.pressed() => return Ok(Exit::Done),
        };
        match drawn {
            Ok(round) => session.console.out.text(frame(&round.lines, &round.wrong)),
            Err(stop) if stop.exit == Exit::Interrupted => return Ok(Exit::Done),
            Err(stop) => return Err(stop),
        }
        tokio::select! {
            biased;
            () = interrupt.pressed() => return Ok(Exit::Done),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One picture: written over the one before from the top, each line to its end, and nothing below the last.
fn frame(lines: &[String], wrong: &[String]) -> String {
    let warnings = wrong.iter().map(|line| format!("warning: {line}"));
    let lines = lines.iter().cloned().chain(warnings);
    let lines: String = lines.map(|line| format!("{line}\x1b[K\n")).collect();
    format!("\x1b[H{lines}\x1b[J")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_leaves_nothing_of_the_one_before() {
        let picture = frame(&["NODE".into(), String::new()], &["pve: full".into()]);
        assert_eq!(picture, "\x1b[HNODE\x1b[K\n\x1b[K\nwarning: pve: full\x1b[K\n\x1b[J");
    }
}
