//! [`NodeNetwork`]: the bridges, bonds and VLANs of a node, changed in one step that the node itself takes back if it cannot be reached
//! any more.
//!
//! | file | what |
//! |---|---|
//! | `part` | what is declared: [`Bridge`], [`Bond`], [`VlanInterface`] |
//! | `steps` | what has to be staged, and what of it is dangerous: pure |
//! | `carry` | staging, loading once, proving it |
//! | `watchdog` | what takes it back on the node |
mod carry;
mod network;
mod part;
mod steps;
mod watchdog;

pub use network::{NodeNetwork, NodeNetworkId, NodeNetworkOutputs, NodeNetworkState};
pub use part::{Bond, Bridge, Part, VlanInterface};
