//! What the lab remembers: shown, forgotten, rebuilt, damaged, held.
use crate::{
    kitchen::{Kitchen, three_jars},
    says,
    toy::{Jar, Label},
};
use homelab_core::{Lab, ResourceExt, cli::Exit, lock::RunLock};
use std::fs;

fn with_a_label() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Jar::named("salt").protect());
    lab.add(Label { name: "lid", text: "salt" });
    lab
}

#[test]
fn the_ledger_is_shown() {
    let kitchen = Kitchen::new(with_a_label);
    says!(kitchen.run("state show"), @r"
    exit 0
    --- stdout
    the ledger is empty: the lab owns nothing yet
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    kitchen.run("deploy");
    says!(kitchen.run("state show"), @r#"
    exit 0
    --- stdout
    toy/jar/salt   at pantry, since [DATE], ["salt",704], protected
    toy/label/lid  at pantry, since [DATE], lid
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
    let said = kitchen.run("state show --json");
    let ledger: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(ledger["entries"]["toy/label/lid"]["kind"], "toy/label");
}

#[test]
fn what_is_forgotten_is_left_alone() {
    let mut kitchen = Kitchen::deployed(three_jars);
    says!(kitchen.run("state forget toy/jar/salt"), @r"
    exit 0
    --- stdout
    toy/jar/salt is forgotten; the thing itself stays as it is
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("state forget toy/jar/salt"), @r"
    exit 0
    --- stdout
    the ledger has nothing of toy/jar/salt
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("state forget toy/jar/pepper"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: there is no `toy/jar/pepper` in lab `home`
      hint: did you mean toy/jar/jam, toy/jar/plums, toy/jar/salt?
    sandbox: nothing real was touched
    ");
    kitchen.lab = Box::new(|| Lab::named("home"));
    assert_eq!(kitchen.run("deploy").exit, Exit::Done);
    assert_eq!(kitchen.pantry.shelves().jars.keys().collect::<Vec<_>>(), ["salt"]);
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_marks() {
    let kitchen = Kitchen::deployed(with_a_label);
    let before = kitchen.run("state show").stdout;
    says!(kitchen.run("state rebuild"), @r"
    exit 0
    --- stdout
    the ledger has 2 things now
      toy/jar/salt
      toy/label/lid
    kept from the old one, because they can bear no mark: toy/label/lid
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.run("state show").stdout, before, "what can bear no mark is kept");
    fs::remove_file(kitchen.state("ledger.json")).unwrap();
    says!(kitchen.run("state rebuild"), @r"
    exit 0
    --- stdout
    the ledger has one thing now
      toy/jar/salt
    there, but able to bear no mark, so `deploy --adopt` must take them over: toy/label/lid
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    kitchen.pantry.shelves().jars.clear();
    says!(kitchen.run("state rebuild --json"), @r#"
    exit 0
    --- stdout
    {
      "owned": [],
      "kept": [],
      "unowned": [
        "toy/label/lid"
      ],
      "dropped": [
        "toy/jar/salt"
      ],
      "damaged": []
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
}

#[test]
fn a_damaged_ledger_stops_everything_until_it_is_rebuilt() {
    let kitchen = Kitchen::deployed(three_jars);
    fs::write(kitchen.state("ledger.json"), "{\"format\":1,\n garbage").unwrap();
    says!(kitchen.run("deploy"), @r"
    exit 5
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the ledger [STATE]/home/sandbox/ledger.json is damaged at line 2: key must be a string
      hint: run `state rebuild`: it makes the ledger anew from the marks that the objects themselves bear
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.run("plan").exit, Exit::Stuck);
    assert_eq!(kitchen.run("list").exit, Exit::Stuck);
    says!(kitchen.run("state rebuild"), @r"
    exit 0
    --- stdout
    the ledger has 3 things now
      toy/jar/jam
      toy/jar/plums
      toy/jar/salt
    the damaged file is kept as [STATE]/home/sandbox/ledger.json.damaged
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
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
}

#[test]
fn another_lab_s_ledger_is_refused() {
    let mut kitchen = Kitchen::deployed(three_jars);
    fs::create_dir_all(kitchen.path(".homelab/cellar")).unwrap();
    fs::rename(kitchen.path(".homelab/home/sandbox"), kitchen.path(".homelab/cellar/sandbox")).unwrap();
    kitchen.lab = Box::new(|| Lab::named("cellar"));
    says!(kitchen.run("deploy"), @r"
    exit 5
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: the ledger [STATE]/cellar/sandbox/ledger.json belongs to the lab `home`, and this is `cellar`
      hint: run from that lab's directory, give this lab its own name, or point HOMELAB_STATE elsewhere
    sandbox: nothing real was touched
    ");
}

#[test]
fn two_runs_at_once_are_refused_naming_the_first_and_plans_warn() {
    let kitchen = Kitchen::deployed(three_jars);
    let lock = RunLock::take(&kitchen.state("lock"), "deploy").unwrap();
    says!(kitchen.run("destroy"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: another run holds this lab since [DATE] (deploy, [PROCESS])
      hint: wait for it, or stop it: a run that was stopped is finished by the next one
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("plan"), @r"
    exit 0
    --- stdout
    no changes (3 as they should be)
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    warning: a run is going on since [DATE] (deploy, [PROCESS]): what is shown may change at any moment
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("sandbox reset"), @r"
    exit 4
    --- stdout
    --- stderr
    error: another run holds this lab since [DATE] (deploy, [PROCESS])
      hint: wait for it, or stop it: a run that was stopped is finished by the next one
    ");
    drop(lock);
    assert_eq!(kitchen.run("destroy").exit, Exit::Done);
}

#[test]
fn a_directory_that_cannot_be_written_stops_a_deploy_and_no_plan() {
    let kitchen = Kitchen::new(three_jars);
    // Nobody can make directories there, not even root.
    says!(kitchen.run("deploy --state-dir /proc/nowhere"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: cannot create the state directory /proc/nowhere/home/sandbox: No such file or directory (os error 2)
      hint: look at the disk and the path; the command can be run again
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.run("plan --state-dir /proc/nowhere").exit, Exit::Done);
    fs::write(kitchen.path(".homelab"), "").unwrap();
    says!(kitchen.run("deploy"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: cannot create the state directory [STATE]/home/sandbox: a part of the path is a file, not a directory
      hint: something else stands at that path: move it away, or set HOMELAB_STATE to another directory
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 0);
}

#[test]
fn the_state_can_lie_elsewhere() {
    let kitchen = Kitchen::new(three_jars);
    assert_eq!(kitchen.run("deploy --state-dir elsewhere").exit, Exit::Done);
    assert!(kitchen.path("elsewhere/home/sandbox/ledger.json").exists());
    assert!(!kitchen.path(".homelab").exists());
}

#[test]
fn the_sandbox_is_thrown_away_and_the_real_thing_is_not_concerned() {
    let mut kitchen = Kitchen::deployed(three_jars);
    kitchen.env = vec![("PANTRY_USER", "cook")];
    says!(kitchen.run("sandbox reset"), @r"
    exit 0
    --- stdout
    --- stderr
    sandbox: thrown away; the next deploy begins with an empty world
    ");
    assert!(!kitchen.state("").exists());
    says!(kitchen.run("sandbox reset"), @r"
    exit 0
    --- stdout
    --- stderr
    sandbox: there was nothing to throw away
    ");
}
