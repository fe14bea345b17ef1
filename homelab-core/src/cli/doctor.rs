//! `doctor`: what this program needs of its surroundings, and the way out for each thing that is missing.
use super::{
    exit::Exit,
    machines,
    session::Session,
    stop::{Problem, Stop},
};
use crate::{
    Mode,
    host::{HOSTS, Spot},
};
use futures_util::future::join_all;

/// One thing that was looked at.
struct Finding {
    what: String,
    problem: Option<Problem>,
}

impl Finding {
    fn well(what: impl Into<String>) -> Self {
        Finding { what: what.into(), problem: None }
    }
    fn ill(what: impl Into<String>, problem: Problem) -> Self {
        Finding { what: what.into(), problem: Some(problem) }
    }
}

pub(super) fn run(session: &Session<'_>) -> Result<Exit, Stop> {
    let mut findings = vec![Finding::well(format!("the lab `{}` is valid", session.graph.lab()))];
    findings.push(match session.peek() {
        Ok(memory) if memory.maybe.is_empty() => {
            Finding::well(format!("its memory in {} is whole", session.state.path().display()))
        }
        Ok(memory) => {
            let keys: Vec<&str> = memory.maybe.iter().map(|m| m.key.as_str()).collect();
            let problem = Problem::new(format!("a run did not end: {}", keys.join(", ")));
            Finding::ill("its memory", problem.hint("`deploy` goes on where it stopped"))
        }
        Err(stop) => Finding::ill("its memory", first(stop)),
    });
    // Without whole credentials nobody gets this far.
    let credentials = if session.mode == Mode::Live { "whole" } else { "not needed in the sandbox" };
    findings.push(Finding::well(format!("credentials are {credentials}")));
    let machines = session.block_on(async |interrupt| {
        let world = session.connect(interrupt).await?;
        let hosts = world.providers.get(HOSTS).ok();
        let looked = machines::machines(&world).await.into_iter().map(async |machine| {
            let asked = match &machine.spot {
                // The clock of a simulated machine is simulated too.
                Ok(Some(spot)) if session.mode == Mode::Live => Some(machines::asked(spot, hosts).await),
                _ => None,
            };
            (machine, asked)
        });
        Ok(join_all(looked).await)
    });
    match machines {
        Err(stop) => findings.push(Finding::ill("the sites", first(stop))),
        Ok(machines) => {
            for (machine, asked) in machines {
                findings.push(match machine.spot {
                    Ok(Some(spot)) => keys(session, &machine.key, &spot)?,
                    Ok(None) => Finding::well(format!("{} is not made yet, or is off", machine.key)),
                    Err(failure) => Finding::ill(machine.key.clone(), Problem::of(&failure, "")),
                });
                findings.extend(asked.map(|asked| match asked {
                    Ok((system, _)) => match machines::clock(&system) {
                        Some(problem) => Finding::ill(machine.key, problem),
                        None => Finding::well(format!("{} answers, and its clock is right", machine.key)),
                    },
                    Err(failure) => Finding::ill(machine.key, Problem::of(&failure, "")),
                }));
            }
        }
    }
    let ill = findings.iter().any(|f| f.problem.is_some());
    let out = &session.console.out;
    for finding in findings {
        match finding.problem {
            None => out.line(format_args!("{}    {}", out.palette().paint("32", "ok"), finding.what)),
            Some(problem) => {
                out.line(format_args!("{}  {}: {}", out.palette().paint("31", "wrong"), finding.what, problem.message));
                problem.detail.iter().for_each(|line| out.line(format_args!("      | {line}")));
                problem.hint.iter().for_each(|hint| out.line(format_args!("      hint: {hint}")));
            }
        }
    }
    Ok(if ill { Exit::Unsound } else { Exit::Done })
}

fn first(stop: Stop) -> Problem {
    stop.problems.into_iter().next().unwrap_or_else(|| Problem::new("it does not say what is wrong"))
}

/// With which keys a machine would be logged in to.
#[cfg(feature = "ssh")]
fn keys(session: &Session<'_>, key: &str, spot: &Spot) -> Result<Finding, Stop> {
    use crate::{
        Failure,
        ssh::{Target, offered},
    };
    if session.mode == Mode::Sandbox {
        return Ok(Finding::well(format!("{key} is simulated, and needs no key")));
    }
    let target = Target::named(spot.address.to_string());
    let target = spot.login.iter().fold(target, |target, user| target.user(user));
    session.block_on(async |_| {
        Ok(match offered(&target).await {
            Ok((offers, _)) => {
                let keys: Vec<String> = offers.iter().map(|o| format!("{} ({})", o.key, o.from)).collect();
                Finding::well(format!("{key} is offered {}", keys.join(", ")))
            }
            Err(error) => Finding::ill(key, Problem::of(&Failure::from(error), "")),
        })
    })
}

#[cfg(not(feature = "ssh"))]
fn keys(_: &Session<'_>, key: &str, spot: &Spot) -> Result<Finding, Stop> {
    Ok(Finding::well(format!("{key} is at {spot}; this program knows no SSH")))
}
