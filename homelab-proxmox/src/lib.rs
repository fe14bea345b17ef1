//! Proxmox VE as typed resources, and a simulated one to try and test them with.
//!
//! | module | what |
//! |---|---|
//! | [`resource`] | [`Template`], [`Vm`], [`Container`], [`Node`]: what a lab declares |
//! | [`site`] | `Cluster`: how a lab reaches its Proxmox VE, for real or in the sandbox |
//! | [`token`] | the API token of a lab: made, shown, renewed |
//! | [`client`] | [`Pve`], the client: who we are, whom we trust, what is retried, tasks that are followed |
//! | [`api`] | the calls and their values; folders mirror the API |
//! | [`http`] | the seam below the client, where a simulator or a test takes the place of the network |
//! | `sim` (feature `sim`) | a Proxmox VE that answers as a real one was seen to, in process and over TLS on loopback |
//! | `testing` (feature `testing`) | a simulated world for the tests of labs, which can be made to fail at any call |
pub mod api;
pub mod client;
mod error;
pub mod http;
pub mod resource;
mod root;
#[cfg(feature = "sim")]
pub mod sim;
pub mod site;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

pub use client::Pve;
pub use error::{Cause, Error, Result};
pub use resource::{Container, ContainerTemplate, Image, Iso, Node, NodeConfig, Template, Vm, privileges};
