//! A Proxmox VE cluster as a site of a lab.
use super::Device;
use crate::{
    Pve,
    api::Version,
    client::{Connection, Credential, Endpoint, Fingerprint, Secret as Hidden, Trust},
    resource::Node,
};
use homelab_core::{
    Connect, Failure, Sandbox, Scaffold, Secret, Secrets, Spelling, Verb,
    host::{self, Machine},
    ssh::{SshMachine, Target},
    units::{HostAddr, Size, SizeUnits},
};
use std::{fs, net::IpAddr, path::PathBuf, sync::Arc};

/// The id of the API token, `USER@REALM!NAME`.
pub const TOKEN_ID: Secret = Secret::named("PROXMOX_TOKEN_ID").or("TF_VAR_proxmox_api_token_id").open();
/// Its secret.
pub const TOKEN_SECRET: Secret = Secret::named("PROXMOX_TOKEN_SECRET").or("TF_VAR_proxmox_api_token_secret");
/// A user instead of a token, `root@pam`.
pub const USERNAME: Secret = Secret::named("PROXMOX_USERNAME").open();
/// The user's password.
pub const PASSWORD: Secret = Secret::named("PROXMOX_PASSWORD");
/// The secret of the user's one-time codes, if there are any.
pub const TOTP_SECRET: Secret = Secret::named("PROXMOX_TOTP_SECRET");
/// A node where root can be logged in to with a key, `root@192.168.0.11`: for giving rights where there is no password of his.
pub const SSH: Secret = Secret::named("PROXMOX_SSH").open();

/// Another address than the code's; several are separated by commas.
const URL: &str = "PROXMOX_URL";
/// The SHA-256 of the certificates; several are separated by commas.
const FINGERPRINT: &str = "PROXMOX_FINGERPRINT";
/// The certificate of the authority that signed them.
const CA_FILE: &str = "PROXMOX_CA_FILE";

/// A cluster of Proxmox VE, or a single node: where it is, what is trusted, and what the sandbox simulates of it.
///
/// ```
/// use homelab_core::{Site, Sites, units::SizeUnits};
/// use homelab_proxmox::{Node, Pve, site::{Cluster, Hardware}};
/// const PVE: Site<Pve> = Site::named("pve");
/// const DIN: Node = Node::of(PVE, "din");
/// fn sites() -> Sites {
///     let cluster = Cluster::at(["https://192.168.0.11:8006"]).node(DIN, Hardware { cores: 48, memory: 192.gib(), disk: 1.tib() });
///     Sites::new().with(PVE, cluster)
/// }
/// ```
///
/// Credentials come from the environment or `.env`: `PROXMOX_TOKEN_ID` and `PROXMOX_TOKEN_SECRET` (also as
/// `TF_VAR_proxmox_api_token_id` and `.._secret`), or `PROXMOX_USERNAME` and `PROXMOX_PASSWORD`, with `PROXMOX_TOTP_SECRET` if the
/// user has a second factor. A certificate is trusted if its fingerprint is pinned here or in `PROXMOX_FINGERPRINT`, if the
/// authority in `PROXMOX_CA_FILE` signed it, or if this system trusts it. `PROXMOX_URL` leads to another address.
#[derive(Clone, Debug)]
pub struct Cluster {
    addresses: Vec<String>,
    fingerprints: Vec<String>,
    pub(super) nodes: Vec<(Node, Hardware)>,
    pub(super) devices: Vec<(Node, Device)>,
    pub(super) machines: Vec<(Node, IpAddr)>,
    #[cfg_attr(not(feature = "sim"), expect(dead_code, reason = "only a sandbox begins with it"))]
    pub(super) single: bool,
}

/// The machine of a node, as the sandbox simulates it.
#[derive(Clone, Copy, Debug)]
pub struct Hardware {
    /// Threads of its processors.
    pub cores: u32,
    /// Its memory: a guest with more does not start.
    pub memory: Size,
    /// Room on each of its storages.
    pub disk: Size,
}

impl Default for Hardware {
    /// A small server: 16 threads, 64 GiB, 1 TiB.
    fn default() -> Self {
        Hardware { cores: 16, memory: 64.gib(), disk: 1.tib() }
    }
}

impl Cluster {
    /// A cluster whose nodes answer at these addresses: `https://192.168.0.10:8006`. Any of them answers for all; the next is
    /// asked if one cannot be reached.
    pub fn at<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Self {
        Cluster {
            addresses: addresses.into_iter().map(Into::into).collect(),
            fingerprints: vec![],
            nodes: vec![],
            devices: vec![],
            machines: vec![],
            single: false,
        }
    }

    /// Trusts the certificate with this SHA-256, as `pvenode cert info` and the web interface show it: one for each node.
    #[must_use]
    pub fn fingerprint(mut self, sha256: impl Into<String>) -> Self {
        self.fingerprints.push(sha256.into());
        self
    }

    /// Has the sandbox simulate this node, with the storages and the bridge that the node names.
    #[must_use]
    pub fn node(mut self, node: Node, hardware: Hardware) -> Self {
        self.nodes.push((node, hardware));
        self
    }

    /// Has the sandbox simulate this device of a node.
    #[must_use]
    pub fn device(mut self, node: Node, device: Device) -> Self {
        self.devices.push((node, device));
        self
    }

    /// Has the sandbox simulate the machine that a node runs on: it can be logged in to at this address.
    #[must_use]
    pub fn machine(mut self, node: Node, at: HostAddr) -> Self {
        self.machines.push((node, at.ip()));
        self
    }

    /// Has the sandbox begin with nodes that are no cluster yet, each as its installer left it: the first answers, and the lab makes it
    /// a [`Cluster`](crate::resource::Cluster).
    #[must_use]
    pub fn from_single_nodes(self) -> Self {
        Cluster { single: true, ..self }
    }

    /// The simulated world of this cluster, for tests.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn world(&self, name: &str) -> crate::sim::World {
        super::sandbox::with_nodes(self.empty(name), self)
    }

    #[cfg(feature = "sim")]
    pub(super) fn empty(&self, name: &str) -> crate::sim::World {
        if self.single { crate::sim::World::single() } else { crate::sim::World::cluster(name) }
    }

    /// A node to log in to as root: that which was configured, else the first whose machine the code names.
    fn shell(&self, secrets: &Secrets) -> Result<Option<Arc<dyn Machine>>, Failure> {
        let named = secrets.has(&SSH).then(|| secrets.resolve(&SSH)).transpose()?;
        let target = match (&named, self.machines.first()) {
            (Some(text), _) => match text.expose().rsplit_once('@') {
                Some((user, host)) => Target::named(host).user(user),
                None => Target::named(text.expose()).user("root"),
            },
            (None, Some((_, address))) => Target::named(address.to_string()).user("root"),
            (None, None) => return Ok(None),
        };
        Ok(Some(Arc::new(SshMachine::new(target))))
    }

    fn connection(&self, secrets: &Secrets, credential: Credential) -> Result<Connection, Failure> {
        let listed = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        let given = secrets.setting(URL).map(|text| (URL, listed(&text)));
        let (whence, addresses) = given.unwrap_or_else(|| ("`Cluster::at`", self.addresses.clone()));
        let endpoint =
            |text: &String| text.parse::<Endpoint>().map_err(|e| Failure::unusable(format!("{whence}: {e}")));
        let trust = match (secrets.setting(FINGERPRINT), secrets.setting(CA_FILE)) {
            (Some(text), _) => pinned(FINGERPRINT, &listed(&text))?,
            (None, Some(file)) => authority(&file)?,
            (None, None) if self.fingerprints.is_empty() => Trust::System,
            (None, None) => pinned("`Cluster::fingerprint`", &self.fingerprints)?,
        };
        Ok(Connection { endpoints: addresses.iter().map(endpoint).collect::<Result<_, _>>()?, trust, credential })
    }
}

/// The file is read when the first connection is made; one that cannot be read is told here, with where it was named.
fn authority(file: &str) -> Result<Trust, Failure> {
    fs::read(file).map_err(|e| {
        Failure::unusable(format!("{CA_FILE}: cannot read {file}: {e}"))
            .hint("it is /etc/pve/pve-root-ca.pem of the cluster, copied to this machine; or pin certificates in PROXMOX_FINGERPRINT")
    })?;
    Ok(Trust::CaFile(PathBuf::from(file)))
}

fn pinned(whence: &str, texts: &[String]) -> Result<Trust, Failure> {
    let parse = |text: &String| {
        text.parse::<Fingerprint>().map_err(|e| {
            Failure::unusable(format!("{whence}: {e}"))
                .hint("`pvenode cert info` on the node shows it, and so does the web interface: node, Certificates")
        })
    };
    Ok(Trust::Pinned(texts.iter().map(parse).collect::<Result<_, _>>()?))
}

fn credential(secrets: &Secrets) -> Result<Credential, Failure> {
    if secrets.has(&TOKEN_ID) && secrets.has(&TOKEN_SECRET) {
        let (id, secret) = (secrets.resolve(&TOKEN_ID)?, secrets.resolve(&TOKEN_SECRET)?);
        if id.expose().split_once('!').is_none_or(|(user, name)| !user.contains('@') || name.is_empty()) {
            return Err(Failure::unusable(format!("{TOKEN_ID} is no id of an API token"))
                .hint("it is USER@REALM!NAME, as in root@pam!terraform; the secret goes into PROXMOX_TOKEN_SECRET"));
        }
        return Ok(Credential::token(id.expose(), secret.expose()));
    }
    password(secrets)
}

fn password(secrets: &Secrets) -> Result<Credential, Failure> {
    let (user, password) = (secrets.resolve(&USERNAME)?, secrets.resolve(&PASSWORD)?);
    let totp = secrets.resolve(&TOTP_SECRET).ok().map(|secret| Hidden::new(secret.expose()));
    Ok(Credential::Ticket { user: user.expose().to_owned(), password: Hidden::new(password.expose()), totp })
}

impl Connect for Cluster {
    type Provider = Pve;

    fn credentials(&self) -> Vec<Vec<Secret>> {
        vec![vec![TOKEN_ID, TOKEN_SECRET], vec![USERNAME, PASSWORD], vec![SSH]]
    }

    fn scaffolds(&self) -> &'static [Scaffold] {
        &[
            Scaffold { what: "vm", code: include_str!("scaffold/vm.rs") },
            Scaffold { what: "template", code: include_str!("scaffold/template.rs") },
        ]
    }

    fn verbs(&self) -> &'static [Verb<Pve>] {
        super::verbs::VERBS
    }

    fn spelled_out(&self) -> &'static [Spelling] {
        super::verbs::SPELLINGS
    }

    async fn live(&self, secrets: &Secrets) -> Result<Pve, Failure> {
        let shell = self.shell(secrets)?;
        if !secrets.has(&USERNAME) && !secrets.has(&TOKEN_ID) && secrets.has(&SSH) {
            let nobody = Credential::token("nobody@pve!none", "");
            return Ok(Pve::connect(self.connection(secrets, nobody)?)?.with_shell(shell).for_nobody());
        }
        let connection = self.connection(secrets, credential(secrets)?)?;
        let pve = Pve::connect(connection)?.with_admin(password(secrets).ok()).with_shell(shell);
        let pve = pve.logging_in_by(Arc::new(host::Ssh));
        supported(&*pve.version().await?)?;
        if pve.permissions().await?.is_empty() {
            return Err(Failure::new("the credentials are accepted, but allow nothing").hint(
                "a token with privilege separation starts without rights: give it a role (`pveum acl modify / --tokens \
                 'USER@REALM!NAME' --roles ROLE`), or make it without (`--privsep 0`)",
            ));
        }
        Ok(pve)
    }

    #[cfg(feature = "sim")]
    async fn sandbox(&self, sandbox: &Sandbox) -> Result<Pve, Failure> {
        super::sandbox::start(self, sandbox).await
    }

    #[cfg(not(feature = "sim"))]
    async fn sandbox(&self, _: &Sandbox) -> Result<Pve, Failure> {
        Err(Failure::new("this program was built without the simulator")
            .hint("build homelab-proxmox with its feature `sim`, or configure credentials"))
    }
}

/// What this project was made for and tested against.
fn supported(version: &Version) -> Result<(), Failure> {
    let mut numbers = version.release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if (8, 4) <= (major, minor) && major <= 9 {
        return Ok(());
    }
    let hint = if (major, minor) < (8, 4) { "upgrade its nodes" } else { "upgrade this program" };
    Err(Failure::new(format!("this is Proxmox VE {}, and 8.4 or 9 is needed", version.version)).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::env::Env;

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        Secrets::none().and(Env::from_pairs(pairs.iter().copied()))
    }

    const TOKEN: [(&str, &str); 2] = [("PROXMOX_TOKEN_ID", "root@pam!terraform"), ("PROXMOX_TOKEN_SECRET", "s3cret")];

    #[test]
    fn releases_from_8_4_to_9_are_supported() {
        let version = |release: &str| Version { release: release.into(), version: format!("{release}.1") };
        for release in ["8.4", "9.0", "9.2"] {
            assert!(supported(&version(release)).is_ok(), "{release}");
        }
        let old = supported(&version("8.3")).unwrap_err();
        assert_eq!(old.message, "this is Proxmox VE 8.3.1, and 8.4 or 9 is needed");
        assert_eq!(supported(&version("10.0")).unwrap_err().hint.unwrap(), "upgrade this program");
    }

    #[test]
    fn the_environment_leads_to_another_address_and_trust() {
        let cluster = Cluster::at(["https://192.168.0.10:8006", "192.168.0.11"]);
        let ours = cluster.connection(&secrets(&TOKEN), credential(&secrets(&TOKEN)).unwrap()).unwrap();
        let shown: Vec<String> = ours.endpoints.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["192.168.0.10:8006", "192.168.0.11:8006"]);
        assert!(matches!(ours.trust, Trust::System));
        let pin = "AB:".repeat(32);
        let pin = pin.trim_end_matches(':');
        let mut pairs = TOKEN.to_vec();
        pairs.extend([("PROXMOX_URL", "https://[fd00::1]:9000"), ("PROXMOX_FINGERPRINT", pin)]);
        let other = cluster.connection(&secrets(&pairs), credential(&secrets(&pairs)).unwrap()).unwrap();
        assert_eq!(other.endpoints[0].to_string(), "[fd00::1]:9000");
        assert!(matches!(other.trust, Trust::Pinned(pins) if pins.len() == 1));
        let wrong = cluster
            .fingerprint("AB:CD")
            .connection(&secrets(&TOKEN), credential(&secrets(&TOKEN)).unwrap())
            .unwrap_err();
        assert!(wrong.message.contains("no SHA-256 fingerprint"), "{}", wrong.message);
    }

    #[test]
    fn a_token_wins_over_a_password_and_a_wrong_id_is_told() {
        assert!(!credential(&secrets(&TOKEN)).unwrap().is_root());
        let user = [("PROXMOX_USERNAME", "root@pam"), ("PROXMOX_PASSWORD", "p")];
        assert!(credential(&secrets(&user)).unwrap().is_root());
        let wrong = credential(&secrets(&[("PROXMOX_TOKEN_ID", "terraform"), TOKEN[1]])).unwrap_err();
        assert!(wrong.hint.unwrap().contains("USER@REALM!NAME"));
    }
}
