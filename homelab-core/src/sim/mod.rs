//! The parts of the simulated world that the provider crates share (feature `sim`): machines in memory, and the network between them.
mod clock;
mod cloud;
mod commands;
mod debian;
mod disk;
mod door;
mod files;
mod later;
mod machine;
mod meddle;
mod net;
#[cfg(feature = "testing")]
mod room;
mod store;
mod world;

pub use clock::Clock;
pub use door::accept;
pub use later::{Later, rows};
pub use machine::SimMachine;
pub use net::{Computer, Disk, Net, Wire};
#[cfg(feature = "testing")]
pub use room::Room;
pub use store::{Store, StoreError};
