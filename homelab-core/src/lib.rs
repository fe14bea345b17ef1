//! Infrastructure as ordinary Rust (skeleton; the map of the crate is written with its modules).
mod disk;
pub mod env;
pub mod journal;
pub mod ledger;
pub mod lock;
mod permit;
mod redact;
mod secret;
pub mod statedir;
pub mod units;

pub use disk::DiskError;
pub use permit::Permit;
pub use redact::Redactor;
pub use secret::{MissingSecret, Secret, SecretSource, SecretValue, Secrets};
