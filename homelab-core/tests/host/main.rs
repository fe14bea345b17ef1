//! What lives inside machines, against a simulated network.
mod bench;
mod changes;
mod computer;
mod files;
mod kept;
mod stacks;
