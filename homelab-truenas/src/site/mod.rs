//! The ways to a NAS: [`TrueNas`] connects a lab to the real one with a key from outside or from the secret store, or to a simulated
//! one on loopback without any.
mod disk_tests;
mod replicated;
#[cfg(feature = "sim")]
mod sandbox;
mod truenas;
mod verbs;

pub use truenas::TrueNas;
