//! The ways to a Proxmox VE and to its guests: [`Cluster`] connects a lab to the real one with credentials from outside, or to a
//! simulated one on loopback without any; [`Reach`] is the network by which guests are waited for.
mod cluster;
#[cfg_attr(not(feature = "sim"), expect(dead_code, reason = "only the sandbox looks at devices"))]
mod device;
mod power;
mod reach;
#[cfg(feature = "sim")]
mod sandbox;
mod status;
mod verbs;

pub use cluster::{Cluster, Hardware, PASSWORD, SSH, TOKEN_ID, TOKEN_SECRET, TOTP_SECRET, USERNAME};
pub use device::{Device, Drive};
pub use reach::{Answered, Network, Reach};
