//! Rules of sudo.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    whole::Whole,
};
use crate::{
    Apply, Failure, NoOutputs, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader},
};
use serde::Serialize;

/// A file of rules below `/etc/sudoers.d`. `visudo` has read it before it is in place: one mistake there, and nobody can use sudo.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Sudoers}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Sudoers::on(web, "deploy", "deploy ALL=(ALL) NOPASSWD: ALL"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Sudoers {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    rules: String,
}

impl Sudoers {
    /// Rules, one a line.
    ///
    /// # Panics
    /// On a name that sudo would not read: with a dot, a slash, or a `~` at its end (sudoers(5), `@includedir`).
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, rules: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        assert!(
            !name.is_empty() && name.bytes().all(plain),
            "sudo reads no file that is called `{}`",
            name.escape_debug()
        );
        Sudoers { host: host.into(), name: name.to_owned(), rules: format!("{}\n", rules.trim_end()) }
    }
}

fn path(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/sudoers.d/{name}"))
}

/// What is seen of such a file.
#[derive(Clone, Debug, Serialize)]
pub struct SudoersState {
    /// The rules.
    pub rules: Option<String>,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<SudoersState>, Failure> {
    let whole = Whole::look(Sudoers::KIND, place, &path(&place.name), cx).await?;
    Ok(whole.map(|whole| SudoersState {
        rules: whole.text.clone(),
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

impl Resource for Sudoers {
    const KIND: &'static str = "host/sudoers";
    type Outputs = NoOutputs;
    lives_on_a_machine!(SudoersState);

    async fn apply(&self, now: Option<&SudoersState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let names = (Self::KIND, self.name.as_str());
        let check = Command::new("visudo").args(["-cf", "-"]).stdin(self.rules.as_str());
        let write = Whole::write(now.map(|now| &now.whole), cx.mark(), names, &path(&self.name), &self.rules, 0o440);
        let actions = [Action::Run(check)].into_iter().chain(write);
        cx.carry_out(cx.permit(), &self.host.spot_now(cx)?, actions).await
    }

    async fn delete(state: &SudoersState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let undo = state.whole.undo((Self::KIND, name), &path(name), 0o440);
        cx.carry_out(cx.permit(), &state.place.spot, undo).await
    }
}
