//! A command on a machine: an argument vector, never a line for a shell to take apart.
use super::{Content, HostPath};
use std::{fmt, time::Duration};

/// A command. Whoever may list a machine's processes sees its arguments, so a secret belongs into
/// [`env`](Command::env) or [`stdin`](Command::stdin).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Command {
    pub(crate) argv: Vec<Vec<u8>>,
    pub(crate) env: Vec<(String, Content)>,
    pub(crate) stdin: Option<Content>,
    pub(crate) dir: Option<HostPath>,
    pub(crate) within: Option<Duration>,
    pub(crate) quick: bool,
}

impl Command {
    /// A program, found in the `PATH` (which has the `sbin` directories) or by its path.
    #[must_use]
    pub fn new(program: impl AsRef<[u8]>) -> Self {
        let argv = vec![program.as_ref().to_vec()];
        Command { argv, env: vec![], stdin: None, dir: None, within: None, quick: false }
    }

    /// The program and its arguments.
    pub fn argv(&self) -> impl Iterator<Item = &[u8]> {
        self.argv.iter().map(Vec::as_slice)
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.argv.push(arg.as_ref().to_vec());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<[u8]>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(args.into_iter().map(|a| a.as_ref().to_vec()));
        self
    }

    /// A variable of its environment: letters, digits and `_`, not beginning with a digit. The value is never an argument of
    /// any process.
    ///
    /// # Panics
    /// On another name, and on a value with a NUL, neither of which an environment can hold.
    #[must_use]
    #[track_caller]
    pub fn env(mut self, name: &str, value: impl Into<Content>) -> Self {
        let value = value.into();
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        assert!(
            name.bytes().all(word) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty(),
            "`{name}` cannot be the name of an environment variable"
        );
        assert!(!value.expose().contains(&0), "the value of the variable {name} has a NUL in it");
        self.env.push((name.to_owned(), value));
        self
    }

    /// What it reads. Without, it reads nothing.
    #[must_use]
    pub fn stdin(mut self, content: impl Into<Content>) -> Self {
        self.stdin = Some(content.into());
        self
    }

    /// Where it runs. Without, in the login's home directory.
    #[must_use]
    pub fn dir(mut self, dir: HostPath) -> Self {
        self.dir = Some(dir);
        self
    }

    /// How long it may take, in whole seconds, at least one; then it is ended with status 124. Needs `timeout`, which coreutils
    /// and busybox have.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// One that is over at once, on every machine: it shares its message with what others ask or change at the same time.
    pub(crate) fn quick(mut self) -> Self {
        self.quick = true;
        self
    }

    /// The same with another word wherever an argument is `from`.
    pub(crate) fn naming(&self, from: &str, to: &str) -> Self {
        let mut command = self.clone();
        for arg in command.argv.iter_mut().filter(|arg| arg.as_slice() == from.as_bytes()) {
            *arg = to.as_bytes().to_vec();
        }
        command
    }

    /// Whether it can be a part of what everybody on the machine may see.
    pub(crate) fn is_public(&self) -> bool {
        self.env.is_empty() && self.stdin.is_none()
    }

    /// Whether an argument has a NUL, which no command can be given.
    pub(crate) fn has_nul(&self) -> bool {
        self.argv.iter().any(|a| a.contains(&0))
    }
}

/// The program and its arguments, without the values of variables.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arg) in self.argv.iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            let text = String::from_utf8_lossy(arg);
            match text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\'') || text.is_empty() {
                true => write!(f, "{gap}{text:?}")?,
                false => write!(f, "{gap}{text}")?,
            }
        }
        Ok(())
    }
}
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
