//! A Raspberry Pi with NixOS, Pi-hole and Unbound as typed resources: the name service that never goes dark.
//!
//! | module | what |
//! |---|---|
//! | [`board`] | the boards, and what differs between them |
//! | [`config`] | the typed description of a Pi |
//! | [`dns`] | asking a DNS server: questions, answers, bounded patience |
pub mod board;
pub mod config;
pub mod dns;

pub use board::Board;
pub use config::Release;
