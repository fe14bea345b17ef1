//! The whole lab through its own sites in the sandbox: every system is simulated, and reached by the client that reaches the real one.
use homelab_core::{
    Secrets,
    cli::{self, Exit, Outside},
    env::Env,
};
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

/// A controller of a shelf, as the list of hardware might name it some day.
const SHELF: Option<&str> = Some("1000:0072");
const PROTECTED: [&str; 6] = [
    "truenas/pool/nas/bulk",
    "truenas/pool/nas/fast",
    "truenas/dataset/nas/bulk/media",
    "truenas/dataset/nas/bulk/time-machine",
    "truenas/dataset/nas/fast/kubernetes",
    "truenas/dataset/nas/fast/databases",
];

/// What the program said.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a command line, and gives how it ended and what was said.
fn run(dir: &Path, md1200: Option<&'static str>, args: &[&str]) -> (Exit, String) {
    let heard = Heard::default();
    let env = [("HOMELAB_STATE", dir.to_str().unwrap()), ("HOMELAB_SANDBOX_PACE", "0")];
    let outside = Outside {
        args: ["lab", "--sandbox"].iter().chain(args).map(Into::into).collect(),
        env: Ok(Env::from_pairs(env)),
        dir: dir.to_owned(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(heard.clone()),
        stderr: Box::new(heard.clone()),
        can_answer: false,
        stdout_is_terminal: false,
        ask_hidden: |_| Ok(String::new()),
        terminal: None,
        interrupt: None,
        secrets: Secrets::none(),
    };
    let exit = cli::run_in(&|| crate::with_shelf(md1200), &|| crate::sites::with_shelf(md1200), outside);
    let text = String::from_utf8_lossy(&heard.0.lock().unwrap()).into_owned();
    (exit, text)
}

#[track_caller]
fn must(dir: &Path, md1200: Option<&'static str>, args: &[&str]) -> String {
    let (exit, text) = run(dir, md1200, args);
    assert_eq!(exit, Exit::Done, "{args:?}:\n{text}");
    text
}

#[test]
fn one_deploy_goes_from_bare_machines_to_shares_and_is_taken_down_again_when_each_pool_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    must(dir, None, &["deploy", "--yes"]);
    must(dir, None, &["plan", "--detailed-exitcode"]);
    let verified = must(dir, None, &["verify"]);
    for line in ["2 pools and 3 shares are as they should be", "ok    local "] {
        assert!(verified.contains(line), "{verified}");
    }

    let (exit, text) = run(dir, None, &["destroy", "--yes"]);
    assert_eq!(exit, Exit::Refused, "{text}");
    let named: Vec<&str> = PROTECTED.iter().flat_map(|key| ["--allow-destroy", key]).collect();
    must(dir, None, &[&["destroy", "--yes"], &named[..]].concat());
    must(dir, None, &["plan", "--destroy", "--detailed-exitcode"]);
}

#[test]
fn with_the_controller_of_its_shelf_the_backup_has_a_pool_and_is_replicated_to() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    must(dir, SHELF, &["deploy", "--yes"]);
    must(dir, SHELF, &["plan", "--detailed-exitcode"]);
    let status = must(dir, SHELF, &["status"]);
    for line in ["pool backup: ONLINE", "replication media:"] {
        assert!(status.contains(line), "{status}");
    }
}

#[test]
fn what_each_playbook_did_is_a_part_that_is_selected_and_comes_with_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let planned = |only: &str| must(dir, SHELF, &["plan", "--only", only]);
    // `truenas-setup.yml --check`, which changes nothing.
    let all = planned("truenas");
    for key in ["proxmox/vm/truenas ", "truenas/pool/nas/bulk ", "truenas/smb/", "truenas/replication/"] {
        assert!(all.contains(&format!("+ {key}")), "{key}: {all}");
    }
    // The NAS are guests, which come after their nodes, and these after the gate of the name service.
    assert!(!all.contains("+ host/stack") && all.contains("+ pi/dns-gate/"), "{all}");
    // `truenas-setup.yml --tags=nfs,shares`
    must(dir, SHELF, &["deploy", "--yes", "--only", "truenas/nfs,truenas/smb"]);
    must(dir, SHELF, &["plan", "--only", "truenas/nfs,truenas/smb", "--detailed-exitcode"]);
    let left = planned("truenas");
    assert!(!left.contains("+ truenas/nfs/") && !left.contains("+ truenas/pool/nas/"), "{left}");
    for key in ["truenas/pool/backup/backup ", "truenas/replication/", "truenas/snapshots/"] {
        assert!(left.contains(&format!("+ {key}")), "{key}: {left}");
    }
    // `truenas-replication.yml`
    must(dir, SHELF, &["deploy", "--yes", "--only", "truenas/replication"]);
    let left = planned("truenas");
    assert!(left.contains("+ truenas/disk-test/") && !left.contains("+ truenas/replication/"), "{left}");
    // `truenas-setup.yml`
    must(dir, SHELF, &["deploy", "--yes", "--only", "truenas"]);
    must(dir, SHELF, &["plan", "--only", "truenas", "--detailed-exitcode"]);
    assert!(must(dir, SHELF, &["plan"]).contains("+ host/stack/"), "nothing else was touched");
}
