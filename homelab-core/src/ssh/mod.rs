//! SSH.
mod error;
pub use error::{Key, KnownKey, Offer, Origin, Phase, SshError};
