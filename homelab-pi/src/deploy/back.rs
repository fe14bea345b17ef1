//! Going back: to an older generation, and the rehearsal of the way that a Pi goes by itself.
use super::{
    Answers, Seen,
    look::PROFILE,
    switch::{ACTIVATE_WITHIN, Switch, systemctl},
};
use homelab_core::{
    Failure, Nature, Permit,
    host::{Batch, Command, Hosts, Spot, probe},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// After so long the Pi comes back in a rehearsal.
const REHEARSAL: Duration = Duration::from_secs(60);
/// How much later than that it may be.
const LATE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// A system that a Pi has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u32,
    /// When it was made, as the Pi says it.
    pub made: String,
    /// Whether it is the boot default.
    pub default: bool,
}

/// The generations of a Pi, oldest first.
///
/// # Errors
/// When it cannot be asked.
pub async fn generations(hosts: &Hosts, spot: &Spot) -> Result<Vec<Generation>, Failure> {
    let mut batch = Batch::new();
    let list = batch.ask(probe::command(Command::new("nix-env").args(["--profile", PROFILE, "--list-generations"])));
    let replies = hosts.ask(spot, &batch).await?;
    let output = list.of(&replies)?;
    if !output.is_success() {
        return Err(Failure::new(format!(
            "{spot} does not list its generations: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )));
    }
    // `  12   2026-11-25 14:00:01   (current)`
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let number = words.next()?.parse().ok()?;
        let rest: Vec<&str> = words.collect();
        let default = rest.last() == Some(&"(current)");
        let made = rest.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        Some(Generation { number, made, default })
    };
    Ok(output.text().lines().filter_map(line).collect())
}

/// The generation of this number, or the one before the default.
async fn chosen(hosts: &Hosts, spot: &Spot, to: Option<u32>) -> Result<Generation, Failure> {
    let all = generations(hosts, spot).await?;
    let default = all.iter().position(|g| g.default);
    let chosen = match to {
        Some(number) => all.iter().find(|g| g.number == number),
        None => default.and_then(|at| all[..at].last()),
    };
    chosen.cloned().ok_or_else(|| {
        let kept = all.iter().map(|g| g.number.to_string()).collect::<Vec<_>>().join(", ");
        Failure::new("there is no such generation to go back to").hint(format!("the Pi has kept {kept}"))
    })
}

/// Goes to another generation: the one before the default, or the one of this number. It is activated and made the boot default without
/// a network, a build or an evaluation, and its number is given back.
///
/// # Errors
/// When there is no such generation, or the Pi refuses.
pub async fn rollback(hosts: &Hosts, permit: &Permit, spot: &Spot, to: Option<u32>) -> Result<u32, Failure> {
    let chosen = chosen(hosts, spot, to).await?;
    let system = format!("{PROFILE}-{}-link", chosen.number);
    let switch = Switch { hosts, permit, spot };
    let seen = Seen::now(hosts, spot).await?;
    switch.arm(seen.armed).await?;
    let activate = Command::new(format!("{system}/bin/switch-to-configuration")).arg("test").within(ACTIVATE_WITHIN);
    let set =
        Command::new("nix-env").args(["--profile", PROFILE, "--switch-generation"]).arg(chosen.number.to_string());
    let boot = Command::new(format!("{system}/bin/switch-to-configuration")).arg("boot");
    switch.run([activate, set, boot, systemctl("stop", "timer")]).await?;
    Ok(chosen.number)
}

/// How a rehearsal went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The generation that the Pi was on meanwhile.
    pub went_to: u32,
    /// After so long it was back.
    pub after: Duration,
}

/// Rehearses the way back: a timer is armed, the generation before is activated and asked for names, and then nobody does anything. The Pi
/// has to come back to its boot default by itself, which stays what it is all the while.
///
/// # Errors
/// When there is no generation to go to, names are not answered on either side, or the Pi does not come back in time.
pub async fn rehearse(
    hosts: &Hosts,
    permit: &Permit,
    spot: &Spot,
    answers: &dyn Answers,
    say: &(dyn Fn(&str) + Send + Sync),
) -> Result<Rehearsed, Failure> {
    let before = Seen::now(hosts, spot).await?;
    if !before.is_confirmed() {
        return Err(Failure::new("what runs is not what boots, so there is nothing to come back to yet")
            .hint("`deploy` first, which ends that"));
    }
    answers.ask(spot.address, &[]).await?;
    let chosen = chosen(hosts, spot, None).await?;
    let switch = Switch { hosts, permit, spot };
    switch.arm_for(before.armed, REHEARSAL).await?;
    let armed = Instant::now();
    say(&format!("goes to generation {}; comes back by itself in {} s", chosen.number, REHEARSAL.as_secs()));
    switch.activate_link(&format!("{PROFILE}-{}-link", chosen.number)).await?;
    let answered = answers.ask(spot.address, &[]).await;
    say("waits for the Pi to come back");
    while Instant::now() < armed + REHEARSAL + LATE {
        sleep(PAUSE).await;
        match Seen::now(hosts, spot).await {
            Ok(seen) if seen.current == before.current => {
                let after = armed.elapsed();
                answered?;
                answers.ask(spot.address, &[]).await?;
                return Ok(Rehearsed { went_to: chosen.number, after });
            }
            Err(e) if e.nature != Nature::Passing => return Err(e),
            _ => {}
        }
    }
    switch.go_back().await?;
    Err(Failure::new(format!("{spot} did not come back by itself, and was told to"))
        .hint("look at `journalctl -u homelab-rollback` on the Pi: until that is right, do not deploy to it"))
}
