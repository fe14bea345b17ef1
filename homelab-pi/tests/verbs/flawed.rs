//! What a script learns when a new system is no good, and the rehearsal of the way back: typed by a person, in memory, with time that
//! is not waited for.
use super::{LAN, Shared, dns, outside, pi};
use homelab_core::{
    Connect, Failure, Lab, ResourceExt, Sandbox, Secret, Secrets, Sites, Verb,
    cli::{self, Exit},
};
use homelab_pi::{PIS, Pi, PiSite, Pis, sim::Flaw, testing::PiWorld};
use serde_json::Value;
use std::path::Path;

/// The Pi of a world, in place of a sandbox's.
struct Flawed(PiWorld);

impl Connect for Flawed {
    type Provider = Pis;
    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![]
    }
    fn verbs(&self) -> &'static [Verb<Pis>] {
        PiSite::of([]).verbs()
    }
    async fn live(&self, _: &Secrets) -> Result<Pis, Failure> {
        Err(Failure::unusable("nothing here is real"))
    }
    async fn sandbox(&self, _: &Sandbox) -> Result<Pis, Failure> {
        tokio::time::pause();
        Ok(self.0.pis().with(vec![pi(dns())]))
    }
}

fn world() -> PiWorld {
    PiWorld::new(LAN.host(53).ip(), |description: &Value| match description["records"].get("no-names.lan") {
        Some(_) => Flaw::NoNames,
        None => Flaw::None,
    })
}

/// Runs a command line about this Pi of this world: how it ended, what a program reads, and what a person does.
fn run(dir: &Path, world: &PiWorld, pi: Pi, words: &[&str]) -> (Exit, String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(pi.clone().accept_boot_changes().adopt());
        lab
    };
    let sites = || Sites::new().with(PIS, Flawed(world.clone()));
    let exit = cli::run_in(&lab, &sites, outside(dir, words, &out, &err));
    (exit, out.text(), err.text())
}

#[test]
fn a_deploy_that_was_rolled_back_ends_with_a_code_of_its_own_and_says_so() {
    let (dir, world) = (tempfile::tempdir().unwrap(), world());
    let (exit, out, err) = run(dir.path(), &world, pi(dns()), &["deploy", "--yes"]);
    assert_eq!(exit, Exit::Done, "{out}{err}");
    let before = world.pi().systems();
    let bad = || pi(dns().record("no-names", LAN.host(99)));
    let (exit, out, err) = run(dir.path(), &world, bad(), &["deploy", "--yes"]);
    assert_eq!((exit, exit.code()), (Exit::RolledBack, 6), "{out}{err}");
    let said = out + &err;
    for words in ["the new system of 192.168.0.53 was rolled back", "the Pi is back on the system that it had"] {
        assert!(said.contains(words), "`{words}` is not in\n{said}");
    }
    assert_eq!(world.pi().systems(), before);
    assert!(world.pi().answers() && !world.pi().is_armed());

    let (exit, out, err) = run(dir.path(), &world, bad(), &["deploy", "--yes", "--json"]);
    assert_eq!(exit, Exit::RolledBack, "{out}{err}");
    let events = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let failed = events.iter().find(|event| event["event"] == "step_failed").unwrap();
    assert_eq!(
        (&failed["key"], &failed["nature"]),
        (&"pi/generation/pihole".into(), &"rolled_back".into()),
        "{failed}"
    );
    assert!(failed["message"].as_str().is_some_and(|text| text.contains("was rolled back")), "{failed}");
    // What the code said before is still what runs.
    assert_eq!(run(dir.path(), &world, pi(dns()), &["plan", "--detailed-exitcode"]).0, Exit::Done);
}

#[test]
fn the_way_back_is_rehearsed_from_the_command_line() {
    let (dir, world) = (tempfile::tempdir().unwrap(), world());
    let run = |pi: Pi, words: &[&str]| run(dir.path(), &world, pi, words);
    assert_eq!(run(pi(dns()), &["deploy", "--yes"]).0, Exit::Done);
    let before = world.pi().systems();
    assert_eq!(
        run(pi(dns()), &["pi", "rollback", "--rehearse"]).0,
        Exit::Usage,
        "it changes what runs, so it wants a yes"
    );
    let (exit, out, err) = run(pi(dns()), &["pi", "rollback", "--rehearse", "--yes"]);
    let said = out + &err;
    assert_eq!(exit, Exit::Done, "{said}");
    for words in ["pihole went to generation 1, and answered names there", "it came back by itself after 6"] {
        assert!(said.contains(words), "`{words}` is not in\n{said}");
    }
    assert_eq!(world.pi().systems(), before);
    assert!(world.pi().answers() && !world.pi().is_armed());
    let both = run(pi(dns()), &["pi", "rollback", "1", "--rehearse", "--yes"]);
    assert_eq!(both.0, Exit::Usage, "{both:?}");
}
