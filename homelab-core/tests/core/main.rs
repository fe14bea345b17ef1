//! The core, tested against a small world of awkward kinds.
#![expect(unreachable_pub, reason = "a test crate is reached by nobody")]
mod kinds;
mod world;

mod interrupts;
mod lives;
mod order;
mod ownership;
mod protection;
mod random;
mod release;
mod saved;
mod sketches;
mod sweeps;
mod turns;
mod within;
