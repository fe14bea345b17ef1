//! [`Watchdog`]: what puts a node's old network back if nobody reaches the node over the new one. It runs on the node itself, so it
//! works when nothing else does.
use crate::client::Reader;
use homelab_core::{
    Failure, Permit,
    host::{Action, Batch, Command, Content, HostPath, Hosts, Spot, probe},
};
use std::time::Duration;

/// When the old network comes back that nobody has confirmed.
pub(super) const BACK_AFTER: Duration = Duration::from_secs(120);

const INTERFACES: &str = "/etc/network/interfaces";
const BEFORE: &str = "/var/lib/misc/homelab-network.before";
const SCRIPT: &str = "/var/lib/misc/homelab-network.sh";
const UNIT: &str = "homelab-network";
const TEXT: &str = include_str!("watchdog.sh");

/// The watchdog of one node. Each call logs in anew, so that an old connection proves nothing.
pub(super) struct Watchdog<'r> {
    reader: &'r Reader,
    spot: &'r Spot,
}

impl Watchdog<'_> {
    /// The watchdog on the machine at a spot; `None` where nobody said how machines are logged in to.
    pub(super) fn at<'r>(reader: &'r Reader, spot: Option<&'r Spot>) -> Option<Watchdog<'r>> {
        reader.machines()?;
        Some(Watchdog { reader, spot: spot? })
    }

    fn hosts(&self) -> Result<Hosts, Failure> {
        self.reader.machines().ok_or_else(|| Failure::new(format!("nobody said how {} is logged in to", self.spot)))
    }

    /// Whether a change waits for being confirmed.
    pub(super) async fn is_pending(&self) -> Result<bool, Failure> {
        let mut batch = Batch::new();
        let before = batch.ask(probe::stat(HostPath::at(BEFORE)));
        let replies = self.hosts()?.ask(self.spot, &batch).await?;
        Ok(before.of(&replies)?.is_some())
    }

    /// Puts the configuration aside, and starts the timer that brings it back.
    pub(super) async fn arm(&self, permit: &Permit) -> Result<(), Failure> {
        let after = format!("--on-active={}", BACK_AFTER.as_secs());
        let unit = format!("--unit={UNIT}");
        // Without the property systemd may be a minute late.
        let timer = Command::new("systemd-run").args(["--quiet", "--collect", "--timer-property=AccuracySec=1s"]);
        let actions = [
            Action::Run(Command::new("cp").args(["-p", INTERFACES, BEFORE])),
            script(),
            Action::Run(timer.args([unit.as_str(), after.as_str(), "sh", SCRIPT])),
        ];
        self.hosts()?.carry_out(permit, self.spot, actions).await
    }

    /// Stops the timer over a connection that was made just now, and forgets the old configuration.
    pub(super) async fn disarm(&self, permit: &Permit) -> Result<(), Failure> {
        let gone = [BEFORE, SCRIPT].map(|path| Action::Remove(HostPath::at(path)));
        let actions = [Action::Run(stop())].into_iter().chain(gone);
        self.hosts()?.carry_out(permit, self.spot, actions).await
    }

    /// Brings the old configuration back now.
    pub(super) async fn take_back(&self, permit: &Permit) -> Result<(), Failure> {
        let mut batch = Batch::new();
        // It may have run out already, or never have been started.
        batch.run(permit, stop());
        batch.act(permit, script());
        batch.barrier();
        batch.run(permit, Command::new("sh").arg(SCRIPT));
        batch.barrier();
        self.hosts()?.all(permit, self.spot, &batch).await
    }
}

fn stop() -> Command {
    Command::new("systemctl").args(["stop", &format!("{UNIT}.timer")])
}

fn script() -> Action {
    let lines: String = TEXT.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    Action::Write { path: HostPath::at(SCRIPT), content: Content::from(lines), mode: 0o600, owner: None }
}
