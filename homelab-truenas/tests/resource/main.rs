//! Resources against the simulated NAS.
mod again;
mod bad;
mod conformance;
mod dataset;
mod many;
mod midclt;
mod pool;
mod replication;
mod schemas;
mod share;
mod traps;
mod world;
