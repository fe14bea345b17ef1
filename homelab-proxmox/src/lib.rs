//! Proxmox VE as typed resources (skeleton; the map of the crate is written with its modules).
pub mod api;
pub mod client;
mod error;
pub mod http;
pub mod resource;
#[cfg(feature = "sim")]
pub mod sim;
pub mod site;
#[cfg(feature = "testing")]
pub mod testing;

pub use client::Pve;
pub use error::{Cause, Error, Result};
pub use resource::{Image, Node, Template, Vm};
