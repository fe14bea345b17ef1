//! The resources against the simulator: what a lab's author sees of them.
mod conformance;
mod fixture;
mod sweep;
mod vm;
