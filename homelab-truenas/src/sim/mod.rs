//! A TrueNAS that exists only in memory, and behaves as the real one's source says.
//!
//! [`Sim`] answers the same calls as a real NAS: in process, as an [`Rpc`](crate::rpc::Rpc), or over a WebSocket with TLS on loopback.
//! Its state is a [`World`]: plain data, saved at every effect when a directory is given, so it survives `kill -9`.
//!
//! How a call travels:
//! 1. [`simulator`](Sim) settles every job whose time has come, and what nobody confirmed in time;
//! 2. `schema` finds the method, `check` judges each parameter as the middleware's own models do;
//! 3. a handler (a file for each namespace) reads or changes the world; a job does so when it ends, and its locks make others wait;
//! 4. the world is saved, then the answer is given; whoever listens hears of jobs.
//!
//! What is odd about TrueNAS (side effects, names of disks that move, shares that go before the dataset does) is in the handlers, each
//! with its source. What is refused is checked against recordings of 25.10.6's models.
mod check;
mod fail;
mod handlers;
mod installer;
mod jobs;
mod query;
mod schema;
mod serve;
mod simulator;
mod world;

pub use homelab_core::sim::StoreError;
pub use serve::Served;
pub use simulator::{Link, Sim};
pub use world::{DiskSpec, World};
