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
pub mod board;
pub mod config;
pub mod dns;
pub mod pihole;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "testing")]
pub mod testing;
pub mod unbound;
pub mod verify;

pub use board::Board;
pub use config::Release;
