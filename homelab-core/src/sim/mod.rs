//! The parts of the simulated world that the provider crates share (feature `sim`): machines in memory, and the network between them.
mod files;
mod machine;
mod net;

pub use machine::SimMachine;
pub use net::{Computer, Disk, Net, Wire};
