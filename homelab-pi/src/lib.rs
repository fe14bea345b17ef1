//! A Raspberry Pi with NixOS, Pi-hole and Unbound as typed resources: the name service that never goes dark.
//!
//! | module | what |
//! |---|---|
//! | [`board`] | the boards, and what differs between them |
//! | [`config`] | the typed description of a Pi |
//! | [`nix`] | the flake that is made from it |
pub mod board;
pub mod config;
pub mod nix;

pub use board::Board;
pub use config::{Pi, Release};
