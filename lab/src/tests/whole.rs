//! The whole lab through its own sites in the sandbox: every system is simulated, and reached by the client that reaches the real one.
use crate::{TOLD, Told};
use homelab_core::{
    Secrets,
    cli::{self, Exit, Outside},
    env::Env,
};
use homelab_proxmox::Image;
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

/// With a controller of the shelf, as the list of hardware might name it some day.
const SHELF: Told = Told { md1200: Some("1000:0072"), ..TOLD };
/// With an installer too, of which only the simulated node knows whether it is what its checksum says.
const DIGEST: &str = "612b2c0cc1bc413a6cb8c38fd611794caf0f2b436c50013d8b3794db12ad7354";
const ISO: Told = Told { installer: Some(Image::sha256("https://example.org/TrueNAS-SCALE.iso", DIGEST)), ..SHELF };
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
fn run(dir: &Path, told: Told, args: &[&str]) -> (Exit, String) {
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
    let exit = cli::run_in(&|| crate::with(told), &|| crate::sites::with(told), outside);
    let text = String::from_utf8_lossy(&heard.0.lock().unwrap()).into_owned();
    (exit, text)
}

#[track_caller]
fn must(dir: &Path, told: Told, args: &[&str]) -> String {
    let (exit, text) = run(dir, told, args);
    assert_eq!(exit, Exit::Done, "{args:?}:\n{text}");
    text
}

#[test]
fn one_deploy_goes_from_bare_machines_to_shares_and_is_taken_down_again_when_each_pool_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    must(dir, TOLD, &["deploy", "--yes"]);
    must(dir, TOLD, &["plan", "--detailed-exitcode"]);
    let verified = must(dir, TOLD, &["verify"]);
    for line in ["2 pools and 3 shares are as they should be", "ok    local "] {
        assert!(verified.contains(line), "{verified}");
    }

    let (exit, text) = run(dir, TOLD, &["destroy", "--yes"]);
    assert_eq!(exit, Exit::Refused, "{text}");
    let named: Vec<&str> = PROTECTED.iter().flat_map(|key| ["--allow-destroy", key]).collect();
    must(dir, TOLD, &[&["destroy", "--yes"], &named[..]].concat());
    must(dir, TOLD, &["plan", "--destroy", "--detailed-exitcode"]);
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

#[test]
fn one_deploy_goes_from_two_empty_guests_over_the_installer_to_replicated_shares() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let plan = must(dir, ISO, &["plan"]);
    assert!(plan.contains("+ proxmox/iso/din/truenas") && plan.contains("+ proxmox/iso/grogu/truenas"), "{plan}");
    assert!(plan.contains("the system is installed on the QEMU HARDDISK of 32 GiB"), "{plan}");
    let deploy = must(dir, ISO, &["deploy", "--yes"]);
    let place = |what: &str| deploy.find(what).unwrap_or_else(|| panic!("{what}: {deploy}"));
    assert!(place("proxmox/iso/din/truenas: created") < place("proxmox/vm/truenas: created"), "{deploy}");
    assert!(place("proxmox/vm/truenas: created") < place("truenas/system/truenas/nas: created"), "{deploy}");
    assert!(place("truenas/system/truenas/nas: created") < place("truenas/pool/nas/bulk: created"), "{deploy}");
    // Nothing depends on the CD once the system is up.
    let ejected = place("proxmox/empty-drive/truenas/ide2: created");
    assert!(place("truenas/system/truenas/nas: created") < ejected, "{deploy}");
    must(dir, ISO, &["plan", "--detailed-exitcode"]);
    let status = must(dir, ISO, &["status"]);
    assert!(status.contains("pool bulk: ONLINE") && status.contains("pool backup: ONLINE"), "{status}");
}
