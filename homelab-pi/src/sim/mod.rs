//! A simulated Pi (feature `sim`): a machine with generations, timers and a boot loader, whose power can be cut.
mod builder;
mod command;
mod pi;
pub mod pihole;

pub use builder::{Flaw, SimBuilder};
pub use pi::{SimAnswers, SimPi};
