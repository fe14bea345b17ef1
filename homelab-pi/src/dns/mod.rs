//! Asking a DNS server, and nothing else: [`Question`] and [`Answer`] are plain data, [`Wire`] is the seam to the network, and
//! [`Prober`] asks with bounded patience, over UDP first and over TCP when an answer was cut.
//!
//! Messages are built and read by `hickory-proto`. What a lab wants to know of them (an extended error, whether an answer was
//! validated) is here.
mod answer;
mod prober;
mod question;
mod wire;

pub use answer::{Answer, Extended};
pub use hickory_proto::{op::ResponseCode, rr::RecordType};
pub use prober::{DnsError, Prober};
pub use question::{BadName, Question};
pub use wire::{Sockets, Via, Wire};

/// The option that carries an extended error (RFC 8914).
pub(crate) const EDE: u16 = 15;
/// How large an answer over UDP may be: what passes everywhere (DNS flag day 2020), and what Pi-hole allows.
pub(crate) const PAYLOAD: u16 = 1232;
