//! Making a cluster: one node begins it, others join, and a machine beside them may have a vote ([`Cluster`], [`QDevice`]).
//!
//! Nothing here takes a node out of a cluster, or a cluster apart: what leaves the code is forgotten, and stays as it is. That is read
//! over the API, with a token; it is changed by `pvecm` on the nodes, as root over SSH, for no token may do it (pve-notes section 3).
mod builder;
mod job;
mod node;
mod qdevice;
mod quorum;

pub use builder::{Cluster, NewCluster, QDevice};
pub(super) use job::ended;
pub use node::{ClusterNode, ClusterNodeId, ClusterNodeOutputs, ClusterNodeState};
pub use qdevice::{Witness, WitnessId, WitnessState};
pub use quorum::two_nodes_have_a_third_vote;
