//! What only the Pi itself knows: its clock, failed units, room on the card, its power. One message to it.
use super::report::Verdict;
use async_trait::async_trait;
use homelab_core::{
    Failure,
    host::{Batch, Command, Machine, Output, Reply, Slot, probe},
};
use std::{sync::Arc, time::Duration};

/// Whoever can ask the Pi itself.
#[async_trait]
pub trait Inside: Send + Sync {
    /// Asks, and changes nothing.
    ///
    /// # Errors
    /// When it does not let us in.
    async fn ask(&self, batch: &Batch) -> Result<Vec<Reply>, Failure>;

    /// Whether it has to show a host key that the lab knows.
    fn is_pinned(&self) -> bool;
}

/// A machine that is asked directly.
pub(super) struct Direct(pub(super) Arc<dyn Machine>);

#[async_trait]
impl Inside for Direct {
    async fn ask(&self, batch: &Batch) -> Result<Vec<Reply>, Failure> {
        Ok(self.0.run(batch).await?)
    }
    fn is_pinned(&self) -> bool {
        false
    }
}

/// How far a clock may be off before somebody should look, in seconds: NTP keeps it within milliseconds.
const CLOCK_TOLERANCE: u64 = 5;
/// How full the root file system may be, in percent, before it is told, and before it fails.
const FULL: (u8, u8) = (80, 95);
/// How long the Pi has for a command.
const PATIENCE: Duration = Duration::from_secs(5);
/// The kernel's own sensor of the supply (driver `raspberrypi-hwmon`): 1 when the voltage was too low.
const UNDERVOLTAGE: &str = "cat /sys/class/hwmon/hwmon*/in0_lcrit_alarm";

/// What the Pi said. Everything is as it came, for a machine that cannot answer one question can answer another.
pub(super) struct Seen {
    /// Whether it let us in, and whether its host key is one that the lab knows.
    login: Result<bool, Failure>,
    pub(super) clock: Result<u64, String>,
    units: Result<String, String>,
    disk: Result<String, String>,
    power: Result<String, String>,
    /// What `dig` said of Unbound.
    pub(super) digs: Vec<Result<String, String>>,
}

impl Seen {
    /// Whether it was let in; if not, it says nothing of the Pi.
    pub(super) fn is_in(&self) -> bool {
        self.login.is_ok()
    }
}

pub(super) async fn look(pi: &dyn Inside, digs: Vec<Command>) -> Seen {
    let mut batch = Batch::new();
    let system = batch.ask(probe::system());
    let mut ask = |command: Command| batch.ask(probe::command(command.within(PATIENCE)));
    let list = ["list-units", "--failed", "--plain", "--no-legend", "--no-pager"];
    let units = ask(Command::new("systemctl").args(list));
    let disk = ask(Command::new("df").args(["-P", "/"]));
    let power = ask(Command::new("sh").args(["-c", UNDERVOLTAGE]));
    let digs: Vec<Slot<Output>> = digs.into_iter().map(ask).collect();
    match pi.ask(&batch).await {
        Err(e) => {
            let no = || Err(e.message.clone());
            let digs = digs.iter().map(|_| no()).collect();
            Seen { clock: Err(e.message.clone()), units: no(), disk: no(), power: no(), digs, login: Err(e) }
        }
        Ok(replies) => {
            let said = |slot: &Slot<Output>| match slot.of(&replies) {
                Ok(output) if output.is_success() => Ok(output.text()),
                Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
                Err(e) => Err(e.to_string()),
            };
            Seen {
                login: Ok(pi.is_pinned()),
                clock: system.of(&replies).map(|s| s.clock).map_err(|e| e.to_string()),
                units: said(&units),
                disk: said(&disk),
                power: said(&power),
                digs: digs.iter().map(said).collect(),
            }
        }
    }
}

pub(super) fn login(inside: &Seen) -> Verdict {
    match &inside.login {
        Ok(true) => Verdict::passed("lets us in, and shows the host key that the lab knows"),
        Ok(false) => Verdict::passed("lets us in"),
        Err(why) => Verdict::failed(
            why.message.clone(),
            why.hint.clone().unwrap_or_else(|| "is it on, and on the network? `ssh -v` to it says more".into()),
        ),
    }
}

pub(super) fn clock(clock: &Result<u64, String>, now: u64) -> Verdict {
    match clock {
        Err(why) => Verdict::skipped(format!("the clock could not be read: {why}")),
        Ok(clock) if clock.abs_diff(now) <= CLOCK_TOLERANCE => {
            Verdict::passed(format!("within {CLOCK_TOLERANCE} s of this machine's"))
        }
        Ok(clock) => {
            let side = if *clock < now { "behind" } else { "ahead of" };
            Verdict::failed(
                format!("the Pi's clock is {} s {side} this machine's", clock.abs_diff(now)),
                "it needs time servers by address, for names need the clock: look at `timedatectl timesync-status` on the Pi \
                 (and at the clock of this machine)",
            )
        }
    }
}

pub(super) fn units(inside: &Seen) -> Verdict {
    match &inside.units {
        Err(why) => Verdict::skipped(format!("systemd could not be asked: {why}")),
        Ok(text) => {
            let failed: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
            match failed.first() {
                None => Verdict::passed("no unit has failed"),
                Some(first) => Verdict::failed(
                    format!("failed: {}", failed.join(", ")),
                    format!("`journalctl -u {first} -e` on the Pi says why; `systemctl restart {first}` tries again"),
                ),
            }
        }
    }
}

pub(super) fn disk(inside: &Seen) -> Verdict {
    let percent = inside.disk.as_ref().map_err(Clone::clone).and_then(|text| {
        let field = text.lines().last().and_then(|line| line.split_whitespace().nth(4));
        let number = field.and_then(|field| field.strip_suffix('%')?.parse::<u8>().ok());
        number.ok_or_else(|| format!("`df` said `{text}`"))
    });
    let fix = "`nix-collect-garbage --delete-older-than 30d` and `journalctl --vacuum-size=50M` on the Pi make room";
    match percent {
        Err(why) => Verdict::skipped(format!("the room on the card could not be read: {why}")),
        Ok(percent) if percent >= FULL.1 => Verdict::failed(format!("the card is {percent} % full"), fix),
        Ok(percent) if percent >= FULL.0 => Verdict::warned(format!("the card is {percent} % full"), fix),
        Ok(percent) => Verdict::passed(format!("{percent} % full")),
    }
}

pub(super) fn power(inside: &Seen) -> Verdict {
    match &inside.power {
        Err(_) => Verdict::skipped("this machine has no sensor of its supply"),
        Ok(text) if text.split_whitespace().any(|word| word == "1") => Verdict::failed(
            "the supply voltage was too low since the Pi was started",
            "use the official power supply and a short cable; a weak one corrupts the card",
        ),
        Ok(_) => Verdict::passed("the supply is strong enough"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(units: &str, disk: &str, power: &str) -> Seen {
        let text = |text: &str| Ok(text.to_owned());
        Seen {
            login: Ok(false),
            clock: Ok(1_000),
            units: text(units),
            disk: text(disk),
            power: text(power),
            digs: vec![],
        }
    }

    #[test]
    fn what_the_pi_says_of_itself_is_read() {
        let df = |percent: u8| {
            format!(
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/mmcblk0p2 30000000 1 2 {percent}% /"
            )
        };
        let good = inside("", &df(41), "0");
        assert_eq!(units(&good), Verdict::passed("no unit has failed"));
        assert_eq!(disk(&good), Verdict::passed("41 % full"));
        assert!(matches!(power(&good), Verdict::Passed { .. }));
        assert!(matches!(clock(&good.clock, 1_004), Verdict::Passed { .. }));
        let bad = inside("pihole-ftl.service loaded failed failed Pi-hole FTL", &df(96), "0\n1");
        assert!(matches!(units(&bad), Verdict::Failed { reason, .. } if reason == "failed: pihole-ftl.service"));
        assert!(matches!(disk(&bad), Verdict::Failed { .. }));
        assert!(matches!(disk(&inside("", &df(85), "")), Verdict::Warned { .. }));
        assert!(matches!(power(&bad), Verdict::Failed { .. }));
        assert!(
            matches!(clock(&bad.clock, 90_000), Verdict::Failed { reason, .. } if reason.contains("89000 s behind"))
        );
    }
}
