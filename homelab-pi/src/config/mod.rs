//! The typed description of a Pi: everything that the generated NixOS is made from, and nothing else.
mod container;
mod description;
mod login;
mod pi;
mod pihole;
mod pins;
mod release;
mod system;

pub use container::ContainerImage;
pub(crate) use description::Description;
pub use login::{Keys, LoginKeys};
pub use pi::{NoAddress, NoBoard, NoLogin, NoSystem, Pi};
pub use pihole::{List, Listen, PiHole, Record};
#[cfg(feature = "sim")]
pub(crate) use pins::locked;
pub use pins::{Locked, Pins, compare};
pub use release::Release;
pub use system::System;
