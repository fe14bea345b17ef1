//! The name of a secret: all that a lab's code holds of it.
use serde::{Serialize, Serializer};
use std::fmt;

/// How many other names a secret may go by.
const ALIASES: usize = 3;
/// What stands between the names when they are printed.
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
    pub(super) is_open: bool,
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
    assert!(!name.is_empty(), "a secret needs a name");
    assert!(
        is_name(name),
        "the name of a secret is made of letters, digits and `_`; its value never stands in the code"
    );
}

/// The names of a secret as it prints.
pub(crate) fn names_of(printed: &str) -> impl Iterator<Item = &str> {
    printed.split(OR)
}

/// Whether a text can be the name of a secret.
pub(crate) const fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut n = 0;
    while n < bytes.len() {
        if !(bytes[n].is_ascii_alphanumeric() || bytes[n] == b'_') {
            return false;
        }
        n += 1;
    }
    n > 0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_serialises_as_its_names() {
        assert_eq!(serde_json::to_string(&Secret::named("A").or("B")).unwrap(), "\"A or B\"");
    }

    #[test]
    #[should_panic(expected = "at most three aliases")]
    fn a_fourth_alias_is_refused() {
        let _ = Secret::named("A").or("B").or("C").or("D").or("E");
    }

    #[test]
    #[should_panic(expected = "its value never stands in the code")]
    fn something_that_looks_like_a_value_is_not_a_name() {
        let _ = Secret::named("root@pam!terraform=");
    }
}
