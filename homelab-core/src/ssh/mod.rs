//! SSH: how a machine is reached, and every way in which that fails.
//!
//! `SshMachine` (feature `ssh`) is the real side of the seam [`Machine`](crate::host::Machine). It reads `~/.ssh/config`, asks the
//! agent, checks host keys strictly (known_hosts, or what the lab pins), and keeps one connection for all batches.
//! Nothing is ever accepted blindly, and no password is ever asked for.
#[cfg(feature = "ssh")]
mod config;
#[cfg(feature = "ssh")]
mod connection;
mod error;
mod hint;
#[cfg(feature = "ssh")]
mod identity;
#[cfg(feature = "ssh")]
mod known_hosts;
#[cfg(feature = "ssh")]
mod machine;
#[cfg(feature = "ssh")]
mod one_off;
#[cfg(feature = "ssh")]
mod pattern;
#[cfg(feature = "ssh")]
mod reach;
#[cfg(feature = "ssh")]
mod target;
#[cfg(feature = "ssh")]
mod wire;

pub use error::{Key, KnownKey, Offer, Origin, Phase, Side, SshError};
#[cfg(feature = "ssh")]
pub use identity::offered;
#[cfg(feature = "ssh")]
pub(crate) fn one_off() -> Result<impl crate::host::OneOff + 'static, SshError> {
    one_off::Held::new()
}
#[cfg(feature = "ssh")]
pub use machine::{Cost, SshMachine};
#[cfg(feature = "ssh")]
pub use target::{Surroundings, Target};
