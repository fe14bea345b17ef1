//! A Raspberry Pi with NixOS, Pi-hole and Unbound as typed resources: the name service that never goes dark.
//!
//! | module | what |
//! |---|---|
//! | [`board`] | the boards, and what differs between them |
//! | [`config`] | the typed description of a Pi |
//! | [`nix`] | the flake that is made from it |
//! | [`builder`] | who builds it |
//! | [`image`] | a card's image: looked into, secrets put into it |
//! | [`flash`] | written to a card, and never to the wrong disk |
//! | [`deploy`] | a running Pi brought to it, tested before it is kept |
pub mod board;
pub mod builder;
pub mod config;
pub mod deploy;
pub mod flash;
pub mod image;
pub mod nix;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "testing")]
pub mod testing;

pub use board::Board;
pub use config::{Pi, Release};
pub use deploy::{PIS, Pis};
