//! What lives inside machines, against a simulated network.
mod computer;
mod kept;
