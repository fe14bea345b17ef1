//! What most kinds are: a row of a table of the NAS's configuration.
//!
//! A kind says what its row is found by and how its fields are named; reading, creating, changing only what differs, marking and
//! deleting are the same for all of them. Where a row has a text for people our mark stands in it; of others the ledger and the
//! journal are the witnesses.
mod entry;
mod state;

pub use entry::{Entry, Fields, Row};
pub use state::{RowId, RowOutputs, RowState, ShareOutputs};

pub(super) use state::{at_site, by_id};
