//! The journal: what a run is about to do, written down and on the disk before it does it.
//!
//! The order of a run, each line durable before the next effect:
//!
//! 1. [`Opened`](Record::Opened) (may be queued: the first `Started` carries it to the disk).
//! 2. For each step [`Started`](Record::Started), waited for, **then** its effect in the world, on the way
//!    [`Noted`](Record::Noted) as soon as there is a task to wait for, then [`Done`](Record::Done) or
//!    [`Failed`](Record::Failed). `Done` may be queued: one that is lost is a *maybe*, and is looked at. A later
//!    `Started` never reaches the disk before it.
//! 3. [`Closed`](Record::Closed), waited for.
//! 4. The ledger is saved, with everything that was done.
//! 5. [`Journal::retire`]: the journal becomes `journal.last.jsonl`. A crash before this replays records that the
//!    ledger already has, which changes nothing: replay is idempotent.
//!
//! A run that leaves a step of which it does not know the end (it was interrupted, or is stuck) saves its ledger and keeps
//! its journal: the next run appends to it, and retires it once every *maybe* has its `Done` or `Failed`.
//!
//! So after a crash at any point [`replay`] of ledger and journal yields what is ours for certain, and what is ours
//! [`Maybe`]. When an append fails (full disk, read-only), the journal accepts nothing more: the run must start no
//! further effect, and what it already did is found again as *maybe*.
mod event;
mod file;
mod replay;

pub use event::{Damage, Record};
pub use file::{Journal, JournalError};
pub use replay::{Maybe, Replay, replay};
