//! A planted secret appears nowhere.
use crate::{
    kitchen::{Kitchen, Said, Screen},
    toy::Jar,
};
use homelab_core::{Failure, Lab};
use std::fs;

const PLANTED: &str = "hunter2-\"planted\"";
const IN_JSON: &str = "hunter2-";

fn sealed() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Jar::named("salt").number(3).note(PLANTED).sealed());
    lab.add(Jar::named("plums").sealed());
    lab
}

fn is_clean(said: &Said) {
    assert!(!said.to_string().contains(IN_JSON), "{said}");
    assert!(!said.to_string().contains("t0ken"), "{said}");
}

#[test]
fn a_secret_that_the_world_speaks_is_never_printed_nor_kept() {
    let mut kitchen = Kitchen::live(sealed);
    kitchen.env.push(("SEAL", PLANTED));
    let speak = |kitchen: &Kitchen, on: bool| {
        let mut shelves = kitchen.pantry.shelves();
        shelves.failing.clear();
        if on {
            let failure = Failure::new(format!("login with {PLANTED} and t0ken-of-the-pantry failed"));
            let failure = failure.hint(format!("try {PLANTED}")).detail([format!("sent {PLANTED}")]);
            shelves.failing.insert("plums".into(), failure);
        }
        shelves.sayings.insert("salt".into(), format!("sealing with {PLANTED}"));
    };
    speak(&kitchen, true);
    for line in ["plan", "plan --json", "plan --out a.plan", "deploy --yes -v", "deploy --yes --json"] {
        is_clean(&kitchen.run(line));
    }
    let screen = Screen::default();
    is_clean(&kitchen.run_changed("deploy --yes", |outside| outside.terminal = Some(screen.target())));
    assert!(screen.seen().contains("login with ***") && !screen.seen().contains(IN_JSON), "{}", screen.seen());
    speak(&kitchen, false);
    for line in [
        "deploy --yes",
        "plan -v",
        "output",
        "output --json",
        "output toy/jar/salt.note",
        "why toy/jar/salt",
        "why toy/jar/salt --json",
        "list --json",
        "state show --json",
        "graph --format json",
        "plan --destroy --out b.plan",
        "deploy b.plan",
    ] {
        let said = kitchen.run(line);
        assert_eq!(said.exit.code(), 0, "{line}: {said}");
        is_clean(&said);
    }
    kitchen.pantry.shelves().blind = Some(Failure::new(format!("the door says {PLANTED}")));
    is_clean(&kitchen.run("plan"));
    let mut files = vec![kitchen.path("")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(IN_JSON), "{}: {text}", path.display());
        }
    }
}
