//! The quantities and addresses of a homelab, written as people write them: `4.gib()`, `LAN.host(202)`, `90.days()`.
//!
//! Each is a small `Copy` type that prints, parses and serialises as text for people (a VLAN tag as the number that it
//! is), and reads back exactly what it printed.
mod cidr;
mod mac;
mod net;
mod port;
mod size;
mod time;
mod vlan;

pub use cidr::Cidr;
pub use mac::Mac;
pub use net::{HostAddr, Network};
pub use port::{Port, Protocol};
pub use size::{Size, SizeUnits};
pub use time::{Span, TimeUnits, now, parse_rfc3339, rfc3339, to_the_minute};
pub use vlan::Vlan;

/// Text that is not the unit that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {why}")]
pub struct UnitError {
    what: &'static str,
    text: String,
    why: &'static str,
}

impl UnitError {
    pub(crate) fn new(what: &'static str, text: &str, why: &'static str) -> UnitError {
        UnitError { what, text: text.to_owned(), why }
    }
}

/// Serialises a type as its `Display`.
macro_rules! serialize_as_text {
    ($ty:ty) => {
        impl serde::Serialize for $ty {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

/// Serialises a type as its `Display`, and reads it with its `FromStr`.
macro_rules! serde_as_text {
    ($ty:ty) => {
        crate::units::serialize_as_text!($ty);
        impl<'de> serde::Deserialize<'de> for $ty {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text: String = serde::Deserialize::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use {serde_as_text, serialize_as_text};
