//! The clock, which is set by others.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    whole::Whole,
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, probe},
};
use futures_util::future::try_join;
use serde::Serialize;

/// Where the clock is set from: time servers for the program that does it, systemd-timesyncd, or [chrony](TimeSync::chrony). The program
/// is a [`Package`](super::Package); Debian lets only one of the two be there.
#[derive(Clone, Debug, Serialize)]
pub struct TimeSync {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    servers: String,
    running: bool,
}

const TIMESYNCD: &str = "systemd-timesyncd";
const CHRONY: &str = "chrony";

impl TimeSync {
    /// Time servers for systemd-timesyncd, by name or address.
    ///
    /// # Panics
    /// On none, and on what is neither a name nor an address.
    #[must_use]
    #[track_caller]
    pub fn on<'s>(host: impl Into<Host>, servers: impl IntoIterator<Item = &'s str>) -> Self {
        let servers: Vec<&str> = servers.into_iter().collect();
        let odd = |server: &&&str| {
            server.is_empty() || server.bytes().any(|b| !(b.is_ascii_alphanumeric() || b".-:".contains(&b)))
        };
        assert!(!servers.is_empty(), "a clock needs at least one time server");
        if let Some(odd) = servers.iter().find(odd) {
            panic!("`{}` is no time server", odd.escape_debug());
        }
        TimeSync { host: host.into(), name: TIMESYNCD.into(), servers: servers.join(" "), running: true }
    }

    /// For chrony, beside the servers that its own configuration names.
    #[must_use]
    pub fn chrony(mut self) -> Self {
        self.name = CHRONY.into();
        self
    }
}

fn path(name: &str) -> HostPath {
    HostPath::at(match name {
        CHRONY => "/etc/chrony/sources.d/homelab.sources",
        _ => "/etc/systemd/timesyncd.conf.d/homelab.conf",
    })
}

fn written(name: &str, servers: &str) -> String {
    match name {
        CHRONY => servers.split(' ').map(|server| format!("server {server} iburst\n")).collect(),
        _ => format!("[Time]\nNTP={servers}\n"),
    }
}

fn servers(name: &str, text: &str) -> String {
    let word = |line: &str| match name {
        CHRONY => line.strip_prefix("server ").and_then(|rest| rest.split(' ').next()).map(str::to_owned),
        _ => line.strip_prefix("NTP=").map(str::to_owned),
    };
    text.lines().filter_map(word).collect::<Vec<_>>().join(" ")
}

/// What is seen of it.
#[derive(Clone, Debug, Serialize)]
pub struct TimeSyncState {
    /// The time servers that our file names.
    pub servers: String,
    /// Whether the program runs that sets the clock.
    pub running: bool,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<TimeSyncState>, Failure> {
    let path = path(&place.name);
    let unit = format!("{}.service", place.name);
    let unit = cx.ask(&place.spot, probe::unit(&unit));
    let (whole, unit) = try_join(Whole::look(TimeSync::KIND, place, &path, cx), unit).await?;
    Ok(whole.map(|whole| TimeSyncState {
        servers: servers(&place.name, whole.text.as_deref().unwrap_or_default()),
        running: unit.active == "active",
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

impl Resource for TimeSync {
    const KIND: &'static str = "host/time-sync";
    type Outputs = NoOutputs;
    lives_on_a_machine!(TimeSyncState);

    async fn apply(&self, now: Option<&TimeSyncState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (path, names) = (path(&self.name), (Self::KIND, self.name.as_str()));
        let text = written(&self.name, &self.servers);
        let dir = Action::MakeDir { path: path.parent(), mode: 0o755, owner: None };
        let write = Whole::write(now.map(|now| &now.whole), cx.mark(), names, &path, &text, 0o644);
        let restart = Action::Run(Command::new("systemctl").args(["restart", &self.name]));
        let actions = [dir].into_iter().chain(write).chain([restart]);
        let spot = self.host.spot_now(cx)?;
        cx.carry_out(cx.permit(), &spot, actions).await.map_err(|failure| match failure.hint {
            None => failure.hint(format!("is the package {} there? Only one program can set the clock", self.name)),
            Some(_) => failure,
        })?;
        let unit = format!("{}.service", self.name);
        if cx.reader().ask(&spot, probe::unit(&unit)).await?.active != "active" {
            // systemd skips both programs where there is no clock to set: `ConditionVirtualization`, `ConditionCapability`.
            return Err(Failure::new(format!("{unit} on {spot} was started and does not run"))
                .detail(super::service::journal(cx, &spot, &unit).await?)
                .hint("a container has the clock of the machine that it runs on: set the time there"));
        }
        Ok(())
    }

    async fn delete(state: &TimeSyncState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let undo = state.whole.undo((Self::KIND, name), &path(name), 0o644);
        // A program that does not run has nothing to forget.
        let again = Action::Run(Command::new("systemctl").args(["try-restart", name]));
        cx.carry_out(cx.permit(), &state.place.spot, undo.into_iter().chain(state.running.then_some(again))).await
    }
}
