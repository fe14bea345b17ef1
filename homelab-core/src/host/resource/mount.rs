//! File systems that are mounted.
use super::kept::{Kept, Place, forget, lives_on_a_machine};
use super::whole::{foreign, put, text};
use crate::{
    Apply, Failure, Look, NoOutputs, Provider, Resource, Text,
    host::{Action, Batch, Command, Host, HostPath, Hosts, HostsReader, probe},
    plan::Note,
};
use futures_util::future::{try_join3, try_join4};
use serde::{Deserialize, Serialize};

/// A file system that is mounted now and at each boot, by a mount unit of systemd. Nothing is ever formatted: what is mounted has to be
/// there.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Mount}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Mount::on(web, "/media").from("192.168.0.13:/mnt/tank/media").options("nfsvers=4.2,noatime").automount());
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Mount {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    from: Text,
    kind: String,
    options: String,
    automount: bool,
    enabled: bool,
    active: bool,
}

/// A mount point without what is mounted there.
#[derive(Clone, Debug)]
#[must_use = "say what is mounted: `.from(\"nas:/mnt/tank/media\")`"]
pub struct MountPoint {
    host: Host,
    path: String,
}

impl Mount {
    /// A mount point; [`from`](MountPoint::from) says what is mounted there.
    ///
    /// # Panics
    /// On a path that is not absolute, is `/`, has `.` or `..` in it, or a control character.
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str) -> MountPoint {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let fine = path.starts_with('/') && parts.iter().all(|p| !p.is_empty() && *p != "." && *p != "..");
        assert!(
            fine && !path.contains(char::is_control),
            "`{}` is no mount point: a path from `/` on, without `..` and without a slash at its end",
            path.escape_debug()
        );
        MountPoint { host: host.into(), path: path.to_owned() }
    }

    /// The type of the file system: `ext4`. Without, it is `nfs`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// Options of mount(8) and of the file system, separated by commas.
    ///
    /// # Panics
    /// On options with white space.
    #[must_use]
    #[track_caller]
    pub fn options(mut self, options: &str) -> Self {
        assert!(!options.contains(char::is_whitespace), "options of a mount have no white space: `ro,noatime`");
        options.clone_into(&mut self.options);
        self
    }

    /// Mounted when somebody first looks into it, so that a machine boots although its NAS is off.
    #[must_use]
    pub fn automount(mut self) -> Self {
        self.automount = true;
        self
    }
}

impl MountPoint {
    /// What is mounted: `nas:/mnt/tank/media`, `/dev/disk/by-uuid/...`, or an output of another resource.
    pub fn from(self, source: impl Into<Text>) -> Mount {
        Mount {
            host: self.host,
            name: self.path,
            from: source.into(),
            kind: "nfs".into(),
            options: "defaults".into(),
            automount: false,
            enabled: true,
            active: true,
        }
    }
}

/// The name of a unit for a path, as systemd-escape(1) makes it.
fn unit(path: &str, kind: &str) -> String {
    let mut name = String::new();
    for (n, byte) in path.trim_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if n == 0 => name.push_str("\\x2e"),
            b if b.is_ascii_alphanumeric() || b":_.".contains(&b) => name.push(char::from(b)),
            b => name.push_str(&format!("\\x{b:02x}")),
        }
    }
    format!("{name}.{kind}")
}

fn file(path: &str, kind: &str) -> HostPath {
    HostPath::at(&format!("/etc/systemd/system/{}", unit(path, kind)))
}

/// A value in a unit: `%` begins a specifier there.
fn value(text: &str) -> String {
    text.replace('%', "%%")
}

/// What was there before us: unit files, and the directory, which systemd makes where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    mount: Option<String>,
    automount: Option<String>,
    directory: bool,
}

/// What is seen of a mount.
#[derive(Clone, Debug, Serialize)]
pub struct MountState {
    /// What is mounted.
    pub from: Option<String>,
    /// The type of the file system.
    pub kind: Option<String>,
    /// The options.
    pub options: Option<String>,
    /// Whether it is mounted when somebody looks into it.
    pub automount: bool,
    /// Whether that is so at boot.
    pub enabled: bool,
    /// Whether it is mounted, or waits for somebody to look into it.
    pub active: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn files(place: &Place, cx: &HostsReader) -> Result<Before, Failure> {
    let (mount, automount) = (file(&place.name, "mount"), file(&place.name, "automount"));
    let (one, other, directory) = try_join3(
        cx.ask(&place.spot, probe::read(mount.clone())),
        cx.ask(&place.spot, probe::read(automount.clone())),
        cx.ask(&place.spot, probe::stat(HostPath::at(&place.name))),
    )
    .await?;
    Ok(Before {
        mount: one.map(|b| text(&mount, b)).transpose()?,
        automount: other.map(|b| text(&automount, b)).transpose()?,
        directory: directory.is_some(),
    })
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<MountState>, Failure> {
    let (mount, automount) = (unit(&place.name, "mount"), unit(&place.name, "automount"));
    let (kept, files, mount, automount) = try_join4(
        Kept::recall(Mount::KIND, place, cx),
        files(place, cx),
        cx.ask(&place.spot, probe::unit(&mount)),
        cx.ask(&place.spot, probe::unit(&automount)),
    )
    .await?;
    let field = |name: &str| {
        let line = files.mount.as_deref()?.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.replace("%%", "%"))
    };
    let auto = files.automount.is_some();
    let unit = if auto { &automount } else { &mount };
    Ok(kept.is_some().then(|| MountState {
        from: field("What"),
        kind: field("Type"),
        options: field("Options"),
        automount: auto,
        enabled: unit.file_state == "enabled",
        active: unit.active == "active",
        place: place.clone(),
        kept,
    }))
}

fn systemctl(words: &[&str]) -> Action {
    Action::Run(Command::new("systemctl").args(words))
}

impl Resource for Mount {
    const KIND: &'static str = "host/mount";
    type Outputs = NoOutputs;
    lives_on_a_machine!(MountState);

    async fn inspect(&self, now: Option<&MountState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        let Some(spot) = self.host.spot(cx).filter(|_| now.is_none()) else { return Ok(vec![]) };
        let mut notes = vec![];
        for path in [file(&self.name, "mount").to_string(), file(&self.name, "automount").to_string()] {
            let there = cx.ask(&spot, probe::stat(HostPath::at(&path))).await?;
            notes.extend(there.map(|_| foreign(&path)));
        }
        Ok(notes)
    }

    async fn apply(&self, now: Option<&MountState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        let there = files(&place, &cx.reader()).await?;
        let before = now.and_then(|now| now.kept.clone()).map_or_else(|| there.clone(), |kept| kept.before);
        let from = cx.text(&self.from)?;
        if from.expose().is_empty() || from.expose().contains(char::is_control) {
            return Err(Failure::new(format!("what is to be mounted at {} is not one line", self.name)));
        }
        let net = ["nfs", "nfs4", "cifs"].contains(&self.kind.as_str());
        let after = if net { "\nAfter=network-online.target\nWants=network-online.target" } else { "" };
        let target = if net { "remote-fs.target" } else { "local-fs.target" };
        let mount = format!(
            "[Unit]\nDescription={0}{after}\n[Mount]\nWhat={1}\nWhere={0}\nType={2}\nOptions={3}\n[Install]\nWantedBy={target}\n",
            value(&self.name),
            value(from.expose()),
            self.kind,
            value(&self.options)
        );
        let automount = format!(
            "[Unit]\nDescription={0}{after}\n[Automount]\nWhere={0}\n[Install]\nWantedBy={target}\n",
            value(&self.name)
        );
        let (plain, auto) = (unit(&self.name, "mount"), unit(&self.name, "automount"));
        let mut actions = vec![Kept::new(cx.mark(), before).write(Self::KIND, &self.name)];
        // What is mounted now is unmounted first, because a mount cannot be told of another source.
        let differs =
            there.mount.as_ref().is_some_and(|text| *text != mount) || self.automount != there.automount.is_some();
        if there.automount.is_some() && differs {
            actions.push(systemctl(&["disable", "--now", "--", &auto]));
        }
        if there.mount.is_some() && differs {
            actions.push(systemctl(&["disable", "--now", "--", &plain]));
        }
        actions.push(put(&file(&self.name, "mount"), mount, 0o644));
        actions.push(match self.automount {
            true => put(&file(&self.name, "automount"), automount, 0o644),
            false => Action::Remove(file(&self.name, "automount")),
        });
        actions.push(systemctl(&["daemon-reload"]));
        let unit = if self.automount { &auto } else { &plain };
        actions.push(systemctl(&["enable", "--now", "--", unit]));
        match cx.carry_out(cx.permit(), &place.spot, actions).await {
            Err(failure) if failure.nature == crate::Nature::Refused => {
                let said = super::service::journal(cx, &place.spot, &plain).await?;
                let hint = if net {
                    "does the server answer, does it let this machine in, and is `nfs-common` or `cifs-utils` installed?"
                } else {
                    "is the disk there, with a file system of this type? Nothing is ever formatted"
                };
                Err(failure.detail(said).hint(hint))
            }
            other => other,
        }
    }

    async fn delete(state: &MountState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, path) = (&state.place.spot, &state.place.name);
        let there = files(&state.place, &cx.reader()).await?;
        let mut batch = Batch::new();
        let before = state.kept.as_ref().map(|kept| kept.before.clone());
        for (kind, there) in [("automount", there.automount), ("mount", there.mount)] {
            let before =
                before.as_ref().and_then(|b| if kind == "mount" { b.mount.clone() } else { b.automount.clone() });
            if there.is_some() {
                batch.act(cx.permit(), systemctl(&["disable", "--now", "--", &unit(path, kind)]));
                // What somebody works in cannot be unmounted, and its unit must not go then.
                batch.barrier();
            }
            batch.act(
                cx.permit(),
                match before {
                    Some(text) => put(&file(path, kind), text, 0o644),
                    None => Action::Remove(file(path, kind)),
                },
            );
            batch.barrier();
        }
        batch.act(cx.permit(), systemctl(&["daemon-reload"]));
        if before.is_some_and(|before| !before.directory) {
            batch.run(cx.permit(), Command::new("rmdir").args(["--ignore-fail-on-non-empty", "--", path]));
        }
        batch.act(cx.permit(), forget(Self::KIND, path));
        cx.all(cx.permit(), spot, &batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::unit;

    /// As `systemd-escape --path` of systemd 252 has them.
    #[test]
    fn units_are_named_as_systemd_names_them() {
        assert_eq!(unit("/media", "mount"), "media.mount");
        assert_eq!(unit("/srv/my media", "mount"), "srv-my\\x20media.mount");
        assert_eq!(unit("/srv/a-b", "automount"), "srv-a\\x2db.automount");
        assert_eq!(unit("/.hidden/é", "mount"), "\\x2ehidden-\\xc3\\xa9.mount");
    }
}
