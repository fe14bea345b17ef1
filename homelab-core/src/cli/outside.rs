//! Everything that the command line has from outside, in one place, so that a test can bring its own.
use crate::{
    engine::Interrupt,
    env::{Env, EnvError},
    secret::Secrets,
    statedir::project_root,
};
use console::Term;
use indicatif::ProgressDrawTarget;
use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::PathBuf,
};

/// What a run has from outside.
pub struct Outside {
    /// The arguments, the program's name first.
    pub args: Vec<OsString>,
    /// The environment with the file `.env` behind it, or what is wrong with that file.
    pub env: Result<Env, EnvError>,
    /// The working directory.
    pub dir: PathBuf,
    /// Where answers come from.
    pub stdin: Box<dyn BufRead + Send>,
    /// Where results go.
    pub stdout: Box<dyn Write + Send>,
    /// Where everything else goes.
    pub stderr: Box<dyn Write + Send>,
    /// Whether somebody is there to answer a question.
    pub can_answer: bool,
    /// Whether results go to a terminal.
    pub stdout_is_terminal: bool,
    /// Asks for something that is not shown while it is typed; only used where somebody [can answer](Outside::can_answer).
    pub ask_hidden: fn(question: &str) -> io::Result<String>,
    /// The terminal behind `stderr`, if it is one: progress is then shown live.
    pub terminal: Option<ProgressDrawTarget>,
    /// Who interrupts; nothing for Ctrl-C and SIGTERM.
    pub interrupt: Option<Interrupt>,
    /// Sources of secrets that are asked before the environment. Their redactor cleans everything that is printed.
    pub secrets: Secrets,
}

impl Outside {
    /// This process's.
    #[must_use]
    pub fn of_process() -> Outside {
        let dir = env::current_dir().unwrap_or_default();
        let (stdin, stderr) = (io::stdin().is_terminal(), io::stderr().is_terminal());
        Outside {
            args: env::args_os().collect(),
            env: Env::of_process(&dir, &project_root(&dir)),
            dir,
            stdin: Box::new(BufReader::new(io::stdin())),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            can_answer: stdin && stderr,
            ask_hidden: |question| {
                let terminal = Term::stderr();
                terminal.write_str(question)?;
                terminal.read_secure_line()
            },
            stdout_is_terminal: io::stdout().is_terminal(),
            terminal: stderr.then(ProgressDrawTarget::stderr),
            interrupt: None,
            secrets: Secrets::none(),
        }
    }
}
