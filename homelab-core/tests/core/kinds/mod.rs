//! The kinds of the toy world. Each is awkward in the way of a real domain: a guest that is made slowly and draws its own uuid,
//! a pool whose disks come from a controller passed to a guest, a file on a machine whose address is an output, a generation that is
//! taken back unless it is confirmed in time.
mod file;
mod generation;
mod pool;
mod vm;

pub use file::{File, file};
pub use generation::{CONFIRM_WITHIN, Generation, generation};
pub use pool::Pool;
pub use vm::{Controller, Vm, vm};
