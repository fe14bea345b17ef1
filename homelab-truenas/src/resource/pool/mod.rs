//! [`Pool`]: disks in vdevs. Made once, changed only as ZFS can change it, exported at most, never wiped.
//!
//! | file | what |
//! |---|---|
//! | `builder.rs` | how one is declared |
//! | `shelf.rs` | the disks of a NAS, found by serial number or place |
//! | `state.rs` | what is observed |
//! | `again.rs` | pools that are on the disks and not imported, and which of them is taken in |
//! | `moves.rs` | what ZFS can do to get from what is there to what is declared; pure |
//! | `review.rs` | the table of vdevs, and what forbids a plan; pure |
//! | `apply.rs` | making, importing, changing, exporting |
mod again;
mod apply;
mod builder;
mod moves;
mod review;
mod shelf;
mod state;

pub use builder::{Pool, PoolWithoutDisks};
pub use state::{PoolId, PoolOutputs, PoolState, VdevState};

pub(crate) use state::{Listed, pools};
