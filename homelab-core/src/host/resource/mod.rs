//! The kinds of resources that live inside machines.
//!
//! | kind | what |
//! |---|---|
//! | [`Computer`] | a machine that is there already: only looked at |
//! | [`Package`], [`Packages`] | Debian packages |
//! | [`AptRepository`] | where more packages come from |
//! | [`UnitFile`], [`Service`] | what systemd knows, and what runs |
//! | [`SshHardening`] | how one logs in, with a guard against locking oneself out |
//! | [`Sysctl`], [`KernelModule`], [`ModuleRules`], [`Initramfs`], [`KernelCommandLine`] | the kernel |
//! | [`User`], [`Group`], [`AuthorizedKeys`], [`Sudoers`] | who may log in, and what for |
mod cmdline;
mod computer;
mod group;
mod guard;
mod initramfs;
mod kept;
mod keys;
mod module;
mod package;
mod repository;
mod rules;
mod service;
mod ssh;
mod sudoers;
mod sysctl;
mod unit;
mod user;
mod whole;

pub use cmdline::{KernelCommandLine, KernelCommandLineOutputs, KernelCommandLineState};
pub use computer::{Computer, ComputerOutputs, ComputerState};
pub use group::{Group, GroupState};
pub use initramfs::{Initramfs, InitramfsState};
pub use kept::Place;
pub use keys::{AuthorizedKeys, AuthorizedKeysState};
pub use module::{KernelModule, KernelModuleState};
pub use package::{Package, PackageState, PackageView, Packages, PackagesState};
pub use repository::{AptRepository, AptRepositoryState};
pub use rules::{ModuleRules, ModuleRulesOutputs, ModuleRulesState};
pub use service::{Service, ServiceState};
pub use ssh::{RootLogin, SshHardening, SshHardeningState};
pub use sudoers::{Sudoers, SudoersState};
pub use sysctl::{Sysctl, SysctlState};
pub use unit::{UnitFile, UnitFileOutputs, UnitFileState};
pub use user::{User, UserOutputs, UserState};

use super::Hosts;
use crate::Kind;

/// All of them.
pub(super) fn kinds() -> Vec<Kind<Hosts>> {
    vec![
        Kind::of::<AptRepository>(),
        Kind::of::<AuthorizedKeys>(),
        Kind::of::<Computer>(),
        Kind::of::<Group>(),
        Kind::of::<Initramfs>(),
        Kind::of::<KernelCommandLine>(),
        Kind::of::<KernelModule>(),
        Kind::of::<ModuleRules>(),
        Kind::of::<Package>(),
        Kind::of::<Packages>(),
        Kind::of::<Service>(),
        Kind::of::<SshHardening>(),
        Kind::of::<Sudoers>(),
        Kind::of::<Sysctl>(),
        Kind::of::<UnitFile>(),
        Kind::of::<User>(),
    ]
}
