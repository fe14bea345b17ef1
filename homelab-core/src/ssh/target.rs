//! Which host is meant, and how it is reached: what the lab says, then what `~/.ssh/config` says, then what is usual.
use super::{
    SshError,
    config::{Asked, Settings, expand_home},
    one_off::Held,
};
use std::{
    env,
    path::{Path, PathBuf},
};

/// How many hosts may stand between us and one.
const HOPS: usize = 8;
/// The port of SSH.
const PORT: u16 = 22;

/// A host, by the name under which `~/.ssh/config` knows it, or by its address. What is said here counts more than the files.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) name: String,
    user: Option<String>,
    port: Option<u16>,
    address: Option<String>,
    pub(super) pins: Vec<String>,
    keys: Vec<PathBuf>,
    jump: Option<String>,
    pub(super) sudo: bool,
    pub(super) container: Option<u32>,
    one_off: Option<Held>,
}

impl Target {
    /// A host.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Target {
            name: name.into(),
            user: None,
            port: None,
            address: None,
            pins: vec![],
            keys: vec![],
            jump: None,
            sudo: true,
            container: None,
            one_off: None,
        }
    }

    /// The login. Where it is not `root`, everything is done through sudo, which must not want a password.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Logged in to with this key alone, and held to the host key that it shows first unless one is pinned.
    pub(super) fn with_one_off(mut self, key: Held) -> Self {
        self.one_off = Some(key);
        self
    }

    /// The port, if it is not 22.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The address or the name to connect to, if it is not the host's name.
    #[must_use]
    pub fn at(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// A host key that the machine may show, as in files: `ssh-ed25519 AAAA...`. With any, files do not count.
    #[must_use]
    pub fn pinned(mut self, key: impl Into<String>) -> Self {
        self.pins.push(key.into());
        self
    }

    /// A key to log in with: a private key, or a public one whose other half is in the agent. Before those of the files.
    #[must_use]
    pub fn identity(mut self, file: impl Into<PathBuf>) -> Self {
        self.keys.push(file.into());
        self
    }

    /// The hosts that the way leads over, the first one first: `admin@gate:2222,inner`.
    #[must_use]
    pub fn via(mut self, hosts: impl Into<String>) -> Self {
        self.jump = Some(hosts.into());
        self
    }

    /// Without sudo, with what the login itself may do.
    #[must_use]
    pub fn without_sudo(mut self) -> Self {
        self.sudo = false;
        self
    }

    /// The container of this number on the host, which is a node of Proxmox VE: entered by `pct exec`, so it needs neither an address
    /// nor sshd.
    #[must_use]
    pub fn container(mut self, number: u32) -> Self {
        self.container = Some(number);
        self
    }
}

/// Where the program runs: what OpenSSH takes from its environment.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The home directory.
    pub home: PathBuf,
    /// The user that runs the program: the login where nothing says otherwise.
    pub user: String,
    /// `SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
    /// The configuration files, the first counting most.
    pub config: Vec<PathBuf>,
    /// The system's known_hosts.
    pub global_known_hosts: Vec<PathBuf>,
}

impl Surroundings {
    /// The process's own: `HOME`, `USER`, `SSH_AUTH_SOCK`, `~/.ssh/config` and `/etc/ssh`.
    #[must_use]
    pub fn of_process() -> Self {
        let home = env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
        let config = vec![home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")];
        Surroundings {
            user: env::var("USER").or_else(|_| env::var("LOGNAME")).unwrap_or_else(|_| "root".into()),
            agent: env::var_os("SSH_AUTH_SOCK").filter(|s| !s.is_empty()).map(PathBuf::from),
            global_known_hosts: vec![PathBuf::from("/etc/ssh/ssh_known_hosts")],
            config,
            home,
        }
    }
}

/// The whole way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// What it is called in messages.
    pub(super) name: String,
    /// What it is called in known_hosts.
    pub(super) known_as: String,
    pub(super) address: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// Key files, and whether somebody asked for them; the usual ones may be missing.
    pub(super) identities: Vec<(PathBuf, bool)>,
    pub(super) identities_only: bool,
    /// Sockets of agents, in the order in which they are tried.
    pub(super) agents: Vec<PathBuf>,
    pub(super) known_hosts: Vec<PathBuf>,
    /// The only key to offer.
    pub(super) one_off: Option<Held>,
    /// The host before it.
    pub(super) jump: Option<Box<Route>>,
}

impl Route {
    /// # Errors
    /// A line of the configuration that cannot be followed.
    pub(super) fn to(target: &Target, around: &Surroundings) -> Result<Self, SshError> {
        Route::within(target, around, HOPS)
    }

    fn within(target: &Target, around: &Surroundings, hops: usize) -> Result<Self, SshError> {
        let (name, home) = (target.name.as_str(), around.home.as_path());
        let asked = Asked { host: name, user: target.user.as_deref(), local_user: &around.user, home };
        let set = Settings::read(&around.config, &asked)?;
        let host_name = set.host_name.as_ref().map(|h| h.replace("%h", name).replace("%%", "%"));
        let address = target.address.clone().or(host_name).unwrap_or_else(|| name.to_owned());
        let user = target.user.clone().or(set.user).unwrap_or_else(|| around.user.clone());
        let tokens = |text: &str| {
            expand(
                text,
                &[("%d", &home.to_string_lossy()), ("%h", &address), ("%n", name), ("%r", &user), ("%u", &around.user)],
            )
        };
        let path = |text: &String| expand_home(&tokens(text), home);
        let mut identities: Vec<(PathBuf, bool)> = target
            .keys
            .iter()
            .cloned()
            .chain(set.identity_files.iter().filter(|f| *f != "none").map(path))
            .map(|f| (f, true))
            .collect();
        if identities.is_empty() && set.identity_files.is_empty() {
            identities = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|f| (home.join(".ssh").join(f), false)).into();
        }
        let user_files = set.known_hosts.map_or_else(
            || vec![home.join(".ssh/known_hosts"), home.join(".ssh/known_hosts2")],
            |files| files.iter().filter(|f| *f != "none").map(path).collect(),
        );
        let global =
            set.global_known_hosts.map_or_else(|| around.global_known_hosts.clone(), |f| f.iter().map(path).collect());
        let hosts = target.jump.clone().or(set.proxy_jump).filter(|j| j != "none");
        let jump = hosts.map(|hosts| jump(name, &hosts, around, hops)).transpose()?.map(Box::new);
        Ok(Route {
            name: name.to_owned(),
            known_as: set.host_key_alias.unwrap_or_else(|| address.to_lowercase()),
            port: target.port.or(set.port).unwrap_or(PORT),
            identities_only: set.identities_only.unwrap_or(false),
            agents: agents(set.identity_agent.as_deref(), around, &path),
            known_hosts: [user_files, global].concat(),
            address,
            user,
            identities,
            one_off: target.one_off.clone(),
            jump,
        })
    }
}

/// `[user@]host[:port]`, several with commas: the last is the nearest to the host, and reached over the others.
fn jump(name: &str, hosts: &str, around: &Surroundings, hops: usize) -> Result<Route, SshError> {
    let circle = || SshError::Handshake { host: name.into(), reason: "the way to it leads over too many hosts".into() };
    let hops = hops.checked_sub(1).ok_or_else(circle)?;
    let (before, last) = match hosts.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, hosts),
    };
    let last = last.trim().strip_prefix("ssh://").unwrap_or(last.trim());
    let (user, host) = last.rsplit_once('@').map_or((None, last), |(user, host)| (Some(user), host));
    let (host, port) = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None if host.matches(':').count() == 1 => host.split_once(':').map_or((host, None), |(h, p)| (h, Some(p))),
        None => (host, None),
    };
    let mut target = Target::named(host);
    target.user = user.map(str::to_owned);
    target.port = port.and_then(|p| p.parse().ok());
    target.jump = before.map(str::to_owned);
    Route::within(&target, around, hops)
}

/// Where agents listen: as configured, or the environment's and those of 1Password.
fn agents(configured: Option<&str>, around: &Surroundings, path: &dyn Fn(&String) -> PathBuf) -> Vec<PathBuf> {
    match configured {
        Some("none") => return vec![],
        Some("SSH_AUTH_SOCK") => return around.agent.iter().cloned().collect(),
        Some(variable) if variable.starts_with('$') => {
            let name = variable.trim_start_matches(['$', '{']).trim_end_matches('}');
            return env::var_os(name).map(PathBuf::from).into_iter().collect();
        }
        Some(socket) => return vec![path(&socket.to_owned())],
        None => {}
    }
    let usual = [".1password/agent.sock", "Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock"];
    let there = usual.iter().map(|s| around.home.join(s)).filter(|s: &PathBuf| Path::exists(s));
    around.agent.iter().cloned().chain(there).collect()
}

fn expand(text: &str, tokens: &[(&str, &str)]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match tokens.iter().find(|(token, _)| rest.starts_with(token)) {
            Some((token, value)) => {
                out.push_str(value);
                rest = &rest[token.len()..];
            }
            None => {
                out.push('%');
                rest = rest.strip_prefix("%%").unwrap_or(&rest[1..]);
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sockets_of_1password_are_tried_after_the_environments_and_only_the_configured_one_if_there_is_one() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let sockets =
            [".1password/agent.sock", "Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock"].map(at);
        let around = Surroundings {
            home: home.path().to_owned(),
            user: "me".into(),
            agent: Some(at("agent")),
            config: vec![at("config")],
            global_known_hosts: vec![],
        };
        let agents = || Route::to(&Target::named("web"), &around).unwrap().agents;
        assert_eq!(agents(), [at("agent")], "where there is no 1Password");
        for socket in &sockets {
            std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
            std::fs::write(socket, "").unwrap();
        }
        assert_eq!(agents(), [vec![at("agent")], sockets.to_vec()].concat());
        std::fs::write(
            at("config"),
            "IdentityAgent \"~/Library/Group Containers/2BUA8C4S2C.com.1password/t/agent.sock\"\n",
        )
        .unwrap();
        assert_eq!(agents(), [sockets[1].clone()]);
        let empty = SshError::AgentEmpty { socket: sockets[1].clone() };
        assert!(empty.hint().contains("~/.config/1Password/ssh/agent.toml"), "{}", empty.hint());
    }
}
