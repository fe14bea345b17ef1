//! What a pool is made of: disks that are moved into one vdev each, vdevs of a layout, and the rows that they stand in.
//!
//! | file | what |
//! |---|---|
//! | `disk.rs` | [`Disk`]: a disk by serial number or by place, neither `Copy` nor `Clone` |
//! | `layout.rs` | [`Layout`]: mirror, RAIDZ, dRAID: how many disks it needs and how many may fail |
//! | `width.rs` | the widths that each layout can have, as traits that the compiler checks |
//! | `vdev.rs` | [`Vdev`] and [`Role`]: a row of disks and what it is for |
//! | `capacity.rs` | what fits on it: [`usable`](capacity::usable) |
pub mod capacity;
mod disk;
mod layout;
mod vdev;
mod width;

pub use disk::{Disk, DiskName, NasDisks, rows};
pub use layout::Layout;
pub use vdev::{Role, Vdev};
pub use width::{MirrorWidth, Raidz1Width, Raidz2Width, Raidz3Width};
