//! [`Dataset`]: a file system of a pool, with properties of three values.
//!
//! | file | what |
//! |---|---|
//! | `builder.rs` | how one is declared |
//! | `preset.rs` | [`Preset`]: properties by purpose |
//! | `property.rs` | [`Property`]: set, inherited or not managed, in one spelling |
//! | `state.rs` | what is observed, and what would be lost with it |
//! | `users.rs` | which shares and tasks go with a dataset |
//! | `apply.rs` | making and changing it |
mod apply;
mod builder;
mod preset;
mod property;
mod state;
pub(super) mod users;

pub use builder::{Dataset, Parent, Within};
pub use preset::Preset;
pub use property::{Compression, Property, Sync};
pub use state::{DatasetId, DatasetOutputs, DatasetState};

pub(super) use apply::destroy;
pub(super) use builder::is_name;
pub(super) use property::{Properties, sent};
pub(super) use state::{Listed, datasets};
