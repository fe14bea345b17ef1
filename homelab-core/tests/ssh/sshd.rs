//! Real OpenSSH on loopback, with keys and configuration of its own. Only where the environment asks for it
//! (`HOMELAB_TEST_SSHD=1`), and as root, because sshd must become the user who logs in.
use homelab_core::ssh::{SshMachine, Surroundings, Target};
use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Whether these tests are to run.
pub(crate) fn wanted() -> bool {
    std::env::var("HOMELAB_TEST_SSHD").is_ok_and(|v| v == "1")
}

/// A server, and a home directory of somebody who may log in to it as root.
pub(crate) struct Sshd {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) port: u16,
    server: Child,
    agent: Option<Child>,
    settings: String,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        Sshd::with("")
    }

    /// With more lines of sshd_config.
    pub(crate) fn with(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("home/.ssh")).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let sshd = |dir: &Path| {
            keygen(&dir.join("host"), "ed25519", "");
            keygen(&dir.join("home/.ssh/id_ed25519"), "ed25519", "");
            fs::copy(dir.join("home/.ssh/id_ed25519.pub"), dir.join("authorized")).unwrap();
            fs::set_permissions(dir.join("authorized"), PermissionsExt::from_mode(0o644)).unwrap();
        };
        // The directory of keys must belong to root and be closed to others, and readable for sudo's user.
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        sshd(dir.path());
        let server = serve(dir.path(), port, settings);
        let sshd = Sshd { dir, port, server, agent: None, settings: settings.to_owned() };
        let host_key = sshd.host_key();
        sshd.write(".ssh/known_hosts", &format!("[127.0.0.1]:{port} {host_key}\n"));
        sshd
    }

    /// Ends every process of the server, connections too, and starts another.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.server = serve(self.dir.path(), self.port, &self.settings);
    }

    /// Has the server and its connections say nothing more, as a host does whose cable was pulled.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
        drop(Command::new("kill").args(["-STOP", &self.server.id().to_string()]).status());
    }

    /// Sends a signal to the server's sessions: each is one child of it.
    fn signal(&self, signal: &str) {
        let parent = self.server.id().to_string();
        let children = Command::new("pgrep").args(["-P", &parent]).output().unwrap();
        for child in String::from_utf8_lossy(&children.stdout).lines() {
            drop(Command::new("kill").args([signal, child]).status());
        }
    }

    pub(crate) fn stop(&mut self) {
        // Sessions outlive the server unless they are ended too.
        self.signal("-9");
        drop(self.server.kill());
        drop(self.server.wait());
        // A child that had just been forked holds the port for a moment longer, and resets who connects then.
        let refused = |e: std::io::Error| e.kind() == std::io::ErrorKind::ConnectionRefused;
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_err_and(refused) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A file below the home directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.home().join(name), text).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The public half of the host key, as in files.
    pub(crate) fn host_key(&self) -> String {
        let line = fs::read_to_string(self.dir.path().join("host.pub")).unwrap();
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn around(&self) -> Surroundings {
        Surroundings {
            home: self.home(),
            user: "root".into(),
            agent: self.agent.is_some().then(|| self.dir.path().join("agent")),
            config: vec![self.home().join(".ssh/config")],
            global_known_hosts: vec![],
        }
    }

    /// The server by its address.
    pub(crate) fn target(&self) -> Target {
        Target::named("127.0.0.1").port(self.port)
    }

    pub(crate) fn machine(&self) -> SshMachine {
        SshMachine::within(self.target(), self.around())
    }

    /// Starts an agent without keys.
    pub(crate) fn agent(&mut self) {
        let socket = self.dir.path().join("agent");
        let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        self.agent = Some(agent);
        wait(|| UnixStream::connect(&socket).is_ok());
    }

    /// Gives the agent a key.
    pub(crate) fn add(&self, key: &Path) {
        let done =
            Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", self.dir.path().join("agent")).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
        if let Some(agent) = &mut self.agent {
            drop(agent.kill());
            drop(agent.wait());
        }
    }
}

pub(crate) fn keygen(file: &Path, kind: &str, passphrase: &str) {
    let done =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-C", "test", "-N", passphrase, "-f"]).arg(file).status();
    assert!(done.unwrap().success());
}

fn serve(dir: &Path, port: u16, settings: &str) -> Child {
    let config = dir.join("sshd_config");
    let mut file = fs::File::create(&config).unwrap();
    let dir = dir.display();
    writeln!(
        file,
        "ListenAddress 127.0.0.1:{port}\nHostKey {dir}/host\nPidFile none\nAuthorizedKeysFile {dir}/authorized\n\
         PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n\
         StrictModes no\nMaxStartups 100\nLogLevel ERROR\n{settings}"
    )
    .unwrap();
    let server = Command::new("/usr/sbin/sshd")
        .arg("-D")
        .arg("-e")
        .arg("-f")
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

fn wait(ready: impl Fn() -> bool) {
    for _ in 0..500 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not start");
}
