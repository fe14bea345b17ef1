//! A row of disks, and what it is for.
use super::{Disk, DiskName, Layout};
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, fmt};

/// What a vdev is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It holds the data: when it is lost, so is the pool.
    Data,
    /// Metadata and small blocks; when it is lost, so is the pool.
    Special,
    /// The table of deduplication; when it is lost, so is the pool.
    Dedup,
    /// The separate intent log of synchronous writes (SLOG).
    Log,
    /// A second level of the read cache (L2ARC).
    Cache,
    /// A disk that stands in for one that fails.
    Spare,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 6] = [Role::Data, Role::Special, Role::Dedup, Role::Log, Role::Cache, Role::Spare];

    /// The word in a plan, and in the answers of `pool.query`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Data => "data",
            Role::Special => "special",
            Role::Dedup => "dedup",
            Role::Log => "log",
            Role::Cache => "cache",
            Role::Spare => "spare",
        }
    }

    /// Whether the pool is lost with a vdev of this role.
    #[must_use]
    pub const fn holds_the_pool(self) -> bool {
        matches!(self, Role::Data | Role::Special | Role::Dedup)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
impl Serialize for Role {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.word())
    }
}

/// A row of disks. The order of its disks does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vdev {
    /// How they hold its data.
    pub layout: Layout,
    /// Which disks.
    pub disks: BTreeSet<DiskName>,
    #[serde(skip)]
    pub(crate) role: Role,
}

impl Vdev {
    /// Disks that are moved into a row.
    #[must_use]
    pub fn new(role: Role, layout: Layout, disks: Vec<Disk>) -> Vdev {
        Vdev { layout, role, disks: disks.into_iter().map(|disk| disk.name).collect() }
    }

    /// What it is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How many disks it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.disks.len()
    }
}
