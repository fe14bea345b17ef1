//! Effects: [`observe`](Engine::observe) looks at the world, [`carry_out`](Engine::carry_out) does what a plan says.
//!
//! Creation, update and recovery after a crash are one path. A step looks at what is there, decides again with what is known by
//! now, writes down that it begins, does it, looks again, compares, and writes down that it is done. A run that was cut anywhere
//! is continued by the next one simply looking.
mod carry;
mod hold;
mod interrupt;
mod machines;
mod observe;
mod outcome;
mod run;
mod step;
mod turn;

use crate::{
    context::Known as Around, graph::Graph, report::Reporter, resource::Mark, secret::Secrets, site::Providers,
};
use std::time::Duration;

pub use interrupt::{Interrupt, Interrupter};
pub use machines::Machine;
pub use observe::Trouble;
pub use outcome::{Done, Failed, Outcome};

/// How many steps run at once unless somebody says otherwise.
pub const PARALLEL: usize = 10;
/// How many steps run at once inside one machine, where any two steps may: what they ask and change travels together, so all of them
/// count as one.
pub const INSIDE: usize = 64;
/// How often a step is tried in all when it fails in a way that may pass.
pub const ATTEMPTS: u32 = 3;
/// The wait before the second try; it doubles for the third.
pub const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How often a thing is read back until it is as it was asked to be: listings can lag behind a moment.
pub const READ_BACKS: u32 = 4;
/// The wait between two of them.
pub const READ_BACK_AFTER: Duration = Duration::from_secs(1);

/// How long something is waited for that lives in what was just made: a guest that boots has no SSH yet.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// The wait between two looks at it.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// One run's surroundings.
pub struct Engine<'a> {
    /// The lab.
    pub graph: &'a Graph,
    /// The world.
    pub providers: &'a Providers,
    /// The secrets.
    pub secrets: &'a Secrets,
    /// Who shows what happens.
    pub reporter: &'a dyn Reporter,
    /// How many steps run at once; at least 1. Those inside one machine count as one, up to [`INSIDE`] of them, unless this is 1.
    pub parallel: usize,
}

impl Engine<'_> {
    fn mark(&self, key: &str) -> Mark {
        Mark { lab: self.graph.lab().to_owned(), key: key.to_owned() }
    }

    fn around<'b>(&'b self, facts: &'b crate::facts::Facts, mark: &'b Mark) -> Around<'b> {
        Around { facts, secrets: self.secrets, mark, id: None, left: None, first: false }
    }
}
