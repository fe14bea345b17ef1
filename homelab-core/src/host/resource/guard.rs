//! Changes that could lock everybody out: a timer on the machine takes them back unless a new login has worked.
//!
//! The order: what is there is put aside, together with a script that brings it back; a timer of systemd will run that script; only
//! then the new file is put in place, checked, and loaded. Then somebody logs in anew, over a new connection. If that works, timer
//! and script go. If it does not, or if we are killed, or if the network goes, the script runs: by our hand over the connection that
//! is still open, or by the timer.
use super::whole::put;
use crate::{
    Apply, Failure,
    host::{Action, Batch, Command, HostPath, Hosts, HostsReader, Spot, probe},
};
use std::time::Duration;

/// When the timer takes a change back that nobody has confirmed.
const BACK_AFTER: Duration = Duration::from_secs(90);
/// How often a new login is tried.
const TRIES: u32 = 3;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// A configuration that decides about who gets in.
pub(super) struct Guard {
    /// A word for it, in names of files and units: `ssh`.
    pub(super) word: &'static str,
    /// Its file.
    pub(super) path: &'static str,
    /// The mode that Debian gives it.
    pub(super) mode: u32,
    /// What reads the whole configuration and says what is wrong with it.
    pub(super) check: &'static [&'static str],
    /// What makes it count.
    pub(super) load: &'static [&'static str],
}

impl Guard {
    fn script(&self) -> HostPath {
        HostPath::at(&format!("/var/lib/misc/homelab-guard-{}", self.word))
    }
    fn aside(&self) -> HostPath {
        HostPath::at(&format!("/var/lib/misc/homelab-guard-{}.before", self.word))
    }
    fn unit(&self) -> String {
        format!("homelab-guard-{}", self.word)
    }
    pub(super) fn file(&self) -> HostPath {
        HostPath::at(self.path)
    }

    /// Whether a change waits for being confirmed.
    pub(super) async fn is_pending(&self, spot: &Spot, cx: &HostsReader) -> Result<bool, Failure> {
        Ok(cx.ask(spot, probe::stat(self.script())).await?.is_some())
    }

    fn back(&self) -> Action {
        Action::Run(Command::new("sh").arg(self.script().as_bytes()))
    }

    fn stop(&self) -> Command {
        Command::new("systemctl").args(["stop", &format!("{}.timer", self.unit())])
    }

    /// Takes back what an earlier run has left unconfirmed.
    pub(super) async fn settle(&self, cx: &Apply<'_, Hosts>, spot: &Spot) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.run(cx.permit(), self.stop());
        batch.act(cx.permit(), self.back());
        cx.run(cx.permit(), spot, &batch).await.map(drop)
    }

    /// Puts the file in place (`None`: takes it away), loads it, and makes sure that one can still log in.
    pub(super) async fn change(
        &self,
        cx: &Apply<'_, Hosts>,
        spot: &Spot,
        old: Option<&str>,
        new: Option<&str>,
        first: Vec<Action>,
    ) -> Result<(), Failure> {
        let run = |words: &[&str]| Action::Run(Command::new(words[0]).args(&words[1..]));
        let (path, aside, script) = (self.path, self.aside(), self.script());
        let load = self.load.join(" ");
        let restore = if old.is_some() { format!("cp -p {aside} {path}") } else { format!("rm -f {path}") };
        let text = format!("{restore}\n{load}\nrm -f {aside} {script}\n");
        let mut actions = first;
        actions.extend(old.map(|old| put(&aside, old, self.mode)));
        actions.push(put(&script, text, 0o600));
        let after = format!("--on-active={}", BACK_AFTER.as_secs());
        let unit = format!("--unit={}", self.unit());
        let timer = Command::new("systemd-run").args(["--quiet", &unit, &after, "sh"]);
        actions.push(Action::Run(timer.arg(script.as_bytes())));
        actions.push(match new {
            Some(new) => put(&self.file(), new, self.mode),
            None => Action::Remove(self.file()),
        });
        actions.push(run(self.check));
        actions.push(run(self.load));
        if let Err(failure) = cx.carry_out(cx.permit(), spot, actions).await {
            // What may have worked is taken back by the timer, or by the next try.
            if failure.nature == crate::Nature::Refused {
                self.settle(cx, spot).await?;
            }
            return Err(failure);
        }
        cx.progress("logs in anew, over a new connection", None);
        if let Err(failure) = self.log_in(cx, spot).await {
            self.settle(cx, spot).await?;
            return Err(Failure::new(format!("with the new {} a new login to {spot} failed: {failure}", self.path))
                .hint("what was there before is back; allow the login that this program uses"));
        }
        let mut batch = Batch::new();
        batch.run(cx.permit(), self.stop());
        batch.act(cx.permit(), Action::Remove(script));
        batch.barrier();
        batch.act(cx.permit(), Action::Remove(aside));
        cx.all(cx.permit(), spot, &batch).await
    }

    async fn log_in(&self, cx: &Apply<'_, Hosts>, spot: &Spot) -> Result<(), Failure> {
        let mut batch = Batch::new();
        batch.ask(probe::system());
        let mut tries = 1;
        loop {
            match cx.newcomer(spot)?.run(&batch).await {
                Ok(_) => return Ok(()),
                Err(error) if tries == TRIES => return Err(error.into()),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
