//! Simulated systems (feature `sim`), for the sandbox and for tests.
pub mod pihole;
