//! The verbs that a NAS brings to the command line, from outside.
use homelab_core::{
    Lab, Secrets, Site, Sites,
    cli::{self, Exit, Outside},
    env::Env,
};
use homelab_truenas::{
    Nas,
    sim::{Sim, World},
    site::TrueNas,
};
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

const NAS: Site<Nas> = Site::named("nas");

fn sites() -> Sites {
    Sites::new().with(NAS, TrueNas::at("192.0.2.20").disks("WD-", 4, 8 << 40))
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(dir: &Path, line: &str) -> (Exit, String, String) {
    run_at(dir, line, &[], &sites)
}

/// Runs a line with these settings beside its state.
fn run_at(dir: &Path, line: &str, set: &[(&str, &str)], sites: &dyn Fn() -> Sites) -> (Exit, String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let outside = Outside {
        args: ["lab"].into_iter().chain(line.split(' ')).map(Into::into).collect(),
        env: Ok(Env::from_pairs([&[("HOMELAB_STATE", &*dir.to_string_lossy())], set].concat())),
        dir: dir.to_owned(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(out.clone()),
        stderr: Box::new(err.clone()),
        can_answer: false,
        stdout_is_terminal: false,
        ask_hidden: |_| Ok(String::new()),
        terminal: None,
        interrupt: None,
        secrets: Secrets::none(),
    };
    let exit = cli::run_in(&|| Lab::named("home"), sites, outside);
    let text = |shared: &Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    (exit, text(&out), text(&err))
}

const POOL: &str = r#"{"name":"bulk","topology":{"data":[{"type":"RAIDZ2","disks":["sdb","sdc","sdd","sde"]}]}}"#;

#[test]
fn any_method_is_called_by_hand_and_a_change_needs_a_yes() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, _, err) = run(dir.path(), &format!("truenas call pool.create {POOL}"));
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("hint: add `--yes`, or read instead"), "{err}");
    let (exit, out, err) = run(dir.path(), &format!("truenas call pool.create {POOL} --yes"));
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.contains("\"name\": \"bulk\""), "the result of the job, not its number: {out}");
    let (exit, out, _) = run(dir.path(), r#"truenas call pool.query [["name","=","bulk"]] {"count":true} --json"#);
    assert_eq!((exit, out.trim()), (Exit::Done, "1"));
    let (exit, out, _) = run(dir.path(), "status truenas");
    assert_eq!(exit, Exit::Done);
    assert!(out.contains(": no newer one is known\npool bulk: ONLINE, "), "{out}");
}

#[test]
fn what_cannot_be_asked_is_told_with_what_can() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, _, err) = run(dir.path(), "truenas call");
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("which method?"), "{err}");
    let (exit, _, err) = run(dir.path(), "truenas call pool.query tank");
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("parameter 1 is no JSON"), "{err}");
    let (exit, _, err) = run(dir.path(), "status proxmox");
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("hint: there is: truenas"), "{err}");
    let (exit, out, _) = run(dir.path(), "truenas call --help");
    assert_eq!(exit, Exit::Done);
    assert!(out.contains("METHOD [JSON]"), "{out}");
}

#[test]
fn verify_says_what_is_not_as_it_should_be() {
    let dir = tempfile::tempdir().unwrap();
    for line in [
        format!("truenas call pool.create {POOL} --yes"),
        r#"truenas call sharing.nfs.create {"path":"/mnt/bulk"} --yes"#.to_owned(),
    ] {
        let (exit, _, err) = run(dir.path(), &line);
        assert_eq!(exit, Exit::Done, "{err}");
    }
    let (exit, _, err) = run(dir.path(), "verify truenas");
    assert_eq!(exit, Exit::Unsound);
    assert!(err.contains("warning: nas: there are shares, and the service nfs does not run"), "{err}");
}

#[test]
fn the_last_tests_of_the_disks_are_told_and_one_that_failed_names_its_disk() {
    const KEY: &str = "1-abcdef0123456789abcdef0123456789";
    let by_log = "warning: nas: disk WD-2 (sdc) failed its last test, Short offline: Completed: read failure";
    let by_alert = "warning: nas: disk: sdc (WD-2) failed a SMART selftest.";
    for (release, line, want) in [
        ("25.04.2", "disk tests: the last one was passed by 1, failed by 1", by_log),
        ("25.10.1", "disk tests: warnings about 1", by_alert),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let serving = tokio::runtime::Runtime::new().unwrap();
        let served = serving.block_on(async {
            let world = World::new("nas").key(KEY).disks("WD-", 4, 8 << 40).release(release);
            Sim::new(world.tested("WD-1", true).tested("WD-2", false)).serve(0).await.unwrap()
        });
        let sites = || {
            let way = TrueNas::at(format!("https://{}", served.address)).fingerprint(&served.fingerprint);
            Sites::new().with(NAS, way)
        };
        let run = |line: &str| run_at(dir.path(), line, &[("TRUENAS_API_KEY", KEY)], &sites);
        let (exit, out, err) = run("status truenas");
        assert!(out.contains(line) && err.contains(want), "{release}: {exit:?}: {out}{err}");
        let (exit, _, err) = run("verify truenas");
        assert_eq!(exit, Exit::Unsound, "{release}");
        assert!(err.contains(want), "{release}: {err}");
    }
}
