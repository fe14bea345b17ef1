//! The encrypted store of secrets, and the verb that looks after it.
use crate::{
    kitchen::{Kitchen, Said},
    says,
    toy::{Jar, Key},
};
use homelab_core::{Lab, cli::Exit};
use std::{fs, path::Path};

const PLANTED: &str = "hunter2-planted";

fn jars() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Jar::named("salt").sealed());
    lab
}

fn with_a_key() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Key::named("front"));
    lab
}

/// A kitchen whose user has a home.
fn kitchen(lab: fn() -> Lab) -> Kitchen {
    let mut kitchen = Kitchen::new(lab);
    let home = kitchen.path("me").to_string_lossy().into_owned();
    kitchen.env.push(("HOME", home.leak()));
    kitchen
}

fn typed(kitchen: &mut Kitchen, line: &str, value: &'static str) -> Said {
    kitchen.answer = Some("");
    let said = kitchen.run_changed(line, |outside| {
        outside.can_answer = false;
        outside.stdin = Box::new(value.as_bytes());
    });
    kitchen.answer = None;
    said
}

fn nowhere_in_clear(dir: &Path, secret: &str) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere_in_clear(&path, secret);
        } else {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
}

#[test]
fn a_secret_is_set_told_of_shown_and_removed() {
    let mut kitchen = kitchen(jars);
    says!(typed(&mut kitchen, "secret set SEAL", "hunter2-planted\n"), @r"
    exit 0
    --- stdout
    SEAL is kept in the store
    --- stderr
    warning: the secrets are encrypted for a new identity: keep a copy of [DIR]/me/.config/homelab/identity.txt, without it they are lost
    ");
    says!(kitchen.run("secret list"), @r"
    exit 0
    --- stdout
    PANTRY_TOKEN or OLD_PANTRY_TOKEN  not set
    PANTRY_USER                       not set
    SEAL                              in the store since [DATE]
    --- stderr
    ");
    says!(kitchen.run("secret get SEAL"), @r"
    exit 0
    --- stdout
    SEAL is in the store since [DATE]; `--show` prints it
    --- stderr
    ");
    says!(kitchen.run("secret get SEAL --show"), @r"
    exit 0
    --- stdout
    hunter2-planted
    --- stderr
    ");
    says!(typed(&mut kitchen, "secret set SEAL", "hunter2-planted-anew"), @r"
    exit 0
    --- stdout
    SEAL is replaced in the store
    --- stderr
    ");
    says!(kitchen.run("secret list --json"), @r#"
    exit 0
    --- stdout
    [
      {
        "names": [
          "PANTRY_TOKEN",
          "OLD_PANTRY_TOKEN"
        ]
      },
      {
        "names": [
          "PANTRY_USER"
        ]
      },
      {
        "names": [
          "SEAL"
        ],
        "in": "store",
        "since": "[DATE]",
        "one_password": false
      }
    ]
    --- stderr
    "#);
    nowhere_in_clear(&kitchen.path(""), PLANTED);
    says!(kitchen.run("secret remove SEAL"), @r"
    exit 0
    --- stdout
    SEAL is removed from the store
    --- stderr
    ");
    says!(kitchen.run("secret remove SEAL"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the store has no secret SEAL
      hint: `secret list` shows what there is
    ");
    says!(kitchen.run("secret get SEAL"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the secret SEAL has no value
      hint: set SEAL in the environment, in the file .env, or with `secret set SEAL`
    ");
}

#[test]
fn what_is_set_in_the_store_makes_a_run_live_and_is_never_printed() {
    let mut kitchen = kitchen(jars);
    assert_eq!(typed(&mut kitchen, "secret set PANTRY_TOKEN", PLANTED).exit, Exit::Done);
    says!(kitchen.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pantry` lacks PANTRY_USER
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
    assert_eq!(typed(&mut kitchen, "secret set PANTRY_USER", "cook").exit, Exit::Done);
    assert_eq!(typed(&mut kitchen, "secret set SEAL", "hunter2-planted").exit, Exit::Done);
    kitchen.pantry.shelves().sayings.insert("salt".into(), format!("sealed with {PLANTED}"));
    says!(kitchen.run("deploy --yes"), @r"
    exit 0
    --- stdout
    + toy/jar/salt  [CODE]
        number: 1
        glass: clear
        seal: (secret SEAL)
    1 to create
    1 created in [TIME]
    --- stderr
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: sealed with *** 50%
    [TIME] toy/jar/salt: created in [TIME]
    ");
    nowhere_in_clear(&kitchen.path(""), PLANTED);
}

#[test]
fn a_file_is_imported_from_ansible_or_from_lines() {
    let mut kitchen = kitchen(jars);
    fs::write(kitchen.path("vault.yml"), "---\npantry:\n  token: hunter2-planted\nSEAL: \"0042\"\n").unwrap();
    says!(kitchen.run("secret import vault.yml"), @r"
    exit 0
    --- stdout
    SEAL is kept in the store
    pantry_token is kept in the store
    --- stderr
    warning: the secrets are encrypted for a new identity: keep a copy of [DIR]/me/.config/homelab/identity.txt, without it they are lost
    ");
    says!(typed(&mut kitchen, "secret import -", "SEAL='hunter2-planted'\nSEEL=typo\n"), @r"
    exit 0
    --- stdout
    SEAL is replaced in the store
    SEEL is kept in the store
    --- stderr
    warning: no resource of this lab says that it needs SEEL; did you mean SEAL?
    ");
    says!(typed(&mut kitchen, "secret import -", "$ANSIBLE_VAULT;1.1;AES256\n"), @r"
    exit 64
    --- stdout
    --- stderr
    error: standard input: it is encrypted by Ansible
      hint: decrypt it on the way: `ansible-vault view FILE | lab secret import -`
    ");
    says!(kitchen.run("secret import nothing.yml"), @r"
    exit 64
    --- stdout
    --- stderr
    error: cannot read [DIR]/nothing.yml: No such file or directory (os error 2)
      hint: name a text file, or `-` for standard input
    ");
    fs::remove_file(kitchen.path("vault.yml")).unwrap();
    nowhere_in_clear(&kitchen.path(""), PLANTED);
}

#[test]
fn a_store_that_cannot_be_opened_stops_every_verb_but_those_of_the_sandbox() {
    let mut kitchen = kitchen(jars);
    assert_eq!(typed(&mut kitchen, "secret set SEAL", "hunter2-planted").exit, Exit::Done);
    let (identity, store) =
        (kitchen.path("me/.config/homelab/identity.txt"), kitchen.path(".homelab/home/live/secrets.age"));
    let (key, whole) = (fs::read(&identity).unwrap(), fs::read(&store).unwrap());
    fs::remove_file(&identity).unwrap();
    says!(kitchen.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: [STATE]/home/live/secrets.age is encrypted, and its identity is not there: [DIR]/me/.config/homelab/identity.txt
      hint: put your copy of the identity back, or name it with HOMELAB_AGE_IDENTITY; if it is lost, so are the secrets: move [STATE]/home/live/secrets.age away and set them anew
    ");
    let mut other = self::kitchen(jars);
    typed(&mut other, "secret set SEAL", "another");
    fs::copy(other.path("me/.config/homelab/identity.txt"), &identity).unwrap();
    says!(kitchen.run("secret list"), @r"
    exit 64
    --- stdout
    --- stderr
    error: [STATE]/home/live/secrets.age is not encrypted for the identity [DIR]/me/.config/homelab/identity.txt
      hint: name the identity that it was made with: HOMELAB_AGE_IDENTITY
    ");
    fs::write(&identity, "").unwrap();
    says!(typed(&mut kitchen, "secret set SEAL", "another"), @r"
    exit 64
    --- stdout
    --- stderr
    error: [DIR]/me/.config/homelab/identity.txt is no age identity
      hint: it must hold a line AGE-SECRET-KEY-1.. as `age-keygen` writes it; put your copy of it back
    ");
    fs::write(&identity, key).unwrap();
    fs::write(&store, &whole[..whole.len() - 9]).unwrap();
    says!(kitchen.run("deploy"), @r"
    exit 5
    --- stdout
    --- stderr
    error: [STATE]/home/live/secrets.age is damaged: its content was changed, or is cut off
      hint: put a copy of it back, or move [STATE]/home/live/secrets.age away and set the secrets anew
    ");
    assert_eq!(kitchen.run("graph").exit, Exit::Done);
    assert_eq!(kitchen.run("deploy --sandbox").exit, Exit::Done);
    assert_eq!(kitchen.run("sandbox reset").exit, Exit::Done);
    assert_eq!(fs::read(&store).unwrap().len(), whole.len() - 9, "nothing was written over it");
}

#[test]
fn what_is_typed_wrong_is_told_before_anything_is_asked_or_read() {
    let mut kitchen = kitchen(jars);
    says!(kitchen.run("secret set PANTRY_TOKEN=hunter2-planted"), @r"
    exit 64
    --- stdout
    --- stderr
    error: that cannot be the name of a secret
      hint: a name is made of letters, digits and `_`; the value is typed or piped in, so that no history keeps it
    ");
    says!(typed(&mut kitchen, "secret set SEAL", "\n"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the value of SEAL is empty
      hint: type it on a terminal, or pipe it in: `... | lab secret set NAME`
    ");
    says!(kitchen.run("secret get PANTRY_TOKN"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the secret PANTRY_TOKN has no value
      hint: did you mean PANTRY_TOKEN?
    ");
    assert!(!kitchen.path("me").exists(), "no identity was made for nothing");
}

#[test]
fn a_value_is_asked_for_on_a_terminal_without_being_shown() {
    let mut kitchen = kitchen(jars);
    kitchen.answer = Some("");
    let said = kitchen.run_changed("secret set SEAL", |outside| outside.ask_hidden = |_| Ok("hunter2-planted".into()));
    assert_eq!((said.exit, said.stderr.contains("hunter2")), (Exit::Done, false), "{said}");
    assert_eq!(kitchen.run("secret get SEAL --show").stdout, "hunter2-planted\n");
}

#[test]
fn missing_credentials_are_asked_for_on_a_terminal_only() {
    let mut kitchen = kitchen(jars);
    kitchen.env.push(("PANTRY_USER", "cook"));
    let asked = |question: &str| match question {
        "PANTRY_TOKEN or OLD_PANTRY_TOKEN for site `pantry`: " => Ok("hunter2-planted".to_owned()),
        other => panic!("{other}"),
    };
    assert_eq!(kitchen.run_changed("plan", |outside| outside.ask_hidden = asked).exit, Exit::Usage);
    kitchen.answer = Some("");
    assert_eq!(kitchen.run_changed("plan", |outside| outside.ask_hidden = asked).exit, Exit::Done);
    assert_eq!(kitchen.run_changed("secret list", |outside| outside.ask_hidden = |q| panic!("{q}")).exit, Exit::Done);
}

#[test]
fn what_a_deploy_makes_is_kept_for_later_runs_and_goes_with_the_thing() {
    let kitchen = kitchen(with_a_key);
    let said = kitchen.run("deploy --json");
    let code = kitchen.pantry.shelves().keys["front"].code.clone();
    assert!(said.stdout.contains("it is kept: ***") && !said.to_string().contains(&code), "{said}");
    nowhere_in_clear(&kitchen.path(""), &code);
    assert!(!kitchen.path("me").exists(), "the sandbox has an identity of its own");
    says!(kitchen.run("secret list --sandbox"), @r"
    exit 0
    --- stdout
    CODE                              in the store since [DATE], made by toy/key/front
    PANTRY_TOKEN or OLD_PANTRY_TOKEN  not set
    PANTRY_USER                       not set
    --- stderr
    sandbox: everything below is simulated, as asked for
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.run("secret get CODE --show --sandbox").stdout, format!("{code}\n"));
    says!(kitchen.run("deploy"), @r"
    exit 0
    --- stdout
    no changes (1 as they should be)
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("secret remove CODE --sandbox"), @r"
    exit 0
    --- stdout
    CODE is removed from the store
    --- stderr
    sandbox: everything below is simulated, as asked for
    warning: toy/key/front made it, and what it opens is still there
    sandbox: nothing real was touched
    ");
    assert!(kitchen.run("deploy").stdout.contains("1 updated"), "what nobody knows any more is made anew");
    assert_ne!(kitchen.pantry.shelves().keys["front"].code, code);
    assert_eq!(kitchen.run("destroy").exit, Exit::Done);
    says!(kitchen.run("secret list --sandbox"), @r"
    exit 0
    --- stdout
    PANTRY_TOKEN or OLD_PANTRY_TOKEN  not set
    PANTRY_USER                       not set
    --- stderr
    sandbox: everything below is simulated, as asked for
    sandbox: nothing real was touched
    ");
}

#[test]
fn a_secret_that_nobody_gave_is_made_up_in_the_sandbox_and_missing_in_a_real_run() {
    let mut kitchen = kitchen(jars);
    assert_eq!(kitchen.run("deploy").exit, Exit::Done);
    kitchen.env.extend([("PANTRY_USER", "cook"), ("PANTRY_TOKEN", "t0ken-of-the-pantry")]);
    kitchen.pantry.shelves().jars.clear();
    let said = kitchen.run("deploy --yes");
    assert!(said.stderr.contains("the secret SEAL has no value"), "{said}");
}

#[test]
fn a_reference_to_1password_that_cannot_be_read_is_one_error() {
    let mut kitchen = kitchen(jars);
    kitchen.env.extend([("PANTRY_USER", "cook"), ("PANTRY_TOKEN", "op://home/pantry/token")]);
    says!(kitchen.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: the secret PANTRY_TOKEN or OLD_PANTRY_TOKEN: op://home/pantry/token needs the program `op`, which is not installed
      hint: install 1Password's command line (https://developer.1password.com/docs/cli), or set the value itself
    ");
    says!(kitchen.run("secret list"), @r"
    exit 0
    --- stdout
    PANTRY_TOKEN or OLD_PANTRY_TOKEN  from the environment, a reference to 1Password
    PANTRY_USER                       from the environment
    SEAL                              not set
    --- stderr
    ");
}
