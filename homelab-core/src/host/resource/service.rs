//! What runs, and what starts at boot.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    unit::unit_name,
};
use crate::{
    Apply, Failure, NoOutputs, Provider, Resource, Text,
    host::{Action, Batch, Command, Host, Hosts, HostsReader, Spot, facts, probe},
    plan::{self, Change, Note, NoteKind},
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many lines of the journal an error shows.
const LINES: usize = 15;
/// How long a unit that has just been started is watched: a program that ends at once has not started.
const WATCHED: Duration = Duration::from_millis(500);

/// A unit of systemd that runs and starts at boot: a service, a timer, a mount. It is restarted when something that it was given with
/// [`restart_on`](Service::restart_on) has changed; that stays to be done, over crashes too, until it is done.
///
/// When it goes, it is enabled and running again as it was before.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Service, UnitFile}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let app = lab.add(UnitFile::on(web, "app.service", "[Service]\nExecStart=/opt/app\n[Install]\nWantedBy=multi-user.target\n"));
/// lab.add(Service::on(web, "app.service").restart_on(app.digest()));
/// lab.add(Service::masked(web, "apt-daily-upgrade.timer"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    enabled: Option<bool>,
    running: Option<bool>,
    masked: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    started_with: Vec<Text>,
    #[serde(skip)]
    reload: bool,
}

impl Service {
    /// A unit that runs and starts at boot; without a type it is a `.service`.
    ///
    /// # Panics
    /// On what is no name of a unit.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        let name = if name.contains('.') { unit_name(name) } else { unit_name(&format!("{name}.service")) };
        Service {
            host: host.into(),
            name,
            enabled: Some(true),
            running: Some(true),
            masked: false,
            started_with: vec![],
            reload: false,
        }
    }

    /// A unit that neither runs nor starts at boot, but may be started by somebody.
    ///
    /// # Panics
    /// On what is no name of a unit.
    #[must_use]
    #[track_caller]
    pub fn stopped(host: impl Into<Host>, name: &str) -> Self {
        Service { enabled: Some(false), running: Some(false), ..Service::on(host, name) }
    }

    /// A unit that nothing and nobody can start.
    ///
    /// # Panics
    /// On what is no name of a unit.
    #[must_use]
    #[track_caller]
    pub fn masked(host: impl Into<Host>, name: &str) -> Self {
        Service { enabled: None, running: Some(false), masked: true, ..Service::on(host, name) }
    }

    /// It runs, and whether it starts at boot is left as it is: for units that only others start.
    #[must_use]
    pub fn not_enabled(mut self) -> Self {
        self.enabled = None;
        self
    }

    /// Restarts when this has another value: the digest of a file or a unit, the version of a package.
    #[must_use]
    pub fn restart_on(mut self, changed: impl Into<Text>) -> Self {
        self.started_with.push(changed.into());
        self
    }

    /// Where it is restarted, it is told to read its files again instead (or restarted, if it cannot do that).
    #[must_use]
    pub fn by_reload(mut self) -> Self {
        self.reload = true;
        self
    }
}

/// How a unit was before us, and what it was started with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    enabled: Option<bool>,
    running: bool,
    masked: bool,
    started_with: Vec<String>,
}

/// What is seen of a unit.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceState {
    /// Whether it starts at boot; nothing if that cannot be said of it.
    pub enabled: Option<bool>,
    /// Whether it runs.
    pub running: bool,
    /// Whether it is masked.
    pub masked: bool,
    /// What it was started with.
    pub started_with: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

fn state(place: &Place, unit: &facts::Unit, kept: Option<Kept<Before>>) -> ServiceState {
    ServiceState {
        enabled: match unit.file_state.as_str() {
            "enabled" | "enabled-runtime" | "alias" => Some(true),
            "disabled" | "masked" | "masked-runtime" => Some(false),
            // `static`, `indirect` and `generated` ones are started by others; there is nothing to enable.
            "static" | "indirect" | "generated" | "transient" => Some(true),
            _ => None,
        },
        running: matches!(unit.active.as_str(), "active" | "activating" | "reloading"),
        masked: unit.load == "masked",
        started_with: kept.as_ref().map(|kept| kept.before.started_with.clone()).unwrap_or_default(),
        place: place.clone(),
        kept,
    }
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<ServiceState>, Failure> {
    let unit = cx.ask(&place.spot, probe::unit(&place.name));
    let (kept, unit) = try_join(Kept::<Before>::recall(Service::KIND, place, cx), unit).await?;
    Ok(kept.map(|kept| state(place, &unit, Some(kept))))
}

/// What something depends on, by value.
pub(super) fn values(cx: &Apply<'_, Hosts>, texts: &[Text]) -> Result<Vec<String>, Failure> {
    texts.iter().map(|text| Ok(cx.text(text)?.expose().to_owned())).collect()
}

/// The last lines that a unit has said.
pub(super) async fn journal(cx: &Hosts, spot: &Spot, unit: &str) -> Result<Vec<String>, Failure> {
    let lines = LINES.to_string();
    let command = Command::new("journalctl").args(["--no-pager", "-o", "cat", "-n", &lines, "-u", unit]);
    let said = cx.reader().ask(spot, probe::command(command)).await?;
    Ok(said.text().lines().map(str::to_owned).collect())
}

fn systemctl(words: &[&str], unit: &str) -> Command {
    Command::new("systemctl").args(words).arg("--").arg(unit)
}

/// Runs commands one after another; the first that fails is told of with what the unit has said.
async fn run(cx: &Apply<'_, Hosts>, spot: &Spot, unit: &str, actions: Vec<Action>) -> Result<(), Failure> {
    match cx.carry_out(cx.permit(), spot, actions).await {
        Err(failure) if failure.nature == crate::Nature::Refused => {
            let said = journal(cx, spot, unit).await?;
            let known = failure.hint.is_some();
            let failure = failure.detail(said);
            Err(if known { failure } else { failure.hint(format!("`systemctl status {unit}` on {spot} shows more")) })
        }
        other => other,
    }
}

impl Resource for Service {
    const KIND: &'static str = "host/service";
    type Outputs = NoOutputs;
    lives_on_a_machine!(ServiceState);

    fn review(&self, now: Option<&ServiceState>, _: plan::Action, changes: &[Change]) -> Vec<Note> {
        let away = now.is_some_and(|now| now.running) && changes.iter().any(|c| c.top() == "started_with");
        let word = if self.reload { "reads its files again" } else { "is restarted" };
        away.then(|| Note::new(NoteKind::Downtime, format!("{} {word}, because what it uses has changed", self.name)))
            .into_iter()
            .collect()
    }

    async fn apply(&self, now: Option<&ServiceState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let (spot, name) = (&place.spot, self.name.as_str());
        let seen = match now {
            Some(now) => now.clone(),
            None => state(&place, &cx.reader().ask(spot, probe::unit(name)).await?, None),
        };
        let with = values(cx, &self.started_with)?;
        let mut before = seen.kept.clone().map_or_else(
            || Before {
                enabled: seen.enabled,
                running: seen.running,
                masked: seen.masked,
                started_with: seen.started_with.clone(),
            },
            |kept| kept.before,
        );
        let mut actions = vec![Kept::new(cx.mark(), before.clone()).write(Self::KIND, name)];
        let mut to = |words: &[&str]| actions.push(Action::Run(systemctl(words, name)));
        match (self.masked, seen.masked) {
            (true, false) => to(&["mask", "--now"]),
            (false, true) => to(&["unmask"]),
            _ => {}
        }
        if !self.masked {
            match (self.enabled, seen.enabled.filter(|_| !seen.masked)) {
                (Some(true), Some(true)) | (None, _) => {}
                (Some(true), _) => to(&["enable"]),
                (Some(false), Some(true)) => to(&["disable"]),
                (Some(false), _) => {}
            }
            let stale = with != seen.started_with && seen.running;
            match self.running {
                Some(true) if stale && self.reload => to(&["reload-or-restart"]),
                Some(true) if stale => to(&["restart"]),
                // Also where it runs: it may be about to fail.
                Some(true) => to(&["start"]),
                Some(false) if seen.running => to(&["stop"]),
                _ => {}
            }
        }
        run(cx, spot, name, actions).await?;
        if self.running == Some(true) {
            tokio::time::sleep(WATCHED).await;
            let unit = cx.reader().ask(spot, probe::unit(name)).await?;
            if unit.active == "failed" || unit.active == "inactive" && unit.result != "success" {
                let said = journal(cx, spot, name).await?;
                return Err(Failure::new(format!("{name} on {spot} was started and has failed ({})", unit.result))
                    .detail(said)
                    .hint(format!("`journalctl -u {name}` there shows more")));
            }
        }
        // Only now it is no longer to be done.
        before.started_with = with;
        cx.carry_out(cx.permit(), spot, [Kept::new(cx.mark(), before).write(Self::KIND, name)]).await
    }

    async fn delete(state: &ServiceState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, name) = (&state.place.spot, state.place.name.as_str());
        let Some(before) = state.kept.as_ref().map(|kept| &kept.before) else { return Ok(()) };
        let mut batch = Batch::new();
        let mut to = |words: &[&str]| {
            batch.run(cx.permit(), systemctl(words, name));
        };
        if state.masked && !before.masked {
            to(&["unmask"]);
        }
        match (before.enabled, state.enabled) {
            (Some(true), Some(false)) => to(&["enable"]),
            (Some(false) | None, Some(true)) => to(&["disable"]),
            _ => {}
        }
        match (before.running, state.running) {
            (true, false) => to(&["start"]),
            (false, true) => to(&["stop"]),
            _ => {}
        }
        if before.masked && !state.masked {
            to(&["mask"]);
        }
        // A unit that has gone with its package cannot be asked to do anything, and need not.
        let there = cx.reader().ask(spot, probe::unit(name)).await?.load != "not-found";
        if there {
            cx.run(cx.permit(), spot, &batch).await?;
        }
        cx.carry_out(cx.permit(), spot, [forget(Self::KIND, name)]).await
    }
}
