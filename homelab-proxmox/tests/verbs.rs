//! The verbs that a cluster brings to the command line, from outside, in the sandbox.
use homelab_core::{
    Lab, ResourceExt, Secrets, Site, Sites,
    cli::{self, Exit, Outside},
    env::Env,
    host::{Computer, HOSTS, Ssh},
    units::{Network, SizeUnits},
};
use homelab_proxmox::{
    Container, ContainerTemplate, Node, Pve, Template, Vm,
    site::{Cluster, Hardware},
};
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

const PVE: Site<Pve> = Site::named("pve");
const DIN: Node = Node::of(PVE, "din");
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

fn sites() -> Sites {
    Sites::new().with(PVE, Cluster::at(["https://192.0.2.1:8006"]).node(DIN, Hardware::default()))
}

/// A store, and a client of it that was declared after it.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    lab.group("node/din", |lab| {
        lab.add(Vm::blank().on(DIN).id(300).named("nas").memory(1.gib()).disk(4.gib()).stopped())
    });
    lab.add(Vm::blank().on(DIN).id(301).named("web").memory(1.gib()).disk(4.gib()).stopped());
    lab
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

fn run(dir: &Path, words: &[&str]) -> (Exit, String, String) {
    run_of(&lab, dir, words)
}

fn run_of(lab: &dyn Fn() -> Lab, dir: &Path, words: &[&str]) -> (Exit, String, String) {
    run_at(lab, &sites, dir, words)
}

/// The same, with machines that are logged in to.
fn joined() -> Sites {
    let cluster = Cluster::at(["https://192.0.2.1:8006"]).node(DIN, Hardware::default());
    Sites::new().with(PVE, cluster.machine(DIN, LAN.host(11))).with(HOSTS, Ssh)
}

fn run_at(lab: &dyn Fn() -> Lab, sites: &dyn Fn() -> Sites, dir: &Path, words: &[&str]) -> (Exit, String, String) {
    let (out, err) = (Shared::default(), Shared::default());
    let outside = Outside {
        args: ["lab"].iter().chain(words).map(Into::into).collect(),
        env: Ok(Env::from_pairs([("HOMELAB_STATE", dir.to_string_lossy())])),
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
    };
    let exit = cli::run_in(lab, sites, outside);
    let text = |shared: &Shared| String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
    (exit, text(&out), text(&err))
}

#[test]
fn a_token_is_made_viewed_and_renewed_and_its_secret_shown_only_if_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, _, err) = run(dir.path(), &["token", "create"]);
    assert_eq!(exit, Exit::Usage, "{err}");
    assert!(err.contains("add `--yes`"), "{err}");
    let (exit, out, err) = run(dir.path(), &["token", "create", "--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert_eq!(out, "homelab@pve!homelab-1 is made and kept in the lab's store\n");
    let (exit, hidden, err) = run(dir.path(), &["token", "view"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(
        hidden.starts_with("homelab@pve!homelab-1, 0 days old\n") && hidden.contains("    VM.Allocate\n"),
        "{hidden}"
    );
    let (_, shown, _) = run(dir.path(), &["token", "view", "--show"]);
    let secret = shown.strip_prefix(&hidden).expect("the secret comes last").trim();
    assert_eq!(secret.len(), 36, "{shown}");
    let (exit, out, err) = run(dir.path(), &["token", "rotate", "--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.contains("homelab-2 is made") && out.contains("homelab-1 is taken back"), "{out}");
    assert!(![out, err].iter().any(|text| text.contains(secret)));
}

#[test]
fn status_tells_what_memory_is_available_and_what_the_guests_do() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["deploy", "--yes"]).0, Exit::Done);
    let (exit, out, err) = run(dir.path(), &["status", "proxmox"]);
    assert_eq!(exit, Exit::Done, "{err}");
    let words: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    let row = |first: &str| words.iter().find(|row| row.first() == Some(&first)).unwrap_or_else(|| panic!("{out}"));
    assert!(row("din")[..2] == ["din", "9.2.3"] && row("din").ends_with(&["of", "64", "GiB"]), "{out}");
    assert_eq!(*row("300"), ["300", "nas", "din", "stopped"]);
    assert_eq!(row("local-lvm")[..2], ["local-lvm", "din"]);
    assert!(!out.contains("token:"), "none was made yet: {out}");
    assert_eq!(run(dir.path(), &["token", "create", "--yes"]).0, Exit::Done);
    let (_, out, _) = run(dir.path(), &["status", "proxmox"]);
    assert!(out.ends_with("token: 0 days old\n"), "{out}");
    // What a run leaves that is killed while the node restarts.
    let notes = r#"{"description":"homelab: home proxmox/node-reboot/din id=0 running=101,102"}"#;
    assert_eq!(run(dir.path(), &["proxmox", "call", "PUT", "/nodes/din/config", notes, "--yes"]).0, Exit::Done);
    let (_, out, _) = run(dir.path(), &["status", "proxmox"]);
    assert!(out.contains(", its restart is to be finished by a deploy"), "{out}");
}

#[test]
fn any_call_is_made_by_hand_and_a_change_needs_a_yes() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, out, err) = run(dir.path(), &["proxmox", "call", "GET", "/version"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.contains("\"release\""), "{out}");
    let change = ["proxmox", "call", "POST", "/pools", r#"{"poolid":"media"}"#];
    let (exit, _, err) = run(dir.path(), &change);
    assert_eq!(exit, Exit::Usage, "{err}");
    let (exit, _, err) = run(dir.path(), &[&change[..], &["--yes"]].concat());
    assert_eq!(exit, Exit::Done, "{err}");
    let (_, out, _) = run(dir.path(), &["proxmox", "call", "GET", "/pools"]);
    assert!(out.contains("media"), "{out}");
    let (exit, out, err) = run(dir.path(), &["proxmox", "templates", "debian-12"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.lines().all(|line| line.starts_with("debian-12-standard")) && !out.is_empty(), "{out}");
}

#[test]
fn a_node_is_configured_by_two_words_that_deploy_its_part() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, out, err) = run(dir.path(), &["node", "configure", "din", "--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.contains("proxmox/vm/nas") && !out.contains("proxmox/vm/web"), "{out}");
    let (exit, _, err) = run(dir.path(), &["node", "configure", "dim"]);
    assert_eq!(exit, Exit::Usage, "{err}");
    let (exit, out, _) = run(dir.path(), &["node", "configure", "--help"]);
    assert_eq!(exit, Exit::Done);
    assert!(out.contains("deploy --only node/NAME"), "{out}");
}

#[test]
fn drift_is_a_plan_that_tells_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["drift"]).0, Exit::Pending);
    assert_eq!(run(dir.path(), &["deploy", "--yes"]).0, Exit::Done);
    assert_eq!(run(dir.path(), &["drift"]).0, Exit::Done);
}

#[test]
fn all_is_switched_off_only_after_a_yes_and_the_node_that_answers_last() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["proxmox", "shutdown"]).0, Exit::Usage);
    let (exit, out, err) = run(dir.path(), &["proxmox", "shutdown", "--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(out.starts_with("node din shuts down\nthe Raspberry Pi"), "{out}");
}

/// Two templates, and a guest of one of them.
fn templates() -> Lab {
    let mut lab = Lab::named("home");
    let debian = lab.add(Template::debian_13(9001).on(DIN).cloud_init());
    lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
    lab.add(Vm::clone_from(debian).on(DIN).id(301).named("web").memory(1.gib()).stopped());
    lab
}

#[test]
fn a_template_is_built_by_two_words_or_all_of_them_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let build = |words: &[&str]| run_of(&templates, dir.path(), &[&["template", "build"], words].concat());
    let (exit, _, err) = build(&["alpine"]);
    assert_eq!(exit, Exit::Usage, "{err}");
    let (exit, _, err) = build(&["ubuntu-24.04", "--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(err.contains("proxmox/template/ubuntu-24.04: created") && !err.contains("debian-13: created"), "{err}");
    let (exit, _, err) = build(&["--yes"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(err.contains("proxmox/template/debian-13: created") && !err.contains("ubuntu-24.04: created"), "{err}");
    assert!(!err.contains("proxmox/vm/web: created"), "{err}");
    let (exit, out, err) = build(&["debian-13"]);
    assert_eq!(exit, Exit::Done, "{err}");
    assert!(format!("{out}{err}").contains("no changes"), "{out}{err}");
}

/// A NAS, a client of it that asks the name server, which is declared last, and somebody who has nothing to do with them.
fn chain() -> Lab {
    let mut lab = Lab::named("home");
    let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
    let container = |id: u32, name: &str, host: u32| {
        Container::from_template(debian).on(DIN).id(id).named(name).memory(512.mib()).at(LAN.host(host))
    };
    lab.add(container(400, "alone", 40));
    let nas = lab.add(container(401, "nas", 41));
    lab.add(container(402, "web", 42).resolver(LAN.host(53).ip()).after(nas));
    lab.add(container(403, "dns", 53));
    lab
}

#[test]
fn guests_go_down_and_come_up_in_the_order_that_follows_from_the_lab() {
    let dir = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let (exit, out, err) = run_of(&chain, dir.path(), words);
        assert_eq!(exit, Exit::Done, "{words:?}: {out}{err}");
        out
    };
    run(&["deploy", "--yes"]);
    for vmid in 400..=403 {
        run(&["proxmox", "call", "POST", &format!("/nodes/din/lxc/{vmid}/status/stop"), "--yes"]);
    }
    while run(&["status", "proxmox"]).contains("running") {}
    assert_eq!(
        run(&["proxmox", "up", "--yes"]),
        "guest nas is started\nguest dns is started\nguest web is started\nguest alone is started\n"
    );
    let out = run(&["proxmox", "shutdown", "--yes"]);
    let down = "guest alone is down\nguest web is down\nguest dns is down\nguest nas is down\nnode din shuts down\n";
    assert!(out.starts_with(down), "{out}");
}

#[test]
fn a_container_behind_its_node_takes_commands_and_is_in_the_inventory() {
    let dir = tempfile::tempdir().unwrap();
    let lab = || {
        let mut lab = Lab::named("home");
        let debian = lab.add(ContainerTemplate::appliance("debian-12-standard").on(DIN));
        let din = lab.add(Computer::named("din", LAN.host(11)).login("root"));
        lab.add(Container::from_template(debian).on(DIN).id(202).named("inner").memory(512.mib()).through(din));
        lab
    };
    let run = |words: &[&str]| run_at(&lab, &joined, dir.path(), words);
    let (exit, out, err) = run(&["deploy"]);
    assert_eq!(exit, Exit::Done, "{out}\n{err}");
    let (_, out, err) = run(&["inventory", "--ansible"]);
    let line = "inner ansible_host=192.168.0.11 ansible_user=root \
                ansible_connection=community.proxmox.proxmox_pct_remote proxmox_vmid=202";
    assert!(out.contains(line), "{out}\n{err}");
    let (exit, out, err) = run(&["exec", "inner", "--", "echo", "it's inside"]);
    assert_eq!((exit, out.contains("it's inside\n")), (Exit::Done, true), "{out}\n{err}");
    let (_, out, err) = run(&["ping"]);
    assert!(out.contains("container 202 of root@192.168.0.11  up"), "{out}\n{err}");
}
