//! The steps from one system to another on the Pi itself. Each is one message; each may be the last that arrives.
use super::{
    BootFiles, Seen,
    look::{MARK, PROFILE, ROLLBACK, boot_files, boot_links, boot_params},
};
use homelab_core::{
    Failure, Mark, Nature, Permit,
    host::{Action, Batch, Command, Hosts, Output, Spot, probe},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After so long the Pi goes back by itself, unless it was told not to.
pub(crate) const GOES_BACK_AFTER: Duration = Duration::from_secs(300);
/// So long an activation may take. It is short of the way back, so that what hangs is taken back while it is still watched.
pub(super) const ACTIVATE_WITHIN: Duration = Duration::from_secs(120);
/// So long a Pi may be out of reach while its network starts anew.
const AWAY: Duration = Duration::from_secs(90);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// One Pi, with leave to change it.
pub(super) struct Switch<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) permit: &'a Permit,
    pub(super) spot: &'a Spot,
}

impl Switch<'_> {
    /// Runs commands of which each needs those before it; the output of the last.
    pub(super) async fn run(&self, commands: impl IntoIterator<Item = Command>) -> Result<(), Failure> {
        self.hosts.carry_out(self.permit, self.spot, commands.into_iter().map(Action::Run)).await
    }

    /// Writes down whose the Pi is.
    pub(super) async fn mark(&self, mark: &Mark) -> Result<(), Failure> {
        let text = serde_json::to_string(mark).map_err(|e| Failure::new(format!("the mark cannot be written: {e}")))?;
        self.keep(MARK, text).await
    }

    /// Takes that away again.
    pub(super) async fn unmark(&self) -> Result<(), Failure> {
        self.run([Command::new("rm").args(["-f", MARK])]).await
    }

    /// Writes a file that only root may read.
    pub(super) async fn keep(&self, path: &str, content: String) -> Result<(), Failure> {
        self.run([Command::new("install").args(["-D", "-m", "0600", "/dev/stdin", path]).stdin(content)]).await
    }

    /// Arms the way back: a timer of the Pi's own, which activates the boot default and needs nobody. One that is armed begins anew.
    pub(super) async fn arm(&self, armed: bool) -> Result<(), Failure> {
        if armed {
            return self.run([systemctl("restart", "timer")]).await;
        }
        self.arm_for(false, GOES_BACK_AFTER).await
    }

    /// The same with another time; one that is armed is disarmed first.
    pub(super) async fn arm_for(&self, armed: bool, after: Duration) -> Result<(), Failure> {
        let arm = Command::new("systemd-run")
            .arg(format!("--unit={ROLLBACK}"))
            .arg(format!("--on-active={}", after.as_secs()))
            .args(["--timer-property=AccuracySec=1s", "--collect"])
            .args([format!("{PROFILE}/bin/switch-to-configuration"), "test".to_owned()]);
        self.run(armed.then(|| systemctl("stop", "timer")).into_iter().chain([arm])).await
    }

    /// Activates a system, which does not become the boot default. It is a unit of the Pi: it goes on when the connection is lost.
    pub(super) async fn activate(&self, system: &str) -> Result<(), Failure> {
        let activate = Command::new("systemd-run")
            .args(["--unit=homelab-activate", "--wait", "--collect", "--pipe"])
            .args([format!("{system}/bin/switch-to-configuration"), "test".to_owned()])
            .within(ACTIVATE_WITHIN);
        match self.run([activate]).await {
            // Its network may have started anew under us.
            Err(lost) if lost.nature == Nature::Passing => self.await_system(system, lost).await,
            other => other,
        }
    }

    /// Activates a generation by its link, which its timer will take back.
    pub(super) async fn activate_link(&self, link: &str) -> Result<(), Failure> {
        let mut batch = Batch::new();
        let real = batch.ask(probe::command(Command::new("readlink").args(["-f", link])));
        let replies = self.hosts.ask(self.spot, &batch).await?;
        self.activate(text(&real.of(&replies)?).trim()).await
    }

    /// Waits for the Pi to be back with this system.
    async fn await_system(&self, system: &str, lost: Failure) -> Result<(), Failure> {
        let until = Instant::now() + AWAY;
        loop {
            match Seen::now(self.hosts, self.spot).await {
                Ok(seen) if seen.current == system => return Ok(()),
                Err(e) if e.nature != Nature::Passing => return Err(e),
                _ if Instant::now() >= until => return Err(lost),
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// Makes what runs the boot default, if it is still this, and disarms the way back. In this order: the timer goes to the boot default,
    /// so once that is the new system it has nothing left to do.
    pub(super) async fn confirm(&self, system: &str) -> Result<(), Failure> {
        let still =
            Command::new("sh").args(["-c", "test \"$(readlink -f /run/current-system)\" = \"$1\"", "sh"]).arg(system);
        let set = Command::new("nix-env").args(["--profile", PROFILE, "--set"]).arg(system);
        let boot = Command::new(format!("{system}/bin/switch-to-configuration")).arg("boot");
        self.run([still, set, boot, systemctl("stop", "timer")]).await
    }

    /// Goes back to the boot default at once.
    pub(super) async fn go_back(&self) -> Result<(), Failure> {
        let back = Command::new(format!("{PROFILE}/bin/switch-to-configuration")).arg("test").within(ACTIVATE_WITHIN);
        self.run([back, systemctl("stop", "timer")]).await
    }

    /// What a system that was copied to the Pi boots with.
    pub(super) async fn boot_files(&self, system: &str) -> Result<BootFiles, Failure> {
        let mut batch = Batch::new();
        let links = batch.ask(probe::command(boot_links(system)));
        let params = batch.ask(probe::command(boot_params(system)));
        let replies = self.hosts.ask(self.spot, &batch).await?;
        Ok(boot_files(&text(&links.of(&replies)?), &text(&params.of(&replies)?)))
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(super) fn systemctl(verb: &str, kind: &str) -> Command {
    Command::new("systemctl").arg(verb).arg(format!("{ROLLBACK}.{kind}"))
}
