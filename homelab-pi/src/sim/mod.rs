//! A simulated Pi (feature `sim`): a machine with generations, timers and a boot loader, whose power can be cut.
mod builder;
mod card;
mod command;
mod pi;
pub mod pihole;
mod sandbox;

pub use builder::{Flaw, SimBuilder};
pub use card::SimCards;
pub use pi::{SimPi, SimWire};
pub(crate) use sandbox::sandbox;
