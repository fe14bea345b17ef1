//! What a verification found, as data.
use homelab_core::Failure;
use serde::Serialize;
use std::{fmt, time::Duration};

/// The probes, in the order in which one stands on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Probe {
    /// The Pi lets us in over SSH, with the host key that the lab knows.
    Login,
    /// Port 53 is open over UDP and TCP.
    Port,
    /// The Pi's clock is right: a wrong one breaks all validation.
    Clock,
    /// A public name resolves.
    Public,
    /// The names of the lab resolve.
    Local,
    /// A name of the lists is blocked.
    Blocked,
    /// Good signatures are believed, bad ones are not.
    Dnssec,
    /// Unbound itself, without Pi-hole before it.
    Unbound,
    /// Answers come in time.
    Latency,
    /// Pi-hole's API lets us in, and blocking is on.
    Api,
    /// The lists are loaded and not old.
    Lists,
    /// No unit of the system has failed.
    Units,
    /// There is room on the card.
    Disk,
    /// The power supply is strong enough.
    Power,
}

impl Probe {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Probe::Login => "login",
            Probe::Port => "port",
            Probe::Clock => "clock",
            Probe::Public => "public",
            Probe::Local => "local",
            Probe::Blocked => "blocked",
            Probe::Dnssec => "dnssec",
            Probe::Unbound => "unbound",
            Probe::Latency => "latency",
            Probe::Api => "api",
            Probe::Lists => "lists",
            Probe::Units => "units",
            Probe::Disk => "disk",
            Probe::Power => "power",
        }
    }

    /// Whether clients are without names when it fails.
    #[must_use]
    pub const fn is_vital(self) -> bool {
        matches!(self, Probe::Port | Probe::Public | Probe::Local)
    }
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Passed {
        /// What was seen.
        seen: String,
    },
    /// It works, and somebody should look.
    Warned {
        /// Why.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// Not as it should be.
    Failed {
        /// Why.
        reason: String,
        /// What to do.
        fix: String,
    },
    /// Not asked.
    Skipped {
        /// Why not.
        why: String,
    },
}

impl Verdict {
    pub(super) fn passed(seen: impl Into<String>) -> Verdict {
        Verdict::Passed { seen: seen.into() }
    }
    pub(super) fn warned(reason: impl Into<String>, fix: impl Into<String>) -> Verdict {
        Verdict::Warned { reason: reason.into(), fix: fix.into() }
    }
    pub(super) fn failed(reason: impl Into<String>, fix: impl Into<String>) -> Verdict {
        Verdict::Failed { reason: reason.into(), fix: fix.into() }
    }
    pub(super) fn skipped(why: impl Into<String>) -> Verdict {
        Verdict::Skipped { why: why.into() }
    }
}

/// One probe and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which one.
    pub probe: Probe,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// All probes of one verification, in order.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Who was asked.
    pub server: String,
    /// How each probe ended.
    pub checks: Vec<Check>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Report {
    pub(super) fn of(server: String, checks: Vec<Check>, took: Duration) -> Report {
        Report { server, checks, took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }
    }

    /// How one probe ended.
    #[must_use]
    pub fn verdict(&self, probe: Probe) -> Option<&Verdict> {
        self.checks.iter().find(|c| c.probe == probe).map(|c| &c.verdict)
    }

    /// What failed, in order: the first is what to look at first.
    pub fn failures(&self) -> impl Iterator<Item = (Probe, &str, &str)> {
        self.checks.iter().filter_map(|c| match &c.verdict {
            Verdict::Failed { reason, fix } => Some((c.probe, reason.as_str(), fix.as_str())),
            _ => None,
        })
    }

    /// Whether nothing failed. What was not asked has not failed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.failures().next().is_none()
    }

    /// What is to be said when clients do not get their names: the first reason, its fix, and all of it for the curious.
    #[must_use]
    pub fn failure(&self, what: &str) -> Failure {
        let first = self.failures().find(|(probe, ..)| probe.is_vital());
        let (reason, fix) = first.map_or(("", ""), |(_, reason, fix)| (reason, fix));
        let lines: Vec<String> = self.to_string().lines().map(str::to_owned).collect();
        Failure::new(format!("{what}: {reason}")).hint(fix).detail(lines)
    }

    /// Whether clients get their names: what a gate asks.
    #[must_use]
    pub fn answers(&self) -> bool {
        !self.failures().any(|(probe, ..)| probe.is_vital())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let word = check.probe.word();
            match &check.verdict {
                Verdict::Passed { seen } => writeln!(f, "ok    {word:<8} {seen}")?,
                Verdict::Skipped { why } => writeln!(f, "-     {word:<8} {why}")?,
                Verdict::Warned { reason, fix } => writeln!(f, "warn  {word:<8} {reason}\n      {:<8} {fix}", "fix:")?,
                Verdict::Failed { reason, fix } => writeln!(f, "FAIL  {word:<8} {reason}\n      {:<8} {fix}", "fix:")?,
            }
        }
        let failed = self.failures().count();
        let end = if failed == 0 { "healthy".to_owned() } else { format!("{failed} of {} failed", self.checks.len()) };
        write!(f, "{}: {end}, in {} ms", self.server, self.took_ms)
    }
}
