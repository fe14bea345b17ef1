//! Why a secret has no value.
use super::{OnePasswordError, VaultError};

/// A secret that cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SecretError {
    /// No source has it.
    #[error("the secret {names} has no value")]
    Missing {
        /// All its names.
        names: String,
    },
    /// It is in 1Password, which does not give it out.
    #[error("the secret {names}: {why}")]
    OnePassword {
        /// All its names.
        names: String,
        /// Why.
        why: OnePasswordError,
    },
    /// The encrypted store cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// There is no encrypted store to keep it in.
    #[error("no secret can be kept: this run has no store of secrets")]
    NoVault,
}

impl SecretError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            SecretError::Missing { names } => format!(
                "set {names} in the environment, in the file .env, or with `secret set {}`",
                names.split(' ').next().unwrap_or_default()
            ),
            SecretError::OnePassword { why, .. } => why.hint().to_owned(),
            SecretError::Vault(e) => e.hint(),
            SecretError::NoVault => "give `Secrets` a vault: `Secrets::with_vault`".to_owned(),
        }
    }
}
