//! What lives inside machines, against a simulated network.
mod accounts;
mod bench;
mod computer;
mod doors;
mod kept;
mod kernel;
mod packages;
mod real;
mod services;
mod settings;
mod sources;
mod whole;
