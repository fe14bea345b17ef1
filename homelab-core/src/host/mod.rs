//! What is inside a machine: questions, changes, and the seam [`Machine`] behind which a real host or a simulated one answers.
//!
//! A [`Batch`] is data. Over SSH it becomes one POSIX shell script on one channel; a simulated machine answers it from memory.
//! [`probe`] has the questions, [`Action`] the changes, [`Gather`] lets concurrent readers share one message:
//!
//! ```
//! use homelab_core::host::{Batch, HostPath, Machine, probe};
//! # async fn demo(machine: &dyn Machine) -> Result<(), Box<dyn std::error::Error>> {
//! let mut batch = Batch::new();
//! let fstab = batch.ask(probe::digest(HostPath::at("/etc/fstab")));
//! let system = batch.ask(probe::system());
//! let replies = machine.run(&batch).await?;
//! println!("{:?} on {}", fstab.of(&replies)?, system.of(&replies)?.hostname);
//! # Ok(())
//! # }
//! ```
//!
//! [`Hosts`] is the provider of all machines, at the one site [`HOSTS`]; a [`Host`] says on which of them a resource lives.
//!
//! An item that fails does not take the others with it, unless it is declared a [barrier](Batch::barrier). Adding a change needs a
//! [`Permit`](crate::Permit), so what plans and reads cannot write.
mod action;
mod apt;
mod batch;
mod cloud_init;
mod command;
pub(crate) mod content;
mod decode;
pub mod facts;
mod gather;
mod hosts;
mod machine;
mod parse;
mod path;
mod place;
pub mod probe;
mod quote;
mod recipe;
mod reply;
mod resource;
mod script;
#[cfg(feature = "ssh")]
mod ssh;
mod together;
mod visit;

pub use action::{Action, Ownership};
pub use batch::{Batch, Item, Slot, What};
pub use command::Command;
pub use content::Content;
#[cfg(feature = "sim")]
pub(crate) use decode::worked;
pub use facts::{Entry, FileKind, Output, Policy, Stat, System};
pub use gather::Gather;
pub use hosts::{HOSTS, Hosts, HostsReader, Network};
pub use machine::Machine;
pub use path::{BadPath, HostPath};
pub use place::{Host, Reachable, Spot};
pub use probe::{Probe, Query};
pub use recipe::{Part, Recipe};
pub use reply::{Answer, NoAnswer, Reply};
pub use resource::*;
pub use script::{Boundary, Script, Start};
#[cfg(feature = "ssh")]
pub use ssh::Ssh;
pub use visit::{OneOff, Visit};
