//! The command line that a lab's `main` calls.
//!
//! ```no_run
//! use homelab_core::{Lab, Sites, cli};
//! fn lab() -> Lab {
//!     Lab::named("home")
//! }
//! fn main() -> std::process::ExitCode {
//!     cli::run(lab, Sites::new)
//! }
//! ```
//!
//! One verb a file. A verb is a function of its arguments and a `Session`; what it prints goes through the
//! two voices of its console, where secrets are taken out. [`run_in`] is the same with everything from outside given, so that a
//! test holds a run in its hand.
mod agree;
mod args;
mod carry;
mod completions;
mod deploy;
mod doctor;
mod exit;
mod extra;
mod graph;
mod import;
mod list;
mod machines;
mod new;
mod output;
mod outside;
mod plan;
mod sandbox;
mod secret;
mod session;
mod state;
mod stop;
mod watch;
mod why;
mod world;

use crate::{Lab, Sites};
use args::{Line, Verb};
use clap::{CommandFactory, FromArgMatches};
use session::{Console, Session};
use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::ExitCode,
};
use stop::{Problem, Stop};

pub use exit::Exit;
pub use outside::Outside;

/// Runs the command line of this process.
pub fn run(lab: fn() -> Lab, sites: fn() -> Sites) -> ExitCode {
    let outside = Outside::of_process();
    let redactor = outside.secrets.redactor().clone();
    // The hook of the standard library would print whatever a panic says.
    panic::set_hook(Box::new(move |info| {
        let text = format!("panic: {info}\n");
        let _ = io::stderr().write_all(redactor.redact(&text).as_bytes());
    }));
    run_in(&lab, &sites, outside).into()
}

/// The command line as clap knows it: for manuals.
#[must_use]
pub fn command() -> clap::Command {
    Line::command().name("lab").bin_name("lab")
}

/// Runs a command line whose every connection to the outside is given.
pub fn run_in(lab: &dyn Fn() -> Lab, sites: &dyn Fn() -> Sites, mut outside: Outside) -> Exit {
    let known = sites();
    extra::spell_out(&mut outside.args, &known);
    let line = match parse(&mut outside, &known) {
        Ok(line) => line,
        Err(exit) => return exit,
    };
    let console = session::console(&line.globals, &mut outside);
    let verbose = line.globals.verbose;
    let done = panic::catch_unwind(AssertUnwindSafe(|| dispatch(&line, &console, outside, lab, sites)));
    let exit = match done {
        Ok(Ok(exit)) => exit,
        Ok(Err(stop)) => {
            console.say_stop(&stop, verbose);
            stop.exit
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
            let problem = Problem::new(format!("this is a bug of the program: {text}"));
            console.say_stop(
                &Stop::new(
                    Exit::Bug,
                    problem.hint("what was begun is in the journal, and the next run looks after it"),
                ),
                verbose,
            );
            Exit::Bug
        }
    };
    let lost = console.out.trouble().map(|why| {
        let stop = Stop::new(Exit::Refused, Problem::new(format!("cannot print the result: {why}")));
        console.say_stop(&stop, verbose);
        stop.exit
    });
    console.close();
    exit.worse(lost.unwrap_or(Exit::Done))
}

/// The program's name, as it was called.
fn program(outside: &Outside) -> String {
    let name = outside.args.first().map(Path::new).and_then(Path::file_name);
    name.map_or_else(|| "lab".to_owned(), |n| n.to_string_lossy().into_owned())
}

/// Reads the arguments; prints help, or what is wrong with them.
fn parse(outside: &mut Outside, sites: &Sites) -> Result<Line, Exit> {
    let command = extra::commands(Line::command(), sites).name("lab").bin_name(program(outside));
    let parsed = command.try_get_matches_from(&outside.args);
    let line = |matches: clap::ArgMatches| match extra::wanted(&matches, sites) {
        Some(wanted) => Ok(Line { globals: args::Globals::from_arg_matches(&matches)?, verb: Verb::Extra(wanted) }),
        None => Line::from_arg_matches(&matches),
    };
    parsed.and_then(line).map_err(|e| {
        let no_color = outside.env.as_ref().is_ok_and(|env| env.get("NO_COLOR").is_some());
        let (write, is_terminal) = match e.use_stderr() {
            true => (&mut outside.stderr, outside.terminal.is_some()),
            false => (&mut outside.stdout, outside.stdout_is_terminal),
        };
        let text = e.render();
        let text = if is_terminal && !no_color { text.ansi().to_string() } else { text.to_string() };
        // Whoever has closed the stream does not want to know.
        let _ = write.write_all(text.as_bytes());
        if e.use_stderr() { Exit::Usage } else { Exit::Done }
    })
}

fn dispatch(
    line: &Line,
    console: &Console,
    outside: Outside,
    lab: &dyn Fn() -> Lab,
    sites: &dyn Fn() -> Sites,
) -> Result<Exit, Stop> {
    if let Verb::Completions { shell } = &line.verb {
        return Ok(completions::run(console, *shell, &program(&outside)));
    }
    if let Verb::New { what, name } = &line.verb {
        return new::run(console, &sites(), what, name);
    }
    let session = &Session::begin(line, console, outside, lab, sites)?;
    match &line.verb {
        Verb::Plan(args) => plan::run(session, args, args.detailed_exitcode),
        Verb::Drift(args) => plan::run(session, args, true),
        Verb::Deploy(args) => deploy::deploy(session, args),
        Verb::Destroy(args) => deploy::destroy(session, args),
        Verb::Graph(args) => graph::run(session, args),
        Verb::Why(args) => why::run(session, args),
        Verb::List(json) => list::run(session, json.json),
        Verb::Output(args) => output::run(session, args),
        Verb::Doctor => doctor::run(session),
        Verb::Ping(json) => machines::ping(session, json.json),
        Verb::Exec(args) => machines::exec(session, args),
        Verb::Ssh { host } => machines::ssh(session, host),
        Verb::Inventory(args) => machines::inventory(session, args),
        Verb::State(args) => state::run(session, args),
        Verb::Status(args) => extra::run(session, &args.wanted()),
        Verb::Verify(args) => extra::run(session, &args.wanted("verify")),
        Verb::Extra(wanted) => extra::run(session, wanted),
        Verb::Secret(verb) => secret::run(session, verb),
        Verb::Sandbox(args::SandboxVerb::Reset) => sandbox::reset(session),
        Verb::Completions { .. } | Verb::New { .. } => Ok(Exit::Done),
    }
}
