//! [`NodeConfig`]: what is set up on a machine that runs Proxmox VE, so that it is a node as a homelab wants it; and [`NodeReboot`], the
//! restart that some of it needs.
mod config;
mod files;
mod guests;
mod reboot;

pub use config::{Configured, NodeConfig};
pub(crate) use reboot::is_unfinished;
pub(super) use reboot::{NodeId, answers};
pub use reboot::{NodeReboot, NodeRebootOutputs, NodeRebootState};
