//! What a simulated machine has of Debian beside files, users and packages: what runs, what is loaded, who holds which lock.
use super::commands::Container;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The running system, as plain data.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Debian {
    /// Whether apt has its package lists. A fresh cloud image has none.
    pub(super) lists: bool,
    /// Repositories beyond Debian's own that exist in the world: address to packages and versions.
    pub(super) remotes: BTreeMap<String, BTreeMap<String, String>>,
    /// Who holds dpkg's lock, and for how many more calls.
    pub(super) apt_held: Option<(String, u32)>,
    /// Whether dpkg was cut off in the middle.
    pub(super) dpkg_broken: bool,
    /// Versions that repositories have beside a newer one.
    pub(super) older: BTreeMap<String, Vec<String>>,
    /// The kernel's own idea of the host's name, once somebody has set it.
    pub(super) hostname: Option<String>,
    /// Units that systemd has loaded.
    pub(super) running: BTreeMap<String, Running>,
    /// Units, and images of containers, whose program fails.
    pub(super) failing: BTreeSet<String>,
    /// The journal of each unit.
    pub(super) journal: BTreeMap<String, Vec<String>>,
    /// Commands that timers of systemd-run will run: unit, when, what.
    pub(super) timers: BTreeMap<String, (u64, Vec<String>)>,
    /// Kernel modules that are loaded.
    pub(super) modules: BTreeSet<String>,
    /// The configuration that sshd runs with.
    pub(super) sshd: BTreeMap<String, String>,
    /// The rules that nftables runs with.
    pub(super) nft: BTreeMap<String, String>,
    /// The initramfs was built from these contents of `/etc/modprobe.d` and `/etc/initramfs-tools`.
    pub(super) initramfs: String,
    /// What the boot loader will hand to the kernel at the next boot.
    pub(super) next_cmdline: String,
    /// Sources of mounts that do not answer.
    pub(super) unreachable: BTreeSet<String>,
    /// Git repositories in the world: address to branch or tag to commit.
    pub(super) repositories: BTreeMap<String, BTreeMap<String, String>>,
    /// What Docker runs: project to service to container.
    pub(super) docker: BTreeMap<String, BTreeMap<String, Container>>,
    /// What can be downloaded: address to contents.
    pub(super) downloads: BTreeMap<String, String>,
    /// What a file system answers to every write, if it refuses them.
    pub(super) disk: Option<String>,
}

/// A unit that systemd has loaded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Running {
    /// `active`, `inactive`, `failed`.
    pub(super) active: String,
    /// What its files said when they were read.
    pub(super) digest: String,
    /// How often it was started; the number of its main process comes from that.
    pub(super) starts: u32,
}

/// A package as a repository has it.
pub(super) struct Offer {
    pub(super) version: &'static str,
    /// Installed on every fresh machine.
    pub(super) base: bool,
    /// Its units: name, text, and whether they are enabled and started when it is installed.
    pub(super) units: &'static [(&'static str, &'static str, bool)],
    /// What has to go when it comes.
    pub(super) conflicts: &'static [&'static str],
    /// Files that it brings.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// A group that it makes.
    pub(super) group: Option<(&'static str, u32)>,
}

const PLAIN: Offer = Offer { version: "", base: false, units: &[], conflicts: &[], files: &[], group: None };

const fn plain(version: &'static str) -> Offer {
    Offer { version, ..PLAIN }
}
const fn base(version: &'static str) -> Offer {
    Offer { version, base: true, ..PLAIN }
}

macro_rules! service {
    ($what:literal, $program:literal) => {
        concat!(
            "[Unit]\nDescription=",
            $what,
            "\n[Service]\nExecStart=",
            $program,
            "\n[Install]\nWantedBy=multi-user.target\n"
        )
    };
}

const ONESHOT_NFT: &str = "[Unit]\nDescription=nftables\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/sbin/nft -f /etc/nftables.conf\n[Install]\nWantedBy=sysinit.target\n";
const LOCALES: &str =
    "# This file lists locales\n# de_DE.UTF-8 UTF-8\n# en_GB.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n# fr_FR.UTF-8 UTF-8\n";
const GRUB: &str = "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n";

/// What Debian 12 has, as far as anybody here asks for it.
pub(super) const STOCK: &[(&str, Offer)] = &[
    ("apt", base("2.6.1")),
    ("ca-certificates", base("20230311")),
    ("curl", plain("7.88.1-10+deb12u12")),
    (
        "chrony",
        Offer {
            units: &[("chrony.service", service!("chrony", "/usr/sbin/chronyd"), true)],
            conflicts: &["systemd-timesyncd"],
            ..plain("4.3-2+deb12u1")
        },
    ),
    ("corosync-qdevice", plain("3.0.1-1")),
    ("corosync-qnetd", plain("3.0.1-1")),
    ("cron", Offer { units: &[("cron.service", service!("cron", "/usr/sbin/cron -f"), true)], ..plain("3.0pl1-162") }),
    (
        "docker.io",
        Offer {
            units: &[("docker.service", service!("Docker", "/usr/sbin/dockerd"), true)],
            group: Some(("docker", 996)),
            ..plain("20.10.24+dfsg1-1+deb12u1")
        },
    ),
    ("docker-compose-v2", plain("2.32.4+ds1-0ubuntu1")),
    ("git", plain("1:2.39.5-0+deb12u2")),
    ("gnupg", plain("2.2.40-1.1")),
    ("grub-pc", Offer { files: &[("/etc/default/grub", GRUB)], ..base("2.06-13+deb12u1") }),
    ("htop", plain("3.2.2-2")),
    ("initramfs-tools", base("0.142+deb12u3")),
    ("jq", plain("1.6-2.1")),
    ("kmod", base("30+20221128-1")),
    ("locales", Offer { files: &[("/etc/locale.gen", LOCALES)], ..base("2.36-9+deb12u10") }),
    ("nano", base("7.2-1+deb12u1")),
    ("nfs-common", plain("1:2.6.2-4+deb12u1")),
    (
        "nftables",
        Offer {
            units: &[("nftables.service", ONESHOT_NFT, false)],
            files: &[("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n")],
            ..base("1.0.6-2+deb12u2")
        },
    ),
    (
        "openssh-server",
        Offer {
            units: &[("ssh.service", service!("OpenBSD Secure Shell server", "/usr/sbin/sshd -D"), true)],
            files: &[(
                "/etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n",
            )],
            ..base("1:9.2p1-2+deb12u6")
        },
    ),
    ("procps", base("2:4.0.2-3")),
    (
        "prometheus-node-exporter",
        Offer {
            units: &[(
                "prometheus-node-exporter.service",
                service!("node exporter", "/usr/bin/prometheus-node-exporter"),
                true,
            )],
            ..plain("1.5.0-1+b6")
        },
    ),
    (
        "qemu-guest-agent",
        Offer {
            units: &[("qemu-guest-agent.service", service!("QEMU guest agent", "/usr/sbin/qemu-ga"), true)],
            ..plain("1:7.2+dfsg-7+deb12u13")
        },
    ),
    ("rsync", plain("3.2.7-1+deb12u2")),
    ("sudo", base("1.9.13p3-1+deb12u1")),
    ("systemd", base("252.38-1~deb12u1")),
    (
        "systemd-timesyncd",
        Offer {
            units: &[("systemd-timesyncd.service", service!("time", "/lib/systemd/systemd-timesyncd"), true)],
            ..base("252.38-1~deb12u1")
        },
    ),
    ("tzdata", base("2025b-0+deb12u1")),
    ("unattended-upgrades", plain("2.9.1+nmu3")),
    ("vim", plain("2:9.0.1378-2+deb12u2")),
];

/// What Debian's own repositories have of this name.
pub(super) fn stock(name: &str) -> Option<&'static Offer> {
    STOCK.iter().find(|(n, _)| *n == name).map(|(_, offer)| offer)
}

/// Directories that every Debian has, with their modes.
pub(super) const DIRS: &[(&str, u32)] = &[
    ("/etc/apt/apt.conf.d", 0o755),
    ("/etc/apt/keyrings", 0o755),
    ("/etc/apt/sources.list.d", 0o755),
    ("/etc/cron.d", 0o755),
    ("/etc/default/grub.d", 0o755),
    ("/etc/modprobe.d", 0o755),
    ("/etc/modules-load.d", 0o755),
    ("/etc/ssh/sshd_config.d", 0o755),
    ("/etc/sudoers.d", 0o750),
    ("/etc/sysctl.d", 0o755),
    ("/etc/systemd/system", 0o755),
    ("/etc/systemd/timesyncd.conf.d", 0o755),
    ("/opt", 0o755),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/proc/sys", 0o555),
    ("/sys/module", 0o755),
    ("/usr/lib/systemd/system", 0o755),
    ("/usr/local/bin", 0o755),
    ("/usr/share/zoneinfo", 0o755),
    ("/var/lib/misc", 0o755),
];

/// Files that every Debian has.
pub(super) const FILES: &[(&str, &str)] = &[
    ("/etc/default/locale", "LANG=C.UTF-8\n"),
    ("/etc/hostname", "debian\n"),
    ("/etc/timezone", "Etc/UTC\n"),
    ("/usr/lib/locale/locale-archive", ""),
    ("/etc/hosts", "127.0.0.1\tlocalhost\n"),
    ("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n"),
    ("/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro quiet\n"),
    ("/usr/share/zoneinfo/Etc/UTC", ""),
    ("/usr/share/zoneinfo/Europe/Berlin", ""),
    ("/usr/share/zoneinfo/America/New_York", ""),
];
