//! What a simulated NAS consists of: plain data, saved at every effect.
mod dataset;
mod disk;
#[cfg(feature = "testing")]
mod inventory;
mod job;
mod pool;
mod settings;
mod table;

pub(super) use dataset::{Dataset, PROPERTIES, bytes_of, is_within, parent};
pub use disk::DiskSpec;
pub(super) use disk::{Disk, Foreign};
pub(super) use job::{SimJob, State};
pub(super) use pool::{Pool, Row, Vdev};
pub(super) use table::Table;

use super::installer::Stage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A simulated NAS, as it is at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    /// Its host name.
    pub(super) name: String,
    /// The version of TrueNAS: `25.10.1`.
    pub(super) version: String,
    /// The factor of all durations; 0 makes jobs end at once.
    pub(super) pace: f64,
    /// Changes at each boot.
    pub(super) boot: u64,
    /// Until when nobody answers, because it boots.
    pub(super) down_until: u64,
    pub(super) disks: Vec<Disk>,
    pub(super) pools: BTreeMap<i64, Pool>,
    /// Pools that can be imported.
    pub(super) exported: Vec<Pool>,
    pub(super) next_pool: i64,
    pub(super) datasets: BTreeMap<String, Dataset>,
    /// By `dataset@name`: when it was taken, and by which task.
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    /// Rows of everything that is a list, by namespace.
    pub(super) tables: BTreeMap<String, Table>,
    /// Everything of which there is one, by namespace.
    pub(super) singletons: BTreeMap<String, Map<String, Value>>,
    /// The secrets of API keys by id, passwords by user's name.
    pub(super) keys: BTreeMap<i64, String>,
    pub(super) passwords: BTreeMap<String, String>,
    pub(super) jobs: Vec<SimJob>,
    pub(super) next_job: i64,
    /// ACLs, owners and modes of paths.
    pub(super) acls: BTreeMap<String, Value>,
    /// Interfaces as they will be once committed, and until when that has to be confirmed.
    pub(super) staged: Option<Table>,
    pub(super) rollback: Option<(Table, u64)>,
    /// Datasets that somebody uses, so that they cannot be destroyed.
    pub(super) busy: BTreeSet<String>,
    /// Machines that do not answer when this one dials.
    #[serde(default)]
    pub(super) unreachable: BTreeSet<String>,
    /// Who has what mounted, as `nfs.get_nfs3_clients` tells: an address, and what is exported to it.
    #[serde(default)]
    pub(super) mounts: Vec<(String, String)>,
    /// How far the installation of its system is.
    #[serde(default)]
    pub(super) stage: Stage,
    /// Whether only shapes are judged.
    #[serde(default)]
    pub(super) shapes_only: bool,
    /// Numbers that are drawn: guids, keys.
    pub(super) drawn: u64,
    /// The time, in milliseconds since 1970.
    #[serde(default)]
    pub(super) now: u64,
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub(super) taken: u64,
    pub(super) used: u64,
    pub(super) held: bool,
}

impl World {
    /// A NAS of 25.10 that was installed, with one administrator and one boot disk, and no other disks.
    #[must_use]
    pub fn new(name: impl Into<String>) -> World {
        let mut world = World {
            name: name.into(),
            version: "25.10.1".into(),
            pace: 1.0,
            boot: 1,
            down_until: 0,
            disks: vec![],
            pools: BTreeMap::new(),
            exported: vec![],
            next_pool: 1,
            datasets: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            tables: BTreeMap::new(),
            singletons: BTreeMap::new(),
            keys: BTreeMap::new(),
            passwords: BTreeMap::new(),
            jobs: vec![],
            next_job: 1,
            acls: BTreeMap::new(),
            staged: None,
            rollback: None,
            busy: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            mounts: vec![],
            stage: Stage::System,
            shapes_only: false,
            drawn: 0,
            now: 0,
        };
        settings::fill(&mut world);
        world.disks.push(Disk::boot());
        world
    }

    /// The same with one more disk.
    #[must_use]
    pub fn disk(mut self, spec: DiskSpec) -> World {
        self.disks.push(Disk::of(spec, self.disks.len()));
        self
    }

    /// The same with so many disks of one size, whose serials are the prefix and a number from 1: `WD-1`.
    #[must_use]
    pub fn disks(self, prefix: &str, count: usize, bytes: u64) -> World {
        (1..=count).fold(self, |world, n| world.disk(DiskSpec::new(format!("{prefix}{n}"), bytes)))
    }

    /// The same with a key for the administrator `truenas_admin`. Keys look like `1-xxxx`, with the number of the key first.
    #[must_use]
    pub fn key(mut self, key: &str) -> World {
        self.ensure_admin("sandbox");
        let id = key.split_once('-').and_then(|(id, _)| id.parse().ok()).unwrap_or(1);
        let row = json!({"id": id, "name": "sandbox", "username": "truenas_admin", "user_identifier": 71, "keyhash": "********",
            "created_at": {"$date": 0}, "expires_at": null, "local": true, "revoked": false, "revoked_reason": null});
        self.table("api_key").put(row);
        self.keys.insert(id, key.to_owned());
        self
    }

    /// The same as another release: `25.04.2`.
    #[must_use]
    pub fn release(mut self, version: impl Into<String>) -> World {
        self.version = version.into();
        self
    }

    /// The same, with what only the state of the world forbids told as a failed call, never as a wrong parameter: for replays of
    /// recorded calls, which were judged without a world.
    #[must_use]
    pub fn shapes_only(mut self) -> World {
        self.shapes_only = true;
        self
    }

    /// The same with all durations multiplied by this; 0 makes jobs end at once.
    #[must_use]
    pub fn pace(mut self, factor: f64) -> World {
        self.pace = factor.max(0.0);
        self
    }

    /// The same after somebody pulled the disk of this serial out.
    #[must_use]
    pub fn pull(mut self, serial: &str) -> World {
        for disk in self.disks.iter_mut().filter(|disk| disk.serial.as_deref() == Some(serial)) {
            disk.present = false;
        }
        self
    }

    /// The same with a dataset that somebody uses, so that it cannot be destroyed.
    #[must_use]
    pub fn busy(mut self, dataset: &str) -> World {
        self.busy.insert(dataset.to_owned());
        self
    }

    /// The same after whoever used a dataset has left it.
    #[must_use]
    pub fn left(mut self, dataset: &str) -> World {
        self.busy.remove(dataset);
        self
    }

    /// The same with a machine that does not answer when this one dials.
    #[must_use]
    pub fn unreachable(mut self, host: impl Into<String>) -> World {
        self.unreachable.insert(host.into());
        self
    }

    /// The same with somebody who has a share mounted over NFS 3.
    #[must_use]
    pub fn mounted(mut self, by: impl Into<String>, export: impl Into<String>) -> World {
        self.mounts.push((by.into(), export.into()));
        self
    }

    /// The same with so many bytes in a dataset.
    #[must_use]
    pub fn content(mut self, dataset: &str, bytes: u64) -> World {
        if let Some(dataset) = self.datasets.get_mut(dataset) {
            dataset.content = bytes;
        }
        self
    }

    /// The table of a namespace.
    pub(super) fn table(&mut self, space: &str) -> &mut Table {
        self.tables.entry(space.to_owned()).or_default()
    }

    /// The rows of a namespace.
    pub(super) fn rows(&self, space: &str) -> impl Iterator<Item = &Map<String, Value>> {
        self.tables.get(space).into_iter().flat_map(|table| table.rows.values())
    }

    /// A number that was not drawn before.
    pub(super) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        // Spread over 64 bits like a guid, and the same in every run.
        let mut mixed = self.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5A5A_5A5A_5A5A_5A5A;
        mixed ^= mixed >> 29;
        mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 1
    }

    /// So many milliseconds of work on real hardware.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a span is small and not negative")]
    pub(super) fn span(&self, ms: u64) -> u64 {
        (ms as f64 * self.pace) as u64
    }

    /// What this boot is known by.
    pub(super) fn boot_id(&self) -> String {
        format!("{:08x}-0000-4000-8000-000000000000", self.boot)
    }

    /// Restarts the NAS: jobs and what was staged are lost, and disks get other names.
    pub(super) fn reboot(&mut self) {
        self.boot += 1;
        self.down_until = self.now + self.span(60_000);
        self.jobs.clear();
        self.next_job = 1;
        self.staged = None;
        if let Some((before, _)) = self.rollback.take() {
            self.tables.insert("interface".into(), before);
        }
        disk::rename_all(&mut self.disks);
    }
}
