//! One lab in a temporary directory, and its command line at hand.
use crate::toy::{Jar, PANTRY, Pantry};
use homelab_core::{
    Connect, Failure, Lab, Sandbox, Secret, Secrets, Sites,
    cli::{self, Exit, Outside},
    engine::{Interrupt, Interrupter},
    env::Env,
    host::{HOSTS, Hosts, Ssh},
    sim::{Net, Wire},
};
use indicatif::{ProgressDrawTarget, TermLike};
use std::{
    io::{self, Cursor, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// What differs from run to run, in every snapshot.
pub(crate) const FILTERS: [(&str, &str); 6] = [
    (r"\[DIR\]/\.homelab", "[STATE]"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ| UTC)", "[DATE]"),
    (r"pid \d+( of \S+)?( on \S+)?\)", "[PROCESS])"),
    (r"(homelab-core/)?tests/cli/\w+\.rs:\d+", "[CODE]"),
    (r"(\[ *)?\b\d+(\.\d)?s\b\]?", "[TIME]"),
    (r#""millis":\d+"#, r#""millis":[TIME]"#),
];

/// Compares what a command line said with an inline snapshot.
#[macro_export]
macro_rules! says {
    ($said:expr, @$snapshot:literal) => {
        insta::with_settings!({ filters => $crate::kitchen::FILTERS.to_vec(), omit_expression => true }, {
            insta::assert_snapshot!($said, @$snapshot)
        })
    };
}

pub(crate) struct Kitchen {
    pub(crate) pantry: Pantry,
    pub(crate) lab: Box<dyn Fn() -> Lab>,
    pub(crate) env: Vec<(&'static str, &'static str)>,
    /// What is typed, if somebody is there.
    pub(crate) answer: Option<&'static str>,
    pub(crate) interrupter: Arc<Interrupter>,
    interrupt: Interrupt,
    /// What stands for the real machines.
    pub(crate) machines: Option<Arc<Net>>,
    dir: tempfile::TempDir,
}

/// What a run said.
pub(crate) struct Said {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.exit.code(), self.stdout, self.stderr)
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Two jars in a group, the second with the number of the first, and one by itself.
pub(crate) fn three_jars() -> Lab {
    let mut lab = Lab::named("home");
    lab.group("fruit", |lab| {
        let plums = lab.add(Jar::named("plums").number(7));
        lab.add(Jar::named("jam").number(plums.number()));
    });
    lab.add(Jar::named("salt").number(3));
    lab
}

impl Kitchen {
    pub(crate) fn new(lab: impl Fn() -> Lab + 'static) -> Kitchen {
        let (interrupter, interrupt) = Interrupt::pair();
        Kitchen {
            pantry: Pantry::default(),
            lab: Box::new(lab),
            env: vec![],
            answer: None,
            interrupter: Arc::new(interrupter),
            interrupt,
            machines: None,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The same with credentials: everything is real.
    pub(crate) fn live(lab: impl Fn() -> Lab + 'static) -> Kitchen {
        Kitchen { env: vec![("PANTRY_USER", "cook"), ("PANTRY_TOKEN", "t0ken-of-the-pantry")], ..Kitchen::new(lab) }
    }

    /// A kitchen in which the lab is deployed.
    pub(crate) fn deployed(lab: impl Fn() -> Lab + 'static) -> Kitchen {
        let kitchen = Kitchen::new(lab);
        let said = kitchen.run("deploy");
        assert_eq!(said.exit, Exit::Done, "{said}");
        kitchen
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn state(&self, file: &str) -> PathBuf {
        self.path(".homelab/home/sandbox").join(file)
    }

    /// Forgets every interruption so far.
    pub(crate) fn calm(&mut self) {
        let (interrupter, interrupt) = Interrupt::pair();
        (self.interrupter, self.interrupt) = (Arc::new(interrupter), interrupt);
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.run_changed(line, |_| {})
    }

    pub(crate) fn run_changed(&self, line: &str, change: impl FnOnce(&mut Outside)) -> Said {
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let mut outside = Outside {
            args: ["lab"].into_iter().chain(line.split_whitespace()).map(Into::into).collect(),
            env: Ok(Env::from_pairs(self.env.iter().copied())),
            dir: self.dir.path().to_owned(),
            stdin: Box::new(Cursor::new(self.answer.unwrap_or_default().as_bytes())),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            can_answer: self.answer.is_some(),
            ask_hidden: |_| Ok(String::new()),
            stdout_is_terminal: false,
            terminal: None,
            interrupt: Some(self.interrupt.clone()),
            secrets: Secrets::none(),
        };
        change(&mut outside);
        let pantry = self.pantry.clone();
        let sites = || {
            let sites = Sites::new().with(PANTRY, pantry.clone());
            match &self.machines {
                None => sites.with(HOSTS, Ssh),
                Some(net) => sites.with(HOSTS, Machines(net.clone())),
            }
        };
        let exit = cli::run_in(&self.lab, &sites, outside);
        let dir = self.dir.path().to_string_lossy().into_owned();
        let text = |heard: Heard| String::from_utf8(heard.0.lock().unwrap().clone()).unwrap().replace(&dir, "[DIR]");
        Said { exit, stdout: text(stdout), stderr: text(stderr) }
    }
}

/// Machines of a simulated network, as if they were real.
struct Machines(Arc<Net>);

impl Connect for Machines {
    type Provider = Hosts;

    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![]
    }
    async fn live(&self, _: &Secrets) -> Result<Hosts, Failure> {
        Ok(Hosts::of(Wire(self.0.clone())))
    }
    async fn sandbox(&self, _: &Sandbox) -> Result<Hosts, Failure> {
        Err(Failure::new("these stand for real ones"))
    }
}

/// A terminal that remembers what scrolled by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen(Arc<Mutex<String>>);

impl Screen {
    pub(crate) fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 255)
    }
    pub(crate) fn seen(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        100
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(&format!("{line}\n"));
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
