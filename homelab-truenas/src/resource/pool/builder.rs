//! How a pool is declared.
use crate::{
    Nas,
    resource::encryption::Encryption,
    topology::{Disk, DiskName, Layout, MirrorWidth, Raidz1Width, Raidz2Width, Raidz3Width, Role, Vdev},
};
use homelab_core::Site;
use serde::Serialize;
use std::collections::BTreeMap;

/// A pool of disks.
///
/// ```
/// # use homelab_core::{Lab, Site};
/// # use homelab_truenas::{Nas, Pool, topology::{NasDisks, rows}};
/// # let mut lab = Lab::named("home");
/// const NAS: Site<Nas> = Site::named("nas");
/// let [a, b, c, d, e, x, y] = NAS.disks(["ZA1", "ZA2", "ZA3", "ZA4", "ZA5", "S1", "S2"]);
/// let bulk = lab.add(Pool::named("bulk").on(NAS).raidz2([a, b, c, d, e]).log_mirror([x, y]));
/// ```
///
/// - Disks are moved in, so none is in two vdevs; their number is checked by the compiler.
/// - Disks are found by serial number or slot just before they are used. One that holds anything already, is the boot disk, or cannot
///   be told from another is refused.
/// - What changes later is what ZFS can change: rows are added, mirrors and RAIDZ get wider, disks are replaced, and what only serves
///   the pool is removed. Everything else is refused; a pool is never replaced.
/// - It is protected. Allowed by name, a pool that leaves the code is exported: its data stays on its disks.
#[derive(Debug, Serialize)]
pub struct Pool {
    #[serde(rename = "name")]
    pub(super) pool: String,
    pub(super) vdevs: BTreeMap<String, Vdev>,
    /// How many vdevs of each role: what is not declared must not be there.
    pub(super) count: BTreeMap<Role, usize>,
    pub(super) encryption: Option<Encryption>,
    pub(super) unlocked: Option<bool>,
    pub(super) autotrim: Option<bool>,
    /// The mark takes a second call: a pool that lacks it is to be finished.
    pub(super) marked: bool,
    #[serde(skip)]
    pub(super) import: Option<String>,
    #[serde(skip)]
    pub(super) name: String,
    #[serde(skip)]
    pub(super) site: Site<Nas>,
}

/// A pool that has no disks yet; it cannot be added to a lab.
#[derive(Clone, Debug)]
pub struct PoolWithoutDisks {
    name: String,
    site: Site<Nas>,
}

/// A pool without a NAS.
#[derive(Clone, Debug)]
pub struct PoolOf(String);

impl Pool {
    /// The pool of this name: letters, digits, `_`, `-`, `.`, a letter first, at most 50 characters.
    ///
    /// # Panics
    /// On other names, and on those that ZFS or TrueNAS keep for themselves.
    #[must_use]
    #[track_caller]
    pub fn named(name: impl Into<String>) -> PoolOf {
        let name = name.into();
        let fine = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let reserved =
            ["log", "mirror", "raidz", "draid", "spare", "cache", "special", "dedup", "boot-pool", "freenas-boot"];
        assert!(
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(fine)
                && name.len() <= 50
                && !reserved.iter().any(|word| name == *word
                    || ["mirror", "raidz", "draid", "spare"].contains(word) && name.starts_with(word)),
            "`{name}` is no name for a pool: a letter first, then letters, digits, `_`, `-` and `.`, and none of ZFS's own words"
        );
        PoolOf(name)
    }
}

impl PoolOf {
    /// On this NAS.
    #[must_use]
    pub fn on(self, site: Site<Nas>) -> PoolWithoutDisks {
        PoolWithoutDisks { name: self.0, site }
    }
}

macro_rules! data {
    ($($(#[$doc:meta])* $name:ident: $width:ident = $layout:expr;)*) => {
        impl PoolWithoutDisks {
            $($(#[$doc])*
            #[must_use]
            #[track_caller]
            pub fn $name<D: $width>(self, disks: D) -> Pool {
                self.empty().row(Role::Data, $layout, disks.list())
            })*
        }
        impl Pool {
            $($(#[$doc])*
            /// One more of the same sort.
            ///
            /// # Panics
            /// When the pool's other data vdevs are of another layout, or disks are of another NAS.
            #[must_use]
            #[track_caller]
            pub fn $name<D: $width>(self, disks: D) -> Pool {
                self.row(Role::Data, $layout, disks.list())
            })*
        }
    };
}
data! {
    /// A mirror that holds data: all disks but one may fail.
    mirror: MirrorWidth = Layout::Mirror;
    /// A RAIDZ1 vdev: one disk may fail.
    raidz1: Raidz1Width = Layout::Raidz(1);
    /// A RAIDZ2 vdev: two disks may fail.
    raidz2: Raidz2Width = Layout::Raidz(2);
    /// A RAIDZ3 vdev: three disks may fail.
    raidz3: Raidz3Width = Layout::Raidz(3);
}

impl PoolWithoutDisks {
    fn empty(self) -> Pool {
        Pool {
            name: crate::resource::row::at_site(self.site, &self.name),
            pool: self.name,
            vdevs: BTreeMap::new(),
            count: Role::ALL.into_iter().map(|role| (role, 0)).collect(),
            encryption: None,
            unlocked: None,
            autotrim: None,
            marked: true,
            import: None,
            site: self.site,
        }
    }

    /// Disks without redundancy: when one fails, all is lost.
    #[must_use]
    #[track_caller]
    pub fn stripe_without_redundancy<const N: usize>(self, disks: [Disk; N]) -> Pool {
        const { assert!(N >= 1, "a pool needs a disk") };
        self.empty().row(Role::Data, Layout::Stripe, disks.into())
    }

    /// Several RAIDZ2 vdevs at once: `.raidz2_rows(rows::<6, 4, 24>(disks))`.
    #[must_use]
    #[track_caller]
    pub fn raidz2_rows<const WIDTH: usize, const ROWS: usize>(self, rows: [[Disk; WIDTH]; ROWS]) -> Pool
    where
        [Disk; WIDTH]: Raidz2Width,
    {
        const { assert!(ROWS >= 1, "a pool needs a vdev") };
        rows.into_iter().fold(self.empty(), |pool, disks| pool.raidz2(disks))
    }

    /// Several mirrors at once.
    #[must_use]
    #[track_caller]
    pub fn mirror_rows<const WIDTH: usize, const ROWS: usize>(self, rows: [[Disk; WIDTH]; ROWS]) -> Pool
    where
        [Disk; WIDTH]: MirrorWidth,
    {
        const { assert!(ROWS >= 1, "a pool needs a vdev") };
        rows.into_iter().fold(self.empty(), |pool, disks| pool.mirror(disks))
    }

    /// A dRAID vdev: groups of `DATA` disks and `PARITY` more, with the room of `SPARES` disks spread over all `N`.
    #[must_use]
    #[track_caller]
    pub fn draid<const PARITY: u8, const DATA: u8, const SPARES: u8, const N: usize>(self, disks: [Disk; N]) -> Pool {
        const {
            assert!(PARITY >= 1 && PARITY <= 3, "dRAID has one to three parities");
            assert!(DATA >= 1, "a dRAID group needs a disk of data");
            assert!(
                N >= PARITY as usize + DATA as usize + SPARES as usize,
                "a dRAID vdev has at least the disks of one group and its spares"
            );
        };
        self.empty().row(Role::Data, Layout::Draid { parity: PARITY, data: DATA, spares: SPARES }, disks.into())
    }
}

impl Pool {
    /// A separate intent log on a mirror (SLOG): synchronous writes wait for it instead of the data disks.
    #[must_use]
    #[track_caller]
    pub fn log_mirror<D: MirrorWidth>(self, disks: D) -> Self {
        self.row(Role::Log, Layout::Mirror, disks.list())
    }
    /// A separate intent log on one disk: if it fails together with the machine, the last seconds of durable writes are lost.
    #[must_use]
    #[track_caller]
    pub fn log(self, disk: Disk) -> Self {
        self.row(Role::Log, Layout::Stripe, vec![disk])
    }
    /// A second level of the read cache. It may fail.
    #[must_use]
    #[track_caller]
    pub fn cache<const N: usize>(self, disks: [Disk; N]) -> Self {
        const { assert!(N >= 1, "a cache needs a disk") };
        self.row(Role::Cache, Layout::Stripe, disks.into())
    }
    /// A mirror for metadata and small blocks. The pool is lost with it.
    #[must_use]
    #[track_caller]
    pub fn special_mirror<D: MirrorWidth>(self, disks: D) -> Self {
        self.row(Role::Special, Layout::Mirror, disks.list())
    }
    /// A mirror for the table of deduplication. The pool is lost with it.
    #[must_use]
    #[track_caller]
    pub fn dedup_mirror<D: MirrorWidth>(self, disks: D) -> Self {
        self.row(Role::Dedup, Layout::Mirror, disks.list())
    }
    /// Disks that stand in for one that fails. Each must be as large as the smallest data disk.
    ///
    /// # Panics
    /// With dRAID, which has its own.
    #[must_use]
    #[track_caller]
    pub fn spares<const N: usize>(self, disks: [Disk; N]) -> Self {
        const { assert!(N >= 1, "spares are disks") };
        let draid = self.vdevs.values().any(|vdev| matches!(vdev.layout, Layout::Draid { .. }));
        assert!(!draid, "dRAID has its spare room inside: `.draid::<PARITY, DATA, SPARES, N>(..)`");
        self.row(Role::Spare, Layout::Stripe, disks.into())
    }
    /// The root dataset, and with it everything that has no encryption of its own, is encrypted. It cannot be changed later.
    #[must_use]
    pub fn encrypted(mut self, encryption: Encryption) -> Self {
        (self.encryption, self.unlocked) = (Some(encryption), Some(true));
        self
    }
    /// Whether SSDs are told at once which blocks are free.
    #[must_use]
    pub fn autotrim(mut self, on: bool) -> Self {
        self.autotrim = Some(on);
        self
    }
    /// The pool exists on its disks, exported by another system, and is imported by its guid: never made anew.
    #[must_use]
    pub fn import(mut self, guid: u64) -> Self {
        self.import = Some(guid.to_string());
        self
    }

    #[track_caller]
    fn row(mut self, role: Role, layout: Layout, disks: Vec<Disk>) -> Self {
        let foreign = disks.iter().find(|disk| disk.site != self.site.name());
        if let Some(disk) = foreign {
            panic!(
                "disk {} is one of `{}`, and pool `{}` is on `{}`",
                disk.name,
                disk.site,
                self.pool,
                self.site.name()
            );
        }
        let vdev = Vdev::new(role, layout, disks);
        if let Some(other) = self.vdevs.values().find(|other| other.role == role && role.holds_the_pool()) {
            assert!(
                other.layout.word() == layout.word(),
                "the {role} vdevs of a pool are all of the same layout: this is {layout}, another one is {}",
                other.layout
            );
        }
        let many = role.holds_the_pool();
        let n = self.count.entry(role).or_default();
        assert!(many || *n == 0, "a pool has at most one row for {role}: name all its disks at once");
        *n += 1;
        let key = if many { format!("{role}{n}") } else { role.to_string() };
        self.vdevs.insert(key, vdev);
        self
    }

    /// All disks.
    pub(super) fn disks(&self) -> impl Iterator<Item = &DiskName> {
        self.vdevs.values().flat_map(|vdev| &vdev.disks)
    }
}
