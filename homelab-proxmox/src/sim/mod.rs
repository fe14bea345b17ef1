//! A Proxmox VE that exists only in memory, and behaves as the real one was seen to.
//!
//! [`Sim`] answers the same requests as a real node: in process, as an [`Http`](crate::http::Http), or over HTTPS on
//! loopback ([`Sim::serve`]). Its state is a [`World`]: plain data, saved at every effect when a directory is given, so
//! it survives `kill -9`.
//!
//! How a request travels:
//! 1. [`simulator`](Sim) counts it, lets a planned fault strike, and settles every task whose time has come;
//! 2. `auth` says who asks, `schema` finds the method, `permission` decides, `check` judges each parameter;
//! 3. a handler (folders mirror the API) reads or changes the world, or starts a task;
//! 4. the world is saved, then the answer is given.
//!
//! Tasks have no threads: a task is a start, an end and a job; whoever asks next settles what has ended (`tasks`).
//! What is odd about Proxmox VE (delays, locks, stale figures, surprising wording) is named in `quirks`, with its
//! source. Facts are from the notes on the API (pve-notes) and from recordings of a running 8.4.21.
mod answer;
mod auth;
mod call;
mod check;
mod computers;
mod cpu;
mod faults;
mod firewall;
mod format;
mod handlers;
mod interfaces;
pub(crate) mod iso9660;
mod machines;
mod pace;
mod permission;
mod props;
mod pvecm;
mod quirks;
mod random;
mod rights;
mod roles;
mod schema;
mod serve;
mod shape;
mod simulator;
mod tasks;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use faults::{Fault, Faults};
pub use handlers::check_request;
pub use homelab_core::sim::StoreError;
pub use pace::Pace;
pub use serve::Served;
pub use simulator::{Logged, Sim, Up};
pub use world::{Firmware, Image, NodeSpec, Release, StorageKind, Trouble, World};
