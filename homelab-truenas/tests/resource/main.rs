//! Resources against the simulated NAS.
mod again;
mod conformance;
mod dataset;
mod many;
mod midclt;
mod pool;
mod replication;
mod share;
mod world;
