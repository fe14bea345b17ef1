//! Faults that strike at chosen calls.
use std::collections::BTreeMap;
use std::time::Duration;

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and this is answered: 596 and "Connection timed out", say.
    Error {
        /// The status code.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// The call takes effect, and then its answer is lost.
    LostReply,
    /// The answer comes so much later.
    Slow(Duration),
    /// This call and every later one finds nobody, until [`Sim::revive`](super::Sim::revive).
    Kill,
}

/// Faults by the number of the call, counted from 1.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: BTreeMap<u64, Fault>,
}

impl Faults {
    /// No faults.
    #[must_use]
    pub fn none() -> Faults {
        Faults::default()
    }

    /// Lets a fault strike at the `call`-th call of the simulator, counted from 1.
    #[must_use]
    pub fn at_call(mut self, call: u64, fault: Fault) -> Faults {
        self.planned.insert(call, fault);
        self
    }

    /// The fault of that call, if any.
    pub(crate) fn of(&self, call: u64) -> Option<Fault> {
        self.planned.get(&call).cloned()
    }
}
