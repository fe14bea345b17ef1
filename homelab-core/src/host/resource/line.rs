//! Single lines in files that others write too.
use super::{
    edit,
    kept::{Kept, Place, forget, lives_on_a_machine},
};
use crate::{
    Apply, Failure, Lock, Look, NoOutputs, Resource,
    host::{Host, HostPath, Hosts, HostsReader},
    plan::Note,
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// A line in a file that is there already. When it goes, the line that it replaced comes back.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Line}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Line::on(web, "/etc/modules", "wireguard"));
/// lab.add(Line::on(web, "/etc/default/grub", "GRUB_TIMEOUT=1").in_place_of("GRUB_TIMEOUT="));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    path: HostPath,
    line: String,
    #[serde(skip)]
    begins: Option<String>,
    #[serde(skip)]
    create: bool,
}

impl Line {
    /// A line that must be in a file; at its end if it is not there yet.
    ///
    /// # Panics
    /// When the path is not absolute, or the line is empty or has a line break.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, line: &str) -> Self {
        let line = one_line(line);
        let name = format!("{path}#{line}");
        Line { host: host.into(), name, path: HostPath::at(path), line, begins: None, create: false }
    }

    /// The last line that begins like this is the one: it is replaced. The resource is named by it, so the line may change.
    ///
    /// # Panics
    /// When this is empty or has a line break.
    #[must_use]
    #[track_caller]
    pub fn in_place_of(mut self, begins: &str) -> Self {
        let begins = one_line(begins);
        self.name = format!("{}#{begins}", self.path);
        self.begins = Some(begins);
        self
    }

    /// Makes the file if it is not there: mode 0644, of root. One that was made like this goes when nothing is left in it.
    #[must_use]
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }

    fn at<'l>(&self, lines: &'l [String]) -> Option<&'l String> {
        find(lines, &self.line, self.begins.as_deref())
    }
}

/// The line itself, or the last that begins as it should.
fn find<'l>(lines: &'l [String], line: &str, begins: Option<&str>) -> Option<&'l String> {
    let like = |l: &&String| begins.is_some_and(|begins| l.trim_start().starts_with(begins));
    lines.iter().find(|l| *l == line).or_else(|| lines.iter().rev().find(like))
}

#[track_caller]
fn one_line(line: &str) -> String {
    assert!(!line.is_empty() && !line.contains('\n'), "`{}` is not one line", line.escape_debug());
    line.to_owned()
}

/// Where the line is, which one it is, and which one it replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    path: String,
    line: String,
    was: Option<String>,
    /// Whether the file was made for it.
    #[serde(default)]
    created: bool,
}

/// What is seen of a line.
#[derive(Clone, Debug, Serialize)]
pub struct LineState {
    /// The line that is there; nothing if none is.
    pub line: Option<String>,
    #[serde(skip)]
    missing: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// By the note alone: which line it is stands there.
async fn look(place: &Place, cx: &HostsReader) -> Result<Option<LineState>, Failure> {
    let Some(kept) = Kept::<Before>::recall(Line::KIND, place, cx).await? else { return Ok(None) };
    let lines = edit::lines(&place.spot, &HostPath::new(kept.before.path.as_bytes())?, cx).await?;
    let missing = lines.is_none();
    let line = lines.unwrap_or_default().into_iter().find(|l| *l == kept.before.line);
    Ok(Some(LineState { line, missing, place: place.clone(), kept: Some(kept) }))
}

impl Resource for Line {
    const KIND: &'static str = "host/line";
    const COMMON: bool = true;
    type Outputs = NoOutputs;
    lives_on_a_machine!(LineState, own read);

    fn locks(&self) -> Vec<Lock> {
        edit::lock(&self.host, &self.path)
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<LineState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let place = Place { spot, name: self.name.clone() };
        let lines = edit::lines(&place.spot, &self.path, cx);
        let (kept, lines) = try_join(Kept::recall(Self::KIND, &place, cx), lines).await?;
        let missing = lines.is_none();
        let line = self.at(&lines.unwrap_or_default()).cloned();
        // Another line in its place is no reason to ask: it comes back.
        Ok((kept.is_some() || line.as_ref() == Some(&self.line)).then_some(LineState { line, missing, place, kept }))
    }
    async fn inspect(&self, now: Option<&LineState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        edit::inspect(&self.host, &self.path, self.create, now.map(|now| now.missing), cx).await
    }
    async fn apply(&self, now: Option<&LineState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let mut batch = crate::host::Batch::new();
        let read = batch.ask(crate::host::probe::read(self.path.clone()));
        let there = read.of(&cx.ask(&spot, &batch).await?)?;
        let kept = now.and_then(|now| now.kept.as_ref());
        let created = kept.is_some_and(|kept| kept.before.created) || there.is_none();
        let there = there.unwrap_or_default();
        let there: Vec<String> = String::from_utf8_lossy(&there).lines().map(str::to_owned).collect();
        let was = match kept {
            Some(kept) => kept.before.was.clone(),
            None => self.at(&there).cloned(),
        };
        let ours = kept.map(|kept| kept.before.line.clone());
        let before = Before { path: self.path.to_string(), line: self.line.clone(), was, created };
        let note = Kept::new(cx.mark(), before).write(Self::KIND, &self.name);
        let around = edit::Around { first: vec![note], create: self.create, ..edit::Around::default() };
        edit::edit(cx, &spot, &self.path, around, |mut lines| {
            let old = ours.filter(|o| lines.contains(o)).or_else(|| self.at(&lines).cloned());
            match old.and_then(|old| lines.iter_mut().rev().find(|l| **l == old)) {
                Some(line) => self.line.clone_into(line),
                None => lines.push(self.line.clone()),
            }
            lines
        })
        .await
    }
    async fn delete(state: &LineState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        let Some(Kept { before, .. }) = &state.kept else { return Ok(()) };
        let last = vec![forget(Self::KIND, name)];
        if state.line.is_none() {
            // Somebody removed it, or the whole file: there is nothing to put back.
            return cx.carry_out(cx.permit(), spot, last).await;
        }
        let around = edit::Around { last, remove_empty: before.created, ..edit::Around::default() };
        edit::edit(cx, spot, &HostPath::new(before.path.as_bytes())?, around, |mut lines| {
            if let Some(at) = lines.iter().rposition(|l| *l == before.line) {
                match &before.was {
                    Some(was) => lines[at].clone_from(was),
                    None => drop(lines.remove(at)),
                }
            }
            lines
        })
        .await
    }
}
