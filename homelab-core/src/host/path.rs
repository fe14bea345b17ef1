//! A path on a machine: absolute, any bytes but NUL, because that is what a file system has.
use std::fmt;

/// An absolute path on a machine. Spaces, quotes, line ends and bytes that are no UTF-8 are all allowed.
///
/// It is not interpreted: `..` and doubled slashes reach the machine as they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPath(Vec<u8>);

/// A path that no machine has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It does not begin with a slash.
    #[error("the path `{0}` is not absolute; write it from `/` on")]
    Relative(String),
    /// It has a NUL in it.
    #[error("the path `{0}` has a NUL in it, which no file system allows")]
    Nul(String),
}

impl From<BadPath> for crate::Failure {
    fn from(bad: BadPath) -> Self {
        crate::Failure::new(bad.to_string())
    }
}

impl HostPath {
    /// A path from bytes that come from outside.
    ///
    /// # Errors
    /// When it is not absolute or has a NUL.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, BadPath> {
        let path = path.into();
        let shown = || path.escape_ascii().to_string();
        if path.first() != Some(&b'/') {
            return Err(BadPath::Relative(shown()));
        }
        if path.contains(&0) {
            return Err(BadPath::Nul(shown()));
        }
        Ok(HostPath(path))
    }

    /// A path that stands in the code.
    ///
    /// # Panics
    /// When it is not absolute or has a NUL.
    #[must_use]
    #[track_caller]
    pub fn at(path: &str) -> Self {
        HostPath::new(path).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory it is in; `/` is in itself.
    #[must_use]
    pub fn parent(&self) -> HostPath {
        let end = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        HostPath(self.0[..end.max(1)].to_vec())
    }

    /// Something in this directory.
    ///
    /// # Errors
    /// When the name has a NUL.
    pub fn join(&self, name: impl AsRef<[u8]>) -> Result<HostPath, BadPath> {
        let mut path = self.0.clone();
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_ref());
        HostPath::new(path)
    }
}

/// For people: bytes that do not print are escaped.
impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.chars().any(char::is_control) => f.write_str(text),
            _ => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}
impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl TryFrom<&str> for HostPath {
    type Error = BadPath;
    fn try_from(path: &str) -> Result<Self, BadPath> {
        HostPath::new(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_and_nuls_are_refused_by_name() {
        assert_eq!(
            HostPath::new("etc/x").unwrap_err().to_string(),
            "the path `etc/x` is not absolute; write it from `/` on"
        );
        assert!(matches!(HostPath::new(*b"/a\0b"), Err(BadPath::Nul(_))));
    }

    #[test]
    fn a_path_knows_its_parent_and_prints_for_people() {
        assert_eq!(HostPath::at("/etc/ssh/sshd_config").parent(), HostPath::at("/etc/ssh"));
        assert_eq!(HostPath::at("/etc").parent(), HostPath::at("/"));
        assert_eq!(HostPath::at("/").join("a b").unwrap().to_string(), "/a b");
        assert_eq!(HostPath::new(*b"/\xff\n").unwrap().to_string(), "/\\xff\\n");
    }
}
