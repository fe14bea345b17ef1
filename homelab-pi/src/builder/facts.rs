//! What there is to build with, and what is chosen of it.
use homelab_core::Failure;
use std::{env, path::Path};

/// The variable that names a machine with Nix: `root@builder`, as ssh(1) takes it.
pub const BUILDER: &str = "HOMELAB_PI_BUILDER";

/// What is known of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The operating system: `linux`, `macos`.
    pub os: String,
    /// The processor: `x86_64`, `aarch64`.
    pub arch: String,
    /// Whether there is `nix`.
    pub has_nix: bool,
    /// Whether programs for the Pi run here all the same (binfmt_misc with qemu).
    pub runs_foreign: bool,
    /// The machine with Nix that somebody named.
    pub remote: Option<String>,
    /// A program that runs containers: `podman`, `docker`.
    pub containers: Option<&'static str>,
}

/// A way to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nix on this machine, whose processor is the Pi's.
    Native,
    /// Nix on this machine, which emulates the Pi's processor: simple and slow.
    Emulated,
    /// Nix on a machine that is reached over SSH.
    Remote(String),
    /// Nix in a container on this machine, whose processor is the Pi's.
    Container(&'static str),
}

impl Machine {
    /// Looks at this machine.
    #[must_use]
    pub fn here() -> Machine {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = |program: &str| env::split_paths(&path).any(|dir| dir.join(program).is_file());
        let foreign = std::fs::read_to_string("/proc/sys/fs/binfmt_misc/qemu-aarch64");
        Machine {
            os: env::consts::OS.into(),
            arch: env::consts::ARCH.into(),
            has_nix: found("nix"),
            runs_foreign: foreign.is_ok_and(|text| text.starts_with("enabled")),
            remote: env::var(BUILDER).ok().filter(|name| !name.is_empty()),
            containers: ["podman", "docker"].into_iter().find(|program| found(program)),
        }
    }

    /// The way that is taken: what somebody named, else the fastest that there is.
    ///
    /// # Errors
    /// When there is none; the hint says which three there could be.
    pub fn choose(&self) -> Result<Way, Failure> {
        let same = self.arch == "aarch64";
        match self {
            Machine { remote: Some(host), .. } => Ok(Way::Remote(host.clone())),
            Machine { has_nix: true, .. } if same && self.os == "linux" => Ok(Way::Native),
            Machine { has_nix: true, runs_foreign: true, .. } if self.os == "linux" => Ok(Way::Emulated),
            Machine { containers: Some(program), .. } if same => Ok(Way::Container(program)),
            _ => Err(self.nothing()),
        }
    }

    fn nothing(&self) -> Failure {
        let here = match (self.has_nix, self.os.as_str()) {
            (true, "linux") => "install qemu-user and binfmt-support (there is Nix already)",
            _ => "on Linux install Nix, and qemu-user with binfmt-support unless the processor is an ARM one",
        };
        Failure::unusable(format!("nothing here builds for a Pi ({} on {})", self.os, self.arch))
            .hint("one of three ways is enough; `pi builder up` tries them and says what it found")
            .detail([
                format!("this machine: {here}"),
                format!("another machine: one with Nix that builds for aarch64, named by {BUILDER}=user@host"),
                "a container: on Apple silicon or another ARM machine, Docker or Podman (no loop device is needed)"
                    .into(),
            ])
    }
}

impl Way {
    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Way::Native => "Nix on this machine".into(),
            Way::Emulated => "Nix on this machine, emulating the Pi's processor".into(),
            Way::Remote(host) => format!("Nix on {host}"),
            Way::Container(program) => format!("Nix in a container of {program}"),
        }
    }

    /// The words before a command, where files of `dir` are to be seen.
    pub(super) fn before(&self, dir: &Path) -> Vec<String> {
        let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        match self {
            Way::Native | Way::Emulated => vec![],
            // The agent goes along: the builder copies to the Pi by our keys.
            Way::Remote(host) => words(&["ssh", "-A", "-o", "BatchMode=yes", host, "--"]),
            Way::Container(program) => {
                let dir = dir.display();
                let mut all = words(&[program, "run", "--rm", "--platform=linux/arm64", "--volume=homelab-nix:/nix"]);
                all.extend([format!("--volume={dir}:{dir}"), "docker.io/nixos/nix:2.28.3".to_owned()]);
                all
            }
        }
    }

    /// What Nix is told besides.
    pub(super) fn options(&self) -> Vec<String> {
        let mut all = vec!["--extra-experimental-features".to_owned(), "nix-command flakes".to_owned()];
        if *self == Way::Emulated {
            all.extend(["--extra-platforms".to_owned(), "aarch64-linux".to_owned()]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(os: &str, arch: &str, has_nix: bool) -> Machine {
        Machine { os: os.into(), arch: arch.into(), has_nix, ..Machine::default() }
    }

    #[test]
    fn the_fastest_way_is_taken_unless_another_is_named() {
        assert_eq!(machine("linux", "aarch64", true).choose(), Ok(Way::Native));
        let emulating = Machine { runs_foreign: true, ..machine("linux", "x86_64", true) };
        assert_eq!(emulating.choose(), Ok(Way::Emulated));
        let apple = Machine { containers: Some("docker"), ..machine("macos", "aarch64", true) };
        assert_eq!(apple.choose(), Ok(Way::Container("docker")));
        let named = Machine { remote: Some("root@arm".into()), ..emulating };
        assert_eq!(named.choose(), Ok(Way::Remote("root@arm".into())));
    }

    #[test]
    fn where_there_is_none_three_ways_are_named() {
        // An Intel Mac has Nix and Docker and can still build nothing for a Pi.
        let old = Machine { containers: Some("docker"), ..machine("macos", "x86_64", true) };
        for machine in [old, machine("linux", "x86_64", true), machine("linux", "x86_64", false)] {
            let failure = machine.choose().unwrap_err();
            assert_eq!(failure.detail.len(), 3, "{failure:?}");
            assert!(failure.hint.is_some());
        }
    }

    #[test]
    fn a_container_sees_the_files_and_keeps_its_store() {
        let before = Way::Container("podman").before(Path::new("/stage"));
        assert!(before.contains(&"--volume=/stage:/stage".to_owned()));
        assert!(before.contains(&"--volume=homelab-nix:/nix".to_owned()));
    }
}
