//! The client of a TrueNAS.
//!
//! [`Nas`] is the provider: it reads as a [`NasReader`], and writes with a permit. A call is sent by the way below it
//! ([`Rpc`](crate::rpc::Rpc)), again where that is safe (`reader`); a job is followed to its end and found again after the connection
//! broke (`job`). The real way is a WebSocket (`socket`, `line`). The words in which the NAS complains about a parameter become the names of our fields (`attribute`).
mod address;
mod attribute;
mod installer;
mod job;
mod line;
mod midclt;
mod nas;
mod pause;
mod reader;
mod setup;
mod socket;

pub use address::{Address, BadAddress};
pub use attribute::field_of;
pub use midclt::Midclt;
pub use nas::{Nas, work};
pub(crate) use pause::pause_after;
pub use reader::NasReader;
pub(crate) use socket::{Entry, Socket, Way};
