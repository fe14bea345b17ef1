//! The value of a secret, which cannot be printed, and where such values come from.
use std::fmt;
use zeroize::Zeroizing;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_prints_as_stars_and_only_expose_shows_it() {
        let value = SecretValue::from("hunter2!");
        assert_eq!(format!("{value} {value:?} {:?}", Some(&value)), "*** *** Some(***)");
        assert_eq!(value.expose(), "hunter2!");
    }
}
