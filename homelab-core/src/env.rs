//! The environment as the program sees it: the process's variables, and the file `.env` behind them.
use crate::{
    disk::DiskError,
    secret::{SecretSource, SecretValue},
};
use std::{
    cell::Cell,
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The name of the file.
const DOT_ENV: &str = ".env";

/// Variables by name. The process's own win over those of the file; an empty value counts as not set, and an empty one
/// in the process hides the file's. Never changes the process's environment; never prints a value.
#[derive(Clone, Default)]
pub struct Env {
    process: BTreeMap<String, Zeroizing<String>>,
    file: Option<(PathBuf, BTreeMap<String, Zeroizing<String>>)>,
}

/// Where a value was found; for `doctor`, and for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment of the process.
    Process,
    /// This file.
    File(PathBuf),
}

/// A value that is set.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The name under which it was found.
    pub name: &'a str,
    /// The value; it may be a secret.
    pub value: SecretValue,
    /// Where it was found.
    pub origin: Origin,
}

/// A file `.env` that cannot be used. Never shows a value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EnvError {
    /// A line is no assignment.
    #[error("{}:{line} is not an assignment NAME=value", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line where it begins, counted from 1.
        line: usize,
    },
    /// It is no text.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl EnvError {
    /// What to do about it, in one line.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            EnvError::Malformed { .. } => {
                "put a value with spaces, quotes, `#` or `$` in single quotes, and close them"
            }
            EnvError::NotText { .. } => "save the file as UTF-8",
            EnvError::Disk(_) => "make the file readable for you, or set the variables in the environment",
        }
    }
}

impl Env {
    /// The process's variables, and the file `.env` in the working directory or the nearest one above it, up to and
    /// with the project's root. Variables whose value is no UTF-8 are left out.
    ///
    /// # Errors
    /// When there is such a file and it is malformed or cannot be read.
    pub fn of_process(working_directory: &Path, root: &Path) -> Result<Env, EnvError> {
        let process =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let within = working_directory.ancestors().take_while(|dir| dir.starts_with(root));
        match within.map(|dir| dir.join(DOT_ENV)).find(|path| path.is_file()) {
            Some(path) => Env::from_pairs(process).with_file(&path),
            None => Ok(Env::from_pairs(process)),
        }
    }

    /// These variables, as if they were the process's.
    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Env {
        let process = pairs.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value.into()))).collect();
        Env { process, file: None }
    }

    /// The same with a file behind it. In the file the first of several assignments counts; `$NAME` is replaced unless
    /// the value is in single quotes.
    ///
    /// # Errors
    /// When the file is malformed or cannot be read.
    pub fn with_file(mut self, path: &Path) -> Result<Env, EnvError> {
        let bytes = Zeroizing::new(fs::read(path).map_err(DiskError::while_trying("read", path))?);
        let text = str::from_utf8(&bytes).map_err(|_| EnvError::NotText { path: path.to_owned() })?;
        let variables = parse(text).map_err(|line| EnvError::Malformed { path: path.to_owned(), line })?;
        self.file = Some((path.to_owned(), variables));
        Ok(self)
    }

    /// The file that was read, if there was one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }

    /// The value of a variable, if it is set to something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entry(name).map(|(value, _)| value)
    }

    /// The first of these names that is set, and where. A [`Secret`](crate::Secret) gives its names:
    /// `env.find(TOKEN.names())`.
    #[must_use]
    pub fn find<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<Found<'a>> {
        names.into_iter().find_map(|name| {
            let (value, origin) = self.entry(name)?;
            Some(Found { name, value: value.into(), origin })
        })
    }

    fn entry(&self, name: &str) -> Option<(&str, Origin)> {
        let found = match (self.process.get(name), &self.file) {
            (Some(value), _) => (value, Origin::Process),
            (None, Some((path, variables))) => (variables.get(name)?, Origin::File(path.clone())),
            (None, None) => return None,
        };
        let (value, origin) = found;
        (!value.is_empty()).then_some((value.as_str(), origin))
    }
}

impl SecretSource for Env {
    fn get(&self, name: &str) -> Option<SecretValue> {
        Env::get(self, name).map(SecretValue::from)
    }
}

/// The names only.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.iter().flat_map(|(_, variables)| variables.keys());
        f.debug_set().entries(self.process.keys().chain(file)).finish()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Process => f.write_str("the environment"),
            Origin::File(path) => path.display().fmt(f),
        }
    }
}

/// The assignments of a text, or the number of the line that is none.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Zeroizing<String>>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The parser wants every line ended.
    let ended = Zeroizing::new(format!("{text}\n"));
    let served = Cell::new(0);
    let mut variables = BTreeMap::new();
    for item in dotenvy::from_read_iter(Lines { rest: ended.as_bytes(), served: &served }) {
        let (name, value) = item.map_err(|e| match e {
            // Its text begins with the line that opened it: a quote may have swallowed others.
            dotenvy::Error::LineParse(text, _) => served.get() + 1 - Zeroizing::new(text).lines().count().max(1),
            _ => served.get(),
        })?;
        variables.entry(name).or_insert(Zeroizing::new(value));
    }
    Ok(variables)
}

/// Hands out one line at a time and counts, because the parser's errors have no line number.
struct Lines<'a> {
    rest: &'a [u8],
    served: &'a Cell<usize>,
}

impl io::Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|b| *b == b'\n').map_or(self.rest.len(), |at| at + 1);
        let n = line.min(into.len());
        into[..n].copy_from_slice(&self.rest[..n]);
        self.rest = &self.rest[n..];
        self.served.set(self.served.get() + usize::from(n > 0 && into[n - 1] == b'\n'));
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DOT_ENV);
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_each_value_knows_its_origin() {
        let (_dir, path) = file("A=file\nB='of file' # why\nexport C=\"x y\"\nA=second\n");
        let env = Env::from_pairs([("A", "process")]).with_file(&path).unwrap();
        let found = |name| env.find([name]).map(|f| (f.value.expose().to_owned(), f.origin));
        assert_eq!(found("A"), Some(("process".into(), Origin::Process)));
        assert_eq!(found("B"), Some(("of file".into(), Origin::File(path.clone()))));
        assert_eq!((env.get("C"), env.get("D")), (Some("x y"), None));
        assert_eq!(Env::default().with_file(&path).unwrap().get("A"), Some("file"));
        assert_eq!(format!("{}, {}", Origin::Process, Origin::File(".env".into())), "the environment, .env");
    }

    #[test]
    fn an_empty_value_is_not_set_and_hides_the_file_s() {
        let (_dir, path) = file("A=file\nB=\n");
        let env = Env::from_pairs([("A", "")]).with_file(&path).unwrap();
        assert_eq!((env.get("A"), env.get("B")), (None, None));
    }

    #[test]
    fn the_first_alias_that_is_set_is_found_by_its_own_name() {
        let env = Env::from_pairs([("OLD", "1"), ("NEW", "")]);
        assert_eq!(env.find(["NEW", "TF_VAR_new", "OLD"]).unwrap().name, "OLD");
        assert!(env.find(["NEW"]).is_none());
    }

    #[test]
    fn a_malformed_file_is_an_error_with_file_and_line_that_shows_no_value() {
        for (text, line) in [
            ("A=1\n# a comment\n\nB=s3cret value\n", 4),
            ("s3cret\n", 1),
            ("A=1\nB='s3cret\nC=3\n", 2),
            ("A=1\n=s3cret", 2),
            ("A='1\n2'\nB s3cret\n", 3),
        ] {
            let (_dir, path) = file(text);
            let error = Env::default().with_file(&path).unwrap_err();
            assert_eq!(error.to_string(), format!("{}:{line} is not an assignment NAME=value", path.display()));
            assert!(!format!("{error:?}").contains("s3cret"));
            assert!(error.hint().contains("single quotes"));
        }
    }

    #[test]
    fn files_as_editors_leave_them_are_read() {
        for text in ["\u{feff}A=1\r\nB=2\r\n", "A=1 \nB=2 ", "\n\nA=1\nB=2\t# two"] {
            let (_dir, path) = file(text);
            let env = Env::default().with_file(&path).unwrap();
            assert_eq!((env.get("A"), env.get("B")), (Some("1"), Some("2")), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_or_no_file_is_told_apart() {
        let (dir, path) = file("");
        fs::write(&path, [b'A', b'=', 0xff]).unwrap();
        assert!(matches!(Env::default().with_file(&path), Err(EnvError::NotText { .. })));
        assert!(matches!(Env::default().with_file(dir.path()), Err(EnvError::Disk(_))));
    }

    #[test]
    fn the_file_is_searched_upward_to_the_root_and_no_further() {
        let (dir, path) = file("HOMELAB_TEST_ONLY=1\n");
        let root = dir.path().join("project");
        let deep = root.join("lab/src");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(Env::of_process(&deep, &root).unwrap().file(), None);
        assert_eq!(Env::of_process(&deep, dir.path()).unwrap().file(), Some(path.as_path()));
        fs::write(root.join(DOT_ENV), "HOMELAB_TEST_ONLY=2\n").unwrap();
        assert_eq!(Env::of_process(&deep, dir.path()).unwrap().get("HOMELAB_TEST_ONLY"), Some("2"));
    }

    #[test]
    fn debugging_an_environment_shows_names_only() {
        let (_dir, path) = file("TOKEN=s3cret\n");
        let env = Env::from_pairs([("A", "s3cret")]).with_file(&path).unwrap();
        assert_eq!(format!("{env:?}"), r#"{"A", "TOKEN"}"#);
        assert!(!format!("{:?}", env.find(["A"])).contains("s3cret"));
    }
}
