//! What can be asked of a machine, and the type of each answer.
use super::{
    Answer, Command, HostPath,
    facts::{Entry, Group, Output, Package, Policy, Stat, System, Unit, User},
};
use std::fmt;

/// A question to a machine. It changes nothing.
///
/// Made by the functions of this module, which tie it to the type of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// What is at a path.
    Stat {
        /// The path; a link at its end is not followed.
        path: HostPath,
        /// Whether the contents of a regular file are hashed.
        digest: bool,
    },
    /// The contents of a regular file.
    Read(HostPath),
    /// Where a symbolic link points.
    ReadLink(HostPath),
    /// What is in a directory.
    List(HostPath),
    /// A user by name.
    User(String),
    /// A group by name.
    Group(String),
    /// A Debian package's state.
    Package(String),
    /// Which version of a package apt would install.
    Policy(String),
    /// A systemd unit's state.
    Unit(String),
    /// A kernel parameter.
    Sysctl(String),
    /// The machine itself.
    System,
    /// What a command says that is declared to change nothing.
    Command(Command),
}

/// A probe that knows the type of its answer.
#[derive(Clone, Debug)]
pub struct Query<T> {
    pub(crate) probe: Probe,
    pub(crate) take: fn(Answer) -> Option<T>,
}

macro_rules! queries {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty = $probe:expr, $variant:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name($($arg: $ty),*) -> Query<$answer> {
            Query {
                probe: $probe,
                take: |answer| match answer {
                    Answer::$variant(value) => Some(value),
                    _ => None,
                },
            }
        })*
    };
}

queries! {
    /// What is at a path; a link at its end is not followed. `None` when nothing is.
    stat(path: HostPath) -> Option<Stat> = Probe::Stat { path, digest: false }, Stat;
    /// The same, with the SHA-256 of a regular file's contents.
    digest(path: HostPath) -> Option<Stat> = Probe::Stat { path, digest: true }, Stat;
    /// The contents of a regular file, links followed. `None` when nothing is there.
    read(path: HostPath) -> Option<Vec<u8>> = Probe::Read(path), Bytes;
    /// The text of a symbolic link. `None` when there is none: nothing, or something else.
    read_link(path: HostPath) -> Option<Vec<u8>> = Probe::ReadLink(path), Bytes;
    /// The entries of a directory by name, links to it followed. `None` when nothing is there.
    list(path: HostPath) -> Option<Vec<Entry>> = Probe::List(path), List;
    /// A user, from wherever the machine has its users.
    user(name: &str) -> Option<User> = Probe::User(name.to_owned()), User;
    /// A group.
    group(name: &str) -> Option<Group> = Probe::Group(name.to_owned()), Group;
    /// A package that dpkg knows of, if only from before it was removed.
    package(name: &str) -> Option<Package> = Probe::Package(name.to_owned()), Package;
    /// What apt knows of a package. `None` when it knows none of that name.
    policy(name: &str) -> Option<Policy> = Probe::Policy(name.to_owned()), Policy;
    /// A unit, with its suffix: `ssh.service`. One that does not exist answers too, with the load state `not-found`.
    unit(name: &str) -> Unit = Probe::Unit(name.to_owned()), Unit;
    /// A kernel parameter as sysctl(8) names it: `net.ipv4.ip_forward`, or with slashes where a name has dots.
    sysctl(key: &str) -> Option<String> = Probe::Sysctl(key.to_owned()), Sysctl;
    /// Kernel, distribution, name, boot and clock.
    system() -> System = Probe::System, System;
    /// What a command says. Whoever asks promises that it changes nothing.
    command(command: Command) -> Output = Probe::Command(command), Output;
}

/// In words, as part of a message: `stat of /etc/fstab`.
impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Probe::Stat { path, digest: false } => write!(f, "stat of {path}"),
            Probe::Stat { path, digest: true } => write!(f, "digest of {path}"),
            Probe::Read(path) => write!(f, "reading {path}"),
            Probe::ReadLink(path) => write!(f, "reading the link {path}"),
            Probe::List(path) => write!(f, "listing {path}"),
            Probe::User(name) => write!(f, "looking up the user {name}"),
            Probe::Group(name) => write!(f, "looking up the group {name}"),
            Probe::Package(name) => write!(f, "asking dpkg for {name}"),
            Probe::Policy(name) => write!(f, "asking apt for {name}"),
            Probe::Unit(name) => write!(f, "asking systemd for {name}"),
            Probe::Sysctl(key) => write!(f, "reading the kernel parameter {key}"),
            Probe::System => write!(f, "reading what the system is"),
            Probe::Command(command) => write!(f, "running `{command}`"),
        }
    }
}
