//! How a pool or a dataset is encrypted.
use crate::{Nas, work};
use homelab_core::{Apply, Failure, Secret, SecretValue};
use serde::Serialize;
use serde_json::{Value, json};

/// Encryption with AES-256-GCM. The key is a secret of the lab: whoever loses it, loses the data.
///
/// The NAS keeps a key (not a passphrase) in its own configuration and unlocks with it at each start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Encryption {
    #[serde(skip)]
    secret: Secret,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Format {
    Hex,
    Passphrase,
}

impl Encryption {
    /// A key of 32 bytes as 64 hexadecimal digits (`openssl rand -hex 32`). The NAS unlocks it by itself.
    #[must_use]
    pub const fn key(secret: Secret) -> Encryption {
        Encryption { secret, format: Format::Hex }
    }
    /// A passphrase, at least 8 characters. After each start of the NAS it is locked until a person or a deploy unlocks it.
    #[must_use]
    pub const fn passphrase(secret: Secret) -> Encryption {
        Encryption { secret, format: Format::Passphrase }
    }

    /// The secret.
    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Unlocks a dataset: after the import of a pool, and with a passphrase after each start of the NAS.
    pub(crate) async fn unlock(&self, dataset: &str, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let mut key = self.options(&cx.secret(&self.secret)?)?;
        key["name"] = dataset.into();
        let done = work(cx, "pool.dataset.unlock", vec![json!(dataset), json!({"datasets": [key]})]).await?;
        let failed = done.pointer("/failed").and_then(Value::as_object).and_then(|failed| failed.values().next());
        let Some(why) = failed else { return Ok(()) };
        let why = why.get("error").and_then(Value::as_str).unwrap_or("without a reason").to_owned();
        Err(Failure::new(format!("{dataset} cannot be unlocked: {why}"))
            .hint(format!("is {} what it was encrypted with?", self.secret)))
    }

    /// What is sent.
    pub(crate) fn options(&self, value: &SecretValue) -> Result<Value, Failure> {
        let text = value.expose();
        match self.format {
            Format::Hex if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(json!({"key": text})),
            Format::Passphrase if text.len() >= 8 => Ok(json!({"passphrase": text})),
            Format::Hex => Err(Failure::unusable("the encryption key is not 64 hexadecimal digits")
                .hint("make one: `openssl rand -hex 32`, and keep a copy where this lab's disks are not")),
            Format::Passphrase => Err(Failure::unusable("the passphrase is shorter than 8 characters")
                .hint("choose a longer one, and keep a copy where this lab's disks are not")),
        }
    }
}
