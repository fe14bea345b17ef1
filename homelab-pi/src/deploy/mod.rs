//! A Pi that runs, brought from one system to another so that names are answered all the while.
//!
//! The order is the point. The closure is copied; a timer *on the Pi* is armed that goes back to the boot default; the new system is
//! activated without becoming that default; names are asked for, from the Pi and from here; only then it becomes the default, and the
//! timer is disarmed. At whatever moment the power or the connection goes, the old or the new system answers, and what was not confirmed
//! is the old one. Nothing of the way back needs the network.
mod back;
mod boot;
mod connect;
mod inside;
mod look;
mod names;
mod resource;
mod server;
mod site;
mod switch;
mod words;

pub use back::{Generation, Rehearsed, generations, rehearse, rollback};
pub use boot::BootFiles;
pub use connect::PiSite;
pub(crate) use inside::OnThePi;
pub use look::Seen;
#[cfg(feature = "sim")]
pub(crate) use look::{MARK, PROFILE, ROLLBACK};
pub use names::{Answers, FromHere};
pub use resource::{PiOutputs, PiState};
pub(crate) use resource::{mark_of, password_line, public_half};
pub use server::NameServer;
pub use site::{PIS, Pis, PisReader};
#[cfg(feature = "sim")]
pub(crate) use switch::GOES_BACK_AFTER;
