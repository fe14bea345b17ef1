//! What lives inside machines, against a simulated network.
mod accounts;
mod bench;
mod changes;
mod cloud_init;
mod computer;
mod doors;
mod files;
mod kept;
mod kernel;
mod packages;
mod services;
mod settings;
mod sources;
mod stacks;
mod together;
mod whole;
