//! Who may log in over SSH, and how.
use super::{
    guard::Guard,
    kept::{Kept, Place, lives_on_a_machine},
    whole::Whole,
};
use crate::{
    Apply, Failure, Lock, NoOutputs, Provider, Resource,
    host::{Command, Host, Hosts, HostsReader, probe},
    plan::{Action, Change, Note},
};
use futures_util::future::try_join3;
use serde::Serialize;
use std::collections::BTreeMap;

/// The drop-in's name sorts before those of cloud images: of each word, sshd takes the first value (sshd_config(5)).
const GUARD: Guard = Guard {
    word: "ssh",
    path: "/etc/ssh/sshd_config.d/00-homelab.conf",
    mode: 0o644,
    check: &["/usr/sbin/sshd", "-t"],
    // By its whole path: sshd starts itself anew by that name, and refuses any other.
    load: &["systemctl", "reload-or-restart", "ssh.service"],
};

/// What root may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootLogin {
    /// Log in with a key.
    WithKey,
    /// Not log in at all.
    Never,
}

/// How sshd is set up: with keys only, unless more is said. A file of its own below `/etc/ssh/sshd_config.d`; what other files say
/// of the same words does not count, and what counts is what `sshd -T` says.
///
/// It cannot lock you out: the new file is checked with `sshd -t`; the connection that is there stays; a new login over a new
/// connection must work, else what was there comes back, by a timer on the machine if nobody can reach it any more.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, RootLogin, SshHardening}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(SshHardening::on(web).root_login(RootLogin::WithKey).max_auth_tries(3));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct SshHardening {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    settings: BTreeMap<String, String>,
    confirmed: bool,
}

impl SshHardening {
    /// No passwords, keys only: `PasswordAuthentication no`, `KbdInteractiveAuthentication no`, `PermitEmptyPasswords no`,
    /// `PubkeyAuthentication yes`, `X11Forwarding no`, and root with a key only.
    #[must_use]
    pub fn on(host: impl Into<Host>) -> Self {
        let hardening =
            SshHardening { host: host.into(), name: "sshd".into(), settings: BTreeMap::new(), confirmed: true };
        let no = ["PasswordAuthentication", "KbdInteractiveAuthentication", "PermitEmptyPasswords", "X11Forwarding"];
        let hardening = no.into_iter().fold(hardening, |hardening, word| hardening.set(word, "no"));
        hardening.set("PubkeyAuthentication", "yes").root_login(RootLogin::WithKey)
    }

    /// What root may do.
    #[must_use]
    pub fn root_login(self, root: RootLogin) -> Self {
        let value = match root {
            RootLogin::WithKey => "prohibit-password",
            RootLogin::Never => "no",
        };
        self.set("PermitRootLogin", value)
    }

    /// How many keys may be tried in one connection. Few are too few for an agent with many keys.
    #[must_use]
    pub fn max_auth_tries(self, tries: u32) -> Self {
        self.set("MaxAuthTries", &tries.to_string())
    }

    /// Only these users may log in. The one that this program logs in as must be among them.
    #[must_use]
    pub fn allow_users<'u>(self, users: impl IntoIterator<Item = &'u str>) -> Self {
        let users: Vec<&str> = users.into_iter().collect();
        self.set("AllowUsers", &users.join(" "))
    }

    /// Any other word of sshd_config(5).
    ///
    /// # Panics
    /// On what cannot be a line of that file, and on `Match` and `Include`, which would change what the lines around mean.
    #[must_use]
    #[track_caller]
    pub fn set(mut self, word: &str, value: &str) -> Self {
        let key = word.to_ascii_lowercase();
        assert!(
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_alphanumeric())
                && !["match", "include"].contains(&key.as_str()),
            "`{}` is no word of sshd_config that can stand here",
            word.escape_debug()
        );
        assert!(!value.trim().is_empty() && !value.contains(['\n', '\r', '\0']), "{word} needs a value of one line");
        self.settings.insert(key, value.trim().to_owned());
        self
    }

    fn text(&self) -> String {
        self.settings.iter().map(|(word, value)| format!("{word} {value}\n")).collect()
    }
}

/// What is seen of sshd.
#[derive(Clone, Debug, Serialize)]
pub struct SshHardeningState {
    /// Each word with the value that counts, all files taken together.
    pub settings: BTreeMap<String, String>,
    /// Whether somebody has logged in since the last change.
    pub confirmed: bool,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

/// What `sshd -T` says. Words that may come several times come in several lines.
fn effective(text: &str) -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    for (word, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        // Its older name, which sshd still prints.
        let value = if value == "without-password" { "prohibit-password" } else { value.trim() };
        settings
            .entry(word.to_ascii_lowercase())
            .and_modify(|all| {
                all.push(' ');
                all.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    settings
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<SshHardeningState>, Failure> {
    let file = GUARD.file();
    let whole = Whole::look(SshHardening::KIND, place, &file, cx);
    let said = cx.ask(&place.spot, probe::command(Command::new("/usr/sbin/sshd").arg("-T")));
    let (whole, said, pending) = try_join3(whole, said, GUARD.is_pending(&place.spot, cx)).await?;
    Ok(whole.map(|whole| SshHardeningState {
        settings: effective(&said.text()),
        confirmed: !pending,
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

impl Resource for SshHardening {
    const KIND: &'static str = "host/ssh-hardening";
    type Outputs = NoOutputs;
    lives_on_a_machine!(SshHardeningState);

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("sshd of {}", self.host.scope()))]
    }

    fn review(&self, _: Option<&SshHardeningState>, action: Action, _: &[Change]) -> Vec<Note> {
        let note =
            "the open connection stays; unless a new login works within 90 s, the machine takes this back itself";
        (action != Action::Delete).then(|| Note::info(note)).into_iter().collect()
    }

    async fn apply(&self, now: Option<&SshHardeningState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        if now.is_some_and(|now| !now.confirmed) {
            GUARD.settle(cx, &place.spot).await?;
        }
        let now = look(&place, &cx.reader()).await?;
        let whole = now.as_ref().map(|now| &now.whole);
        let note = Whole::note(whole, cx.mark()).write(Self::KIND, &self.name);
        let old = whole.and_then(|whole| whole.text.as_deref());
        GUARD.change(cx, &place.spot, old, Some(&self.text()), vec![note]).await
    }

    async fn delete(state: &SshHardeningState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, name) = (&state.place.spot, &state.place.name);
        if !state.confirmed {
            GUARD.settle(cx, spot).await?;
        }
        // What was seen may have been taken back.
        let now = look(&state.place, &cx.reader()).await?;
        let old = now.as_ref().and_then(|now| now.whole.text.as_deref());
        let before = state.kept.as_ref().and_then(|kept| kept.before.as_deref());
        if old != before {
            GUARD.change(cx, spot, old, before, vec![]).await?;
        }
        cx.carry_out(cx.permit(), spot, [super::kept::forget(Self::KIND, name)]).await
    }
}

#[cfg(test)]
mod tests {
    use super::effective;

    #[test]
    fn what_sshd_says_is_read_with_repeated_words_and_old_names() {
        let said = effective("permitrootlogin without-password\nallowusers a\nallowusers b\nport 22\n");
        assert_eq!(said["permitrootlogin"], "prohibit-password");
        assert_eq!(said["allowusers"], "a b");
    }
}
