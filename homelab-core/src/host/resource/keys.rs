//! Keys that may log in as a user.
use super::{
    group::account_name,
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::text,
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource,
    host::{Action, Host, HostPath, Hosts, HostsReader, Ownership, facts, probe},
    plan::{self, Change, Note},
};
use futures_util::future::try_join;
use serde::Serialize;
use std::collections::BTreeMap;

/// The public keys that may log in as a user. Keys of others stay, unless the list is [exclusive](AuthorizedKeys::exclusive); when
/// it goes, ours go, and what an exclusive list had removed comes back.
///
/// ```
/// # use homelab_core::{Lab, host::{AuthorizedKeys, Computer}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(AuthorizedKeys::on(web, "root", ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB me@laptop"]));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizedKeys {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    keys: BTreeMap<String, String>,
    others: Option<u32>,
}

/// The parts of a line: the key itself (type and body), and all the rest, options before and comment behind.
fn parts(line: &str) -> Option<(String, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let kind = |word: &str| word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-");
    let at = words.iter().position(|word| kind(word))?;
    let body = words.get(at + 1).filter(|body| body.starts_with("AAAA"))?;
    Some((format!("{} {body}", words[at]), line.trim().to_owned()))
}

fn keys(text: &str) -> BTreeMap<String, String> {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(parts).collect()
}

impl AuthorizedKeys {
    /// Keys as lines of `authorized_keys`, options and comments included.
    ///
    /// # Panics
    /// On what is no name of a user, and on a line that is no public key.
    #[must_use]
    #[track_caller]
    pub fn on<'k>(host: impl Into<Host>, user: &str, lines: impl IntoIterator<Item = &'k str>) -> Self {
        let mut keys = BTreeMap::new();
        for line in lines {
            let one = !line.trim().contains('\n');
            let Some((key, line)) = parts(line).filter(|_| one) else {
                panic!("`{}` is no public key; one looks like `ssh-ed25519 AAAA... me@laptop`", line.escape_debug())
            };
            keys.insert(key, line);
        }
        AuthorizedKeys { host: host.into(), name: account_name(user), keys, others: None }
    }

    /// No other key may be there.
    ///
    /// # Panics
    /// When there is no key at all: that would lock everybody out.
    #[must_use]
    #[track_caller]
    pub fn exclusive(mut self) -> Self {
        assert!(!self.keys.is_empty(), "an exclusive list of no keys would lock `{}` out", self.name);
        self.others = Some(0);
        self
    }
}

/// What is seen of a user's keys.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorizedKeysState {
    /// All keys with their lines.
    pub keys: BTreeMap<String, String>,
    /// How many of them are not ours.
    pub others: u32,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// What was there before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(super) struct Before {
    text: Option<String>,
    ours: Vec<String>,
}

/// The user and the file, in one message where the home directory is the usual one.
async fn file(at: &Place, cx: &HostsReader) -> Result<Option<(facts::User, HostPath, Option<String>)>, Failure> {
    let usual = if at.name == "root" { "/root".to_owned() } else { format!("/home/{}", at.name) };
    let path = |home: &str| HostPath::new(format!("{home}/.ssh/authorized_keys"));
    let bad = |e: crate::host::BadPath| Failure::new(format!("the home directory of {}: {e}", at.name));
    let guess = path(&usual).map_err(bad)?;
    let read = cx.ask(&at.spot, probe::read(guess.clone()));
    let user = cx.ask(&at.spot, probe::user(&at.name));
    let (user, guessed) = try_join(user, read).await?;
    let Some(user) = user else { return Ok(None) };
    let (path, bytes) = if user.home == usual {
        (guess, guessed)
    } else {
        let path = path(&user.home).map_err(bad)?;
        let bytes = cx.ask(&at.spot, probe::read(path.clone())).await?;
        (path, bytes)
    };
    let text = bytes.map(|bytes| text(&path, bytes)).transpose()?;
    Ok(Some((user, path, text)))
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<AuthorizedKeysState>, Failure> {
    let (kept, file) = try_join(Kept::<Before>::recall(AuthorizedKeys::KIND, place, cx), file(place, cx)).await?;
    let Some(kept) = kept else { return Ok(None) };
    let text = file.and_then(|(_, _, text)| text).unwrap_or_default();
    let keys = keys(&text);
    let others = keys.keys().filter(|key| !kept.before.ours.contains(key)).count();
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    Ok(Some(AuthorizedKeysState { keys, others, text, place: place.clone(), kept: Some(kept) }))
}

/// The file with these lines out of it, all else as it was.
fn without(text: &str, gone: impl Fn(&str) -> bool) -> String {
    let stays = |line: &&str| !parts(line).is_some_and(|(key, _)| gone(&key)) || line.trim_start().starts_with('#');
    text.lines().filter(stays).map(|line| format!("{line}\n")).collect()
}

impl Resource for AuthorizedKeys {
    const KIND: &'static str = "host/authorized-keys";
    type Outputs = NoOutputs;
    lives_on_a_machine!(AuthorizedKeysState);

    fn review(&self, _: Option<&AuthorizedKeysState>, _: plan::Action, changes: &[Change]) -> Vec<Note> {
        let strict = changes.iter().any(|change| change.field == "others");
        let note = format!("every other key of {} is removed", self.name);
        strict.then(|| Note::info(note)).into_iter().collect()
    }

    async fn apply(&self, now: Option<&AuthorizedKeysState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let Some((user, path, text)) = file(&place, &cx.reader()).await? else {
            return Err(Failure::new(format!("there is no user {} on {}", self.name, place.spot))
                .hint("declare the `User` before its keys"));
        };
        let old = now.and_then(|n| n.kept.clone()).map(|kept| kept.before);
        let dropped: Vec<String> =
            old.iter().flat_map(|b| b.ours.clone()).filter(|k| !self.keys.contains_key(k)).collect();
        let before = Before {
            text: old.map_or_else(|| text.clone(), |old| old.text),
            // Those that are about to go are ours until they have gone.
            ours: self.keys.keys().cloned().chain(dropped.clone()).collect(),
        };
        let exclusive = self.others.is_some();
        let same = |key: &str| self.keys.contains_key(key) || dropped.iter().any(|d| d == key) || exclusive;
        let mut new = without(&text.unwrap_or_default(), same);
        self.keys.values().for_each(|line| new.push_str(&format!("{line}\n")));
        let owner = Ownership::of(user.uid.to_string(), user.gid.to_string());
        let after = Before { text: before.text.clone(), ours: self.keys.keys().cloned().collect() };
        let actions = [
            Kept::new(cx.mark(), before).write(Self::KIND, &self.name),
            Action::MakeDir { path: path.parent(), mode: 0o700, owner: Some(owner.clone()) },
            Action::Write { path, content: new.into(), mode: 0o600, owner: Some(owner) },
            Kept::new(cx.mark(), after).write(Self::KIND, &self.name),
        ];
        cx.carry_out(cx.permit(), &place.spot, actions).await
    }

    async fn delete(state: &AuthorizedKeysState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let mut actions = vec![];
        let there = file(&state.place, &cx.reader()).await?;
        if let (Some(kept), Some((user, path, Some(_)))) = (&state.kept, there) {
            let old = kept.before.text.as_deref().unwrap_or_default();
            let was = keys(old);
            let mut left =
                without(&state.text, |key| kept.before.ours.iter().any(|k| k == key) && !was.contains_key(key));
            for (key, line) in &was {
                if !keys(&left).contains_key(key) {
                    left.push_str(&format!("{line}\n"));
                }
            }
            let owner = Ownership::of(user.uid.to_string(), user.gid.to_string());
            if keys(&left) == was {
                left = old.to_owned();
            }
            let ssh = path.parent();
            match left.is_empty() && kept.before.text.is_none() {
                true => {
                    actions.push(Action::Remove(path));
                    let tidy = crate::host::Command::new("rmdir").args(["--ignore-fail-on-non-empty", "--"]);
                    actions.push(Action::Run(tidy.arg(ssh.as_bytes())));
                }
                false => actions.push(Action::Write { path, content: left.into(), mode: 0o600, owner: Some(owner) }),
            }
        }
        actions.push(forget(Self::KIND, name));
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
