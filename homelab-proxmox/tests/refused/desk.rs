//! A lab and its command line, live against a simulated Proxmox VE that is served on loopback.
use async_trait::async_trait;
use homelab_core::{
    Connect, Failure, Handle, Lab, Permit, Sandbox, Secret, Secrets, Site, Sites,
    cli::{self, Exit, Outside},
    engine::Interrupt,
    env::Env,
    units::{Network, SizeUnits},
};
use homelab_proxmox::{
    Node, Pve, Template, Vm,
    client::{Credential, Params, silent},
    http::Http,
    resource::{CloudInit, Uefi},
    sim::{NodeSpec, Pace, Sim, World},
    site::{Answered, Cluster, Hardware, Reach},
};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, BufRead, Cursor, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    thread,
};
use tokio::{runtime, sync::oneshot};

pub(crate) const PVE: Site<Pve> = Site::named("pve");
pub(crate) const DIN: Node = Node::of(PVE, "din");
pub(crate) const GROGU: Node = Node::of(PVE, "grogu");
pub(crate) const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);
pub(crate) const TOKEN: (&str, &str) = ("iac@pve!lab", "c0ffee00-1111-4222-8333-444455556666");

/// What differs from run to run, in every snapshot.
pub(crate) const FILTERS: [(&str, &str); 8] = [
    (r"\[DIR\]/\.homelab", "[STATE]"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ| UTC)", "[DATE]"),
    (r"pid \d+( of \S+)?( on \S+)?\)", "[PROCESS])"),
    (r"(homelab-proxmox/)?tests/refused/\w+\.rs:\d+", "[CODE]"),
    (r"(\[ *)?\b\d+(\.\d)?s\b\]?", "[TIME]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"UPID:\S+:", "[UPID]"),
    (r"([0-9A-F]{2}:){31}[0-9A-F]{2}", "[FINGERPRINT]"),
];

/// Compares what a command line said with an inline snapshot.
#[macro_export]
macro_rules! says {
    ($said:expr, @$snapshot:literal) => {
        insta::with_settings!({ filters => $crate::desk::FILTERS.to_vec(), omit_expression => true }, {
            insta::assert_snapshot!($said, @$snapshot)
        })
    };
}

/// What a run said.
pub(crate) struct Said {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.exit.code(), self.stdout, self.stderr)
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A person who does something before the answer is typed.
pub(crate) struct Late<F: FnMut() + Send>(pub(crate) F, pub(crate) Cursor<&'static str>);

impl<F: FnMut() + Send> io::Read for Late<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1.read(into)
    }
}

impl<F: FnMut() + Send> BufRead for Late<F> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.1.position() == 0 {
            (self.0)();
        }
        self.1.fill_buf()
    }
    fn consume(&mut self, amount: usize) {
        self.1.consume(amount);
    }
}

/// A simulator that is being served by a thread of its own, until this is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) fingerprint: String,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn of(sim: &Sim) -> Server {
        let (sim, (tell, told), (stop, stopped)) = (sim.clone(), mpsc::channel(), oneshot::channel());
        thread::spawn(move || {
            runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let served = sim.serve(0).await.unwrap();
                tell.send((served.url.clone(), served.fingerprint.clone())).unwrap();
                let _ = stopped.await;
            });
        });
        let (url, fingerprint) = told.recv().unwrap();
        Server { url, fingerprint, _stop: stop }
    }
}

/// The cluster as a lab connects it, and the network of its simulated guests.
struct Wired {
    cluster: Cluster,
    network: Arc<Guests>,
}

#[derive(Clone)]
struct Guests {
    sim: Sim,
    strangers: Vec<IpAddr>,
    bug: Option<String>,
}

#[async_trait]
impl Reach for Guests {
    async fn knock(&self, at: SocketAddr) -> Answered {
        if let Some(bug) = &self.bug {
            panic!("{bug}");
        }
        let open = self.strangers.contains(&at.ip()) || self.sim.reachable(at.ip());
        if open { Answered::Open } else { Answered::Nobody }
    }
}

impl Connect for Wired {
    type Provider = Pve;
    fn credentials(&self) -> Vec<Vec<Secret>> {
        self.cluster.credentials()
    }
    async fn live(&self, secrets: &Secrets) -> Result<Pve, Failure> {
        Ok(self.cluster.live(secrets).await?.reaching(Arc::clone(&self.network) as Arc<dyn Reach>))
    }
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Pve, Failure> {
        self.cluster.sandbox(sandbox).await
    }
}

pub(crate) type Ubuntu = Handle<Template<Uefi, CloudInit>>;
pub(crate) type Cloud = Vm<Uefi, CloudInit>;

/// Template 9000 on din.
pub(crate) fn ubuntu(lab: &mut Lab) -> Ubuntu {
    lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init())
}

/// Guest 201, cloned from it.
pub(crate) fn web(template: Ubuntu) -> Cloud {
    Vm::clone_from(template).on(DIN).id(201).named("web").cores(2).memory(4.gib()).disk(50.gib()).at(LAN.host(202))
}

/// The template and what `change` makes of the guest.
pub(crate) fn lab_of(change: impl FnOnce(Cloud) -> Cloud) -> Lab {
    let mut lab = Lab::named("home");
    let template = ubuntu(&mut lab);
    lab.add(change(web(template)));
    lab
}

/// An empty guest with the template's disk, which is made in a moment and stays off.
pub(crate) fn shell() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(Vm::blank().on(DIN).id(300).named("shell").disk(32.gib()).stopped());
    lab
}

pub(crate) fn cluster() -> World {
    let node = || NodeSpec { cores: 24, memory: 192 << 30, disk: 1 << 40 };
    World::cluster("home").with_node("din", node()).with_node("grogu", node()).pace(Pace::instant())
}

/// One person's working place; a clone is another person at the same.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) sim: Sim,
    pub(crate) server: Option<Arc<Server>>,
    pub(crate) env: BTreeMap<&'static str, String>,
    pub(crate) lab: Arc<dyn Fn() -> Lab + Send + Sync>,
    /// Machines that answer and are no guests of ours.
    pub(crate) strangers: Vec<IpAddr>,
    /// What the program panics with where it waits for a guest.
    pub(crate) bug: Option<String>,
    dir: Arc<tempfile::TempDir>,
}

impl Desk {
    /// With a token that may do everything, and the certificate pinned.
    pub(crate) fn new(lab: impl Fn() -> Lab + Send + Sync + 'static) -> Desk {
        Desk::at(cluster(), lab)
    }

    pub(crate) fn at(world: World, lab: impl Fn() -> Lab + Send + Sync + 'static) -> Desk {
        let sim = Sim::new(world.with_token(TOKEN.0, TOKEN.1));
        let server = Server::of(&sim);
        let env = [
            ("PROXMOX_URL", server.url.clone()),
            ("PROXMOX_FINGERPRINT", server.fingerprint.clone()),
            ("PROXMOX_TOKEN_ID", TOKEN.0.to_owned()),
            ("PROXMOX_TOKEN_SECRET", TOKEN.1.to_owned()),
        ];
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Desk {
            sim,
            server: Some(Arc::new(server)),
            env: env.into(),
            lab: Arc::new(lab),
            strangers: vec![],
            bug: None,
            dir,
        }
    }

    /// Logs in with a password instead.
    pub(crate) fn with_password(mut self, user: &str, password: &str) -> Desk {
        self.env.retain(|name, _| !name.starts_with("PROXMOX_TOKEN"));
        self.env.insert("PROXMOX_USERNAME", user.to_owned());
        self.env.insert("PROXMOX_PASSWORD", password.to_owned());
        self
    }

    pub(crate) fn without(mut self, names: &[&str]) -> Desk {
        self.env.retain(|name, _| !names.contains(name));
        self
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.insert(name, value.into());
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn state(&self, file: &str) -> PathBuf {
        self.path(".homelab/home/live").join(file)
    }

    /// Changes the world in a way that has no call: as JSON.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let edited = |world: World| {
            let mut json = serde_json::to_value(&world).unwrap();
            change(&mut json);
            serde_json::from_value(json).unwrap()
        };
        self.sim.change(edited).unwrap();
    }

    /// The guests and the volumes that there are, one a line.
    pub(crate) fn guests(&self) -> String {
        let world = serde_json::to_value(self.sim.world()).unwrap();
        let all = |what: &str| world[what].as_object().unwrap().clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let guests = all("guests").into_iter().map(|(vmid, guest)| {
            let state = if guest["run"].is_null() { "stopped" } else { "running" };
            format!("{vmid} {} on {}, {state}\n", text(&guest["config"]["name"]), text(&guest["node"]))
        });
        let volumes = all("volumes").into_values().map(|volume| format!("{}\n", text(&volume["volid"])));
        guests.chain(volumes).collect()
    }

    /// Does something as an administrator with a client of their own.
    pub(crate) fn admin<T>(&self, work: impl AsyncFnOnce(&Pve, &Permit) -> homelab_proxmox::Result<T>) -> T {
        admin(&self.sim, work)
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.run_changed(line, |_| {})
    }

    pub(crate) fn run_changed(&self, line: &str, change: impl FnOnce(&mut Outside)) -> Said {
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let mut outside = Outside {
            args: ["lab"].into_iter().chain(line.split_whitespace()).map(Into::into).collect(),
            env: Ok(Env::from_pairs(self.env.iter().map(|(name, value)| (*name, value.clone())))),
            dir: self.dir.path().to_owned(),
            stdin: Box::new(Cursor::new(b"")),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            can_answer: false,
            ask_hidden: |_| Ok(String::new()),
            stdout_is_terminal: false,
            terminal: None,
            interrupt: Some(Interrupt::pair().1),
            secrets: Secrets::none(),
        };
        change(&mut outside);
        let network =
            Arc::new(Guests { sim: self.sim.clone(), strangers: self.strangers.clone(), bug: self.bug.clone() });
        let sites = || {
            // Nobody listens there: every test says in PROXMOX_URL where.
            let cluster = Cluster::at(["https://127.0.0.1:1"]).node(DIN, Hardware::default());
            Sites::new().with(PVE, Wired { cluster, network: Arc::clone(&network) })
        };
        let exit = cli::run_in(&*self.lab, &sites, outside);
        let dir = self.dir.path().to_string_lossy().into_owned();
        let text = |heard: Heard| String::from_utf8(heard.0.lock().unwrap().clone()).unwrap().replace(&dir, "[DIR]");
        Said { exit, stdout: text(stdout), stderr: text(stderr) }
    }

    /// A run that must come to its end without trouble.
    pub(crate) fn converges(&self) {
        let said = self.run("deploy --yes");
        assert_eq!(said.exit, Exit::Done, "{said}");
        let said = self.run("plan --detailed-exitcode");
        assert_eq!(said.exit, Exit::Done, "{said}");
    }

    /// The error that a run ends with, without the steps before.
    pub(crate) fn errors(&self, line: &str) -> String {
        let said = self.run(line);
        let from = said.stderr.find("error:").unwrap_or_else(|| panic!("no error: {said}"));
        format!("exit {}\n{}", said.exit.code(), &said.stderr[from..])
    }
}

/// Does something with a client of its own, in process.
pub(crate) fn admin<T>(sim: &Sim, work: impl AsyncFnOnce(&Pve, &Permit) -> homelab_proxmox::Result<T>) -> T {
    let http = Arc::new(sim.clone()) as Arc<dyn Http>;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A test may be inside of a run's runtime: it gets a thread of its own.
    runtime.block_on(async {
        let pve = Pve::over(http, Credential::token(TOKEN.0, TOKEN.1));
        work(&pve, &Permit::for_tests()).await.unwrap()
    })
}

/// A guest that somebody made by hand.
pub(crate) fn stranger(sim: &Sim, vmid: u32) {
    let sim = sim.clone();
    let make = move || {
        admin(&sim, async |pve, permit| {
            let params = Params::new().set("name", "somebodys").set("memory", 512);
            pve.create(permit, "din", vmid, params).await?.wait(&silent).await
        });
    };
    thread::spawn(make).join().unwrap();
}
