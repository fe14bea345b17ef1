//! Resources against the simulated NAS.
mod conformance;
mod dataset;
mod many;
mod pool;
mod replication;
mod share;
mod world;
