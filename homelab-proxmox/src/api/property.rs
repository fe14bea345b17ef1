//! Property strings: how Proxmox VE writes an object into one configuration value (`[key=]value[,key=value...]`).
//!
//! The grammar is in pve-notes section 8: one key of each format may omit its name, values hold no comma, and the server
//! prints the default key first and the others sorted. Types here print in that order, so an unchanged value prints back
//! byte for byte. What a type does not know it keeps.
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    str::FromStr,
};

/// Options that a type does not model: kept as they came, printed in their place.
pub type Other = BTreeMap<String, String>;

/// A configuration value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {reason}")]
pub struct ConfigError {
    /// What was expected: "network device", "disk".
    pub what: &'static str,
    /// The value as it came.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ConfigError {
    /// An error about `text`, which was expected to be a `what`.
    pub fn new(what: &'static str, text: impl Into<String>, reason: impl Into<String>) -> Self {
        ConfigError { what, text: text.into(), reason: reason.into() }
    }
}

/// A value of the configuration that is read from and printed to text, and compared by meaning.
///
/// ```
/// use homelab_proxmox::api::{ConfigString, qemu::Net};
/// let declared: Net = "virtio,bridge=vmbr0,macaddr=bc:24:11:00:00:01".parse().unwrap();
/// let answered: Net = "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=0".parse().unwrap();
/// assert!(declared.same(&answered));
/// ```
pub trait ConfigString: FromStr<Err = ConfigError> + Display + Clone + PartialEq {
    /// The same meaning in its shortest form: options that only repeat the default are left out.
    #[must_use]
    fn canonical(&self) -> Self;

    /// Whether both mean the same to Proxmox VE, however they are written.
    #[must_use]
    fn same(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }
}

/// Serialises a config string as its text, both ways, so that it stands in states and plans as Proxmox VE shows it.
macro_rules! as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use as_text;

/// The options of one property string, taken out one by one; what nobody took is [`Other`].
pub(crate) struct Options {
    what: &'static str,
    text: String,
    pairs: Other,
}

impl Options {
    /// Splits `text`. `default` names the key of a part without `=`; it is empty for formats without such a key.
    pub(crate) fn read(what: &'static str, text: &str, default: &str) -> Result<Self, ConfigError> {
        let mut pairs = Other::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((default, part));
            if key.is_empty() {
                return Err(ConfigError::new(what, text, format!("`{part}` has no key")));
            }
            if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(ConfigError::new(what, text, format!("`{key}` stands there twice")));
            }
        }
        Ok(Options { what, text: text.to_owned(), pairs })
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(self.what, &self.text, reason)
    }

    /// The value of `key`, or of the first alias that is there.
    pub(crate) fn take_any(&mut self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.take(key))
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        self.pairs.remove(key)
    }

    pub(crate) fn required(&mut self, keys: &[&str]) -> Result<String, ConfigError> {
        self.take_any(keys).ok_or_else(|| self.error(format!("`{}` is missing", keys[0])))
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.flag_any(&[key])
    }

    pub(crate) fn flag_any(&mut self, keys: &[&str]) -> Result<Option<bool>, ConfigError> {
        let Some(value) = self.take_any(keys) else { return Ok(None) };
        flag(&value).map(Some).ok_or_else(|| self.error(format!("`{}={value}` is neither on nor off", keys[0])))
    }

    pub(crate) fn parsed<T: FromStr>(&mut self, key: &str) -> Result<Option<T>, ConfigError>
    where
        T::Err: Display,
    {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.parse().map(Some).map_err(|error| self.error(format!("`{key}={value}`: {error}")))
    }

    pub(crate) fn other(self) -> Other {
        self.pairs
    }
}

/// Reads a boolean as Proxmox VE writes it in property strings.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// Collects options and prints them in the server's order: the leading value, then the keys sorted.
#[derive(Default)]
pub(crate) struct Printer {
    first: Option<String>,
    pairs: Other,
}

impl Printer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The value that stands first, already with its key if it needs one.
    pub(crate) fn first(mut self, value: impl Display) -> Self {
        self.first = Some(value.to_string());
        self
    }

    pub(crate) fn set(mut self, key: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self.pairs.insert(key.to_owned(), value.to_string());
        }
        self
    }

    pub(crate) fn flag(self, key: &str, value: Option<bool>) -> Self {
        self.set(key, value.map(u8::from))
    }

    pub(crate) fn print(mut self, other: &Other, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pairs.extend(other.iter().map(|(key, value)| (key.clone(), value.clone())));
        let mut comma = "";
        if let Some(first) = self.first {
            write!(to, "{first}")?;
            comma = ",";
        }
        for (key, value) in self.pairs {
            write!(to, "{comma}{key}={value}")?;
            comma = ",";
        }
        Ok(())
    }
}

/// Leaves out an option that only says what holds without it.
pub(crate) fn unless<T: PartialEq<D>, D: ?Sized>(default: &D, value: Option<T>) -> Option<T> {
    value.filter(|value| value != default)
}
