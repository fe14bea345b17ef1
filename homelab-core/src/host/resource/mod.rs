//! The kinds of resources that live inside machines.
//!
//! | kind | what |
//! |---|---|
//! | [`Computer`] | a machine that is there already: only looked at |
mod computer;

pub use computer::{Computer, ComputerOutputs, ComputerState};

use super::Hosts;
use crate::Kind;

/// All of them.
pub(super) fn kinds() -> Vec<Kind<Hosts>> {
    vec![Kind::of::<Computer>()]
}
