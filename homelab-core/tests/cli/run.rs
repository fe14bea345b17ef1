//! Plan, deploy, look again, edit, destroy.
use crate::{
    kitchen::{Kitchen, three_jars},
    says,
    toy::Jar,
};
use homelab_core::{Lab, cli::Exit};
use std::sync::Arc;

#[test]
fn a_plan_shows_what_would_be_done_and_writes_nothing() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("plan"), @r"
    exit 0
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
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 0);
    assert!(!kitchen.path(".homelab").exists());
}

#[test]
fn a_deploy_tells_what_it_does_and_the_second_has_nothing_to_do() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 0
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
    3 created in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: create
    [TIME] toy/jar/plums: created in [TIME]
    [TIME] toy/jar/jam: create
    [TIME] toy/jar/jam: created in [TIME]
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy"), @r"
    exit 0
    --- stdout
    no changes (3 as they should be)
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 3);
}

#[test]
fn an_edit_is_planned_and_applied_as_exactly_that() {
    let mut kitchen = Kitchen::deployed(three_jars);
    kitchen.lab = Box::new(|| {
        let mut lab = Lab::named("home");
        let plums = lab.add(Jar::named("plums").number(8));
        lab.add(Jar::named("jam").number(plums.number()));
        lab.add(Jar::named("salt").number(3).note("coarse"));
        lab
    });
    says!(kitchen.run("plan"), @r"
    exit 0
    --- stdout
    ~ toy/jar/plums  [CODE]
        number: 7 -> 8
        reboot: the jar is opened for a moment
    ~ toy/jar/jam  [CODE]
        number: 7 -> 8
        reboot: the jar is opened for a moment
    ~ toy/jar/salt  [CODE]
        note: coarse
    3 to update
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 0
    --- stdout
    ~ toy/jar/plums  [CODE]
        number: 7 -> 8
        reboot: the jar is opened for a moment
    ~ toy/jar/jam  [CODE]
        number: 7 -> 8
        reboot: the jar is opened for a moment
    ~ toy/jar/salt  [CODE]
        note: coarse
    3 to update
    3 updated in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: update
    [TIME] toy/jar/plums: updated in [TIME]
    [TIME] toy/jar/jam: update
    [TIME] toy/jar/jam: updated in [TIME]
    [TIME] toy/jar/salt: update
    [TIME] toy/jar/salt: updated in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_replacement_says_why_and_is_one_thing_done() {
    let mut kitchen = Kitchen::deployed(|| {
        let mut lab = Lab::named("home");
        let box_ = lab.add(Jar::named("box"));
        lab.add(Jar::named("spice").inside(box_));
        lab
    });
    kitchen.lab = Box::new(|| {
        let mut lab = Lab::named("home");
        let box_ = lab.add(Jar::named("box").glass("brown"));
        lab.add(Jar::named("spice").inside(box_));
        lab
    });
    // What is inside goes with it.
    let pantry = kitchen.pantry.clone();
    let emptied = move || drop(pantry.shelves().jars.remove("spice"));
    kitchen.pantry.shelves().tricks.insert("box".into(), Arc::new(emptied));
    says!(kitchen.run("deploy"), @r"
    exit 0
    --- stdout
    ± toy/jar/box  [CODE]
        glass: clear -> brown
        because: glass cannot be changed in place
    + toy/jar/box/spice  [CODE]
        number: 1
        glass: clear
        because: toy/jar/box, in which it lives, is made anew
    1 to create, 1 to replace
    1 created, 1 replaced in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/box: delete
    [TIME] toy/jar/box: create
    [TIME] toy/jar/box: replaced in [TIME]
    [TIME] toy/jar/box/spice: create
    [TIME] toy/jar/box/spice: created in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn what_has_left_the_code_is_deleted_and_named_as_such() {
    let mut kitchen = Kitchen::deployed(three_jars);
    kitchen.lab = Box::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Jar::named("salt").number(3));
        lab
    });
    says!(kitchen.run("deploy"), @r"
    exit 0
    --- stdout
    - toy/jar/jam
        because: it is not in the code any more
    - toy/jar/plums
        because: it is not in the code any more
    2 to delete (1 as they should be)
    2 deleted in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/jam: delete
    [TIME] toy/jar/jam: deleted in [TIME]
    [TIME] toy/jar/plums: delete
    [TIME] toy/jar/plums: deleted in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn destroy_goes_backwards_and_leaves_nothing() {
    let kitchen = Kitchen::deployed(three_jars);
    says!(kitchen.run("destroy --parallel 1"), @r"
    exit 0
    --- stdout
    - toy/jar/salt  [CODE]
    - toy/jar/jam  [CODE]
    - toy/jar/plums  [CODE]
    3 to delete
    3 deleted in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/jam: delete
    [TIME] toy/jar/jam: deleted in [TIME]
    [TIME] toy/jar/salt: delete
    [TIME] toy/jar/salt: deleted in [TIME]
    [TIME] toy/jar/plums: delete
    [TIME] toy/jar/plums: deleted in [TIME]
    sandbox: nothing real was touched
    ");
    assert!(kitchen.pantry.shelves().jars.is_empty());
    says!(kitchen.run("destroy"), @r"
    exit 0
    --- stdout
    no changes
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
}

#[test]
fn pending_changes_have_their_own_exit_code_if_that_is_wanted() {
    let kitchen = Kitchen::new(three_jars);
    assert_eq!(kitchen.run("plan").exit, Exit::Done);
    assert_eq!(kitchen.run("plan --detailed-exitcode").exit, Exit::Pending);
    assert_eq!(kitchen.run("deploy").exit, Exit::Done);
    assert_eq!(kitchen.run("plan --detailed-exitcode").exit, Exit::Done);
    assert_eq!(kitchen.run("plan --destroy --detailed-exitcode").exit, Exit::Pending);
}

#[test]
fn only_takes_what_is_needed_along_and_except_leaves_out() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("plan --only toy/jar/jam"), @r"
    exit 0
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    2 to create; 1 left out by the selection
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("plan --except fruit"), @r"
    exit 0
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create; 2 left out by the selection
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("plan --only frut,toy/jar/salz"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: `frut` selects nothing in lab `home`
      hint: did you mean fruit?
    sandbox: nothing real was touched
    ");
}

#[test]
fn verbose_names_the_state_and_what_stays() {
    let kitchen = Kitchen::deployed(three_jars);
    says!(kitchen.run("plan -v"), @r"
    exit 0
    --- stdout
      toy/jar/plums
      toy/jar/jam
      toy/jar/salt
    no changes (3 as they should be)
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    state: [STATE]/home/sandbox
    sandbox: nothing real was touched
    ");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let mut kitchen = Kitchen::new(three_jars);
    let is_coloured = |kitchen: &Kitchen, line: &str, terminal: bool| {
        kitchen.run_changed(line, |o| o.stdout_is_terminal = terminal).stdout.contains('\x1b')
    };
    assert!(!is_coloured(&kitchen, "plan", false));
    assert!(is_coloured(&kitchen, "plan", true));
    assert!(is_coloured(&kitchen, "plan --color always", false));
    assert!(!is_coloured(&kitchen, "plan --color never", true));
    kitchen.env.push(("NO_COLOR", "1"));
    assert!(!is_coloured(&kitchen, "plan", true));
    assert!(is_coloured(&kitchen, "plan --color always", true));
}
