//! A Raspberry Pi with NixOS, Pi-hole and Unbound as typed resources: the name service that never goes dark.
//!
//! | module | what |
//! |---|---|
//! | [`board`] | the boards, and what differs between them |
//! | [`config`] | the typed description of a Pi |
//! | [`dns`] | asking a DNS server: questions, answers, bounded patience |
//! | [`pihole`] | Pi-hole by its own API: records, lists, rules, groups, settings, the gate |
//! | [`unbound`] | the settings of Unbound, for the Nix configuration and as a file |
//! | [`verify`](mod@verify) | whether names are answered, and if not, why |
//! | [`nix`] | the flake that is made from it |
//! | [`builder`] | who builds it |
//! | [`image`] | a card's image: looked into, secrets put into it |
//! | [`flash`] | written to a card, and never to the wrong disk |
//! | [`deploy`] | a running Pi brought to it, tested before it is kept |
//! | [`verbs`] | what the command line does with a Pi beside planning |
pub mod board;
pub mod builder;
pub mod config;
pub mod deploy;
pub mod dns;
pub mod flash;
pub mod image;
pub mod nix;
pub mod pihole;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "testing")]
pub mod testing;
pub mod unbound;
pub mod verbs;
pub mod verify;

pub use board::Board;
pub use config::{Pi, Release};
pub use deploy::{PIS, PiSite, Pis};
