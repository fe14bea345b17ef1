//! What programs read.
use crate::{
    kitchen::{Kitchen, three_jars},
    says,
    toy::Jar,
};
use homelab_core::{Lab, ResourceExt};

#[test]
fn events_for_programs_are_json_one_a_line() {
    let kitchen = Kitchen::new(three_jars);
    let said = kitchen.run("deploy --json --parallel 1");
    said.stdout.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
    says!(said, @r#"
    exit 0
    --- stdout
    {"event":"run_started","version":1,"lab":"home","verb":"deploy","mode":"sandbox","steps":3}
    {"event":"step_started","key":"toy/jar/plums","action":"create"}
    {"event":"step_done","key":"toy/jar/plums","action":"create","millis":[TIME]}
    {"event":"step_started","key":"toy/jar/jam","action":"create"}
    {"event":"step_done","key":"toy/jar/jam","action":"create","millis":[TIME]}
    {"event":"step_started","key":"toy/jar/salt","action":"create"}
    {"event":"step_done","key":"toy/jar/salt","action":"create","millis":[TIME]}
    {"event":"run_finished","done":3,"failed":0,"skipped":0,"millis":[TIME]}
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
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
    sandbox: nothing real was touched
    "#);
    says!(kitchen.run("deploy --json"), @r#"
    exit 0
    --- stdout
    {"event":"run_started","version":1,"lab":"home","verb":"deploy","mode":"sandbox","steps":0}
    {"event":"run_finished","done":0,"failed":0,"skipped":0,"millis":[TIME]}
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    no changes (3 as they should be)
    sandbox: nothing real was touched
    "#);
}

#[test]
fn a_plan_for_programs_is_json() {
    let kitchen = Kitchen::new(|| {
        let mut lab = Lab::named("home");
        let plums = lab.add(Jar::named("plums").number(7).protect());
        lab.add(Jar::named("jam").number(plums.serial()));
        lab
    });
    says!(kitchen.run("plan --json"), @r#"
    exit 0
    --- stdout
    {
      "format": 1,
      "lab": "home",
      "goal": "deploy",
      "items": [
        {
          "key": "toy/jar/plums",
          "kind": "toy/jar",
          "site": "pantry",
          "action": "create",
          "changes": [
            {
              "field": "number",
              "from": null,
              "to": 7
            },
            {
              "field": "glass",
              "from": null,
              "to": "clear"
            }
          ],
          "at": "[CODE]"
        },
        {
          "key": "toy/jar/jam",
          "kind": "toy/jar",
          "site": "pantry",
          "action": "create",
          "changes": [
            {
              "field": "number",
              "from": null,
              "to": {
                "$unknown": "${toy/jar/plums.serial}"
              }
            },
            {
              "field": "glass",
              "from": null,
              "to": "clear"
            }
          ],
          "at": "[CODE]"
        }
      ],
      "kept": 0,
      "left_out": 0
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
}

#[test]
fn the_beginning_of_a_module_is_printed_under_its_name() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("new jar plum-jam"), @r#"
    exit 0
    --- stdout
    pub fn plum_jam(lab: &mut Lab) {
        lab.add(Jar::named("plum-jam"));
    }
    --- stderr
    "#);
    says!(kitchen.run("new pot plum-jam"), @r"
    exit 64
    --- stdout
    --- stderr
    error: there is no code to begin a `pot` with
      hint: there is: jar
    ");
    says!(kitchen.run("new jar Plum_Jam"), @r"
    exit 64
    --- stdout
    --- stderr
    error: `Plum_Jam` is no name for a `jar`
      hint: use lower case letters, digits and `-`, beginning with a letter
    ");
}
