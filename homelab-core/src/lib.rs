//! Infrastructure as ordinary Rust (skeleton; the map of the crate is written with its modules).
mod permit;

pub use permit::Permit;
