//! Who builds: the seam [`Builder`], behind which a machine with Nix works, here, far away or in a virtual machine.
mod facts;
mod manifest;
mod nix;
mod run;

pub use facts::{BUILDER, Machine, Way};
pub use manifest::Manifest;
pub use nix::Nix;
pub use run::{Processes, Run};

use crate::nix::NixTree;
use async_trait::async_trait;
use homelab_core::{Failure, host::Spot};
use std::{collections::BTreeMap, path::PathBuf};

/// What is wanted of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// The system: what a running Pi is switched to.
    System,
    /// A card's image, with the system in it.
    Image,
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The system's path in the store: `/nix/store/..-nixos-system-pihole-25.11`.
    pub toplevel: String,
    /// The image on this machine, if one was wanted.
    pub image: Option<PathBuf>,
}

/// Versions by the names of what they are of: `Linux`, `6.12.58`.
pub type Versions = BTreeMap<String, String>;

/// Where progress goes, one line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A way to build for the Pi's processor.
#[async_trait]
pub trait Builder: Send + Sync {
    /// What it is, for people: `Nix on this machine`.
    fn describe(&self) -> String;

    /// Brings it up, if it is not, and says what it is.
    ///
    /// # Errors
    /// When there is nothing that builds; the failure says which ways there are.
    async fn up(&self, say: Say<'_>) -> Result<String, Failure>;

    /// Builds a tree. What was built before is not built again.
    ///
    /// # Errors
    /// When it cannot be built; the last lines that the builder said are with it.
    async fn build(&self, tree: &NixTree, output: Output, say: Say<'_>) -> Result<Built, Failure>;

    /// Copies a system with all that it needs to a Pi.
    ///
    /// # Errors
    /// When the Pi cannot be reached or is full.
    async fn copy(&self, toplevel: &str, to: &Spot, say: Say<'_>) -> Result<(), Failure>;

    /// Asks for the newest sources, and gives back the lock file with them; nothing else changes.
    ///
    /// # Errors
    /// When they cannot be asked for.
    async fn newest(&self, tree: &NixTree, say: Say<'_>) -> Result<String, Failure>;

    /// Asks a tree, with the lock file that it has, for what this [function](crate::nix::versions) tells of it. It is evaluated; nothing is
    /// built.
    ///
    /// # Errors
    /// When it cannot be evaluated: then nothing can be built of it either.
    async fn versions(&self, tree: &NixTree, function: &str, say: Say<'_>) -> Result<Versions, Failure>;
}
