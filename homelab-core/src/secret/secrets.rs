//! The secrets of a run: where they are looked for, in which order, and who learns of every value that was handed out.
use super::{OnePassword, Secret, SecretError, SecretSource, SecretValue, Vault, name::names_of};
use crate::{Permit, redact::Redactor, units::parse_rfc3339};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

/// What stands in the sandbox for a secret that nobody has set: as long as everybody takes it who takes a password, a login of iSCSI (12 to
/// 16 characters) too.
fn invented(name: &str) -> String {
    let sum = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("sandbox-{:06x}", sum & 0xff_ffff)
}

/// The secrets of a run: sources that are asked in turn, the lab's encrypted store after them, and the redactor that learns every
/// value that was handed out. Clones share what they know.
#[derive(Clone, Default)]
pub struct Secrets {
    sources: Vec<Arc<dyn SecretSource>>,
    vault: Option<Vault>,
    one_password: OnePassword,
    redactor: Redactor,
    invents: bool,
}

impl Secrets {
    /// No secrets: every one is missing.
    #[must_use]
    pub fn none() -> Secrets {
        Secrets::default()
    }

    /// These, and what one more source has that the earlier ones have not.
    #[must_use]
    pub fn and(mut self, source: impl SecretSource + 'static) -> Secrets {
        self.sources.push(Arc::new(source));
        self
    }

    /// The same with this encrypted store, which is asked last, and in which secrets are kept.
    #[must_use]
    pub fn with_vault(self, vault: Vault) -> Secrets {
        Secrets { vault: Some(vault), ..self }
    }

    /// The same with this way to 1Password.
    #[must_use]
    pub fn with_one_password(self, one_password: OnePassword) -> Secrets {
        Secrets { one_password, ..self }
    }

    /// The same for simulated systems: a value that nobody gave is made up when it is used, so that a lab can be tried by somebody
    /// who has none of its secrets. To [`has`](Secrets::has) and [`resolve`](Secrets::resolve) it is still missing.
    #[must_use]
    pub fn inventing(self) -> Secrets {
        Secrets { invents: true, ..self }
    }

    /// What removes the secrets handed out so far, and later, from any text. Clones share what they know.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The encrypted store, if there is one.
    #[must_use]
    pub fn vault(&self) -> Option<&Vault> {
        self.vault.as_ref()
    }

    /// The value of a secret: the first of its names, in the first source, that has one.
    ///
    /// # Errors
    /// When no source has it under any of its names, or it is in 1Password, which does not give it out.
    pub fn resolve(&self, secret: &Secret) -> Result<SecretValue, SecretError> {
        let value = self.find(&secret.to_string())?;
        if !secret.is_open {
            self.redactor.learn(&value);
        }
        Ok(value)
    }

    /// The same for a secret as it prints, `A or B`: a tree and a saved plan know no more of it.
    ///
    /// # Errors
    /// As [`resolve`](Secrets::resolve).
    pub fn resolve_printed(&self, names: &str) -> Result<SecretValue, SecretError> {
        let value = self.find(names)?;
        self.redactor.learn(&value);
        Ok(value)
    }

    /// The same for a value that goes into the world: the one place where the sandbox makes one up.
    pub(crate) fn to_use(&self, names: &str) -> Result<SecretValue, SecretError> {
        match self.resolve_printed(names) {
            Err(SecretError::Missing { names }) if self.invents => {
                let name = names_of(&names).next().unwrap_or_default();
                Ok(invented(name).into())
            }
            resolved => resolved,
        }
    }

    /// Teaches the redactor what can be known of a secret without asking 1Password.
    pub(crate) fn learn(&self, names: &str) {
        if let Some(value) = self.raw(names).filter(|value| !OnePassword::is_reference(value.expose())) {
            self.redactor.learn(&value);
        }
    }

    fn find(&self, names: &str) -> Result<SecretValue, SecretError> {
        let value = self.raw(names).ok_or_else(|| SecretError::Missing { names: names.to_owned() })?;
        if !OnePassword::is_reference(value.expose()) {
            return Ok(value);
        }
        let read = self.one_password.read(value.expose());
        read.map_err(|why| SecretError::OnePassword { names: names.to_owned(), why })
    }

    /// What stands there, which may be a reference of 1Password.
    fn raw(&self, names: &str) -> Option<SecretValue> {
        let outside = names_of(names).find_map(|name| self.sources.iter().find_map(|source| source.get(name)));
        outside.or_else(|| self.vault.iter().find_map(|vault| names_of(names).find_map(|name| vault.get(name))))
    }

    /// A setting from the same sources that is no secret: an address, a fingerprint. It is not redacted. A reference of 1Password
    /// that cannot be read stays as it is.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        let value = self.find(name).ok().or_else(|| self.raw(name))?;
        Some(value.expose().to_owned())
    }

    /// Whether it is set; for looking at a configuration. What is in 1Password is not read for that.
    #[must_use]
    pub fn has(&self, secret: &Secret) -> bool {
        if !secret.is_open {
            self.learn(&secret.to_string());
        }
        self.raw(&secret.to_string()).is_some()
    }

    /// The value that an earlier deploy [kept](crate::Apply::keep), and nothing else: not what the environment says, and nothing made up.
    #[must_use]
    pub fn kept(&self, secret: &Secret) -> Option<SecretValue> {
        let value = self.vault.as_ref().and_then(|vault| secret.names().find_map(|name| vault.get(name)))?;
        if !secret.is_open {
            self.redactor.learn(&value);
        }
        Some(value)
    }

    /// How long ago it was kept in the encrypted store; nothing if it is not there. For secrets that are renewed after a time.
    #[must_use]
    pub fn age(&self, secret: &Secret) -> Option<Duration> {
        let kept = self.vault.as_ref().and_then(|vault| secret.names().find_map(|name| vault.kept(name)))?;
        // Of a clock that was set back nothing is older than now.
        Some(SystemTime::now().duration_since(parse_rfc3339(&kept.at)?).unwrap_or_default())
    }

    /// Keeps a value in the encrypted store, durably, and from then on nobody prints it. Tells whether the identity that opens the store
    /// had to be made for it: a person should keep a copy of that.
    ///
    /// # Errors
    /// When there is no store, or it cannot be opened or written.
    pub fn keep(&self, secret: &Secret, value: &SecretValue, _permit: &Permit) -> Result<bool, SecretError> {
        self.keep_all([(secret.name(), value)], None)
    }

    /// The same for several that belong together: all of them are kept, or none.
    ///
    /// # Errors
    /// As [`keep`](Secrets::keep).
    pub fn keep_together(&self, values: &[(&Secret, &SecretValue)], _permit: &Permit) -> Result<bool, SecretError> {
        // What is open, a user's name, may be printed.
        values.iter().filter(|(secret, _)| !secret.is_open).for_each(|(_, value)| self.redactor.learn(value));
        Ok(self.opened()?.keep(values.iter().map(|(secret, value)| (secret.name(), *value)), None)?)
    }

    /// Encrypts something for the identity of the store, which is made if there is none: a backup, too large for the store itself. Whoever
    /// has the identity opens it with `age -d -i IDENTITY FILE`.
    ///
    /// # Errors
    /// As [`keep`](Secrets::keep).
    pub fn seal(&self, content: &[u8], _permit: &Permit) -> Result<Vec<u8>, SecretError> {
        Ok(self.opened()?.seal(content)?)
    }

    /// Removes a secret from the encrypted store, durably; tells whether it was there.
    ///
    /// # Errors
    /// As [`keep`](Secrets::keep).
    pub fn forget(&self, secret: &Secret, _permit: &Permit) -> Result<bool, SecretError> {
        self.forget_named(secret.name())
    }

    pub(crate) fn keep_all<'v, V>(&self, values: V, by: Option<&str>) -> Result<bool, SecretError>
    where
        V: IntoIterator<Item = (&'v str, &'v SecretValue)> + Clone,
    {
        // First, so that whatever goes wrong next cannot say them.
        values.clone().into_iter().for_each(|(_, value)| self.redactor.learn(value));
        Ok(self.opened()?.keep(values, by)?)
    }

    /// What to tell a person whose identity was made just now.
    pub(crate) fn new_identity(&self) -> Option<String> {
        let path = self.vault.as_ref()?.identity().ok()?;
        Some(format!(
            "the secrets are encrypted for a new identity: keep a copy of {}, without it they are lost",
            path.display()
        ))
    }

    fn opened(&self) -> Result<&Vault, SecretError> {
        self.vault.as_ref().ok_or(SecretError::NoVault)
    }

    pub(crate) fn forget_named(&self, name: &str) -> Result<bool, SecretError> {
        Ok(!self.opened()?.forget(|kept| kept.name == name)?.is_empty())
    }

    /// What the steps of a resource mean for what it kept: it goes with the thing that it opened, and follows a new name.
    pub(crate) fn follow(&self, key: &str, is_gone: bool, was: Option<&str>) -> Result<(), SecretError> {
        let Some(vault) = &self.vault else { return Ok(()) };
        if is_gone {
            vault.forget(|kept| kept.by.as_deref() == Some(key))?;
        }
        if let Some(was) = was {
            vault.rename(was, key)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    const TOKEN: Secret = Secret::named("TOKEN").or("TF_VAR_token").or("OLD_TOKEN");

    #[test]
    fn the_first_name_wins_over_aliases_and_the_first_source_over_later_ones() {
        let secrets = Secrets::none()
            .and(Env::from_pairs([("OLD_TOKEN", "old")]))
            .and(Env::from_pairs([("TF_VAR_token", "alias"), ("OLD_TOKEN", "later")]));
        assert_eq!(secrets.resolve(&TOKEN).unwrap().expose(), "alias");
        assert_eq!(secrets.resolve(&Secret::named("OLD_TOKEN")).unwrap().expose(), "old");
        assert_eq!(secrets.resolve_printed(&TOKEN.to_string()).unwrap().expose(), "alias");
    }

    #[test]
    fn a_missing_secret_is_named_with_all_its_names_and_where_to_put_it() {
        let missing = Secrets::none().resolve(&TOKEN).unwrap_err();
        assert_eq!(missing.to_string(), "the secret TOKEN or TF_VAR_token or OLD_TOKEN has no value");
        assert!(missing.hint().ends_with("in the file .env, or with `secret set TOKEN`"));
        assert!(!Secrets::none().has(&TOKEN));
    }

    #[test]
    fn every_value_that_was_handed_out_is_redacted_from_then_on() {
        let secrets = Secrets::none().and(Env::from_pairs([("TOKEN", "s3cret-value")]));
        let redactor = secrets.redactor().clone();
        assert_eq!(redactor.redact("it is s3cret-value"), "it is s3cret-value");
        secrets.resolve(&TOKEN).unwrap();
        assert_eq!(redactor.redact("it is s3cret-value"), "it is ***");
    }

    #[test]
    fn who_one_is_stays_readable() {
        let secrets = Secrets::none().and(Env::from_pairs([("USERNAME", "root@pam")]));
        let user = Secret::named("USERNAME").open();
        assert!(secrets.has(&user));
        assert_eq!(secrets.resolve(&user).unwrap().expose(), "root@pam");
        assert_eq!(secrets.redactor().redact("as root@pam"), "as root@pam");
    }

    #[test]
    fn a_setting_is_no_secret_and_stays_readable() {
        let secrets = Secrets::none().and(Env::from_pairs([("PROXMOX_URL", "https://din:8006")]));
        assert_eq!(secrets.setting("PROXMOX_URL").as_deref(), Some("https://din:8006"));
        assert_eq!(secrets.redactor().redact("at https://din:8006"), "at https://din:8006");
        assert_eq!(secrets.setting("NOTHING"), None);
    }
}
