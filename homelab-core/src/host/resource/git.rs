//! Checkouts of git repositories.
use super::kept::{Kept, Place, forget, lives_on_a_machine};
use crate::{
    Apply, Failure, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, probe},
    outputs,
    plan::{self, Change, Note},
};
use futures_util::future::{try_join, try_join4};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a clone may take.
const CLONED_WITHIN: Duration = Duration::from_secs(600);

/// A git repository, checked out at a tag, a commit, or what a branch was when it was checked out. A branch is not followed: what a
/// machine runs changes when this code does. Nothing that somebody has changed in the checkout is ever thrown away.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, GitCheckout}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(GitCheckout::on(web, "/opt/site", "https://git.home.arpa/me/site.git", "v1.4.0"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct GitCheckout {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    url: String,
    revision: String,
    at_revision: bool,
}

impl GitCheckout {
    /// A checkout at a path, of a repository, at a revision.
    ///
    /// # Panics
    /// On a path that is not absolute or is `/`, and on an address or a revision that git would take for an option.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, path: &str, url: &str, revision: &str) -> Self {
        let fine = path.starts_with('/') && path.len() > 1 && !path.contains("..") && !path.contains(char::is_control);
        assert!(fine, "`{}` is no place for a checkout: a path from `/` on", path.escape_debug());
        for (what, text) in [("address of a repository", url), ("revision", revision)] {
            let odd = text.is_empty()
                || text.starts_with('-')
                || text.contains(|c: char| c.is_whitespace() || c.is_control());
            assert!(!odd, "`{}` is no {what}", text.escape_debug());
        }
        GitCheckout {
            host: host.into(),
            name: path.trim_end_matches('/').to_owned(),
            url: url.to_owned(),
            revision: revision.to_owned(),
            at_revision: true,
        }
    }
}

/// What was checked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Out {
    revision: String,
    commit: String,
}

/// What is seen of a checkout.
#[derive(Clone, Debug, Serialize)]
pub struct GitCheckoutState {
    /// Where it comes from.
    pub url: Option<String>,
    /// The revision that was checked out.
    pub revision: Option<String>,
    /// Whether what is checked out is still that.
    pub at_revision: bool,
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// Files that somebody has changed.
    pub changed: Vec<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<Out>>>,
}

outputs!(
    /// What is known of a checkout.
    GitCheckoutOutputs of GitCheckoutState {
        /// The commit that is checked out.
        commit: String,
    }
);

fn git(path: &str, words: &[&str]) -> Command {
    // The owner of a checkout may be another than the login; it is ours all the same.
    Command::new("git").args(["-c", "safe.directory=*", "-C", path]).args(words).env("GIT_TERMINAL_PROMPT", "0")
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<GitCheckoutState>, Failure> {
    let path = place.name.as_str();
    let ask = |words: &[&str]| cx.ask(&place.spot, probe::command(git(path, words)));
    let (kept, (there, url), head, status) = try_join4(
        Kept::<Option<Out>>::recall(GitCheckout::KIND, place, cx),
        try_join(
            cx.ask(&place.spot, probe::stat(HostPath::at(&format!("{path}/.git")))),
            ask(&["remote", "get-url", "origin"]),
        ),
        ask(&["rev-parse", "HEAD"]),
        ask(&["status", "--porcelain"]),
    )
    .await?;
    let there = there.is_some();
    let Some(kept) = kept else { return Ok(None) };
    let said = |output: crate::host::Output| (there && output.is_success()).then(|| output.text());
    let (url, commit) = (said(url), said(head));
    let out = kept.before.clone();
    Ok(Some(GitCheckoutState {
        at_revision: out.as_ref().is_some_and(|out| Some(&out.commit) == commit.as_ref()),
        revision: out.map(|out| out.revision),
        changed: said(status).unwrap_or_default().lines().map(|l| l.trim().to_owned()).collect(),
        url,
        commit,
        place: place.clone(),
        kept: Some(kept),
    }))
}

impl Resource for GitCheckout {
    const KIND: &'static str = "host/git-checkout";
    type Outputs = GitCheckoutOutputs;
    lives_on_a_machine!(GitCheckoutState);

    fn review(&self, now: Option<&GitCheckoutState>, _: plan::Action, _: &[Change]) -> Vec<Note> {
        let changed = now.map_or(&[][..], |now| &now.changed);
        let note = || {
            Note::refused(format!("somebody has changed files in it: {}", changed.join(", ")))
                .hint("commit them somewhere, or take the changes back there")
        };
        (!changed.is_empty()).then(note).into_iter().collect()
    }

    async fn apply(&self, now: Option<&GitCheckoutState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let path = self.name.as_str();
        let kept = now.and_then(|now| now.kept.clone()).and_then(|kept| kept.before);
        let mut actions = vec![Kept::new(cx.mark(), kept).write(Self::KIND, path)];
        let run = |command: Command| Action::Run(command.within(CLONED_WITHIN));
        match now.and_then(|now| now.url.as_ref()) {
            None => {
                let clone = Command::new("git").args(["clone", "--quiet", "--no-checkout", "--", &self.url, path]);
                actions.push(run(clone.env("GIT_TERMINAL_PROMPT", "0")));
            }
            Some(url) => {
                if *url != self.url {
                    actions.push(run(git(path, &["remote", "set-url", "origin", &self.url])));
                }
                actions.push(run(git(path, &["fetch", "--quiet", "--tags", "--force", "origin"])));
            }
        }
        cx.carry_out(cx.permit(), &spot, actions).await.map_err(access)?;
        let commit = self.resolve(cx, &crate::host::Place { spot: spot.clone(), name: self.name.clone() }).await?;
        let out = Out { revision: self.revision.clone(), commit: commit.clone() };
        let actions = [
            // Without `--force`: it stops at what somebody has changed.
            run(git(path, &["checkout", "--quiet", "--detach", &commit])),
            Kept::new(cx.mark(), Some(out)).write(Self::KIND, path),
        ];
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &GitCheckoutState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let path = &state.place.name;
        if !state.changed.is_empty() {
            return Err(Failure::stuck(format!("somebody has changed files in {path}: {}", state.changed.join(", ")))
                .hint("commit them somewhere, or take the changes back there; then run again"));
        }
        let checkout = HostPath::new(path.as_bytes()).map_err(|e| Failure::new(e.to_string()))?;
        let actions = [Action::RemoveAll(checkout), forget(Self::KIND, path)];
        cx.carry_out(cx.permit(), &state.place.spot, actions).await
    }
}

fn access(failure: Failure) -> Failure {
    match failure.hint {
        None => failure.hint("can the machine reach the repository, and may it read it? Is the package `git` there?"),
        Some(_) => failure,
    }
}

impl GitCheckout {
    /// The commit that the revision means: a branch of the origin, a tag, or a commit.
    async fn resolve(&self, cx: &Hosts, at: &Place) -> Result<String, Failure> {
        let reader = cx.reader();
        let ask = |name: String| {
            let command = git(&at.name, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]);
            reader.ask(&at.spot, probe::command(command))
        };
        let branch = ask(format!("refs/remotes/origin/{}", self.revision));
        let (branch, other) = try_join(branch, ask(self.revision.clone())).await?;
        let found = [branch, other].into_iter().find(crate::host::Output::is_success).map(|output| output.text());
        found.ok_or_else(|| {
            Failure::new(format!("{} has no revision {}", self.url, self.revision))
                .hint("give it the name of a branch or a tag, or a whole commit")
        })
    }
}
