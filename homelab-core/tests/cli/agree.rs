//! Credentials, questions and saved plans: what makes a run real.
use crate::{
    kitchen::{Kitchen, three_jars},
    refuse::salt,
    says,
};
use homelab_core::{cli::Exit, env::Env};
use std::fs;

#[test]
fn half_of_the_credentials_is_an_error_that_names_the_rest() {
    let mut kitchen = Kitchen::new(three_jars);
    kitchen.env = vec![("PANTRY_USER", "cook")];
    says!(kitchen.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pantry` lacks PANTRY_TOKEN or OLD_PANTRY_TOKEN
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
    says!(kitchen.run("plan --live"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pantry` lacks PANTRY_TOKEN or OLD_PANTRY_TOKEN
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
    assert_eq!(kitchen.run("plan --sandbox").exit, Exit::Done);
    assert_eq!(kitchen.run("graph").exit, Exit::Done);
    kitchen.env.clear();
    says!(kitchen.run("plan --live"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pantry` lacks PANTRY_USER and PANTRY_TOKEN or OLD_PANTRY_TOKEN
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
}

#[test]
fn a_malformed_env_file_is_named_with_its_line() {
    let kitchen = Kitchen::new(three_jars);
    fs::write(kitchen.path(".env"), "PANTRY_USER=cook\nPANTRY TOKEN\n").unwrap();
    let env = || Env::default().with_file(&kitchen.path(".env"));
    says!(kitchen.run_changed("plan", |outside| outside.env = env()), @r"
    exit 64
    --- stdout
    --- stderr
    error: [DIR]/.env:2 is not an assignment NAME=value
      hint: put a value with spaces, quotes, `#` or `$` in single quotes, and close them
    ");
    assert_eq!(kitchen.run_changed("completions bash", |outside| outside.env = env()).exit, Exit::Done);
}

#[test]
fn without_somebody_to_ask_nothing_real_is_changed() {
    let kitchen = Kitchen::live(|| salt(3));
    says!(kitchen.run("deploy"), @r"
    exit 64
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create
    --- stderr
    error: this would change real systems, and nobody is there to ask
      hint: add `--yes`, or keep a plan with `plan --out FILE` and carry it out with `deploy FILE`
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 0);
    assert_eq!(kitchen.run("deploy --yes").exit, Exit::Done);
    assert_eq!(kitchen.pantry.shelves().writes, 1);
}

#[test]
fn only_yes_is_a_yes() {
    let mut kitchen = Kitchen::live(|| salt(3));
    kitchen.answer = Some("y\n");
    says!(kitchen.run("deploy"), @r"
    exit 130
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create
    --- stderr
    Carry this out for real? Only `yes` does it: error: not agreed to; nothing was changed
    ");
    kitchen.answer = Some("");
    assert_eq!(kitchen.run("deploy").exit, Exit::Interrupted);
    kitchen.answer = Some("yes\n");
    says!(kitchen.run("deploy"), @r"
    exit 0
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create
    1 created in [TIME]
    --- stderr
    Carry this out for real? Only `yes` does it: [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    ");
    assert_eq!(kitchen.run("deploy").exit, Exit::Done, "nothing to do needs no answer");
    says!(kitchen.run("destroy"), @r"
    exit 130
    --- stdout
    - toy/jar/salt  [CODE]
    1 to delete
    --- stderr
    This deletes real things. Type the lab's name (`home`) to do it: error: not agreed to; nothing was changed
    ");
    kitchen.answer = Some("home\n");
    assert_eq!(kitchen.run("destroy").exit, Exit::Done);
    assert!(kitchen.pantry.shelves().jars.is_empty());
}

#[test]
fn a_saved_plan_is_carried_out_without_a_question() {
    let kitchen = Kitchen::live(|| salt(3));
    says!(kitchen.run("plan --out friday.plan"), @r"
    exit 0
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create
    --- stderr
    kept in friday.plan; carry it out with `deploy friday.plan`
    ");
    says!(kitchen.run("deploy friday.plan"), @r"
    exit 0
    --- stdout
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    1 to create
    1 created in [TIME]
    --- stderr
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    ");
    says!(kitchen.run("deploy friday.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: the saved plan is not carried out: toy/jar/salt has changed since it was made: it did not exist, and does now
      hint: nothing was changed; plan again and look at what is different
    ");
}

#[test]
fn a_saved_plan_to_destroy_is_carried_out_by_deploy() {
    let kitchen = Kitchen::live(|| salt(3));
    kitchen.run("deploy --yes");
    assert_eq!(kitchen.run("plan --destroy --out end.plan").exit, Exit::Done);
    assert_eq!(kitchen.run("deploy end.plan").exit, Exit::Done);
    assert!(kitchen.pantry.shelves().jars.is_empty());
}

#[test]
fn a_saved_plan_is_refused_when_anything_it_rests_on_has_moved() {
    let mut kitchen = Kitchen::deployed(|| salt(3));
    kitchen.lab = Box::new(|| salt(4));
    assert_eq!(kitchen.run("plan --out a.plan").exit, Exit::Done);
    kitchen.lab = Box::new(|| salt(5));
    says!(kitchen.run("deploy a.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the saved plan is not carried out: the code of toy/jar/salt has changed since it was made
      hint: nothing was changed; plan again and look at what is different
    sandbox: nothing real was touched
    ");
    kitchen.lab = Box::new(|| salt(4));
    kitchen.pantry.shelves().jars.get_mut("salt").unwrap().number = 9;
    says!(kitchen.run("deploy a.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the saved plan is not carried out: toy/jar/salt has changed since it was made: number was 3, is 9
      hint: nothing was changed; plan again and look at what is different
    sandbox: nothing real was touched
    ");
    kitchen.pantry.shelves().jars.get_mut("salt").unwrap().number = 3;
    kitchen.run("state forget toy/jar/salt");
    says!(kitchen.run("deploy a.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the saved plan is not carried out: another run has changed the ledger since it was made
      hint: nothing was changed; plan again and look at what is different
    sandbox: nothing real was touched
    ");
    kitchen.env = vec![("PANTRY_USER", "cook"), ("PANTRY_TOKEN", "t0ken-of-the-pantry")];
    says!(kitchen.run("deploy a.plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: the saved plan is not carried out: it was made for the sandbox
      hint: nothing was changed; plan again and look at what is different
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 1);
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let kitchen = Kitchen::new(three_jars);
    fs::write(kitchen.path("shopping"), "milk").unwrap();
    says!(kitchen.run("deploy shopping"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: shopping is not a plan that this program can read: expected value at line 1 column 1
      hint: `plan --out FILE` makes one
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy nowhere"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: cannot read the plan nowhere: No such file or directory (os error 2)
      hint: `plan --out FILE` makes one
    sandbox: nothing real was touched
    ");
}
