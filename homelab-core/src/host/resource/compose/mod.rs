//! Stacks of containers, by Docker Compose.
//!
//! [`ComposeStack`] is the resource. Its Compose file is read where it is declared, so that what is wrong with it is told before a
//! machine is asked, and so that two stacks on one machine cannot publish the same port.
mod docker;
mod engine;
mod env;
mod file;
mod look;
mod stack;

pub use docker::{DockerHost, RunsDocker};
pub use engine::DockerEngine;
pub use look::StackState;
pub use stack::ComposeStack;
#[cfg(feature = "sim")]
pub(crate) use {env::read as dotenv, file::ComposeFile};
