//! The keys that we may log in with: those of files, and those that an agent holds for us.
use super::{
    Offer, SshError,
    hint::is_1password,
    known_hosts::key,
    target::{Route, Surroundings, Target},
};
use russh::keys::{
    Error as KeyError, HashAlg, PrivateKey, PublicKey,
    agent::{AgentIdentity, client::AgentClient},
    decode_secret_key,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::UnixStream, time::timeout};
use zeroize::Zeroizing;

/// How long an agent may take to list its keys: some ask a person first.
const AGENT: Duration = Duration::from_secs(30);
/// How many keys are offered: a server of OpenSSH hangs up after six failures.
const OFFERS: usize = 6;

/// An agent that answers.
pub(super) struct Agent {
    pub(super) client: AgentClient<UnixStream>,
    socket: PathBuf,
    keys: Vec<(PublicKey, String)>,
}

impl Agent {
    pub(super) fn is_1password(&self) -> bool {
        is_1password(&self.socket)
    }
}

/// A key, and who signs with it.
pub(super) struct Candidate {
    pub(super) public: PublicKey,
    pub(super) from: String,
    /// `None`: the agent.
    pub(super) private: Option<Arc<PrivateKey>>,
}

impl Candidate {
    pub(super) fn offer(&self) -> Offer {
        Offer { key: key(&self.public), from: self.from.clone() }
    }

    /// SHA-1 signatures, which RSA keys had once, are accepted by no current server.
    pub(super) fn hash(&self) -> Option<HashAlg> {
        self.public.algorithm().is_rsa().then_some(HashAlg::Sha512)
    }
}

/// Everything that we may log in with.
pub(super) struct Keys {
    pub(super) agent: Option<Agent>,
    pub(super) candidates: Vec<Candidate>,
    /// What is not among them, and why.
    pub(super) notes: Vec<String>,
    /// Whether that is nothing.
    pub(super) all: bool,
    /// The agent that should have been asked, if none answers.
    unreachable: Option<(PathBuf, String)>,
}

impl Keys {
    /// Gathers the keys for a host: first those that somebody named, then what else the agent has.
    pub(super) async fn of(route: &Route) -> Keys {
        let (mut notes, mut unreachable) = (vec![], None);
        if let Some(held) = &route.one_off {
            let private = held.private();
            let (public, from) = (private.public_key().clone(), "made for this machine".to_owned());
            let candidates = vec![Candidate { public, from, private: Some(private) }];
            return Keys { agent: None, candidates, notes, all: true, unreachable };
        }
        let agent = find_agent(route, &mut notes, &mut unreachable).await;
        match &agent {
            Some(agent) => {
                notes.insert(0, format!("the agent at {} holds {}", agent.socket.display(), count(agent.keys.len())))
            }
            None if route.agents.is_empty() => notes.insert(0, "there is no agent: SSH_AUTH_SOCK is not set".into()),
            None => {}
        }
        let mut all = unreachable.is_none();
        let mut candidates: Vec<Candidate> = vec![];
        let mut seen: Vec<Candidate> = vec![];
        for (file, named) in &route.identities {
            match load(file) {
                Err(why) if why.kind() == io::ErrorKind::NotFound && !named => {}
                Err(why) => {
                    all = false;
                    notes.push(format!("{}: {why}", file.display()));
                }
                Ok(Loaded { public, private, encrypted }) => {
                    let held = public.as_ref().and_then(|p| agent.as_ref()?.keys.iter().find(|(k, _)| same(k, p)));
                    let from = file.display().to_string();
                    match (public, private, held) {
                        (Some(public), _, Some(_)) => {
                            candidates.push(Candidate { public, from: format!("{from}, by the agent"), private: None });
                        }
                        (Some(public), Some(private), None) => {
                            seen.push(Candidate { public, from, private: Some(private) });
                        }
                        (public, _, _) => {
                            all = false;
                            let print = public.map(|p| format!(" ({})", key(&p))).unwrap_or_default();
                            notes.push(match encrypted {
                                true => format!("{from}{print} is encrypted and not in the agent: `ssh-add {from}`"),
                                false => format!(
                                    "{from}{print} is only the public half, and the agent does not hold the other"
                                ),
                            });
                        }
                    }
                }
            }
        }
        if !route.identities_only {
            for (public, comment) in agent.iter().flat_map(|a| &a.keys) {
                if !candidates.iter().any(|c| same(&c.public, public)) {
                    let from = format!("{comment}, by the agent");
                    candidates.push(Candidate { public: public.clone(), from, private: None });
                }
            }
        } else {
            let offered = |key: &PublicKey| candidates.iter().any(|c| same(&c.public, key));
            let kept = agent.iter().flat_map(|a| &a.keys).filter(|(key, _)| !offered(key)).count();
            if kept > 0 {
                all = false;
                notes.push(format!("{} of the agent not offered: IdentitiesOnly is set", counted(kept)));
            }
        }
        // Files that somebody named go before what the agent merely has.
        let named = route.identities.iter().any(|(_, named)| *named);
        let at = if named {
            candidates.iter().filter(|c| c.from.contains(", by the agent") && c.from.starts_with('/')).count()
        } else {
            candidates.len()
        };
        let rest = candidates.split_off(at);
        candidates.extend(seen);
        candidates.extend(rest);
        if candidates.len() > OFFERS {
            notes.push(format!("{} more keys are not offered, because servers hang up: name the right one with IdentityFile and IdentitiesOnly", candidates.len() - OFFERS));
            candidates.truncate(OFFERS);
            all = false;
        }
        Keys { agent, candidates, notes, all, unreachable }
    }

    /// Why there is nothing to offer.
    pub(super) fn missing(self, route: &Route) -> SshError {
        match (self.agent, self.unreachable) {
            (None, Some((socket, reason))) if self.notes.len() <= 1 => SshError::AgentUnreachable { socket, reason },
            (Some(agent), _) if agent.keys.is_empty() && self.notes.len() <= 1 => {
                SshError::AgentEmpty { socket: agent.socket }
            }
            _ => SshError::NoKey { host: route.name.clone(), user: route.user.clone(), notes: self.notes },
        }
    }
}

/// The keys that this process would offer to a host, in order, and what could not be offered and why.
///
/// # Errors
/// When there is none, or the SSH configuration cannot be followed.
pub async fn offered(target: &Target) -> Result<(Vec<Offer>, Vec<String>), SshError> {
    let route = Route::to(target, &Surroundings::of_process())?;
    let keys = Keys::of(&route).await;
    if keys.candidates.is_empty() {
        return Err(keys.missing(&route));
    }
    Ok((keys.candidates.iter().map(Candidate::offer).collect(), keys.notes))
}

fn same(a: &PublicKey, b: &PublicKey) -> bool {
    a.key_data() == b.key_data()
}

fn count(keys: usize) -> String {
    match keys {
        0 => "no key".into(),
        1 => "one key".into(),
        n => format!("{n} keys"),
    }
}

fn counted(keys: usize) -> String {
    format!("{} {}", count(keys), if keys == 1 { "is" } else { "are" })
}

/// The first agent that holds a key, else the first that answers.
async fn find_agent(
    route: &Route,
    notes: &mut Vec<String>,
    unreachable: &mut Option<(PathBuf, String)>,
) -> Option<Agent> {
    let mut empty = None;
    for socket in &route.agents {
        match timeout(AGENT, ask_agent(socket)).await.unwrap_or_else(|_| Err("it did not answer in time".into())) {
            Ok(agent) if agent.keys.is_empty() => empty = empty.or(Some(agent)),
            Ok(agent) => return Some(agent),
            Err(reason) => {
                notes.push(format!("the agent at {} does not answer: {reason}", socket.display()));
                *unreachable = unreachable.take().or(Some((socket.clone(), reason)));
            }
        }
    }
    empty
}

async fn ask_agent(socket: &Path) -> Result<Agent, String> {
    let mut client = AgentClient::connect_uds(socket).await.map_err(|e| e.to_string())?;
    let identities = client.request_identities().await.map_err(|e| e.to_string())?;
    let keys = identities.into_iter().filter_map(|identity| match identity {
        AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
        // The plain key is listed beside its certificate.
        AgentIdentity::Certificate { .. } => None,
    });
    Ok(Agent { client, socket: socket.to_owned(), keys: keys.collect() })
}

struct Loaded {
    public: Option<PublicKey>,
    private: Option<Arc<PrivateKey>>,
    encrypted: bool,
}

/// Reads a key file: a private key, encrypted or not, or a public one.
fn load(file: &Path) -> io::Result<Loaded> {
    let text = Zeroizing::new(fs::read_to_string(file)?);
    if let Ok(public) = PublicKey::from_openssh(text.trim_end()) {
        return Ok(Loaded { public: Some(public), private: None, encrypted: false });
    }
    // An encrypted key of OpenSSH's own format shows its public half.
    if let Ok(key) = PrivateKey::from_openssh(text.as_bytes()) {
        let public = Some(key.public_key().clone());
        let encrypted = key.is_encrypted();
        return Ok(Loaded { public, private: (!encrypted).then(|| Arc::new(key)), encrypted });
    }
    let beside = || {
        fs::read_to_string(format!("{}.pub", file.display()))
            .ok()
            .and_then(|t| PublicKey::from_openssh(t.trim_end()).ok())
    };
    match decode_secret_key(&text, None) {
        Ok(key) => {
            Ok(Loaded { public: Some(key.public_key().clone()), private: Some(Arc::new(key)), encrypted: false })
        }
        Err(KeyError::KeyIsEncrypted) => Ok(Loaded { public: beside(), private: None, encrypted: true }),
        Err(_) if text.contains("ENCRYPTED") => Ok(Loaded { public: beside(), private: None, encrypted: true }),
        Err(e) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("this is no private key: {e}"))),
    }
}
