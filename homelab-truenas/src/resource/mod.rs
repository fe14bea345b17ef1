//! What a lab declares of a NAS.
//!
//! | folder or file | what |
//! |---|---|
//! | `setup.rs` | [`System`]: from the first boot to a key |
//! | `pool/` | [`Pool`]: disks in vdevs |
//! | `dataset/`, `zvol.rs` | [`Dataset`] and [`Zvol`]: file systems and block devices, with properties of three values |
//! | `share/`, `iscsi/` | [`NfsShare`], [`SmbShare`], [`Target`]: what clients are given, and on which networks |
//! | `user.rs`, `group.rs` | [`User`] and [`Group`], with numbers that are the same on every machine |
//! | `task/` | [`SnapshotTask`], [`ScrubTask`], [`DiskTest`], [`Replication`], [`CronJob`], [`InitScript`] |
//! | `keychain.rs` | [`SshKey`] and [`SshConnection`]: how one NAS logs in at another machine |
//! | `permissions.rs` | [`Permissions`]: owner, mode and ACL |
//! | `service.rs`, `interface.rs`, `system/` | services, addresses, alerts, routes, keys, certificates, privileges, settings |
//! | `csi.rs` | what democratic-csi is told |
//! | `row/` | what all that is a row of a table has in common |
pub mod csi;
mod dataset;
mod encryption;
mod group;
mod interface;
mod iscsi;
mod keychain;
mod mark;
mod permissions;
mod pool;
pub(crate) mod release;
mod row;
mod schedule;
mod service;
mod setup;
mod share;
mod system;
mod task;
mod user;
mod zvol;

pub use dataset::{
    Compression, Dataset, DatasetId, DatasetOutputs, DatasetState, Parent, Preset, Property, Sync, Within,
};
pub use encryption::Encryption;
pub use group::{Group, GroupOf, GroupOutputs};
pub use interface::{Interface, InterfaceOf};
pub use iscsi::{Chap, ChapOf, Extent, ExtentOf, Initiators, InitiatorsOf, Lun, Portal, PortalOf, Target, TargetOf};
pub use keychain::{SshConnection, SshConnectionOf, SshKey, SshKeyOf, SshKeyOutputs};
pub use permissions::{Access, Permissions};
pub use pool::{Pool, PoolId, PoolOutputs, PoolState, PoolWithoutDisks, VdevState};
pub use row::{Entry, Fields, Row, RowId, RowOutputs, RowState, ShareOutputs};
pub use schedule::{Day, Keep, Schedule};
pub use service::{Service, ServiceOf, ServiceOutputs, ServiceState};
pub use setup::{System, SystemBy, SystemId, SystemOf, SystemState};
pub use share::{NfsShare, NfsShareOf, SmbShare, SmbShareOf, StorageNetwork};
pub use system::{
    AlertLevel, AlertPolicies, AlertPolicy, AlertService, AlertServiceOf, ApiKey, ApiKeyOf, Certificate, CertificateOf,
    ConfigBackup, ConfigBackupOf, NfsSettings, Privilege, PrivilegeOf, Settings, SettingsState, SmbSettings,
    StaticRoute, StaticRouteOf, UpdateSettings, Ups,
};
pub use task::{
    CronJob, CronJobOf, DiskTest, DiskTestOf, InitScript, InitScriptOf, Replication, ReplicationOf, ReplicationTo,
    ScrubTask, SnapshotTask, When, every_dataset_has_snapshots,
};
pub use user::{User, UserOf, UserOutputs};
pub use zvol::{Zvol, ZvolOutputs, ZvolState};

use crate::Nas;
use homelab_core::Kind;

/// The kinds that live at a NAS.
pub(crate) fn kinds() -> Vec<Kind<Nas>> {
    vec![
        Kind::of::<System>(),
        Kind::of::<Pool>(),
        Kind::of::<Dataset>(),
        Kind::of::<Zvol>(),
        Kind::of::<Service>(),
        Kind::of::<NfsShare>(),
        Kind::of::<SmbShare>(),
        Kind::of::<Portal>(),
        Kind::of::<Initiators>(),
        Kind::of::<Extent>(),
        Kind::of::<Chap>(),
        Kind::of::<Target>(),
        Kind::of::<Lun>(),
        Kind::of::<Group>(),
        Kind::of::<User>(),
        Kind::of::<SnapshotTask>(),
        Kind::of::<ScrubTask>(),
        Kind::of::<DiskTest>(),
        Kind::of::<CronJob>(),
        Kind::of::<InitScript>(),
        Kind::of::<Replication>(),
        Kind::of::<SshKey>(),
        Kind::of::<SshConnection>(),
        Kind::of::<Permissions>(),
        Kind::of::<Interface>(),
        Kind::of::<ApiKey>(),
        Kind::of::<AlertService>(),
        Kind::of::<AlertPolicies>(),
        Kind::of::<ConfigBackup>(),
        Kind::of::<Certificate>(),
        Kind::of::<Privilege>(),
        Kind::of::<StaticRoute>(),
        Kind::of::<Ups>(),
        Kind::of::<NfsSettings>(),
        Kind::of::<SmbSettings>(),
        Kind::of::<UpdateSettings>(),
    ]
}
