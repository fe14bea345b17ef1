//! The parts of the simulated world that the provider crates share (feature `sim`): machines in memory.
mod files;
mod machine;

pub use machine::SimMachine;
