//! Verbs that only look: why, list, output, completions, help.
use crate::{
    kitchen::{Kitchen, three_jars},
    says,
    toy::Jar,
};
use homelab_core::{Lab, ResourceExt, cli::Exit};

/// Two jars, and one in a group that needs both in different ways.
pub(crate) fn order() -> Lab {
    let mut lab = Lab::named("home");
    let plums = lab.add(Jar::named("plums").number(7).on_shelf(2));
    let salt = lab.add(Jar::named("salt").protect());
    lab.group("fruit", |lab| lab.add(Jar::named("jam").number(plums.number()).inside(plums).after(salt)));
    lab
}

#[test]
fn why_tells_all_about_a_resource() {
    let mut kitchen = Kitchen::new(order);
    says!(kitchen.run("why toy/jar/plums/jam"), @r"
    exit 0
    --- stdout
    toy/jar/plums/jam
      declared at [CODE]
      at site pantry, in group fruit
      needs
        lives in toy/jar/plums
        uses toy/jar/plums.number for number
        comes after toy/jar/salt
      nothing needs it
      now: deploy would create it
          number: 7
          glass: clear
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    kitchen.run("deploy");
    says!(kitchen.run("why toy/jar/plums"), @r"
    exit 0
    --- stdout
    toy/jar/plums
      declared at [CODE]
      at site pantry
      claims shelf 2
      needs nothing
      needed by
        toy/jar/plums/jam lives in it
        toy/jar/plums/jam uses its number for number
      now: it is as it should be
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    kitchen.lab = Box::new(|| {
        let mut lab = Lab::named("home");
        lab.add(Jar::named("plums").number(9));
        lab.add(Jar::named("salt").protect());
        lab
    });
    says!(kitchen.run("why toy/jar/plums"), @r"
    exit 0
    --- stdout
    toy/jar/plums
      declared at [CODE]
      at site pantry
      needs nothing
      nothing needs it
      now: deploy would update it
          number: 7 -> 9
          reboot: the jar is opened for a moment
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("why toy/jar/plums/jam"), @r"
    exit 0
    --- stdout
    toy/jar/plums/jam
      is not in the code any more; the ledger still has it
      now: deploy would delete it
          because: it is not in the code any more
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("why toy/jar/plums --json"), @r#"
    exit 0
    --- stdout
    {
      "key": "toy/jar/plums",
      "at": "[CODE]",
      "site": "pantry",
      "group": null,
      "protected": false,
      "needs": [],
      "needed_by": [],
      "change": {
        "key": "toy/jar/plums",
        "kind": "toy/jar",
        "site": "pantry",
        "action": "update",
        "changes": [
          {
            "field": "number",
            "from": 7,
            "to": 9
          }
        ],
        "notes": [
          {
            "kind": "reboot",
            "text": "the jar is opened for a moment"
          }
        ],
        "at": "[CODE]"
      }
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
}

#[test]
fn why_of_a_slip_of_the_pen_says_what_may_be_meant() {
    says!(Kitchen::new(order).run("why toy/jar/plum"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: there is no `toy/jar/plum` in lab `home`
      hint: did you mean toy/jar/plums, toy/jar/plums/jam?
    sandbox: nothing real was touched
    ");
    says!(Kitchen::new(order).run("why x"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: there is no `x` in lab `home`
      hint: `list` shows what there is
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_list_shows_what_there_is_and_what_the_ledger_knows() {
    let mut kitchen = Kitchen::new(order);
    says!(kitchen.run("list"), @r"
    exit 0
    --- stdout
    fruit
      toy/jar/plums/jam  at pantry, not made
    in no group
      toy/jar/plums      at pantry, not made
      toy/jar/salt       at pantry, not made, protected
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    kitchen.run("deploy --except fruit");
    kitchen.lab = Box::new(|| {
        let mut lab = Lab::named("home");
        lab.group("fruit", |lab| lab.add(Jar::named("plums").number(7)));
        lab
    });
    says!(kitchen.run("list"), @r"
    exit 0
    --- stdout
    fruit
      toy/jar/plums  at pantry, made since [DATE]
    not in the code any more
      toy/jar/salt   at pantry, made since [DATE], protected
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("list --json"), @r#"
    exit 0
    --- stdout
    [
      {
        "key": "toy/jar/plums",
        "kind": "toy/jar",
        "group": "fruit",
        "site": "pantry",
        "at": "[CODE]",
        "protected": false,
        "state": "made",
        "since": "[DATE]"
      },
      {
        "key": "toy/jar/salt",
        "kind": "toy/jar",
        "site": "pantry",
        "protected": true,
        "state": "made",
        "since": "[DATE]"
      }
    ]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
}

#[test]
fn outputs_are_what_is_observed() {
    let kitchen = Kitchen::deployed(three_jars);
    kitchen.pantry.shelves().jars.remove("salt");
    says!(kitchen.run("output"), @r"
    exit 0
    --- stdout
    toy/jar/plums:
      number = 7
      glass = clear
      serial = 705
    toy/jar/jam:
      number = 7
      glass = clear
      serial = 703
    toy/jar/salt: does not exist yet
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("output toy/jar/jam"), @r"
    exit 0
    --- stdout
    toy/jar/jam:
      number = 7
      glass = clear
      serial = 703
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("output toy/jar/plums.serial"), @r"
    exit 0
    --- stdout
    705
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("output --json"), @r#"
    exit 0
    --- stdout
    {
      "toy/jar/plums": {
        "number": 7,
        "glass": "clear",
        "note": null,
        "serial": 705
      },
      "toy/jar/jam": {
        "number": 7,
        "glass": "clear",
        "note": null,
        "serial": 703
      },
      "toy/jar/salt": null
    }
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    "#);
    says!(kitchen.run("output toy/jar/jam.number --json"), @r"
    exit 0
    --- stdout
    7
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
}

#[test]
fn an_output_that_is_not_known_says_so() {
    let kitchen = Kitchen::new(three_jars);
    says!(kitchen.run("output toy/jar/salt.number"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: toy/jar/salt.number is not known: toy/jar/salt does not exist yet
      hint: `deploy` makes it
    sandbox: nothing real was touched
    ");
    kitchen.run("deploy");
    says!(kitchen.run("output toy/jar/salt.note"), @r"
    exit 4
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: toy/jar/salt.note is not known: the field is empty
      hint: `why` shows where it is used
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("output toy/jar/salt.weight"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: toy/jar/salt has no field `weight`
      hint: it has number, glass, note, serial
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("output toy/jar/salz.number"), @r"
    exit 64
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: there is no `toy/jar/salz.number` in lab `home`
      hint: did you mean toy/jar/salt?
    sandbox: nothing real was touched
    ");
}

#[test]
fn shells_get_their_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let said = Kitchen::new(three_jars).run(&format!("completions {shell}"));
        assert_eq!((said.exit, said.stderr.as_str()), (Exit::Done, ""));
        assert!(said.stdout.contains("destroy"), "{shell}");
    }
}

#[test]
fn the_help_fits_a_page_and_lists_the_exit_codes() {
    says!(Kitchen::new(three_jars).run("--help"), @r"
    exit 0
    --- stdout
    Plans, deploys and looks after this lab, which is written in Rust.

    The lab's code says what there should be; every verb compares that with what is there. Without any
    credentials everything runs against simulated systems, in the sandbox.

    Usage: lab [OPTIONS] <COMMAND>

    Commands:
      plan         Show what deploy would do; changes nothing
      drift        The plan, with exit code 2 if anything differs
      deploy       Make the world as the lab says
      destroy      Delete everything that the lab owns, in reverse order
      graph        Draw the lab: arrows run from a resource to what needs it
      why          Tell all about one resource: what it needs, what needs it, where it is declared, what
                   would change and why
      list         List the resources of the lab and what the ledger knows of them
      output       Print what is observed of the resources: addresses, numbers, names
      doctor       Look at what the program needs: memory, credentials, keys, machines; with the way out
                   for each
      ping         Ask every machine of the lab whether it answers, how fast, and what it is
      exec         Run a command on a machine of the lab
      ssh          Log in to a machine of the lab
      inventory    Print the machines of the lab for other tools
      new          Print the beginning of a module that declares a resource
      status       Tell how the systems are: health, room, last backups
      verify       Check that the systems do what they are there for, beyond what a plan compares
      state        What the lab remembers: its ledger
      secret       Secrets: what is set and where, and the encrypted store
      sandbox      The simulated systems
      completions  Print a completion script for a shell

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Global options:
          --sandbox
              Use simulated systems, whatever credentials there are

          --live
              Use the real systems; an error if credentials are missing

          --color <WHEN>
              When to print in colour; `auto` is on a terminal, unless NO_COLOR is set
              
              [default: auto]
              [possible values: auto, always, never]

      -v, --verbose
              Say more: where the state lies, what stays as it is, all lines of a failure

          --state-dir <DIR>
              Where the lab keeps what it remembers [default: HOMELAB_STATE, else `.homelab` at the root
              of the project]

    Exit codes:
        0  done
        1  a bug of this program
        2  changes are pending (plan --detailed-exitcode)
        3  the lab is not valid
        4  the world or the plan refused, or a step failed
        5  stuck: a human has to look
        6  a change did not prove itself and was taken back
        7  a check found something wrong (verify, status, doctor)
       64  the command line, the credentials or a plan file cannot be used
      130  interrupted, or not agreed to
    --- stderr
    ");
}
