//! Directories.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    was::{Was, octal, owner_of, ownership},
};
use crate::{
    Apply, Failure, NoOutputs, Resource,
    host::{Action, FileKind, Host, HostPath, Hosts, HostsReader, probe},
};
use futures_util::future::try_join3;
use serde::Serialize;

/// How many names of what would be lost are told.
const TOLD: usize = 5;

/// A directory. When it goes, one that was not there before is removed, if it is empty by then; what was there gets back its mode and
/// owner.
///
/// ```
/// # use homelab_core::{Lab, ResourceExt, host::{Computer, Directory, File}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let app = lab.add(Directory::on(web, "/etc/app").mode(0o750));
/// lab.add(File::on(web, "/etc/app/app.conf", "port = 80\n").after(app));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Directory {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    kind: &'static str,
    mode: String,
    owner: String,
    #[serde(skip)]
    permissions: u32,
    with_contents: bool,
}

impl Directory {
    /// A directory, mode 0755, of root. Those above it are made too if they are missing, and stay.
    ///
    /// # Panics
    /// When the path is not absolute.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str) -> Self {
        let _absolute = HostPath::at(path);
        Directory {
            host: host.into(),
            name: path.to_owned(),
            kind: "directory",
            mode: octal(0o755),
            owner: "root:root".into(),
            permissions: 0o755,
            with_contents: false,
        }
    }

    /// Its permissions.
    ///
    /// # Panics
    /// Above `0o7777`.
    #[must_use]
    #[track_caller]
    pub fn mode(mut self, mode: u32) -> Self {
        assert!(mode <= 0o7777, "{mode:o} is no mode: it has at most four octal digits");
        self.mode = octal(mode);
        self.permissions = mode;
        self
    }

    /// Whose it is. Both must exist by then: declare them, and say `.after(user)`.
    #[must_use]
    pub fn owner(mut self, user: &str, group: &str) -> Self {
        self.owner = format!("{user}:{group}");
        self
    }

    /// What is in it is its own: it goes with it, as data that a plain run does not delete.
    #[must_use]
    pub fn with_contents(mut self) -> Self {
        self.with_contents = true;
        self
    }
}

/// What is seen of a directory.
#[derive(Clone, Debug, Serialize)]
pub struct DirectoryState {
    /// `directory`; what is there instead, if it is something else.
    pub kind: String,
    /// Its permissions: `0755`.
    pub mode: String,
    /// Whose it is: `root:root`.
    pub owner: String,
    /// Whether its contents go with it.
    pub with_contents: bool,
    #[serde(skip)]
    entries: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// What was there before, and whether what is in it is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
struct Before {
    was: Was,
    with_contents: bool,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<DirectoryState>, Failure> {
    let path = HostPath::new(place.name.as_bytes())?;
    let stat = cx.ask(&place.spot, probe::stat(path.clone()));
    let kept = Kept::<Before>::recall(Directory::KIND, place, cx);
    let list = async { Ok(cx.ask(&place.spot, probe::list(path.clone())).await.ok().flatten()) };
    let (kept, stat, list) = try_join3(kept, stat, list).await?;
    if stat.is_none() && kept.is_none() {
        return Ok(None);
    }
    let kind = match stat.as_ref().map(|s| s.kind) {
        Some(FileKind::Dir) => "directory",
        Some(FileKind::File) => "file",
        Some(FileKind::Link) => "link",
        Some(FileKind::Other) => "device",
        None => "missing",
    };
    Ok(Some(DirectoryState {
        kind: kind.into(),
        mode: stat.as_ref().map(|s| octal(s.mode)).unwrap_or_default(),
        owner: stat.as_ref().map(owner_of).unwrap_or_default(),
        with_contents: kept.as_ref().is_some_and(|k| k.before.with_contents),
        entries: list.into_iter().flatten().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect(),
        place: place.clone(),
        kept,
    }))
}

impl Resource for Directory {
    const KIND: &'static str = "host/directory";
    const COMMON: bool = true;
    type Outputs = NoOutputs;
    lives_on_a_machine!(DirectoryState);

    fn data(state: &DirectoryState) -> Vec<String> {
        let ours = state.kept.as_ref().is_some_and(|k| k.before.with_contents && k.before.was == Was::Nothing);
        if !ours || state.entries.is_empty() {
            return vec![];
        }
        let (shown, more) = (state.entries.iter().take(TOLD), state.entries.len().saturating_sub(TOLD));
        let shown = shown.map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        vec![format!("what is in it: {shown}{more}")]
    }

    async fn apply(&self, now: Option<&DirectoryState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, path) = (self.host.spot_now(cx)?, HostPath::new(self.name.as_bytes())?);
        if let Some(now) = now.filter(|now| !["directory", "missing"].contains(&now.kind.as_str())) {
            return Err(Failure::new(format!("{path} on {spot} is a {}, and was to be a directory", now.kind))
                .hint("move it away by hand, or choose another path"));
        }
        let before = now.and_then(|now| now.kept.clone()).map(|k| Kept { mark: k.mark, before: k.before.was });
        let Kept { mark, before: was } = Was::note(before.as_ref(), &spot, &path, cx).await?;
        let note = Kept { mark, before: Before { was, with_contents: self.with_contents } };
        let owner = Some(ownership(&self.owner));
        let make = Action::MakeDir { path, mode: self.permissions, owner };
        cx.carry_out(cx.permit(), &spot, [note.write(Self::KIND, &self.name), make]).await
    }

    async fn delete(state: &DirectoryState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        let path = HostPath::new(name.as_bytes())?;
        let mut actions = match &state.kept {
            Some(kept) if kept.before.was != Was::Nothing => kept.before.was.put_back(&path, true),
            Some(kept) if kept.before.with_contents => vec![Action::RemoveAll(path)],
            Some(_) if state.kind == "directory" => Was::Nothing.put_back(&path, true),
            _ => vec![],
        };
        actions.push(forget(Self::KIND, name));
        cx.carry_out(cx.permit(), spot, actions).await.map_err(|e| {
            let full = e.message.contains("not empty") && !state.entries.is_empty();
            let what = || format!("there is something in it that is not ours: {}", state.entries.join(", "));
            if full { e.detail([what()]).hint("remove that by hand, or declare it `.with_contents()`") } else { e }
        })
    }
}
