//! The verbs of a Pi as a person types them, in the sandbox.
mod flawed;
mod update;

use homelab_core::{
    Lab, ResourceExt, Secrets, Sites,
    cli::{self, Exit, Outside},
    env::Env,
    units::Network,
};
use homelab_pi::{
    Board, PIS, Pi, PiSite,
    board::Untested,
    config::{PiHole, Pins, System},
};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);
const PINS: Pins = homelab_pi::pins!("../nix/flake.lock");
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUy4sUdyK2ePNnqVAtCY1Sdl6kPnCNKt0bNC8x8yGqP svenlito@proxmox";
const LIST: &str = "https://lists.example/hosts";

fn pi(dns: PiHole) -> Pi {
    let pi = Pi::named("pihole").board(Board::Pi4).at(LAN.host(53)).login("svenlito", [KEY]);
    pi.system(System::nixos_25_11(PINS)).second_resolver(LAN.host(1)).dns(dns)
}

fn dns() -> PiHole {
    PiHole::new().block(LIST, "ads").proven_by("ads.example.net").record("nas", LAN.host(13)).cname("files", "nas")
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A command line in a sandbox below this directory, of which everything is heard.
fn outside(dir: &Path, words: &[&str], out: &Shared, err: &Shared) -> Outside {
    let env = [
        ("HOMELAB_STATE", dir.to_str().unwrap().to_owned()),
        ("HOMELAB_SANDBOX_PACE", "0".to_owned()),
        ("HOMELAB_AGE_IDENTITY", dir.join("identity.txt").to_str().unwrap().to_owned()),
    ];
    Outside {
        args: ["lab", "--sandbox"].iter().chain(words).map(Into::into).collect(),
        env: Ok(Env::from_pairs(env)),
        dir: dir.to_owned(),
        stdin: Box::new(io::empty()),
        stdout: Box::new(out.clone()),
        stderr: Box::new(err.clone()),
        can_answer: false,
        stdout_is_terminal: false,
        ask_hidden: |_| Ok(String::new()),
        terminal: None,
        interrupt: None,
        secrets: Secrets::none(),
    }
}

/// A sandbox of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command line of a lab with these Pis: how it ended, and all that it said.
    fn run_with(&self, pis: &[Pi], words: &[&str]) -> (Exit, String) {
        let heard = Shared::default();
        let lab = || {
            let mut lab = Lab::named("home");
            for pi in pis {
                lab.add(pi.clone().adopt());
            }
            lab
        };
        let sites = || Sites::new().with(PIS, PiSite::of(pis.to_vec()));
        let exit = cli::run_in(&lab, &sites, outside(self.dir(), words, &heard, &heard));
        (exit, heard.text())
    }

    fn run(&self, words: &[&str]) -> (Exit, String) {
        self.run_with(&[pi(dns())], words)
    }

    #[track_caller]
    fn must(&self, words: &[&str]) -> String {
        let (exit, text) = self.run(words);
        assert_eq!(exit, Exit::Done, "{words:?}:\n{text}");
        text
    }

    #[track_caller]
    fn refused(&self, exit: Exit, words: &[&str], says: &str) {
        let (ended, text) = self.run(words);
        assert_eq!(ended, exit, "{words:?}:\n{text}");
        assert!(text.contains(says), "{words:?}: `{says}` is not in\n{text}");
    }

    /// A file below the state, wherever the sandbox is kept.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let mut open = vec![self.dir().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(&dir).unwrap().flatten().map(|entry| entry.path()) {
                if entry.file_name().is_some_and(|found| found == name) {
                    return Some(entry);
                }
                if entry.is_dir() {
                    open.push(entry);
                }
            }
        }
        None
    }
}

const ERASE: [&str; 2] = ["erase", "SIM0001"];

#[test]
fn an_image_is_built_looked_into_and_written_to_the_card_that_was_typed_back() {
    let place = Place::new();
    place.refused(Exit::Usage, &["pi", "flash", "/dev/simcard"], "no image of pihole was built here");
    let built = place.must(&["pi", "build"]);
    for line in [
        "built by a simulated builder",
        "ok    partitions",
        "ok    config.txt: the Raspberry Pi 4 starts u-boot-rpi4.bin",
    ] {
        assert!(built.contains(line), "{built}");
    }
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(place.find("pihole.json").unwrap()).unwrap()).unwrap();
    for field in ["toplevel", "lock_sha256", "image_sha256", "raw_sha256", "nixpkgs"] {
        assert!(record[field].as_str().is_some_and(|text| text.len() >= 40), "{field}: {record}");
    }
    place.refused(Exit::Usage, &["pi", "flash", "/dev/simcard"], "`erase SIM0001`");
    place.refused(Exit::Usage, &["pi", "flash", "/dev/simcard", "erase", "OTHER"], "would be erased");
    let flashed = place.must(&[&["pi", "flash", "/dev/simcard"][..], &ERASE].concat());
    assert!(flashed.contains("were read back") && flashed.contains("read back: "), "{flashed}");
    let card = fs::File::open(place.find("card.img").unwrap()).unwrap();
    let mut head = vec![0; 512];
    io::Read::read_exact(&mut &card, &mut head).unwrap();
    assert_eq!(homelab_pi::image::partitions(&head).unwrap().len(), 2, "it boots");
}

#[test]
fn an_image_that_is_damaged_or_would_not_boot_is_not_written() {
    let place = Place::new();
    place.must(&["pi", "build"]);
    let image = place.find("pihole.img.zst").unwrap();
    let whole = fs::read(&image).unwrap();
    let flash = [&["pi", "flash", "/dev/simcard"][..], &ERASE].concat();
    fs::write(&image, &whole[..whole.len() / 2]).unwrap();
    place.refused(Exit::Refused, &flash, "is damaged");
    fs::write(&image, vec![7; 1 << 20]).unwrap();
    place.refused(Exit::Refused, &flash, "would not boot a Raspberry Pi 4");
    assert!(place.find("card.img").is_none(), "nothing was written");
    let missing = place.dir().join("nowhere.img");
    let named = [&["pi", "flash", "/dev/simcard", missing.to_str().unwrap()][..], &ERASE].concat();
    place.refused(Exit::Usage, &named, "cannot be read");
}

#[test]
fn the_sandbox_writes_no_device_of_this_machine() {
    let place = Place::new();
    place.must(&["pi", "build"]);
    for device in ["/dev/sda", "/dev/mmcblk0", "/dev/null"] {
        place.refused(Exit::Usage, &["pi", "flash", device], "its card is /dev/simcard");
    }
}

/// A lock file with nixos-hardware beside nixpkgs.
const MODEL_5: Pins = homelab_pi::pins!("model5.lock");

#[test]
fn each_of_two_pis_has_its_own_image_and_the_card_gets_the_one_that_is_named() {
    let place = Place::new();
    let second = Pi::named("spare").board(Board::Pi5(Untested)).at(LAN.host(54)).login("svenlito", [KEY]);
    let both = [pi(dns()), second.system(System::nixos_25_11(MODEL_5)).dns(dns())];
    let run = |words: &[&str]| place.run_with(&both, words);
    for name in ["pihole", "spare"] {
        let (exit, built) = run(&["pi", "build", name]);
        assert_eq!(exit, Exit::Done, "{built}");
        assert!(built.contains(&format!("`pi flash {name} DEVICE`")), "{built}");
    }
    let (exit, said) = run(&["pi", "flash", "/dev/simcard", "erase", "SIM0001"]);
    assert_eq!(exit, Exit::Usage, "{said}");
    assert!(said.contains("not clear which Pi") && said.contains("there are: pihole, spare"), "{said}");
    for name in ["spare", "pihole"] {
        let (exit, said) = run(&["pi", "flash", name, "/dev/simcard", "erase", "SIM0001"]);
        assert_eq!(exit, Exit::Done, "{said}");
        assert!(said.contains(&format!("put it into {name}")), "{said}");
        let record: serde_json::Value =
            serde_json::from_slice(&fs::read(place.find(&format!("{name}.json")).unwrap()).unwrap()).unwrap();
        let system = record["toplevel"].as_str().unwrap().as_bytes();
        // Cards are compared by what boots on them.
        let card = fs::File::open(place.find("card.img").unwrap()).unwrap();
        let mut head = vec![0; 11 << 20];
        io::Read::read_exact(&mut &card, &mut head).unwrap();
        assert!(head.windows(system.len()).any(|window| window == system), "{name}");
    }
}

#[test]
fn generations_are_listed_and_gone_back_to() {
    let place = Place::new();
    place.must(&["deploy", "--yes"]);
    let more = &[pi(dns().record("web", LAN.host(80)))];
    assert_eq!(place.run_with(more, &["deploy", "--yes"]).0, Exit::Done);
    let listed = place.must(&["pi", "generations"]);
    assert!(listed.contains("   3  2026-01-01 00:00:02  boots by default"), "{listed}");
    place.refused(Exit::Usage, &["pi", "rollback"], "add `--yes`");
    place.refused(Exit::Refused, &["pi", "rollback", "9", "--yes"], "the Pi has kept 1, 2, 3");
    place.refused(Exit::Usage, &["pi", "rollback", "1", "2", "--yes"], "more than one generation");
    place.refused(Exit::Usage, &["pi", "rollback", "nosuch", "--yes"], "there is no Pi called `nosuch`");
    let back = place.must(&["pi", "rollback", "--yes"]);
    assert!(back.contains("pihole runs generation 2, which boots by default, and answers names"), "{back}");
    assert!(place.must(&["pi", "generations"]).contains("   2  2026-01-01 00:00:01  boots by default"));
    // What was gone back from is what the code says: a plan shows it.
    assert_eq!(place.run_with(more, &["plan", "--detailed-exitcode"]).0, Exit::Pending);
    assert_eq!(place.run(&["plan", "--detailed-exitcode"]).0, Exit::Done);
}

#[test]
fn a_pi_is_verified_probe_by_probe_and_the_next_run_says_the_same() {
    let place = Place::new();
    place.must(&["deploy", "--yes"]);
    for _ in 0..2 {
        let report = place.must(&["verify", "pi"]);
        let words = ["login", "port", "clock", "public", "local", "blocked", "dnssec", "unbound", "latency", "api"];
        let more = ["lists", "units", "disk", "power"];
        let mut at = 0;
        for word in words.iter().chain(&more) {
            let found = report[at..].find(&format!("ok    {word}"));
            at += found.unwrap_or_else(|| panic!("{word} is not passed in its place:\n{report}"));
        }
        assert!(report.contains("ads.example.net: blocked: gravity"), "the extended error says it: {report}");
        assert!(report.contains("healthy"), "{report}");
    }
}

#[test]
fn a_pi_whose_upstream_is_dead_is_not_healthy_and_the_reason_is_told() {
    let place = Place::new();
    place.must(&["deploy", "--yes"]);
    let world =
        place.find("world.json").filter(|path| path.parent().unwrap().ends_with("pihole-192.168.0.53")).unwrap();
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&world).unwrap()).unwrap();
    kept["upstream"]["alive"] = false.into();
    fs::write(&world, kept.to_string()).unwrap();
    let (exit, report) = place.run(&["verify", "pi"]);
    assert_eq!(exit, Exit::Unsound, "{report}");
    assert!(report.contains("nothing comes from upstream") && report.contains("fix:"), "{report}");
}

#[test]
fn a_backup_is_encrypted_and_holds_nothing_in_clear() {
    let place = Place::new();
    place.must(&["deploy", "--yes"]);
    place.refused(Exit::Usage, &["pi", "backup"], "add `--yes`");
    let said = place.must(&["pi", "backup", "--yes"]);
    assert!(said.contains("are encrypted in"), "{said}");
    let sealed = fs::read(place.find("pihole-teleporter.zip.age").unwrap()).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1"));
    assert!(!String::from_utf8_lossy(&sealed).contains("pihole.toml"));
}

#[test]
fn what_is_typed_wrong_is_told_with_what_would_be_right() {
    let place = Place::new();
    place.refused(Exit::Usage, &["pi", "builder"], "`pi builder up`");
    place.refused(Exit::Usage, &["pi", "build", "nosuch"], "there are: pihole");
    place.refused(Exit::Usage, &["pi", "build", "pihole", "more"], "`more` is too much");
    place.refused(Exit::Usage, &["pi", "flash"], "a device is needed");
    place.refused(Exit::Usage, &["pi", "flash", "simcard"], "there is no Pi called `simcard`");
    place.refused(Exit::Usage, &["pi", "flash", "/dev/simcard", "a.img", "b.img"], "neither a device nor an image");
    assert!(place.must(&["pi", "builder", "up"]).contains("builds with a simulated builder"));
    assert!(place.must(&["pi", "update"]).contains("nothing is newer"));
    let help = place.must(&["pi", "flash", "--help"]);
    for word in ["[NAME] DEVICE [IMAGE] [erase SERIAL]", "--any-size", "--virtual", "read it back"] {
        assert!(help.contains(word), "{help}");
    }
}
