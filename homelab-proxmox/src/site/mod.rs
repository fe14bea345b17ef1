//! The ways to a Proxmox VE and to its guests.
mod reach;

pub use reach::{Answered, Network, Reach};
