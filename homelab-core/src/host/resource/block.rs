//! Marked blocks in files that others write too.
use super::{
    edit,
    kept::{Kept, Place, forget, lives_on_a_machine},
};
use crate::{
    Apply, Failure, Lock, Look, NoOutputs, Resource, Text,
    host::{Host, HostPath, Hosts, HostsReader},
    plan::Note,
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// A block of lines in a file that is there already, between two lines that say whose it is:
/// `# BEGIN homelab NAME` and `# END homelab NAME`. When it goes, the block goes and the rest stays.
///
/// ```
/// # use homelab_core::{Lab, host::{Block, Computer}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Block::on(web, "/etc/hosts", "lab", "192.168.0.11 web\n192.168.0.12 nas\n"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Block {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    path: HostPath,
    text: Text,
    #[serde(skip)]
    within: Within,
    #[serde(skip)]
    create: bool,
}

/// The lines around a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Within {
    path: String,
    begin: String,
    end: String,
    /// Whether the file was made for it.
    #[serde(default)]
    created: bool,
}

impl Block {
    /// A block of this name in a file, at its end if it is not there yet. Its text must hold no secret: a file that others read
    /// and write is no place for one.
    ///
    /// # Panics
    /// When the path is not absolute, the name is empty or has a line break, or the text holds a secret.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, name: &str, text: impl Into<Text>) -> Self {
        assert!(!name.is_empty() && !name.contains('\n'), "`{}` is no name for a block", name.escape_debug());
        let text = text.into().ended();
        assert!(!text.has_secret(), "a block in {path} must hold no secret: give it a file of its own");
        let block = Block {
            host: host.into(),
            name: format!("{path}#{name}"),
            path: HostPath::at(path),
            text,
            within: Within { path: path.to_owned(), begin: String::new(), end: String::new(), created: false },
            create: false,
        };
        block.marked("#", name)
    }

    /// How the file's comments begin, where that is not `#`.
    #[must_use]
    pub fn comment(self, sign: &str) -> Self {
        let name = self.name.rsplit('#').next().unwrap_or_default().to_owned();
        self.marked(sign, &name)
    }

    /// Makes the file if it is not there: mode 0644, of root. One that was made like this goes when nothing is left in it.
    #[must_use]
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }

    fn marked(mut self, sign: &str, name: &str) -> Self {
        self.within.begin = format!("{sign} BEGIN homelab {name}");
        self.within.end = format!("{sign} END homelab {name}");
        self
    }
}

impl Within {
    /// The lines of the block with those around it, as a range; a block that has lost its end is its first line.
    fn find(&self, lines: &[String]) -> Option<std::ops::RangeInclusive<usize>> {
        let begin = lines.iter().position(|l| *l == self.begin)?;
        let end = lines[begin..].iter().position(|l| *l == self.end).map_or(begin, |n| begin + n);
        Some(begin..=end)
    }

    fn text(&self, lines: &[String]) -> Option<String> {
        let range = self.find(lines)?;
        let inside = &lines[*range.start()..=*range.end()];
        let inside = inside.iter().filter(|l| **l != self.begin && **l != self.end);
        Some(inside.map(|l| format!("{l}\n")).collect())
    }
}

/// What is seen of a block.
#[derive(Clone, Debug, Serialize)]
pub struct BlockState {
    /// Its lines; nothing if it is not there.
    pub text: Option<String>,
    #[serde(skip)]
    missing: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Within>>,
}

/// By the note alone: where the block is stands there.
async fn look(place: &Place, cx: &HostsReader) -> Result<Option<BlockState>, Failure> {
    let Some(kept) = Kept::<Within>::recall(Block::KIND, place, cx).await? else { return Ok(None) };
    let lines = edit::lines(&place.spot, &HostPath::new(kept.before.path.as_bytes())?, cx).await?;
    let missing = lines.is_none();
    let text = kept.before.text(&lines.unwrap_or_default());
    Ok(Some(BlockState { text, missing, place: place.clone(), kept: Some(kept) }))
}

impl Resource for Block {
    const KIND: &'static str = "host/block";
    type Outputs = NoOutputs;
    lives_on_a_machine!(BlockState, own read);

    fn locks(&self) -> Vec<Lock> {
        edit::lock(&self.host, &self.path)
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<BlockState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let place = Place { spot, name: self.name.clone() };
        let lines = edit::lines(&place.spot, &self.path, cx);
        let (kept, lines) = try_join(Kept::recall(Self::KIND, &place, cx), lines).await?;
        let missing = lines.is_none();
        let text = self.within.text(&lines.unwrap_or_default());
        Ok((kept.is_some() || text.is_some()).then_some(BlockState { text, missing, place, kept }))
    }
    async fn inspect(&self, now: Option<&BlockState>, cx: &Look<'_, Hosts>) -> Result<Vec<Note>, Failure> {
        edit::inspect(&self.host, &self.path, self.create, now.map(|now| now.missing), cx).await
    }
    async fn apply(&self, now: Option<&BlockState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let text = cx.text(&self.text)?;
        let kept = now.and_then(|now| now.kept.as_ref());
        let created = kept.is_some_and(|kept| kept.before.created) || !edit::is_there(cx, &spot, &self.path).await?;
        let note = Kept::new(cx.mark(), Within { created, ..self.within.clone() }).write(Self::KIND, &self.name);
        let around = edit::Around { first: vec![note], create: self.create, ..edit::Around::default() };
        edit::edit(cx, &spot, &self.path, around, |mut lines| {
            let inside = text.expose().lines().map(str::to_owned);
            let new = [self.within.begin.clone()].into_iter().chain(inside).chain([self.within.end.clone()]);
            match self.within.find(&lines) {
                Some(range) => drop(lines.splice(range, new)),
                None => lines.extend(new),
            }
            lines
        })
        .await
    }
    async fn delete(state: &BlockState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        let Some(Kept { before, .. }) = &state.kept else { return Ok(()) };
        let last = vec![forget(Self::KIND, name)];
        if state.text.is_none() {
            return cx.carry_out(cx.permit(), spot, last).await;
        }
        let around = edit::Around { last, remove_empty: before.created, ..edit::Around::default() };
        edit::edit(cx, spot, &HostPath::new(before.path.as_bytes())?, around, |mut lines| {
            if let Some(range) = before.find(&lines) {
                lines.drain(range);
            }
            lines
        })
        .await
    }
}
