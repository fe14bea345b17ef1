//! What the NAS does by itself: snapshots, scrubs, tests of disks, jobs, replication.
mod cron;
mod disk_test;
mod init;
mod replication;
mod scrub;
mod snapshot;

pub use cron::{CronJob, CronJobOf};
pub use disk_test::{DiskTest, DiskTestOf};
pub use init::{InitScript, InitScriptOf, When};
pub use replication::{Replication, ReplicationOf, ReplicationTo};
pub use scrub::ScrubTask;
pub use snapshot::{SnapshotTask, every_dataset_has_snapshots};
