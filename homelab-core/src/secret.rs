//! Secrets: in the code only their names, outside of it their values, which cannot be printed.
use crate::redact::Redactor;
use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// How many other names a secret may go by.
const ALIASES: usize = 3;
const OR: &str = " or ";

/// A secret that comes from outside, by name. A constant in a lab's code.
///
/// ```
/// use homelab_core::Secret;
/// const TOKEN: Secret = Secret::named("PROXMOX_TOKEN_SECRET").or("TF_VAR_proxmox_api_token_secret");
/// assert_eq!(TOKEN.to_string(), "PROXMOX_TOKEN_SECRET or TF_VAR_proxmox_api_token_secret");
/// ```
///
/// It prints, and serialises, as the names: a plan shows where a secret goes, never what it is. In a resource's spec it
/// becomes a secret of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret {
    name: &'static str,
    aliases: [Option<&'static str>; ALIASES],
    is_open: bool,
}

impl Secret {
    /// The secret of this name: letters, digits and `_`, as environment variables are named.
    ///
    /// # Panics
    /// On any other character; in a constant that is a compile error.
    #[must_use]
    #[track_caller]
    pub const fn named(name: &'static str) -> Secret {
        check(name);
        Secret { name, aliases: [None; ALIASES], is_open: false }
    }

    /// The same, also found under another name when the first is not set. Up to three.
    ///
    /// # Panics On a fourth alias and on other characters than in [`named`](Secret::named); in a constant that is a
    /// compile error.
    #[must_use]
    #[track_caller]
    pub const fn or(mut self, alias: &'static str) -> Secret {
        check(alias);
        let mut n = 0;
        while n < ALIASES {
            if self.aliases[n].is_none() {
                self.aliases[n] = Some(alias);
                return self;
            }
            n += 1;
        }
        panic!("a secret has at most three aliases")
    }

    /// The same for what belongs to a credential and is no secret itself: who one is, not what proves it. It is printed as it is;
    /// else every `root@pam` in a message would become stars.
    #[must_use]
    pub const fn open(mut self) -> Secret {
        self.is_open = true;
        self
    }

    /// Its first name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// All its names, in the order in which they are tried.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.into_iter().flatten())
    }
}

#[track_caller]
const fn check(name: &str) {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty(), "a secret needs a name");
    let mut n = 0;
    while n < bytes.len() {
        let ok = bytes[n].is_ascii_alphanumeric() || bytes[n] == b'_';
        assert!(ok, "the name of a secret is made of letters, digits and `_`; its value never stands in the code");
        n += 1;
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.aliases.iter().flatten().try_for_each(|alias| write!(f, "{OR}{alias}"))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // The name by which the tree knows a secret; for any other format this is plain text.
        s.serialize_newtype_struct(crate::tree::SECRET, &self.to_string())
    }
}

/// The value of a secret. Prints as `***`, is overwritten when dropped, and does not serialise.
#[derive(Clone)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// The value itself, to be handed to whoever needs it and to nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(value: String) -> Self {
        SecretValue(Zeroizing::new(value))
    }
}
impl From<&str> for SecretValue {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}
impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where values of secrets come from: the environment, a vault, a test.
pub trait SecretSource: Send + Sync {
    /// The value under exactly this name, if this source has one.
    fn get(&self, name: &str) -> Option<SecretValue>;
}

/// The secrets of a run: sources that are asked in turn, and the redactor that learns every value that was handed out.
#[derive(Clone, Default)]
pub struct Secrets {
    sources: Vec<Arc<dyn SecretSource>>,
    redactor: Redactor,
}

/// A secret that no source has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret {names} has no value")]
pub struct MissingSecret {
    names: String,
}

impl MissingSecret {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("set {} in the environment or in the file .env", self.names)
    }
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

    /// What removes the secrets handed out so far, and later, from any text. Clones share what they know.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The value of a secret: the first of its names, in the first source, that has one.
    ///
    /// # Errors
    /// When no source has it under any of its names.
    pub fn resolve(&self, secret: &Secret) -> Result<SecretValue, MissingSecret> {
        let names = secret.to_string();
        let value = self.find(&names)?;
        if !secret.is_open {
            self.redactor.learn(&value);
        }
        Ok(value)
    }

    /// The same for a secret as it prints, `A or B`: a tree and a saved plan know no more of it.
    ///
    /// # Errors
    /// As [`resolve`](Secrets::resolve).
    pub fn resolve_printed(&self, names: &str) -> Result<SecretValue, MissingSecret> {
        let value = self.find(names)?;
        self.redactor.learn(&value);
        Ok(value)
    }

    fn find(&self, names: &str) -> Result<SecretValue, MissingSecret> {
        let found = names.split(OR).find_map(|name| self.sources.iter().find_map(|source| source.get(name)));
        found.ok_or_else(|| MissingSecret { names: names.to_owned() })
    }

    /// A setting from the same sources that is no secret: an address, a fingerprint. It is not redacted.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        self.sources.iter().find_map(|source| source.get(name)).map(|value| value.expose().to_owned())
    }

    /// Whether it has a value; for looking at a configuration.
    #[must_use]
    pub fn has(&self, secret: &Secret) -> bool {
        self.resolve(secret).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    const TOKEN: Secret = Secret::named("TOKEN").or("TF_VAR_token").or("OLD_TOKEN");

    #[test]
    fn a_value_prints_as_stars_and_only_expose_shows_it() {
        let value = SecretValue::from("hunter2!");
        assert_eq!(format!("{value} {value:?} {:?}", Some(&value)), "*** *** Some(***)");
        assert_eq!(value.expose(), "hunter2!");
    }

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
        assert!(missing.hint().ends_with("in the environment or in the file .env"));
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

    #[test]
    fn a_secret_serialises_as_its_names() {
        assert_eq!(serde_json::to_string(&Secret::named("A").or("B")).unwrap(), "\"A or B\"");
    }

    #[test]
    #[should_panic(expected = "at most three aliases")]
    fn a_fourth_alias_is_refused() {
        let _ = TOKEN.or("X").or("Y");
    }

    #[test]
    #[should_panic(expected = "its value never stands in the code")]
    fn something_that_looks_like_a_value_is_not_a_name() {
        let _ = Secret::named("root@pam!terraform=");
    }
}
