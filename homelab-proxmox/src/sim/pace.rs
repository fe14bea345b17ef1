//! How long tasks take.
use serde::{Deserialize, Serialize};

/// The speed of the simulated hardware. Waiting that Proxmox VE itself does (lock and shutdown timeouts, the delay of a
/// refused login) is not hardware and is not scaled, unless the world is one that is [watched](Pace::watched).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    factor: f64,
    /// Whether waiting of Proxmox VE itself is scaled too.
    #[serde(default)]
    limits: bool,
}

/// Bytes that a realistic disk copies in a millisecond: 10 GiB take 45 s.
const COPY_PER_MS: f64 = 10.0 * 1024.0 * 1024.0 * 1024.0 / 45_000.0;
/// Bytes that a realistic uplink fetches in a millisecond: 600 MB take 60 s.
const FETCH_PER_MS: f64 = 600.0e6 / 60_000.0;

/// How long a server counts its memory and looks for its cards until it boots, in milliseconds.
const FIRMWARE: u64 = 150_000;
/// How long its system takes from there to its API.
const SYSTEM: u64 = 30_000;
/// At any pace it is away for a moment: uptimes are told in seconds, so that a shorter restart would not be seen.
const SHORTEST_RESTART: u64 = 1_000;

impl Pace {
    /// Every task is done when it is next looked at.
    #[must_use]
    pub fn instant() -> Pace {
        Pace { factor: 0.0, limits: false }
    }

    /// As on a homelab node: cloning 10 GiB takes 45 s, fetching a cloud image 60 s, a start 3 s.
    #[must_use]
    pub fn realistic() -> Pace {
        Pace { factor: 1.0, limits: false }
    }

    /// Realistic times, multiplied by `factor` (0.01 is a hundred times faster).
    #[must_use]
    pub fn scaled(factor: f64) -> Pace {
        Pace { factor: factor.max(0.0), limits: false }
    }

    /// The same for somebody who sits before it: a guest that does not listen, or a node that is down, is not waited for in real time
    /// either, and a node that is restarted does not count its memory.
    #[must_use]
    pub fn watched(mut self) -> Pace {
        self.limits = true;
        self
    }

    /// How long Proxmox VE itself waits that promises to wait `ms` milliseconds: for a guest to shut down, for a node that is down.
    pub(crate) fn limit(self, ms: u64) -> u64 {
        if self.limits { self.ms(ms) } else { ms }
    }

    /// How long a node is away that is restarted.
    pub(crate) fn restart(self) -> u64 {
        let all = if self.limits { SYSTEM } else { FIRMWARE + SYSTEM };
        self.ms(all).max(SHORTEST_RESTART)
    }

    /// A span that takes `ms` milliseconds on realistic hardware.
    pub(crate) fn ms(self, ms: u64) -> u64 {
        self.span(ms as f64)
    }

    /// Copying so many bytes on a disk, after a second of setting up.
    pub(crate) fn copy(self, bytes: u64) -> u64 {
        self.span(1_000.0 + bytes as f64 / COPY_PER_MS)
    }

    /// Fetching so many bytes from the internet.
    pub(crate) fn fetch(self, bytes: u64) -> u64 {
        self.span(500.0 + bytes as f64 / FETCH_PER_MS)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a span is small and not negative")]
    fn span(self, ms: f64) -> u64 {
        (ms * self.factor) as u64
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::realistic()
    }
}
