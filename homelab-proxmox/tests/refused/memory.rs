//! Our own memory and mouth: plans, ledgers, locks, disks, terminals.
use crate::{
    desk::{Desk, Late, lab_of, shell},
    says,
};
use homelab_core::{Lab, cli::Exit};
use std::{
    fs,
    io::{self, Cursor, Write},
    sync::{Arc, Mutex},
};

fn desk() -> Desk {
    Desk::new(shell)
}

#[test]
fn a_plan_file_that_is_none_is_told() {
    let desk = desk();
    says!(desk.run("deploy missing.plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: cannot read the plan missing.plan: No such file or directory (os error 2)
      hint: `plan --out FILE` makes one
    ");
    fs::write(desk.path("a.plan"), "{\"not\": \"a plan\"").unwrap();
    says!(desk.run("deploy a.plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: a.plan is not a plan that this program can read: EOF while parsing an object at line 1 column 16
      hint: `plan --out FILE` makes one
    ");
    fs::write(desk.path("a.plan"), "{}").unwrap();
    says!(desk.run("deploy a.plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: a.plan is not a plan that this program can read: missing field `plan` at line 1 column 2
      hint: `plan --out FILE` makes one
    ");
    assert_eq!(desk.run("plan --sandbox --out sandbox.plan").exit, Exit::Done);
    says!(desk.errors("deploy sandbox.plan"), @r"
    exit 4
    error: the saved plan is not carried out: it was made for the sandbox
      hint: nothing was changed; plan again and look at what is different
    ");
}

#[test]
fn a_plan_that_was_cut_or_changed_is_refused() {
    let desk = desk();
    desk.run("plan --out a.plan");
    let plan = fs::read_to_string(desk.path("a.plan")).unwrap();
    fs::write(desk.path("cut.plan"), &plan[..plan.len() / 2]).unwrap();
    assert_eq!(desk.run("deploy cut.plan").exit, Exit::Usage);
    fs::write(desk.path("other.plan"), plan.replace("300", "301")).unwrap();
    says!(desk.errors("deploy other.plan"), @r"
    exit 4
    error: the saved plan is not carried out: the plan would be another one now
      hint: nothing was changed; plan again and look
    ");
    assert_eq!(desk.guests(), "");
}

#[test]
fn a_plan_of_another_lab_is_refused() {
    let mut desk = desk();
    desk.run("plan --out a.plan");
    desk.lab = Arc::new(|| {
        let mut lab = Lab::named("cabin");
        lab.add(homelab_proxmox::Vm::blank().on(crate::desk::DIN).id(300).named("shell").stopped());
        lab
    });
    says!(desk.errors("deploy a.plan"), @r"
    exit 4
    error: the saved plan is not carried out: it is a plan of lab `home`
      hint: nothing was changed; plan again and look at what is different
    ");
}

#[test]
fn a_corrupt_ledger_is_told_with_the_way_to_a_new_one() {
    let desk = desk();
    desk.converges();
    for garbage in ["", "not json", "{\"version\": 99}", "[1, 2"] {
        fs::write(desk.state("ledger.json"), garbage).unwrap();
        for line in ["plan", "deploy --yes", "destroy --yes", "state show", "list"] {
            assert_eq!(desk.run(line).exit, Exit::Stuck, "{garbage:?} {line}: {}", desk.run(line));
        }
    }
    says!(desk.errors("deploy --yes"), @r"
    exit 5
    error: the ledger [STATE]/home/live/ledger.json is damaged at line 1: invalid type: integer `2`, expected a string
      hint: run `state rebuild`: it makes the ledger anew from the marks that the objects themselves bear
    ");
    says!(desk.run("state rebuild"), @r"
    exit 0
    --- stdout
    the ledger has one thing now
      proxmox/vm/shell
    the damaged file is kept as [STATE]/home/live/ledger.json.damaged
    --- stderr
    ");
    desk.converges();
}

#[test]
fn the_ledger_of_another_lab_is_not_touched() {
    let desk = desk();
    desk.converges();
    let ledger = fs::read_to_string(desk.state("ledger.json")).unwrap();
    let foreign = ledger.replace("\"home\"", "\"cabin\"");
    assert_ne!(ledger, foreign);
    fs::write(desk.state("ledger.json"), &foreign).unwrap();
    says!(desk.errors("deploy --yes"), @r"
    exit 5
    error: the ledger [STATE]/home/live/ledger.json belongs to the lab `cabin`, and this is `home`
      hint: run from that lab's directory, give this lab its own name, or point HOMELAB_STATE elsewhere
    ");
    assert_eq!(fs::read_to_string(desk.state("ledger.json")).unwrap(), foreign);
}

#[test]
fn a_second_run_is_told_who_holds_the_lab_and_since_when() {
    let desk = desk();
    let heard = Arc::new(Mutex::new(String::new()));
    let (other, listening) = (desk.clone(), Arc::clone(&heard));
    let said = desk.run_changed("deploy", |outside| {
        outside.can_answer = true;
        let while_asked = move || {
            let second = other.run("deploy --yes").to_string() + &other.run("plan").stderr;
            *listening.lock().unwrap() = second;
        };
        outside.stdin = Box::new(Late(while_asked, Cursor::new("yes\n")));
    });
    assert_eq!(said.exit, Exit::Done, "{said}");
    let heard = heard.lock().unwrap().clone();
    says!(heard, @r"
    exit 4
    --- stdout
    --- stderr
    error: another run holds this lab since [DATE] (deploy, [PROCESS])
      hint: wait for it, or stop it: a run that was stopped is finished by the next one
    warning: a run is going on since [DATE] (deploy, [PROCESS]): what is shown may change at any moment
    ");
}

#[test]
fn a_state_directory_that_cannot_be_is_told_with_another_way() {
    let mut desk = desk();
    fs::write(desk.path("file"), "").unwrap();
    desk.set("HOMELAB_STATE", desk.path("file").to_string_lossy().into_owned());
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot create the state directory [DIR]/file/home/live: a part of the path is a file, not a directory
      hint: something else stands at that path: move it away, or set HOMELAB_STATE to another directory
    ");
    assert_eq!(desk.sim.calls(), 0);
}

#[cfg(unix)]
#[test]
fn a_state_directory_that_is_read_only_is_told_with_another_way() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut desk = desk();
    let dir = desk.path("kept");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(dir.join("probe"), "").is_ok() {
        // This is root, whom no permission stops.
        return;
    }
    desk.set("HOMELAB_STATE", dir.to_string_lossy().into_owned());
    says!(desk.run("deploy --yes"), @"");
    assert_eq!(desk.run("plan").exit, Exit::Done, "looking writes nothing");
}

#[test]
fn looking_writes_nothing_at_all() {
    let desk = desk();
    for line in ["plan", "list", "graph", "state show", "why proxmox/vm/shell", "output"] {
        let said = desk.run(line);
        assert_eq!(said.exit, Exit::Done, "{line}: {said}");
        assert_eq!(desk.run(&format!("{line} --sandbox")).exit, Exit::Done, "{line}");
    }
    assert!(!desk.path(".homelab").exists());
    assert_eq!(desk.sim.writes(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_where_the_plan_or_the_result_goes() {
    let desk = desk();
    says!(desk.errors("plan --out /dev/full"), @r"
    exit 4
    error: cannot write /dev/full: No space left on device (os error 28)
      hint: free some space there, or name a file on another disk
    ");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let said = desk.run_changed("plan", |outside| outside.stdout = Box::new(full));
    says!(said, @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot print the result: No space left on device (os error 28)
    ");
}

/// Somebody who stops listening.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_does_not_stop_a_deploy() {
    let desk = Desk::new(|| lab_of(|web| web));
    let said = desk.run_changed("deploy --yes", |outside| {
        (outside.stdout, outside.stderr) = (Box::new(Gone), Box::new(Gone));
    });
    assert_ne!(said.exit, Exit::Bug);
    assert_eq!(desk.run("plan --detailed-exitcode").exit, Exit::Done);
}

#[test]
fn without_a_terminal_nothing_real_is_changed_unasked() {
    let desk = desk();
    says!(desk.run("deploy"), @r"
    exit 64
    --- stdout
    + proxmox/vm/shell  [CODE]
        name: shell
        vmid: 300
        node: din
        firmware: bios
        disks.scsi0.size: 32 GiB
        running: false
    1 to create
    --- stderr
    error: this would change real systems, and nobody is there to ask
      hint: add `--yes`, or keep a plan with `plan --out FILE` and carry it out with `deploy FILE`
    ");
    assert_eq!(desk.sim.writes(), 0);
    assert_eq!(desk.run("plan --out a.plan").exit, Exit::Done);
    assert_eq!(desk.run("deploy a.plan").exit, Exit::Done);
    let before = desk.sim.writes();
    says!(desk.errors("destroy"), @r"
    exit 64
    error: this would change real systems, and nobody is there to ask
      hint: add `--yes`, or keep a plan with `plan --out FILE` and carry it out with `deploy FILE`
    ");
    assert_eq!(desk.sim.writes(), before);
}

#[test]
fn whoever_does_not_say_yes_changes_nothing() {
    let desk = desk();
    for answer in ["no\n", "y\n", "", "YES\n"] {
        let said = desk.run_changed("deploy", |outside| {
            outside.can_answer = true;
            outside.stdin = Box::new(Cursor::new(answer.as_bytes()));
        });
        assert_eq!(said.exit, Exit::Interrupted, "{answer:?}: {said}");
    }
    assert_eq!(desk.sim.writes(), 0);
}
