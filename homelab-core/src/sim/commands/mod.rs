//! The programs of a simulated machine: each is understood as well as it takes for a call that Debian would refuse to be refused here.
mod accounts;
mod apt;
mod basic;
mod checks;
mod cloud;
mod docker;
mod git;
mod kernel;
mod network;
mod settings;
mod systemd;

pub(super) use apt::{candidate, set_up};
pub(super) use checks::{lets_in, lets_ssh_through};
pub(super) use cloud::wake;
pub(super) use docker::Container;
pub(super) use kernel::{boot, parameters};
pub(super) use systemd::unit;

use super::world::World;
use crate::host::{Command, Output};

/// A call of a program.
pub(super) struct Call<'c> {
    pub(super) argv: Vec<String>,
    pub(super) stdin: &'c [u8],
    pub(super) env: Vec<(&'c str, String)>,
}

impl<'c> Call<'c> {
    pub(super) fn of(command: &'c Command) -> Self {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Call {
            argv: command.argv.iter().map(|a| lossy(a)).collect(),
            stdin: command.stdin.as_ref().map_or(&[][..], |c| c.expose()),
            env: command.env.iter().map(|(name, value)| (name.as_str(), lossy(value.expose()))).collect(),
        }
    }

    /// A call from within, as a timer or a script makes it.
    pub(super) fn plain(argv: &[&str]) -> Self {
        Call { argv: argv.iter().map(|a| (*a).to_owned()).collect(), stdin: &[], env: vec![] }
    }

    /// The arguments after the program.
    pub(super) fn args(&self) -> Vec<&str> {
        self.argv.iter().skip(1).map(String::as_str).collect()
    }

    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
}

/// It worked, and said nothing.
pub(super) fn done() -> Output {
    says("")
}

/// It worked, and said this.
pub(super) fn says(text: impl Into<String>) -> Output {
    Output { status: 0, stdout: text.into().into_bytes(), stderr: vec![] }
}

/// It failed.
pub(super) fn fails(status: u8, why: impl Into<String>) -> Output {
    let mut why = why.into();
    if !why.is_empty() && !why.ends_with('\n') {
        why.push('\n');
    }
    Output { status, stdout: vec![], stderr: why.into_bytes() }
}

/// Options with their values, and what is left: `valued` names those that take one. A long option may have it behind `=`.
pub(super) fn options<'a>(args: &[&'a str], valued: &[&str]) -> (Vec<(&'a str, &'a str)>, Vec<&'a str>) {
    let (mut found, mut left) = (vec![], vec![]);
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        match arg {
            "--" => left.extend(args.by_ref()),
            _ if !arg.starts_with('-') || arg == "-" => left.push(arg),
            _ => match arg.split_once('=').filter(|_| arg.starts_with("--")) {
                Some((name, value)) => found.push((name, value)),
                None if valued.contains(&arg) => found.push((arg, args.next().unwrap_or_default())),
                None => found.push((arg, "")),
            },
        }
    }
    (found, left)
}

/// Runs a program; `None` if there is none of that name.
pub(super) fn run(world: &mut World, call: &Call<'_>) -> Option<Output> {
    let program = call.argv.first()?.rsplit('/').next()?.to_owned();
    Some(match program.as_str() {
        "apt-get" => apt::get(world, call),
        "apt-mark" => apt::mark(world, call),
        "dpkg" => apt::dpkg(world, call),
        "systemctl" => systemd::ctl(world, call),
        "journalctl" => systemd::journal(world, call),
        "systemd-run" => systemd::later(world, call),
        "useradd" | "usermod" | "userdel" | "groupadd" | "groupmod" | "groupdel" | "gpasswd" | "id" | "chpasswd" => {
            accounts::run(world, &program, call)
        }
        "sysctl" | "modprobe" | "update-initramfs" | "update-grub" | "proxmox-boot-tool" => {
            kernel::run(world, &program, call)
        }
        "hostname" | "locale-gen" | "update-locale" => settings::run(world, &program, call),
        "openssl" | "visudo" | "sshd" | "nft" => checks::run(world, &program, call),
        "docker" => return docker::run(world, call),
        "cloud-init" => cloud::run(world, call),
        "ifreload" => network::reload(world),
        "true" => done(),
        "false" => fails(1, ""),
        "cat" if call.argv.len() == 1 => Output { status: 0, stdout: call.stdin.to_vec(), stderr: vec![] },
        "echo" => says(format!("{}\n", call.args().join(" "))),
        "git" => git::run(world, call),
        "curl" => git::curl(world, call),
        "sha256sum" => git::sha256sum(world, call),
        "cp" | "find" | "mv" | "rm" | "rmdir" | "sed" | "sh" => {
            return basic::run(world, &program, call);
        }
        _ => return None,
    })
}
