//! Real `kill -9` of the real program, at random moments, in the loopback sandbox.
//!
//! This needs real time and real processes, so an ordinary test run does one round of it and `.ci/run` many:
//! `HOMELAB_KILL_ROUNDS=25 cargo test -p lab --test kill -- --nocapture`. A failure prints its seed; `HOMELAB_KILL_SEED` repeats it.
#![expect(clippy::print_stdout, reason = "whoever runs many rounds wants to see their seeds")]
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Most a killed run may have lived, in milliseconds: about as long as a whole deploy at this pace takes.
const LIFE: u64 = 4_000;
/// How often each round kills a deploy, and then a destroy.
const KILLS: u32 = 4;

/// What can be deleted again: pools are protected.
const ONLY: [&str; 2] = ["--only", "proxmox"];

struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        Sandbox(tempfile::tempdir().expect("a temporary directory"))
    }

    fn lab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.args(args).args(ONLY).arg("--sandbox").current_dir(self.0.path());
        command.env("HOMELAB_STATE", self.0.path()).env("HOMELAB_SANDBOX_PACE", "0.005");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.lab(args).output().expect("the program starts")
    }

    /// Runs and kills after a while, unless it has ended by then.
    fn killed(&self, args: &[&str], after: Duration) -> bool {
        let mut child = self.lab(args).spawn().expect("the program starts");
        thread::sleep(after);
        let alive = child.try_wait().expect("a child can be asked").is_none();
        child.kill().expect("a child can be killed");
        child.wait().expect("a child ends");
        alive
    }

    /// The numbers of the guests that the simulated cluster has.
    fn guests(&self) -> BTreeSet<String> {
        let world: Value =
            serde_json::from_slice(&fs::read(find(self.0.path(), "proxmox-pve/world.json")).expect("a kept world"))
                .expect("a kept world is whole");
        world["guests"].as_object().map(|g| g.keys().cloned().collect()).unwrap_or_default()
    }
}

fn find(dir: &Path, name: &str) -> PathBuf {
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a readable directory").flatten() {
            match entry.path() {
                path if path.is_dir() => open.push(path),
                path if path.ends_with(name) => return path,
                _ => {}
            }
        }
    }
    panic!("there is no {name} below {}", dir.display())
}

fn must(output: &Output, code: i32, what: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(output.status.code(), Some(code), "{what}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_program_that_is_killed_at_random_moments_is_finished_by_its_next_run() {
    let number = |name: &str| env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let rounds = number("HOMELAB_KILL_ROUNDS").unwrap_or(1);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos() as u64;
    let mut given = number("HOMELAB_KILL_SEED");
    let mut random = clock | 1;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };

    let calm = Sandbox::new();
    must(&calm.run(&["deploy"]), 0, "in peace");
    let wanted = calm.guests();
    assert!(!wanted.is_empty());

    for round in 0..rounds {
        let seed = given.take().unwrap_or_else(&mut next);
        let mut moment = seed | 1;
        let mut after = || {
            moment ^= moment << 13;
            moment ^= moment >> 7;
            moment ^= moment << 17;
            Duration::from_millis(moment % LIFE)
        };
        let sandbox = Sandbox::new();
        let what = format!("round {round}, HOMELAB_KILL_SEED={seed}");
        let deaths = (0..KILLS).filter(|_| sandbox.killed(&["deploy"], after())).count();
        must(&sandbox.run(&["deploy"]), 0, &what);
        must(&sandbox.run(&["plan", "--detailed-exitcode"]), 0, &what);
        assert_eq!(sandbox.guests(), wanted, "{what}: no orphan, no duplicate");

        let more = (0..KILLS).filter(|_| sandbox.killed(&["destroy"], after())).count();
        must(&sandbox.run(&["destroy"]), 0, &what);
        must(&sandbox.run(&["plan", "--destroy", "--detailed-exitcode"]), 0, &what);
        // What is kept on the disk is the world as of its last change, when the last deletion was still at work: so a new life
        // has to show that nothing was left, for a number that is taken would stop it.
        must(&sandbox.run(&["deploy"]), 0, &what);
        assert_eq!(sandbox.guests(), wanted, "{what}: a destroyed lab left something");
        println!("{what}: killed {deaths} deploys and {more} destroys");
    }
}
