//! Writing a card, and never the wrong disk.
//!
//! [`find`] looks at a device from all sides, [`check`] says everything that forbids writing it, a person types back what it is, and
//! [`write`](fn@write) asks once more whether it is still the same one. The first block is made empty first and written last, after the
//! rest was read back and compared: whenever it is interrupted, there is nothing that would boot.
mod cards;
mod check;
mod device;
mod linux;
mod macos;
mod open;
mod source;
mod write;

pub use cards::{Cards, Devices};
pub(crate) use cards::{failed, same};
pub use check::{Limits, Refusal, check};
pub use device::{Device, Mount};
pub use linux::Linux;
pub use macos::parse_diskutil;
pub use open::{find, open, unmount};
pub use source::Source;
pub use write::{Progress, Target, WriteError, Written, write};
