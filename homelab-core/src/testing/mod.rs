//! What every resource kind is put through (feature `testing`): [`Bench`] runs a lab against a world that can be made to fail,
//! [`sweep`] does so at every single call, [`conformance`] does what every kind must survive.
//!
//! A world is a simulator, or anything else that implements [`World`]. A killed run is a future that is dropped in the middle of a
//! call, together with a copy of the state directory as it was on the disk at that moment: what a `kill -9` leaves.
mod bench;
mod conformance;
mod sweep;
mod traffic;

pub use bench::{Bench, Run};
pub use conformance::{Fixture, conformance, conformance_every};
pub use sweep::{Declare, sweep, sweep_every};
pub use traffic::{Broken, Traffic};

use crate::Providers;
use std::fmt;

/// What goes wrong at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The call is refused and has no effect, in a way that may pass.
    Error,
    /// The call has its effect, and the answer is lost.
    LostReply,
    /// The call has its effect, and the program is killed before it hears of it.
    Kill,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 3] = [Fault::Error, Fault::LostReply, Fault::Kill];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Error => "error",
            Fault::LostReply => "lost reply",
            Fault::Kill => "kill",
        })
    }
}

/// A world that a lab can be run against, that counts its calls and can be made to fail.
pub trait World: Send + Sync {
    /// Connections to its sites.
    fn providers(&self) -> Providers;
    /// Everything that exists, as text that two equal worlds share: no generated ids, no times.
    fn inventory(&self) -> String;
    /// The calls that go through these connections.
    fn traffic(&self) -> &Traffic;
    /// The secrets that its labs may use, by name, besides those that a deploy keeps.
    fn secrets(&self) -> Vec<(&'static str, &'static str)> {
        vec![]
    }

    /// How many calls there were so far, reading and writing.
    fn calls(&self) -> u64 {
        self.traffic().calls()
    }
    /// How many of them could change something.
    fn writes(&self) -> u64 {
        self.traffic().writes()
    }
    /// Makes `fault` happen at the call that is `after` calls away (0: the next).
    fn fail(&self, after: u64, fault: Fault) {
        self.traffic().fail(after, fault);
    }
    /// No more faults. What the world was working on goes on.
    fn heal(&self) {
        self.traffic().heal();
    }
}
