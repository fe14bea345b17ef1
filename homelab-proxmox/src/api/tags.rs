//! Tags of a guest.
use super::property::{ConfigError, ConfigString, as_text};
use std::{
    collections::BTreeSet,
    fmt::{self, Display},
    str::FromStr,
};

/// A set of tags, in lower case: the server keeps case and order as written on create and changes both on update, so
/// neither means anything (pve-notes section 14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeSet<String>);

impl Tags {
    /// The tags, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none. To remove the last one, delete the key: `tags=` stores a blank.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `tag` is among them, in any case.
    #[must_use]
    pub fn contains(&self, tag: &str) -> bool {
        self.0.contains(&tag.to_lowercase())
    }

    /// Adds `tag`.
    ///
    /// # Errors
    /// If the server would refuse it (`pve-tag` of the schema).
    pub fn insert(&mut self, tag: &str) -> Result<(), ConfigError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = tag.bytes().enumerate().all(|(at, byte)| plain(byte) || at > 0 && b"-+.".contains(&byte));
        if tag.is_empty() || !fits {
            return Err(ConfigError::new("tag", tag, "use letters, digits and _, and after the first also - + ."));
        }
        self.0.insert(tag.to_lowercase());
        Ok(())
    }
}

impl ConfigString for Tags {
    fn canonical(&self) -> Self {
        self.clone()
    }
}

impl Display for Tags {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut semicolon = "";
        for tag in &self.0 {
            write!(to, "{semicolon}{tag}")?;
            semicolon = ";";
        }
        Ok(())
    }
}

impl FromStr for Tags {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut tags = Tags::default();
        let separator = |symbol: char| matches!(symbol, ';' | ',' | '\0') || symbol.is_ascii_whitespace();
        for tag in text.split(separator).filter(|tag| !tag.is_empty()) {
            tags.insert(tag)?;
        }
        Ok(tags)
    }
}
as_text!(Tags);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_set_without_case() {
        let tags: Tags = "Zeta;alpha,beta;alpha".parse().unwrap();
        assert_eq!(tags.to_string(), "alpha;beta;zeta");
        assert_eq!(" B ; a , a ; c ".parse::<Tags>().unwrap().to_string(), "a;b;c");
        assert!(tags.contains("Beta"));
        assert!(" ".parse::<Tags>().unwrap().is_empty());
        assert!("a;c!d".parse::<Tags>().is_err());
        assert!("-a".parse::<Tags>().is_err());
    }
}
