//! Files of systemd: units, timers, drop-ins.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    whole::Whole,
};
use crate::{
    Apply, Failure, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, content::sha256, probe},
    outputs,
};
use futures_util::future::try_join;
use serde::Serialize;

/// A unit file below `/etc/systemd/system`, or a drop-in for one. It is only what systemd reads; what runs and what starts at boot is
/// [`Service`](super::Service).
///
/// ```
/// # use homelab_core::{Lab, ResourceExt, host::{Computer, Service, UnitFile}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let backup = "[Service]\nType=oneshot\nExecStart=/usr/local/bin/backup\n";
/// let backup = lab.add(UnitFile::on(web, "backup.service", backup));
/// let nightly = lab.add(UnitFile::timer(web, "backup", "*-*-* 03:00:00"));
/// lab.add(Service::on(web, "backup.timer").restart_on(nightly.digest()).after(backup));
/// lab.add(UnitFile::drop_in(web, "docker.service", "slow", "[Service]\nTimeoutStartSec=300\n"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct UnitFile {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    text: String,
    digest: String,
    needs_reload: bool,
    load: Option<String>,
}

const TYPES: [&str; 8] = ["service", "timer", "socket", "path", "mount", "automount", "target", "slice"];

/// A unit's name with its type (systemd.unit(5)).
#[track_caller]
pub(super) fn unit_name(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b);
    let typed = name.rsplit_once('.').is_some_and(|(stem, kind)| !stem.is_empty() && TYPES.contains(&kind));
    assert!(
        typed && name.bytes().all(plain) && !name.starts_with('-'),
        "`{}` is no name of a unit: it ends in its type, `.service` or `.timer`",
        name.escape_debug()
    );
    name.to_owned()
}

impl UnitFile {
    #[track_caller]
    fn new(host: Host, name: String, text: &str) -> Self {
        assert!(
            text.trim_start().starts_with(['[', '#', ';']),
            "the text of {name} does not begin with a section: `[Unit]`"
        );
        let text = format!("{}\n", text.trim_end());
        let digest = sha256(text.as_bytes());
        UnitFile { host, name, text, digest, needs_reload: false, load: Some("loaded".into()) }
    }

    /// A unit of this name, with its type: `backup.service`.
    ///
    /// # Panics
    /// On what is no name of a unit, and on a text that does not begin with a section.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, text: &str) -> Self {
        UnitFile::new(host.into(), unit_name(name), text)
    }

    /// A timer for the service of the same name, by a calendar (systemd.time(7)). What it missed while the machine was off is made
    /// up for.
    ///
    /// # Panics
    /// On what is no name, and on an empty calendar.
    #[must_use]
    #[track_caller]
    pub fn timer(host: impl Into<Host>, name: &str, calendar: &str) -> Self {
        assert!(
            !calendar.trim().is_empty() && !calendar.contains('\n'),
            "a timer needs a calendar of one line: `daily`"
        );
        let text = format!(
            "[Unit]\nDescription=Runs {name}\n[Timer]\nOnCalendar={calendar}\nPersistent=true\n[Install]\nWantedBy=timers.target\n"
        );
        UnitFile::on(host, &format!("{name}.timer"), &text)
    }

    /// A drop-in, which changes a unit of somebody else's: `/etc/systemd/system/UNIT.d/NAME.conf`. It goes with its unit's name into
    /// its own: `docker.service.d/slow.conf`.
    ///
    /// # Panics
    /// On what is no name of a unit or a file, and on a text that does not begin with a section.
    #[must_use]
    #[track_caller]
    pub fn drop_in(host: impl Into<Host>, unit: &str, name: &str, text: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        assert!(!name.is_empty() && name.bytes().all(plain), "`{}` is no name of a drop-in", name.escape_debug());
        let file = format!("{}.d/{name}.conf", unit_name(unit));
        UnitFile { load: None, ..UnitFile::new(host.into(), file, text) }
    }
}

fn path(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/systemd/system/{name}"))
}

/// The unit that a file is about.
fn unit_of(name: &str) -> &str {
    name.split_once(".d/").map_or(name, |(unit, _)| unit)
}

/// What is seen of a unit's file.
#[derive(Clone, Debug, Serialize)]
pub struct UnitFileState {
    /// Its text.
    pub text: Option<String>,
    /// The SHA-256 of its text: another after each change.
    pub digest: Option<String>,
    /// Whether systemd has yet to read it.
    pub needs_reload: bool,
    /// What systemd makes of the unit: `loaded`, `bad-setting`, `masked`.
    pub load: Option<String>,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

outputs!(
    /// What is known of a unit's file.
    UnitFileOutputs of UnitFileState {
        /// The SHA-256 of its text: what restarts on it gives it to `restart_on`.
        digest: String,
    }
);

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<UnitFileState>, Failure> {
    let path = path(&place.name);
    let whole = Whole::look(UnitFile::KIND, place, &path, cx);
    let unit = cx.ask(&place.spot, probe::unit(unit_of(&place.name)));
    let (whole, unit) = try_join(whole, unit).await?;
    Ok(whole.map(|whole| UnitFileState {
        text: whole.text.clone(),
        digest: whole.text.as_ref().map(|text| sha256(text.as_bytes())),
        needs_reload: unit.needs_reload,
        load: Some(unit.load),
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

fn reload() -> Action {
    Action::Run(Command::new("systemctl").arg("daemon-reload"))
}

impl Resource for UnitFile {
    const KIND: &'static str = "host/unit";
    type Outputs = UnitFileOutputs;
    lives_on_a_machine!(UnitFileState);

    async fn apply(&self, now: Option<&UnitFileState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let (path, names) = (path(&self.name), (Self::KIND, self.name.as_str()));
        let write = Whole::write(now.map(|now| &now.whole), cx.mark(), names, &path, &self.text, 0o644);
        let dir = Action::MakeDir { path: path.parent(), mode: 0o755, owner: None };
        cx.carry_out(cx.permit(), &spot, [dir].into_iter().chain(write).chain([reload()])).await?;
        let unit = cx.reader().ask(&spot, probe::unit(unit_of(&self.name))).await?;
        if matches!(unit.load.as_str(), "bad-setting" | "error") {
            let log = super::service::journal(cx, &spot, unit_of(&self.name)).await?;
            return Err(Failure::new(format!("systemd does not understand {path}"))
                .detail(log)
                .hint("`systemd-analyze verify` says why"));
        }
        Ok(())
    }

    async fn delete(state: &UnitFileState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let path = path(name);
        let [file, note] = state.whole.undo((Self::KIND, name), &path, 0o644);
        let mut actions = vec![file];
        if name.contains(".d/") {
            let tidy = Command::new("rmdir").args(["--ignore-fail-on-non-empty", "--"]);
            let there = cx.reader().ask(&state.place.spot, probe::stat(path.parent())).await?.is_some();
            actions.extend(there.then(|| Action::Run(tidy.arg(path.parent().as_bytes()))));
        }
        actions.extend([reload(), note]);
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}
