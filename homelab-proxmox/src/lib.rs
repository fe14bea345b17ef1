//! Proxmox VE as typed resources (skeleton; the map of the crate is written with its modules).
pub mod http;
#[cfg(feature = "sim")]
pub mod sim;
