//! Free text in a configuration: the notes, and the keys that may log in.
use crate::api::property::{ConfigError, ConfigString, as_text};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The notes of a guest. Blanks and newlines at the end mean nothing: the server cuts them off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The text, without what the server would cut off.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.truncate(text.trim_end().len());
        Description(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ConfigString for Description {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Description {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl FromStr for Description {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Ok(Description::new(text))
    }
}

/// Everything but letters, digits and `-_.~` is encoded: a blank is `%20`, never `+` (pve-notes section 8, Cloud-init).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The public keys that cloud-init lets in. The value itself is percent-encoded; the transport encodes it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshKeys(Vec<String>);

impl SshKeys {
    /// These keys, one line each as in `authorized_keys`.
    pub fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().map(Into::into);
        SshKeys(keys.flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()).collect())
            .without_blanks()
    }

    fn without_blanks(mut self) -> Self {
        self.0.retain(|line| !line.is_empty());
        self
    }

    /// The lines.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl ConfigString for SshKeys {
    /// The order of the keys and repeated keys mean nothing.
    fn canonical(&self) -> Self {
        let mut keys = self.0.clone();
        keys.sort_unstable();
        keys.dedup();
        SshKeys(keys)
    }
}

impl Display for SshKeys {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.0 {
            write!(to, "{}%0A", utf8_percent_encode(key, ENCODED))?;
        }
        Ok(())
    }
}

impl FromStr for SshKeys {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let decoded = percent_decode_str(text).decode_utf8();
        let decoded = decoded.map_err(|_| ConfigError::new("list of keys", text, "it is not encoded UTF-8"))?;
        Ok(SshKeys::new([decoded]))
    }
}
as_text!(Description, SshKeys);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_the_server_stores_them() {
        let keys = SshKeys::new(["ssh-ed25519 AAAA+/= ada@home\n", "\n", "ssh-rsa BBBB"]);
        assert_eq!(keys.to_string(), "ssh-ed25519%20AAAA%2B%2F%3D%20ada%40home%0Assh-rsa%20BBBB%0A");
        assert_eq!(keys.to_string().parse::<SshKeys>().unwrap(), keys);
        assert!(keys.same(&"ssh-rsa%20BBBB%0Assh-ed25519%20AAAA%2B%2F%3D%20ada%40home".parse().unwrap()));
    }

    #[test]
    fn notes_lose_what_the_server_cuts_off() {
        assert_eq!(Description::new("tail space  \n\n").as_str(), "tail space");
        assert_eq!(Description::new("two\nlines\n"), Description::new("two\nlines"));
    }
}
