//! Secrets: in the code only their names, outside of it their values, which cannot be printed.
//!
//! [`Secrets`] asks in turn: the environment, the file `.env` behind it, and the lab's own encrypted store, the [`Vault`]. A value
//! that is a reference of 1Password, `op://vault/item/field`, is read through its program `op`, wherever it stands.
//! What a deploy itself makes (an API key that is shown once) is kept in the vault, and found there from then on.
mod age;
mod error;
mod identity;
mod name;
mod one_password;
mod secrets;
mod value;
mod vault;

pub use error::SecretError;
pub use identity::{HOMELAB_AGE_IDENTITY, IdentityFile};
pub use name::Secret;
pub(crate) use name::{is_name, names_of};
pub use one_password::{OnePassword, OnePasswordError};
pub use secrets::Secrets;
pub use value::{SecretSource, SecretValue};
pub use vault::{Kept, Vault, VaultError};
