//! Commands that bring something about.
use super::kept::{Kept, Place, forget, lives_on_a_machine};
use crate::{
    Apply, Failure, Look, NoOutputs, Resource, Text,
    host::{Action, Command, Host, Hosts, HostsReader, probe},
    plan::{self, Change, Note},
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

/// A command that is run when a check says that it has not been yet, or when something that it depends on has changed.
///
/// Without a check nobody can look whether it has had its effect: it is run once, and again when it or what it depends on
/// changes, and the plan says so. What has to be done stays to be done over crashes, until it was done; so it may be done twice.
/// When it goes, what it did stays.
///
/// ```
/// # use homelab_core::{Lab, host::{Command, Computer, File, Run}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// let aliases = lab.add(File::on(web, "/etc/aliases", "root: me\n"));
/// lab.add(Run::on(web, "aliases", Command::new("newaliases")).when(aliases.digest()));
/// lab.add(Run::on(web, "swap", Command::new("mkswap").arg("/swap")).unless(Command::new("blkid").arg("/swap")));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    command: String,
    /// Whether the check is content.
    done: Option<bool>,
    when: Vec<Text>,
    #[serde(skip)]
    run: Command,
    #[serde(skip)]
    check: Option<Command>,
}

impl Run {
    /// A command, under a name of its own.
    ///
    /// # Panics
    /// When the name is empty or begins with a slash.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, run: Command) -> Self {
        assert!(!name.is_empty() && !name.starts_with('/'), "`{}` is no name for a command", name.escape_debug());
        let (host, name, command) = (host.into(), name.to_owned(), run.to_string());
        Run { host, name, command, done: None, when: vec![], run, check: None }
    }

    /// It is done when this command succeeds, which must change nothing.
    #[must_use]
    pub fn unless(mut self, check: Command) -> Self {
        self.check = Some(check);
        self.done = Some(true);
        self
    }

    /// It is done when something is at this path.
    #[must_use]
    pub fn creates(self, path: &str) -> Self {
        self.unless(Command::new("test").args(["-e", path]))
    }

    /// Again whenever this has another value: the digest of a file, the version of a package.
    #[must_use]
    pub fn when(mut self, changed: impl Into<Text>) -> Self {
        self.when.push(changed.into());
        self
    }
}

/// What was run, and what it depended on had for values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    command: String,
    when: Vec<String>,
}

/// What is seen of a command.
#[derive(Clone, Debug, Serialize)]
pub struct RunState {
    /// What was run.
    pub command: String,
    /// Whether the check is content; nothing without one.
    pub done: Option<bool>,
    /// What it depended on had for values when it was run.
    pub when: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

/// By the note alone.
async fn look(place: &Place, cx: &HostsReader) -> Result<Option<RunState>, Failure> {
    let kept = Kept::<Before>::recall(Run::KIND, place, cx).await?;
    Ok(kept.map(|kept| RunState {
        command: kept.before.command.clone(),
        done: None,
        when: kept.before.when.clone(),
        place: place.clone(),
        kept: Some(kept),
    }))
}

/// The values of what something depends on; nothing while one is not known.
pub(super) fn values(when: &[Text], cx: &Look<'_, Hosts>) -> Result<Option<Vec<String>>, Failure> {
    when.iter().map(|text| Ok(cx.text(text)?.map(|v| v.expose().to_owned()))).collect()
}

impl Resource for Run {
    const KIND: &'static str = "host/run";
    const COMMON: bool = true;
    type Outputs = NoOutputs;
    lives_on_a_machine!(RunState, own read);

    fn review(&self, now: Option<&RunState>, action: plan::Action, changes: &[Change]) -> Vec<Note> {
        let runs = !matches!(action, plan::Action::Delete | plan::Action::Keep | plan::Action::Forget);
        let mut notes = vec![];
        if runs && self.check.is_none() {
            notes.push(
                Note::info("it will be run; its effect is not known").hint("`unless` or `creates` lets a plan look"),
            );
        }
        if now.is_some() && changes.iter().any(|c| c.top() == "when") {
            notes.push(Note::new(plan::NoteKind::Because, "what it depends on changes"));
        }
        notes
    }
    async fn read(&self, cx: &Look<'_, Hosts>) -> Result<Option<RunState>, Failure> {
        let Some(spot) = self.host.spot(cx) else { return Ok(None) };
        let place = Place { spot, name: self.name.clone() };
        let check = async {
            let Some(check) = &self.check else { return Ok(None) };
            Ok(Some(cx.ask(&place.spot, probe::command(check.clone())).await?.is_success()))
        };
        let (seen, done) = try_join(look(&place, cx), check).await?;
        if let Some(seen) = seen {
            return Ok(Some(RunState { done, ..seen }));
        }
        // Somebody has done it already: there is nothing to run, and nothing of ours.
        let (when, command) = (values(&self.when, cx)?.unwrap_or_default(), self.command.clone());
        Ok((done == Some(true)).then_some(RunState { command, done, when, place, kept: None }))
    }
    async fn apply(&self, _: Option<&RunState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let when =
            self.when.iter().map(|text| Ok(cx.text(text)?.expose().to_owned())).collect::<Result<_, Failure>>()?;
        // Written down only once it was done: what is cut off is done again.
        let note = Kept::new(cx.mark(), Before { command: self.command.clone(), when });
        let actions = [Action::Run(self.run.clone()), note.write(Self::KIND, &self.name)];
        cx.carry_out(cx.permit(), &spot, actions).await
    }
    async fn delete(state: &RunState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let Place { spot, name } = &state.place;
        cx.carry_out(cx.permit(), spot, [forget(Self::KIND, name)]).await
    }
}
