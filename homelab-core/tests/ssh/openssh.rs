//! The transport against OpenSSH.
use super::sshd::{Sshd, keygen, wanted};
use homelab_core::{
    Permit,
    host::{Action, Batch, Command, HostPath, Machine, probe},
    ssh::{Origin, Phase, Side, SshError, SshMachine, Surroundings, Target},
};
use std::{fs, os::unix::ffi::OsStrExt, path::Path, process, time::Duration};

/// A batch of many facts, as a run with nothing to do asks for.
fn facts(n: usize) -> Batch {
    let mut batch = Batch::new();
    for n in 0..n {
        batch.ask(probe::digest(HostPath::at(["/etc/passwd", "/etc/hosts", "/etc/fstab", "/no/such"][n % 4])));
    }
    batch.ask(probe::user("root"));
    batch
}

async fn whoami(machine: &SshMachine) -> Result<u32, SshError> {
    let mut batch = Batch::new();
    let system = batch.ask(probe::system());
    Ok(system.of(&machine.run(&batch).await?).unwrap().uid)
}

#[tokio::test]
async fn a_run_with_nothing_to_do_takes_one_script_and_at_most_three_round_trips_after_the_login() {
    if !wanted() {
        return;
    }
    let sshd = Sshd::start();
    let machine = sshd.machine();
    machine.connect().await.unwrap();
    let login = machine.cost().await;
    for n in [1, 100, 150] {
        let before = machine.cost().await;
        machine.run(&facts(n)).await.unwrap();
        let after = machine.cost().await;
        assert_eq!(after.execs - before.execs, 1);
        // Opening the channel, the script; the third is the closing of the channel, which nobody waits for.
        assert!(after.round_trips - before.round_trips <= 3, "{n} facts: {before:?} {after:?}");
    }
    // Version, keys, key exchange, service, offer, signature; the new keys' own message is not waited for.
    assert!(login.round_trips <= 7, "{login:?}");
    // What does not fit into a request comes on standard input, still as one script.
    let before = machine.cost().await;
    machine.run(&facts(3000)).await.unwrap();
    assert_eq!(machine.cost().await.execs - before.execs, 1);
}

#[tokio::test]
async fn the_host_key_is_known_by_file_hash_or_pin_and_refused_otherwise() {
    if !wanted() {
        return;
    }
    let sshd = Sshd::start();
    assert_eq!(whoami(&sshd.machine()).await.unwrap(), 0);
    let file = sshd.home().join(".ssh/known_hosts");
    let hashed = process::Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).status().unwrap();
    assert!(hashed.success() && fs::read_to_string(&file).unwrap().starts_with("|1|"));
    assert_eq!(whoami(&sshd.machine()).await.unwrap(), 0);

    fs::remove_file(&file).unwrap();
    let unknown = whoami(&sshd.machine()).await.unwrap_err();
    assert!(
        matches!(&unknown, SshError::HostKeyUnknown { shown, .. } if shown.openssh == sshd.host_key()),
        "{unknown}"
    );
    assert!(unknown.hint().contains(&sshd.host_key()), "{}", unknown.hint());

    keygen(&sshd.dir.path().join("other"), "ed25519", "");
    let other = fs::read_to_string(sshd.dir.path().join("other.pub")).unwrap();
    sshd.write(".ssh/known_hosts", &format!("# one line before\n[127.0.0.1]:{} {other}", sshd.port));
    let changed = whoami(&sshd.machine()).await.unwrap_err();
    let SshError::HostKeyChanged { shown, known, .. } = &changed else { panic!("{changed}") };
    assert_eq!(shown.openssh, sshd.host_key());
    assert_eq!(known[0].origin, Origin::File(file, 2));
    assert!(known[0].key.fingerprint.starts_with("SHA256:") && known[0].key != **shown);

    let pinned = SshMachine::within(sshd.target().pinned(sshd.host_key()), sshd.around());
    assert_eq!(whoami(&pinned).await.unwrap(), 0);
    let wrong = SshMachine::within(sshd.target().pinned(other), sshd.around());
    assert!(matches!(whoami(&wrong).await, Err(SshError::HostKeyChanged { .. })));
}

#[tokio::test]
async fn keys_come_from_files_of_every_kind_and_from_the_agent() {
    if !wanted() {
        return;
    }
    let mut sshd = Sshd::start();
    let home = sshd.home().join(".ssh");
    for kind in ["rsa", "ecdsa"] {
        keygen(&home.join(kind), kind, "");
        fs::copy(home.join(format!("{kind}.pub")), sshd.dir.path().join("authorized")).unwrap();
        let machine = SshMachine::within(sshd.target().identity(home.join(kind)), sshd.around());
        assert_eq!(whoami(&machine).await.unwrap(), 0, "{kind}");
    }
    // Only the last of them is authorized now, so the usual key is refused, by name.
    let refused = whoami(&sshd.machine()).await.unwrap_err();
    let SshError::AuthRefused { user, offered, methods, notes, side, .. } = &refused else { panic!("{refused}") };
    assert!(*side == Side::Theirs && refused.hint().contains("cloud-init has not put one there"), "{}", refused.hint());
    assert_eq!((user.as_str(), offered.len(), &methods[..]), ("root", 1, &["publickey".to_owned()][..]));
    assert!(offered[0].from.ends_with("/id_ed25519") && refused.hint().contains(&offered[0].key.openssh), "{refused}");
    assert_eq!(notes.as_slice(), ["there is no agent: SSH_AUTH_SOCK is not set"]);

    // An encrypted key is of use through the agent only.
    keygen(&home.join("locked"), "ed25519", "passphrase");
    fs::copy(home.join("locked.pub"), sshd.dir.path().join("authorized")).unwrap();
    let locked =
        |sshd: &Sshd| SshMachine::within(sshd.target().identity(sshd.home().join(".ssh/locked")), sshd.around());
    let missing = whoami(&locked(&sshd)).await.unwrap_err();
    let SshError::NoKey { notes, .. } = &missing else { panic!("{missing}") };
    assert!(notes.iter().any(|n| n.contains("is encrypted and not in the agent: `ssh-add ")), "{notes:?}");

    sshd.agent();
    fs::remove_file(home.join("id_ed25519")).unwrap();
    let empty = whoami(&sshd.machine()).await.unwrap_err();
    assert!(matches!(empty, SshError::AgentEmpty { .. }), "{empty}");
    sshd.add(&home.join("rsa"));
    let wrong = whoami(&sshd.machine()).await.unwrap_err();
    assert!(
        matches!(&wrong, SshError::AuthRefused { offered, side: Side::Theirs, notes, .. }
            if offered[0].from == "test, by the agent" && notes[0].ends_with("holds one key")),
        "{wrong:?}"
    );
    let withheld = whoami(&locked(&sshd)).await.unwrap_err();
    assert!(matches!(&withheld, SshError::AuthRefused { side: Side::Ours, .. }), "{withheld:?}");
    assert!(withheld.hint().starts_with("the right key may be one that was not offered"), "{}", withheld.hint());
    fs::copy(home.join("rsa.pub"), sshd.dir.path().join("authorized")).unwrap();
    assert_eq!(whoami(&sshd.machine()).await.unwrap(), 0);
    // The public half alone names the key that the agent shall use.
    let half = SshMachine::within(sshd.target().identity(home.join("rsa.pub")), sshd.around());
    assert_eq!(whoami(&half).await.unwrap(), 0);

    let around = Surroundings { agent: Some("/no/such/agent".into()), ..sshd.around() };
    let gone = whoami(&SshMachine::within(sshd.target(), around)).await.unwrap_err();
    assert!(
        matches!(&gone, SshError::AgentUnreachable { socket, .. } if socket == Path::new("/no/such/agent")),
        "{gone}"
    );
}

#[tokio::test]
async fn the_configuration_names_the_way_over_another_host() {
    if !wanted() {
        return;
    }
    let (gate, inner) = (Sshd::start(), Sshd::start());
    let key = fs::read_to_string(gate.home().join(".ssh/id_ed25519.pub")).unwrap();
    fs::write(inner.dir.path().join("authorized"), key).unwrap();
    let config = format!(
        "Host gate\n HostName 127.0.0.1\n Port {}\n HostKeyAlias gate\nHost inner\n HostName 127.0.0.1\n Port {}\n User root\n ProxyJump root@gate\n \
         UserKnownHostsFile ~/known\n",
        gate.port, inner.port
    );
    gate.write(".ssh/config", &config);
    gate.write(".ssh/known_hosts", &format!("[gate]:{} {}\n", gate.port, gate.host_key()));
    gate.write("known", &format!("[127.0.0.1]:{} {}\n", inner.port, inner.host_key()));
    let machine = SshMachine::within(Target::named("inner"), gate.around());
    assert_eq!(whoami(&machine).await.unwrap(), 0);
    gate.write("known", "");
    let unknown = whoami(&SshMachine::within(Target::named("inner"), gate.around())).await.unwrap_err();
    assert!(matches!(unknown, SshError::HostKeyUnknown { ref host, .. } if host == "inner"), "{unknown}");
    gate.write(".ssh/known_hosts", "");
    let before = whoami(&SshMachine::within(Target::named("inner"), gate.around())).await.unwrap_err();
    assert!(before.to_string().starts_with("on the way to inner: the host key of gate is not known"), "{before}");
}

#[tokio::test]
async fn each_way_of_not_reaching_a_host_has_its_own_error() {
    if !wanted() {
        return;
    }
    let mut sshd = Sshd::start();
    sshd.stop();
    let refused = whoami(&sshd.machine()).await.unwrap_err();
    assert!(matches!(refused, SshError::Refused { .. }), "{refused}");
    let name = SshMachine::within(Target::named("no-such-host.invalid"), sshd.around());
    assert!(matches!(whoami(&name).await, Err(SshError::NameNotFound { .. })));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        use std::io::Write;
        listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let web = whoami(&SshMachine::within(Target::named("127.0.0.1").port(port), sshd.around())).await.unwrap_err();
    assert!(matches!(web, SshError::Handshake { .. }), "{web}");
    server.join().unwrap();
}

#[tokio::test]
async fn a_lost_connection_is_made_anew_where_that_is_harmless_and_told_of_where_it_is_not() {
    if !wanted() {
        return;
    }
    let permit = Permit::for_tests();
    let mut sshd = Sshd::start();
    let machine = sshd.machine();
    assert_eq!(whoami(&machine).await.unwrap(), 0);
    // Between two batches: any batch is simply sent on a new connection.
    sshd.restart();
    let mut act = Batch::new();
    let done = act.run(&permit, Command::new("true"));
    assert!(done.of(&machine.run(&act).await.unwrap()).unwrap().is_success());
    assert_eq!(machine.cost().await.connects, 2);
    // In the middle of one that changes something.
    let marks = sshd.dir.path().join("marks");
    let slow = format!("echo x >>{}; sleep 5", marks.display());
    let mut act = Batch::new();
    act.run(&permit, Command::new("sh").args(["-c", &slow]));
    let (lost, ()) = tokio::join!(machine.run(&act), async {
        while !marks.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sshd.restart();
    });
    let lost = lost.unwrap_err();
    assert!(matches!(lost, SshError::Closed { .. }) && lost.may_pass(), "{lost}");
    assert_eq!(fs::read_to_string(&marks).unwrap(), "x\n", "it is not done twice");
    // In the middle of one that only asks.
    fs::remove_file(&marks).unwrap();
    let ask = format!("if [ -e {0} ]; then echo second; else echo >{0}; sleep 5; echo first; fi", marks.display());
    let mut batch = Batch::new();
    let slot = batch.ask(probe::command(Command::new("sh").args(["-c", &ask])));
    let (replies, ()) = tokio::join!(machine.run(&batch), async {
        while !marks.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sshd.restart();
    });
    assert_eq!(slot.of(&replies.unwrap()).unwrap().text(), "second");
}

#[tokio::test]
async fn a_host_that_falls_silent_is_given_up_after_a_minute_and_a_new_login_after_another() {
    if !wanted() {
        return;
    }
    let sshd = Sshd::start();
    let machine = sshd.machine();
    whoami(&machine).await.unwrap();
    sshd.freeze();
    // From here on each wait for the host is as short as the clock allows.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let mut act = Batch::new();
    act.run(&Permit::for_tests(), Command::new("true"));
    let lost = machine.run(&act).await.unwrap_err();
    // Without signs of life this would not end; that nothing had begun is known, so it is tried anew.
    assert!(matches!(lost, SshError::Timeout { phase: Phase::Login, .. }), "{lost}");
    let took = began.elapsed().as_secs();
    assert!((105..=125).contains(&took), "{took} s");
}

#[tokio::test]
async fn ten_megabytes_and_awkward_paths_go_both_ways() {
    if !wanted() {
        return;
    }
    let permit = Permit::for_tests();
    let sshd = Sshd::start();
    let machine = sshd.machine();
    let dir = HostPath::new(sshd.dir.path().as_os_str().as_bytes()).unwrap();
    let bytes: Vec<u8> = (0..10usize << 20).map(|n| (n * 31 + n / 253) as u8).collect();
    let mut batch = Batch::new();
    let mut reads = vec![];
    for name in [&b"plain"[..], b"a b'\"$(id)\n\\", b"\xff\xfe"] {
        let path = dir.join(name).unwrap();
        batch.act(
            &permit,
            Action::Write { path: path.clone(), content: bytes.as_slice().into(), mode: 0o600, owner: None },
        );
        reads.push(batch.ask(probe::read(path)));
    }
    let replies = machine.run(&batch).await.unwrap();
    for read in reads {
        assert!(read.of(&replies).unwrap().unwrap() == bytes);
    }
    assert_eq!(machine.cost().await.execs, 1);
}

/// Makes a user for one test; gone with it.
struct Login(String);

impl Login {
    fn new(name: &str, shell: &str) -> Self {
        let name = format!("{name}-{}", process::id());
        let done = process::Command::new("useradd").args(["-M", "-d", "/tmp", "-s", shell, &name]).status().unwrap();
        assert!(done.success());
        // An account without a password is locked unless it has something in its place.
        assert!(process::Command::new("usermod").args(["-p", "*", &name]).status().unwrap().success());
        Login(name)
    }
    fn sudoers(&self) -> std::path::PathBuf {
        Path::new("/etc/sudoers.d").join(&self.0)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        drop(fs::remove_file(self.sudoers()));
        drop(process::Command::new("userdel").args(["-f", &self.0]).status());
    }
}

#[tokio::test]
async fn a_login_that_is_not_root_works_through_sudo_and_says_when_that_wants_a_password() {
    if !wanted() || !Path::new("/usr/bin/sudo").exists() {
        return;
    }
    let sshd = Sshd::start();
    let login = Login::new("hl-sudo", "/bin/sh");
    let machine = || SshMachine::within(sshd.target().user(&login.0), sshd.around());
    let refused = whoami(&machine()).await.unwrap_err();
    assert!(matches!(&refused, SshError::SudoPassword { user, .. } if *user == login.0), "{refused}");
    assert!(refused.hint().contains("NOPASSWD"));
    let plain = SshMachine::within(sshd.target().user(&login.0).without_sudo(), sshd.around());
    assert_ne!(whoami(&plain).await.unwrap(), 0);
    let mut batch = Batch::new();
    let hidden = batch.ask(probe::stat(HostPath::at("/root/.ssh/authorized_keys")));
    let closed = batch.ask(probe::digest(HostPath::at("/etc/shadow")));
    let replies = plain.run(&batch).await.unwrap();
    assert!(hidden.of(&replies).unwrap_err().to_string().ends_with("permission denied"), "not seeing is not absence");
    assert!(closed.of(&replies).unwrap_err().to_string().ends_with("cannot be read"));

    fs::write(login.sudoers(), format!("{} ALL=(ALL) NOPASSWD: ALL\n", login.0)).unwrap();
    let machine = machine();
    assert_eq!(whoami(&machine).await.unwrap(), 0);
    let path = HostPath::new(sshd.dir.path().join("by sudo").as_os_str().as_bytes()).unwrap();
    let mut batch = Batch::new();
    let content = vec![7; 1 << 20];
    let write = Action::Write { path: path.clone(), content: content.clone().into(), mode: 0o600, owner: None };
    batch.act(&Permit::for_tests(), write);
    let read = batch.ask(probe::read(path));
    assert!(read.of(&machine.run(&batch).await.unwrap()).unwrap().unwrap() == content);
}

#[tokio::test]
async fn the_login_shell_may_be_bash_dash_busybox_or_one_that_quotes_in_its_own_way() {
    if !wanted() {
        return;
    }
    let sshd = Sshd::start();
    // A shell that takes no script as an argument: as csh, which ends words at line ends.
    let odd = sshd.dir.path().join("oddsh");
    fs::write(&odd, "#!/bin/sh\ncase $2 in *\"\n\"*) echo 'Unmatched quote' >&2; exit 1;; esac\nexec /bin/sh \"$@\"\n")
        .unwrap();
    let busy = sshd.dir.path().join("busysh");
    fs::write(&busy, "#!/bin/sh\necho 'Welcome to this machine'\nexec busybox sh \"$@\"\n").unwrap();
    for file in [&odd, &busy] {
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let shells = [Path::new("/bin/bash"), Path::new("/bin/dash"), &odd, &busy];
    for (n, shell) in shells.iter().enumerate().filter(|(_, s)| s.exists()) {
        let login = Login::new(&format!("hl-sh{n}"), shell.to_str().unwrap());
        let machine = SshMachine::within(sshd.target().user(&login.0).without_sudo(), sshd.around());
        for _ in 0..2 {
            assert_ne!(whoami(&machine).await.unwrap(), 0, "{}", shell.display());
        }
        let execs = machine.cost().await.execs;
        assert_eq!(execs, if **shell == *odd { 3 } else { 2 }, "{}: it is found out once", shell.display());
        let mut act = Batch::new();
        let cat = act.run(&Permit::for_tests(), Command::new("cat").stdin("in"));
        assert_eq!(cat.of(&machine.run(&act).await.unwrap()).unwrap().stdout, b"in");
    }
}

#[tokio::test]
async fn a_revoked_key_and_an_authority_alone_are_refused() {
    if !wanted() {
        return;
    }
    let sshd = Sshd::start();
    let line = |marker: &str| format!("{marker}[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key());
    sshd.write(".ssh/known_hosts", &format!("{}{}", line(""), line("@revoked ")));
    assert!(matches!(whoami(&sshd.machine()).await, Err(SshError::HostKeyRevoked { .. })));
    sshd.write(".ssh/known_hosts", &line("@cert-authority "));
    let authority = whoami(&sshd.machine()).await.unwrap_err();
    assert!(matches!(&authority, SshError::CertAuthority { .. }) && authority.hint().contains("pin"), "{authority}");
}
