//! What is refused, with which exit code and which way out.
use crate::{
    kitchen::{Kitchen, three_jars},
    says,
    toy::{Jar, JarState},
};
use homelab_core::{Diagnostic, Failure, Lab, Mark, ResourceExt, cli::Exit};

pub(crate) fn salt(number: u32) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Jar::named("salt").number(number));
    lab
}

fn jar(name: &str, lab: Option<&str>, contents: &[&str]) -> JarState {
    JarState {
        number: 3,
        glass: "clear".into(),
        note: None,
        serial: 1,
        name: name.into(),
        mark: lab.map(|lab| Mark { lab: lab.into(), key: format!("toy/jar/{name}") }),
        contents: contents.iter().map(|c| (*c).to_owned()).collect(),
    }
}

#[test]
fn every_problem_of_a_lab_is_told_at_once() {
    let kitchen = Kitchen::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Jar::named("salt").on_shelf(1));
        lab.add(Jar::named("salt"));
        lab.add(Jar::named("plums").on_shelf(1));
        lab
    });
    says!(kitchen.run("plan"), @r"
    exit 3
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the name toy/jar/salt is given twice
      --> [CODE]: toy/jar/salt
      --> [CODE]: toy/jar/salt
      hint: give one of them another name: names are unique within a kind
    error: shelf 1 is claimed twice
      --> [CODE]: toy/jar/salt
      --> [CODE]: toy/jar/plums
      hint: give one of them another shelf
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_lab_may_warn() {
    let kitchen = Kitchen::new(|| {
        let mut lab = salt(3);
        lab.check(|_| vec![Diagnostic::warning("salt gets damp").hint("add rice")]);
        lab
    });
    says!(kitchen.run("list"), @r"
    exit 0
    --- stdout
    in no group
      toy/jar/salt  at pantry, not made
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    warning: salt gets damp
      hint: add rice
    sandbox: nothing real was touched
    ");
}

#[test]
fn usage_errors_have_their_own_exit_code() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("deplyo"), @r"
    exit 64
    --- stdout
    --- stderr
    error: unrecognized subcommand 'deplyo'

      tip: a similar subcommand exists: 'deploy'

    Usage: lab [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    says!(kitchen.run("plan --sandbox --live"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the argument '--sandbox' cannot be used with '--live'

    Usage: lab plan --sandbox

    For more information, try '--help'.
    ");
    assert_eq!(kitchen.run("deploy x.plan --only a").exit, Exit::Usage);
    assert_eq!(kitchen.run("deploy --parallel 0").exit, Exit::Usage);
    assert_eq!(kitchen.run("--help").exit, Exit::Done);
}

#[test]
fn what_is_not_ours_is_taken_over_only_when_asked_for() {
    let kitchen = Kitchen::new(|| salt(4));
    kitchen.pantry.shelves().jars.insert("salt".into(), jar("salt", None, &[]));
    says!(kitchen.run("deploy"), @r"
    exit 4
    --- stdout
    > toy/jar/salt  [CODE]
        number: 3 -> 4
        refused: it exists and was not made by this lab
          hint: take it over with `--adopt`, or give this one another identity
    1 to adopt
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: toy/jar/salt: it exists and was not made by this lab
      hint: take it over with `--adopt`, or give this one another identity
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.run("plan").exit, Exit::Refused);
    says!(kitchen.run("deploy --adopt"), @r"
    exit 0
    --- stdout
    > toy/jar/salt  [CODE]
        number: 3 -> 4
        note: it exists and was not made by this lab
    1 to adopt
    1 adopted in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/salt: adopt
    [TIME] toy/jar/salt: adopted in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn what_is_protected_or_holds_something_goes_only_by_name() {
    let mut kitchen = Kitchen::deployed(|| {
        let mut lab = Lab::named("home");
        lab.add(Jar::named("salt").protect());
        lab.add(Jar::named("plums"));
        lab
    });
    kitchen.pantry.shelves().jars.get_mut("plums").unwrap().contents = vec!["12 plums".into()];
    kitchen.lab = Box::new(|| Lab::named("home"));
    says!(kitchen.run("deploy"), @r"
    exit 4
    --- stdout
    - toy/jar/plums
        because: it is not in the code any more
        refused: it would be deleted, but it holds 12 plums
          hint: if its data may go: `--allow-destroy toy/jar/plums`; to let go of it and leave it as it is: `state forget toy/jar/plums`
    - toy/jar/salt
        because: it is not in the code any more
        refused: it would be deleted, but it is protected
          hint: if its data may go: `--allow-destroy toy/jar/salt`; to let go of it and leave it as it is: `state forget toy/jar/salt`
    2 to delete
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: toy/jar/plums: it would be deleted, but it holds 12 plums
      hint: if its data may go: `--allow-destroy toy/jar/plums`; to let go of it and leave it as it is: `state forget toy/jar/plums`
    error: toy/jar/salt: it would be deleted, but it is protected
      hint: if its data may go: `--allow-destroy toy/jar/salt`; to let go of it and leave it as it is: `state forget toy/jar/salt`
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy --allow-destroy toy/jar/slat"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: there is no `toy/jar/slat` in lab `home`
      hint: did you mean toy/jar/salt?
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy --parallel 1 --allow-destroy toy/jar/salt --allow-destroy toy/jar/plums"), @r"
    exit 0
    --- stdout
    - toy/jar/plums
        because: it is not in the code any more
        loses: it holds 12 plums; allowed by name
    - toy/jar/salt
        because: it is not in the code any more
        loses: it is protected; allowed by name
    2 to delete
    2 deleted in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: delete
    [TIME] toy/jar/plums: deleted in [TIME]
    [TIME] toy/jar/salt: delete
    [TIME] toy/jar/salt: deleted in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_failure_stops_only_what_needs_it() {
    let kitchen = Kitchen::new(three_jars);
    let failure = Failure::new("making plums: the jar broke").hint("buy another jar");
    kitchen.pantry.shelves().failing.insert("plums".into(), failure.detail((1..8).map(|n| format!("shard {n}"))));
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 4
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    3 to create
    1 created, 1 failed, 1 not begun in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: create
    [TIME] toy/jar/plums: create failed: making plums: the jar broke
    [TIME] toy/jar/jam: not begun, because of toy/jar/plums
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    error: toy/jar/plums: create failed: making plums: the jar broke
      hint: buy another jar
      | (2 lines more with --verbose)
      | shard 3
      | shard 4
      | shard 5
      | shard 6
      | shard 7
    not begun because of toy/jar/plums: toy/jar/jam
    sandbox: nothing real was touched
    ");
    kitchen.pantry.shelves().failing.clear();
    assert_eq!(kitchen.run("deploy").exit, Exit::Done);
}

#[test]
fn failures_that_are_alike_are_told_once() {
    let kitchen = Kitchen::new(|| {
        let mut lab = Lab::named("home");
        ["a", "b", "c", "d", "e"].iter().for_each(|name| {
            lab.add(Jar::named(name));
        });
        lab
    });
    for name in ["a", "b", "c", "d", "e"] {
        kitchen.pantry.shelves().failing.insert(name.into(), Failure::new("the pantry is full").hint("eat something"));
    }
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 4
    --- stdout
    + toy/jar/a  [CODE]
        number: 1
        glass: clear
    + toy/jar/b  [CODE]
        number: 1
        glass: clear
    + toy/jar/c  [CODE]
        number: 1
        glass: clear
    + toy/jar/d  [CODE]
        number: 1
        glass: clear
    + toy/jar/e  [CODE]
        number: 1
        glass: clear
    5 to create
    5 failed in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/a: create
    [TIME] toy/jar/a: create failed: the pantry is full
    [TIME] toy/jar/b: create
    [TIME] toy/jar/b: create failed: the pantry is full
    [TIME] toy/jar/c: create
    [TIME] toy/jar/c: create failed: the pantry is full
    [TIME] toy/jar/d: create
    [TIME] toy/jar/d: create failed: the pantry is full
    [TIME] toy/jar/e: create
    [TIME] toy/jar/e: create failed: the pantry is full
    error: toy/jar/a, toy/jar/b, toy/jar/c and 2 more: create failed: the pantry is full
      hint: eat something
    sandbox: nothing real was touched
    ");
}

#[test]
fn what_only_a_person_can_resolve_has_its_own_exit_code() {
    let kitchen = Kitchen::new(three_jars);
    let failure = Failure::stuck("two jars bear this name").hint("look which one is yours");
    kitchen.pantry.shelves().failing.insert("plums".into(), failure);
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 5
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    3 to create
    1 created, 1 failed, 1 not begun in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: create
    [TIME] toy/jar/plums: create failed: two jars bear this name
    [TIME] toy/jar/jam: not begun, because of toy/jar/plums
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    error: toy/jar/plums: create failed: two jars bear this name
      hint: look which one is yours
    not begun because of toy/jar/plums: toy/jar/jam
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_world_that_does_not_answer_is_told_once() {
    let kitchen = Kitchen::new(three_jars);
    kitchen.pantry.shelves().blind = Some(Failure::passing("the pantry's door is locked").hint("find the key"));
    says!(kitchen.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: looking at toy/jar/plums, toy/jar/salt, toy/jar/jam: the pantry's door is locked
      hint: find the key
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: looking at toy/jar/plums, toy/jar/salt, toy/jar/jam: the pantry's door is locked
      hint: find the key
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_panic_is_told_as_a_bug_without_the_secrets_it_speaks() {
    let kitchen = Kitchen::live(|| {
        assert!(std::env::var("PANTRY_TOKEN").is_ok(), "not with t0ken-of-the-pantry");
        Lab::named("home")
    });
    says!(kitchen.run("plan"), @r"
    exit 1
    --- stdout
    --- stderr
    error: this is a bug of the program: not with ***
      hint: what was begun is in the journal, and the next run looks after it
    ");
}
