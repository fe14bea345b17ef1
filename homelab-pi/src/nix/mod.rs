//! From a description to the text of a flake: a pure function, so that what a Pi will be can be read, compared and tested.
//!
//! [`Expr`] is the little of the Nix language that is needed, as data; it prints as `nixfmt` would. The modules of the flake are made
//! of it, one noun a file; a test knows the type of every option that they set.
mod base;
mod container;
mod expr;
mod flake;
mod network;
mod pihole;
mod render;
mod secrets;
mod tree;
mod unbound;
mod versions;

pub use expr::{Binding, Expr};
pub(crate) use flake::needs_hardware;
pub(crate) use network::nameservers;
pub(crate) use pihole::PASSWORD;
pub use pihole::ftl_settings;
pub(crate) use secrets::FOLDER;
pub use tree::{Addresses, NixTree, bindings, fingerprint, generate};
pub use versions::versions;
