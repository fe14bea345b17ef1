//! What machines answer: the things that a probe can see.
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// The permission bits, with set-uid, set-gid and sticky: `0o644`.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name; the number in digits if the machine knows no name for it.
    pub owner: String,
    /// The group's name; the number in digits if the machine knows no name for it.
    pub group: String,
    /// Bytes, of regular files only.
    pub size: Option<u64>,
    /// SHA-256 of the contents in lower-case hexadecimal, of regular files, if it was asked for.
    pub sha256: Option<String>,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A device, a socket, a pipe.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name, in bytes as the file system has it.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
}

/// A user, as `getent passwd` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The login name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
    /// The comment: a person's name.
    pub comment: String,
    /// The home directory.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// A group, as `getent group` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Who is in it besides those whose first group it is.
    pub members: Vec<String>,
}

/// A package, as dpkg has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The version; empty when only its configuration is left, or nothing.
    pub version: String,
    /// The architecture: `amd64`, `all`.
    pub architecture: String,
    /// Whether it is installed, configured and without error.
    pub installed: bool,
    /// Whether it is held at its version.
    pub held: bool,
    /// dpkg's own three letters: `ii `, `hi `, `rc `.
    pub status: String,
}

/// What apt would do about a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The version that is installed.
    pub installed: Option<String>,
    /// The version that would be installed.
    pub candidate: Option<String>,
}

/// A systemd unit, as `systemctl show` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The name it was asked by.
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `error`, `bad-setting`.
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`.
    pub active: String,
    /// `running`, `dead`, `exited`, `waiting`.
    pub sub: String,
    /// `enabled`, `disabled`, `static`, `masked`; empty when there is no unit file.
    pub file_state: String,
    /// The file it is defined by; empty when there is none.
    pub fragment: String,
    /// Whether its files have changed since systemd read them.
    pub needs_reload: bool,
    /// The number of its main process, if it runs.
    pub main_pid: Option<u32>,
    /// How the last run ended: `success`, `exit-code`, `signal`, `timeout`.
    pub result: String,
}

/// The machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The kernel's name: `Linux`.
    pub kernel: String,
    /// Its release: `6.12.9-amd64`.
    pub release: String,
    /// The hardware: `x86_64`.
    pub architecture: String,
    /// The host's own name.
    pub hostname: String,
    /// The fields of `/etc/os-release`, unquoted: `ID`, `VERSION_ID`, `VERSION_CODENAME`.
    pub os: BTreeMap<String, String>,
    /// Different after each boot.
    pub boot_id: String,
    /// Seconds since 1970 by the machine's own clock.
    pub clock: u64,
    /// The number of the user who looks: 0 for root.
    pub uid: u32,
}

/// How a command ended and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit status; 128 and the number of the signal if one ended it, 127 if there is no such program.
    pub status: u8,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether the status is 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status == 0
    }

    /// What it wrote, as text without white space around it. Bytes that are no UTF-8 become `U+FFFD`.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
}
