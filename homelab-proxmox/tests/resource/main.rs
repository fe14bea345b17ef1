//! The resources against the simulator: what a lab's author sees of them.
mod fixture;
mod sweep;
mod vm;
