//! What every verb works with: the lab, assembled; the mode; where it remembers; how it speaks.
use super::{
    args::{Globals, Line, Verb, When},
    exit::Exit,
    outside::Outside,
    stop::{Problem, Stop},
};
use crate::{
    Graph, Lab, Mode, Secrets, Sites,
    engine::Interrupt,
    env::Env,
    plan::Palette,
    report::Voice,
    secret::{IdentityFile, OnePassword, Vault},
    statedir::{HOMELAB_STATE, StateDir},
    store::{Memory, Store},
};
use indicatif::ProgressDrawTarget;
use std::{
    cell::{Cell, RefCell},
    io::{self, BufRead},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a verb speaks: results to `out`, everything else to `err`.
pub(super) struct Console {
    pub(super) out: Voice,
    pub(super) err: Voice,
    /// Whether results are read on a terminal, where they can be drawn over.
    pub(super) out_is_terminal: bool,
    /// The last line, once the first was said.
    closing: Cell<Option<&'static str>>,
}

impl Console {
    pub(super) fn say_stop(&self, stop: &Stop, verbose: bool) {
        for problem in &stop.problems {
            let text = problem.show(verbose);
            let red = self.err.palette().paint("1;31", "error:");
            self.err.line(text.replacen("error:", &red, 1));
        }
    }

    pub(super) fn warn(&self, text: &str) {
        self.err.line(format_args!("{} {text}", self.err.palette().paint("33", "warning:")));
    }

    /// The last line of a verb.
    pub(super) fn close(&self) {
        if let Some(line) = self.closing.take() {
            self.err.line(line);
        }
    }
}

/// A verb's surroundings.
pub(super) struct Session<'a> {
    pub(super) globals: &'a Globals,
    pub(super) console: &'a Console,
    pub(super) graph: Arc<Graph>,
    pub(super) sites: Sites,
    pub(super) env: Env,
    pub(super) secrets: Secrets,
    pub(super) mode: Mode,
    pub(super) state: StateDir,
    pub(super) dir: PathBuf,
    pub(super) can_answer: bool,
    pub(super) ask_hidden: fn(&str) -> io::Result<String>,
    pub(super) stdin: RefCell<Option<Box<dyn BufRead + Send>>>,
    pub(super) terminal: RefCell<Option<ProgressDrawTarget>>,
    pub(super) interrupt: Option<Interrupt>,
}

/// The console of a run, and what of the outside is left then.
pub(super) fn console(globals: &Globals, outside: &mut Outside) -> Console {
    let no_color = outside.env.as_ref().is_ok_and(|env| env.get("NO_COLOR").is_some());
    let palette = |is_terminal: bool| match globals.color {
        When::Always => Palette::color(),
        When::Auto if is_terminal && !no_color => Palette::color(),
        When::Auto | When::Never => Palette::plain(),
    };
    let voice = |write: &mut Box<dyn std::io::Write + Send>, is_terminal| {
        let write = std::mem::replace(write, Box::new(std::io::sink()));
        Voice::new(write, outside.secrets.redactor().clone(), palette(is_terminal))
    };
    let err_is_terminal = outside.terminal.is_some();
    Console {
        out: voice(&mut outside.stdout, outside.stdout_is_terminal),
        err: voice(&mut outside.stderr, err_is_terminal),
        out_is_terminal: outside.stdout_is_terminal,
        closing: Cell::new(None),
    }
}

impl<'a> Session<'a> {
    /// Finds out the mode and says it, then assembles the lab.
    pub(super) fn begin(
        line: &'a Line,
        console: &'a Console,
        outside: Outside,
        lab: &dyn Fn() -> Lab,
        sites: &dyn Fn() -> Sites,
    ) -> Result<Self, Stop> {
        let globals = &line.globals;
        let env = outside.env?;
        let place = match &globals.state_dir {
            Some(dir) => Env::from_pairs([(HOMELAB_STATE, dir.to_string_lossy())]),
            None => env.clone(),
        };
        let given = outside.secrets.and(env.clone()).with_one_password(OnePassword::of(&env));
        let sites = sites();
        // What is never printed is known before the lab's code can say anything.
        sites.credentials().for_each(|secret| {
            let _ = given.has(&secret);
        });
        let lab = lab();
        let locate = |mode| StateDir::locate(lab.name, mode, &outside.dir, &place);
        let real = || match locate(Mode::Live) {
            Ok(live) => {
                let identity = IdentityFile::of_user(&env, &outside.dir);
                Ok(given.clone().with_vault(Vault::open(&live.secrets(), lab.name, identity)?))
            }
            // What is wrong with the lab's name is told with all else that is wrong with it.
            Err(_) => Ok::<Secrets, Stop>(given.clone()),
        };
        let (mode, secrets) = match &line.verb {
            Verb::Sandbox(_) => (Mode::Sandbox, given.clone()),
            // A picture of the code needs no credentials, and shows nothing of either world.
            Verb::Graph(_) => (mode(globals, &sites, &given).unwrap_or(Mode::Live), given.clone()),
            _ if globals.sandbox => (mode(globals, &sites, &given)?, given.clone()),
            // They are how credentials come to be complete.
            Verb::Secret(_) => (Mode::Live, real()?),
            verb => {
                let secrets = real()?;
                let ask = (outside.can_answer && verb.looks()).then_some(outside.ask_hidden);
                let secrets = typed(globals, &sites, secrets, ask);
                (mode(globals, &sites, &secrets)?, secrets)
            }
        };
        if mode == Mode::Sandbox && !matches!(line.verb, Verb::Sandbox(_)) {
            console.err.line(if globals.sandbox {
                "sandbox: everything below is simulated, as asked for"
            } else {
                "sandbox: no credentials are configured, so everything below is simulated"
            });
            console.closing.set(Some("sandbox: nothing real was touched"));
        }
        let graph = lab.build()?;
        graph.warnings().iter().for_each(|w| console.err.line(w));
        let state = StateDir::locate(graph.lab(), mode, &outside.dir, &place)?;
        let secrets = match mode {
            // What the sandbox keeps is opened by an identity of its own: nothing of the user's is touched.
            Mode::Sandbox if !matches!(line.verb, Verb::Sandbox(_) | Verb::Graph(_)) => {
                let identity = IdentityFile::at(state.path().join("identity.txt"));
                secrets.with_vault(Vault::open(&state.secrets(), graph.lab(), identity)?).inventing()
            }
            _ => secrets,
        };
        graph.resources().flat_map(|r| r.spec().secrets()).for_each(|names| secrets.learn(names));
        if globals.verbose {
            console.err.line(format_args!("state: {}", state.path().display()));
        }
        Ok(Session {
            globals,
            console,
            graph: Arc::new(graph),
            sites,
            env,
            secrets,
            mode,
            state,
            dir: outside.dir,
            can_answer: outside.can_answer,
            ask_hidden: outside.ask_hidden,
            stdin: RefCell::new(Some(outside.stdin)),
            terminal: RefCell::new(outside.terminal),
            interrupt: outside.interrupt,
        })
    }

    /// What is remembered, without taking the lock; says so if a run is going on.
    pub(super) fn peek(&self) -> Result<Memory, Stop> {
        if let Some(holder) = crate::lock::holder(&self.state.lock()) {
            self.console.warn(&format!("a run is going on since {holder}: what is shown may change at any moment"));
        }
        Ok(Store::peek(self.state.path(), self.graph.lab())?)
    }

    /// Writes a file for the user.
    pub(super) fn write_file(&self, path: &Path, content: &str) -> Result<(), Stop> {
        let path = self.dir.join(path);
        std::fs::write(&path, self.secrets.redactor().redact(content).as_bytes()).map_err(|e| {
            let hint = match e.kind() {
                std::io::ErrorKind::StorageFull => "free some space there, or name a file on another disk",
                _ => "name a file in a directory that exists and that you may write to",
            };
            Stop::new(Exit::Refused, Problem::new(format!("cannot write {}: {e}", path.display())).hint(hint))
        })
    }

    /// Prints a value as JSON.
    pub(super) fn print_json(&self, value: &impl serde::Serialize) {
        let mut value = serde_json::to_value(value).unwrap_or_default();
        self.secrets.redactor().clean_value(&mut value);
        self.console.out.line(format_args!("{value:#}"));
    }
}

/// The sandbox rule, and what the flags say instead.
fn mode(globals: &Globals, sites: &Sites, secrets: &Secrets) -> Result<Mode, Stop> {
    // Asked in every case, so that no credential that is there is ever printed.
    let complete = sites.complete(secrets);
    let usage = |failure: crate::Failure| Stop { exit: Exit::Usage, ..Stop::from(failure) };
    match (globals.sandbox, globals.live) {
        (true, _) => Ok(Mode::Sandbox),
        (_, true) => complete.map(|()| Mode::Live).map_err(usage),
        (false, false) => sites.mode(secrets).map_err(usage),
    }
}

/// With what a person types for the credentials that are missing, where only some are.
fn typed(globals: &Globals, sites: &Sites, secrets: Secrets, ask: Option<fn(&str) -> io::Result<String>>) -> Secrets {
    let Some(ask) = ask.filter(|_| mode(globals, sites, &secrets).is_err()) else { return secrets };
    let missing = sites.missing(&secrets).flat_map(|(site, lacks)| lacks.into_iter().map(move |secret| (site, secret)));
    let typed: Vec<(&str, String)> = missing
        // What is not answered stays missing, and is told with all that is.
        .filter_map(|(site, secret)| Some((secret.name(), ask(&format!("{secret} for site `{site}`: ")).ok()?)))
        .collect();
    secrets.and(Env::from_pairs(typed))
}
