//! The resources against the simulator: what a lab's author sees of them.
mod by_hand;
mod fixture;
mod sweep;
mod vm;
