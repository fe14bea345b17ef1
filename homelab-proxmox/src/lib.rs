//! Proxmox VE as typed resources (skeleton; the map of the crate is written with its modules).
pub mod api;
pub mod client;
mod error;
pub mod http;
#[cfg(feature = "sim")]
pub mod sim;

pub use client::Pve;
pub use error::{Cause, Error, Result};
