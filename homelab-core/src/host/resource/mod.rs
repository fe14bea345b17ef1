//! The kinds of resources that live inside machines.
//!
//! | kind | what |
//! |---|---|
//! | [`Computer`] | a machine that is there already: only looked at |
//! | [`Unsealed`] | a machine that is made to be copied, in a [`Recipe`](super::Recipe) |
//! | [`File`], [`Directory`], [`Link`] | what is at a path |
//! | [`Line`], [`Block`] | parts of files that others write too |
//! | [`DockerEngine`], [`ComposeStack`] | Docker, and stacks of containers by Docker Compose |
//! | [`Run`], [`Reboot`] | what is done when something has changed |
//! | [`Package`], [`Packages`] | Debian packages |
//! | [`AptRepository`] | where more packages come from |
//! | [`UnitFile`], [`Service`] | what systemd knows, and what runs |
//! | [`SshHardening`] | how one logs in, with a guard against locking oneself out |
//! | [`Sysctl`], [`KernelModule`], [`ModuleRules`], [`Initramfs`], [`KernelCommandLine`] | the kernel |
//! | [`Hostname`], [`Timezone`], [`Locale`], [`TimeSync`] | name, clock and language |
//! | [`Mount`], [`Cron`] | what is mounted, and what runs when |
//! | [`Nftables`] | the firewall, with a guard against locking oneself out |
//! | [`GitCheckout`], [`Binary`], [`Certificate`] | what is no package |
//! | [`User`], [`Group`], [`AuthorizedKeys`], [`Sudoers`] | who may log in, and what for |
mod binary;
mod block;
mod certificate;
mod cmdline;
mod compose;
mod computer;
mod cron;
mod directory;
mod edit;
mod exporter;
mod file;
mod git;
mod group;
mod guard;
mod hostname;
mod initramfs;
mod kept;
mod keys;
mod line;
mod link;
mod locale;
mod module;
mod mount;
mod nftables;
mod package;
mod reboot;
mod repository;
mod rules;
mod run;
mod service;
mod ssh;
mod sudoers;
mod sysctl;
mod timesync;
mod timezone;
mod unit;
mod unsealed;
mod user;
mod was;
mod whole;

pub use binary::{Binary, BinaryOutputs, BinaryState};
pub use block::{Block, BlockState};
pub use certificate::{Certificate, CertificateOutputs, CertificateState};
pub use cmdline::{KernelCommandLine, KernelCommandLineOutputs, KernelCommandLineState};
#[cfg(feature = "sim")]
pub(crate) use compose::{ComposeFile, dotenv};
pub use compose::{ComposeStack, DockerEngine, DockerHost, RunsDocker, StackState};
pub use computer::{Computer, ComputerOutputs, ComputerState};
pub use cron::{Cron, CronState};
pub use directory::{Directory, DirectoryState};
pub use exporter::NodeExporter;
pub use file::{File, FileOutputs, FileState};
pub use git::{GitCheckout, GitCheckoutOutputs, GitCheckoutState};
pub use group::{Group, GroupState};
pub use hostname::{Hostname, HostnameState};
pub use initramfs::{Initramfs, InitramfsState};
pub use kept::Place;
pub use keys::{AuthorizedKeys, AuthorizedKeysState};
pub use line::{Line, LineState};
pub use link::{Link, LinkState};
pub use locale::{Locale, LocaleState};
pub use module::{KernelModule, KernelModuleState};
pub use mount::{Mount, MountPoint, MountState};
pub use nftables::{Nftables, NftablesState};
pub use package::{Package, PackageState, PackageView, Packages, PackagesState};
pub use reboot::{Reboot, RebootState};
pub use repository::{AptRepository, AptRepositoryState};
pub use rules::{ModuleRules, ModuleRulesOutputs, ModuleRulesState};
pub use run::{Run, RunState};
pub use service::{Service, ServiceState};
pub use ssh::{RootLogin, SshHardening, SshHardeningState};
pub use sudoers::{Sudoers, SudoersState};
pub use sysctl::{Sysctl, SysctlState};
pub use timesync::{TimeSync, TimeSyncState};
pub use timezone::{Timezone, TimezoneState};
pub use unit::{UnitFile, UnitFileOutputs, UnitFileState};
pub use unsealed::{Unsealed, UnsealedOutputs, UnsealedState};
pub use user::{User, UserOutputs, UserState};

use super::Hosts;
use crate::Kind;

/// All of them.
pub(super) fn kinds() -> Vec<Kind<Hosts>> {
    vec![
        Kind::of::<AptRepository>(),
        Kind::of::<AuthorizedKeys>(),
        Kind::of::<Binary>(),
        Kind::of::<Certificate>(),
        Kind::of::<Block>(),
        Kind::of::<ComposeStack>(),
        Kind::of::<Computer>(),
        Kind::of::<Cron>(),
        Kind::of::<Directory>(),
        Kind::of::<File>(),
        Kind::of::<GitCheckout>(),
        Kind::of::<Group>(),
        Kind::of::<Hostname>(),
        Kind::of::<Initramfs>(),
        Kind::of::<KernelCommandLine>(),
        Kind::of::<KernelModule>(),
        Kind::of::<Line>(),
        Kind::of::<Link>(),
        Kind::of::<Locale>(),
        Kind::of::<ModuleRules>(),
        Kind::of::<Mount>(),
        Kind::of::<Nftables>(),
        Kind::of::<Package>(),
        Kind::of::<Packages>(),
        Kind::of::<Reboot>(),
        Kind::of::<Run>(),
        Kind::of::<Service>(),
        Kind::of::<SshHardening>(),
        Kind::of::<Sudoers>(),
        Kind::of::<Sysctl>(),
        Kind::of::<TimeSync>(),
        Kind::of::<Timezone>(),
        Kind::of::<UnitFile>(),
        Kind::of::<User>(),
    ]
}
