//! The simulated machine tells the truth: whatever is done to it and to a real file system, both answer alike.
use super::local::Local;
use homelab_core::{
    Permit,
    host::{Action, Answer, Batch, Command, Content, HostPath, Machine, NoAnswer, Ownership, Reply, probe},
    sim::SimMachine,
    ssh::SshError,
};
use proptest::prelude::*;
use std::os::unix::ffi::OsStrExt;

/// One item, with paths relative to a directory that is the root of both.
#[derive(Clone, Debug)]
enum Step {
    Stat(usize),
    Digest(usize),
    Read(usize),
    ReadLink(usize),
    List(usize),
    Write(usize, Vec<u8>, u32),
    MakeDir(usize, u32),
    Link(usize, &'static str),
    Remove(usize),
    RemoveAll(usize),
    SetMode(usize, u32),
    SetOwner(usize, bool),
    Say(String, Vec<u8>),
    False,
}

/// Few names, so that steps meet: things in things, links over directories, awkward ones.
const PATHS: [&[u8]; 10] = [b"a", b"a/b", b"a/b/c", b"d", b"d/b", b"it's\na b", b"\xff\\", b"a/*", b"d/.x", b"e/f/g"];
const LINKS: [&str; 6] = ["a", "d", "../d", "nowhere", "a/b", "."];
const MODES: [u32; 5] = [0o600, 0o644, 0o755, 0o4755, 0o1777];

fn step() -> impl Strategy<Value = (Step, bool)> {
    let path = || 0..PATHS.len();
    let mode = || prop::sample::select(&MODES[..]);
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let step = prop_oneof![
        path().prop_map(Step::Stat),
        path().prop_map(Step::Digest),
        path().prop_map(Step::Digest),
        path().prop_map(Step::Read),
        path().prop_map(Step::ReadLink),
        path().prop_map(Step::List),
        (path(), bytes(), mode()).prop_map(|(p, b, m)| Step::Write(p, b, m)),
        (path(), bytes(), mode()).prop_map(|(p, b, m)| Step::Write(p, b, m)),
        (path(), mode()).prop_map(|(p, m)| Step::MakeDir(p, m)),
        (path(), prop::sample::select(&LINKS[..])).prop_map(|(p, to)| Step::Link(p, to)),
        path().prop_map(Step::Remove),
        path().prop_map(Step::RemoveAll),
        (path(), mode()).prop_map(|(p, m)| Step::SetMode(p, m)),
        (path(), any::<bool>()).prop_map(|(p, d)| Step::SetOwner(p, d)),
        ("[a-z '\n]{0,9}", bytes()).prop_map(|(w, b)| Step::Say(w, b)),
        Just(Step::False),
    ];
    (step, prop::bool::weighted(0.05))
}

fn batch(root: &HostPath, steps: &[(Step, bool)], chown: bool) -> Batch {
    let permit = Permit::for_tests();
    let at = |n: usize| root.join(PATHS[n]).unwrap();
    let mut batch = Batch::new();
    for (step, barrier) in steps {
        match step.clone() {
            Step::Stat(p) => drop(batch.ask(probe::stat(at(p)))),
            Step::Digest(p) => drop(batch.ask(probe::digest(at(p)))),
            Step::Read(p) => drop(batch.ask(probe::read(at(p)))),
            Step::ReadLink(p) => drop(batch.ask(probe::read_link(at(p)))),
            Step::List(p) => drop(batch.ask(probe::list(at(p)))),
            Step::Write(p, bytes, mode) => {
                let owner = chown.then(|| Ownership::of("daemon", "0"));
                batch.act(&permit, Action::Write { path: at(p), content: bytes.into(), mode, owner });
            }
            Step::MakeDir(p, mode) => drop(batch.act(&permit, Action::MakeDir { path: at(p), mode, owner: None })),
            Step::Link(p, to) => drop(batch.act(&permit, Action::Link { path: at(p), to: to.into() })),
            Step::Remove(p) => drop(batch.act(&permit, Action::Remove(at(p)))),
            Step::RemoveAll(p) => drop(batch.act(&permit, Action::RemoveAll(at(p)))),
            Step::SetMode(p, mode) => drop(batch.act(&permit, Action::SetMode { path: at(p), mode })),
            Step::SetOwner(p, daemon) => {
                let name = if daemon { "daemon" } else { "root" };
                batch.act(&permit, Action::SetOwner { path: at(p), owner: Ownership::of(name, name) });
            }
            Step::Say(word, bytes) => {
                batch.run(&permit, Command::new("echo").args(["x", &word]));
                batch.run(&permit, Command::new("cat").stdin(bytes));
            }
            Step::False => drop(batch.run(&permit, Command::new("false"))),
        }
        if *barrier {
            batch.barrier();
        }
    }
    batch
}

/// What can be compared: that something failed, not in which words.
fn comparable(replies: Vec<Reply>) -> Vec<Reply> {
    let plain = |reply| match reply {
        Err(NoAnswer::Failed { item, .. }) => Err(NoAnswer::Failed { item, message: String::new(), detail: vec![] }),
        // dash's `echo` and busybox's differ in nothing that is asked for here; standard error is nobody's promise.
        Ok(Answer::Output(mut output)) => {
            output.stderr.clear();
            Ok(Answer::Output(output))
        }
        other => other,
    };
    replies.into_iter().map(plain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_batches_are_answered_alike_by_a_real_file_system_and_the_simulated_one(
        batches in prop::collection::vec(prop::collection::vec(step(), 1..14), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let root = HostPath::new(dir.path().as_os_str().as_bytes()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (real, sim) = (Local::new(&["sh", "-c"]), SimMachine::new("twin"));
        // Owners can only be given away, and are only root's from the start, by root.
        let root_runs = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(dir.path()).unwrap()) == 0;
        prop_assume!(root_runs);
        let mut prepare = Batch::new();
        prepare.act(&Permit::for_tests(), Action::MakeDir { path: root.clone(), mode: 0o700, owner: None });
        runtime.block_on(sim.run(&prepare)).unwrap();
        for steps in &batches {
            let batch = batch(&root, steps, root_runs);
            let real = comparable(runtime.block_on(real.run(&batch)).unwrap());
            let sim = comparable(runtime.block_on(sim.run(&batch)).unwrap());
            prop_assert_eq!(real, sim);
        }
    }
}

#[tokio::test]
async fn faults_of_the_simulated_machine_strike_before_or_after_the_effect() {
    let sim = SimMachine::new("web");
    let permit = Permit::for_tests();
    let lost = SshError::Closed { host: "web".into(), during: "a batch".into(), reason: "test".into() };
    let write = |content: &'static str| {
        let mut batch = Batch::new();
        let content = Content::from(content);
        batch.act(&permit, Action::Write { path: HostPath::at("/etc/x"), content, mode: 0o644, owner: None });
        batch
    };
    let read = || async {
        let mut batch = Batch::new();
        let slot = batch.ask(probe::read(HostPath::at("/etc/x")));
        slot.of(&sim.run(&batch).await.unwrap()).unwrap()
    };
    sim.fail(false, lost.clone());
    assert_eq!(sim.run(&write("1")).await, Err(lost.clone()));
    assert_eq!(read().await, None);
    sim.fail(true, lost.clone());
    assert_eq!(sim.run(&write("2")).await, Err(lost));
    assert_eq!(read().await.as_deref(), Some(&b"2"[..]));
    assert_eq!(sim.batches(), (4, 2));
}
