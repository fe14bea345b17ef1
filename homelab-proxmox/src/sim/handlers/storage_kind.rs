//! Kinds of storage: which options each takes, and what it can hold.

/// One kind of storage.
pub(super) struct Kind {
    /// Options that must be given, and never change.
    pub(super) fixed: &'static [&'static str],
    /// Options that may be given once, and never change.
    pub(super) once: &'static [&'static str],
    /// Options that must be given and may change.
    pub(super) needed: &'static [&'static str],
    /// Options that may be given, changed and removed.
    pub(super) free: &'static [&'static str],
    /// What it can hold, and what it holds unless told.
    pub(super) holds: (&'static [&'static str], &'static str),
    /// Options that are kept elsewhere and never shown.
    pub(super) secret: &'static [&'static str],
    /// Whether its own directory is made up when none is given.
    pub(super) mounts: bool,
}

const FILES: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];
const SHARED_FILES: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];
const CEPH_FILES: &[&str] = &["vztmpl", "iso", "backup", "snippets", "import"];
const DISKS: &[&str] = &["images", "rootdir"];
const IMAGES: &[&str] = &["images", "none"];

const NOTHING: Kind = Kind {
    fixed: &[],
    once: &[],
    needed: &[],
    free: &["nodes", "disable"],
    holds: (DISKS, "images"),
    secret: &[],
    mounts: false,
};

/// The kind of that name.
pub(super) fn kind(name: &str) -> Kind {
    match name {
        "dir" => Kind {
            fixed: &["path"],
            free: &[
                "content",
                "content-dirs",
                "nodes",
                "shared",
                "disable",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "format",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "is_mountpoint",
                "bwlimit",
                "preallocation",
                "snapshot-as-volume-chain",
            ],
            holds: (FILES, "images,rootdir"),
            ..NOTHING
        },
        "btrfs" => Kind {
            fixed: &["path"],
            free: &[
                "content",
                "nodes",
                "shared",
                "disable",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "format",
                "is_mountpoint",
                "nocow",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "preallocation",
            ],
            holds: (FILES, "images,rootdir"),
            ..NOTHING
        },
        "nfs" => Kind {
            fixed: &["path", "server", "export"],
            free: &[
                "content",
                "content-dirs",
                "nodes",
                "disable",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "options",
                "format",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "bwlimit",
                "preallocation",
                "snapshot-as-volume-chain",
            ],
            holds: (SHARED_FILES, "images"),
            mounts: true,
            ..NOTHING
        },
        "cifs" => Kind {
            fixed: &["path", "server", "share"],
            free: &[
                "content",
                "content-dirs",
                "subdir",
                "nodes",
                "disable",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "format",
                "username",
                "password",
                "domain",
                "smbversion",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "bwlimit",
                "preallocation",
                "options",
                "snapshot-as-volume-chain",
            ],
            holds: (SHARED_FILES, "images"),
            secret: &["password"],
            mounts: true,
            ..NOTHING
        },
        "glusterfs" => Kind {
            fixed: &["volume"],
            free: &[
                "path",
                "server",
                "server2",
                "transport",
                "content",
                "content-dirs",
                "nodes",
                "disable",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "format",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "bwlimit",
                "preallocation",
            ],
            holds: (SHARED_FILES, "images"),
            mounts: true,
            ..NOTHING
        },
        "cephfs" => Kind {
            fixed: &["path"],
            free: &[
                "content",
                "content-dirs",
                "monhost",
                "nodes",
                "subdir",
                "disable",
                "options",
                "username",
                "format",
                "mkdir",
                "create-base-path",
                "create-subdirs",
                "fuse",
                "bwlimit",
                "maxfiles",
                "keyring",
                "prune-backups",
                "max-protected-backups",
                "fs-name",
            ],
            holds: (CEPH_FILES, "backup"),
            secret: &["keyring"],
            mounts: true,
            ..NOTHING
        },
        "lvm" => Kind {
            fixed: &["vgname"],
            once: &["base"],
            free: &[
                "content",
                "nodes",
                "shared",
                "disable",
                "saferemove",
                "saferemove_throughput",
                "tagged_only",
                "bwlimit",
                "snapshot-as-volume-chain",
            ],
            ..NOTHING
        },
        "lvmthin" => Kind {
            fixed: &["thinpool", "vgname"],
            free: &["content", "nodes", "disable", "bwlimit"],
            holds: (DISKS, "images,rootdir"),
            ..NOTHING
        },
        "zfspool" => Kind {
            fixed: &["pool"],
            free: &["content", "blocksize", "sparse", "nodes", "disable", "bwlimit", "mountpoint"],
            holds: (DISKS, "images,rootdir"),
            ..NOTHING
        },
        "rbd" => Kind {
            free: &[
                "content",
                "nodes",
                "disable",
                "monhost",
                "pool",
                "data-pool",
                "namespace",
                "username",
                "krbd",
                "keyring",
                "bwlimit",
            ],
            secret: &["keyring"],
            ..NOTHING
        },
        "iscsi" | "iscsidirect" => Kind {
            fixed: &["portal", "target"],
            free: &["content", "nodes", "disable", "bwlimit"],
            holds: (IMAGES, "images"),
            ..NOTHING
        },
        "zfs" => Kind {
            fixed: &["portal", "target", "pool", "blocksize", "iscsiprovider"],
            free: &[
                "content",
                "nodes",
                "disable",
                "nowritecache",
                "sparse",
                "comstar_hg",
                "comstar_tg",
                "lio_tpg",
                "bwlimit",
                "zfs-base-path",
            ],
            holds: (&["images"], "images"),
            ..NOTHING
        },
        "pbs" => Kind {
            fixed: &["server", "datastore"],
            free: &[
                "content",
                "namespace",
                "port",
                "nodes",
                "disable",
                "username",
                "password",
                "encryption-key",
                "master-pubkey",
                "maxfiles",
                "prune-backups",
                "max-protected-backups",
                "fingerprint",
            ],
            holds: (&["backup", "none"], "backup"),
            secret: &["password", "encryption-key", "master-pubkey"],
            ..NOTHING
        },
        "esxi" => Kind {
            needed: &["server", "username"],
            free: &["content", "nodes", "shared", "disable", "password", "skip-cert-verification", "port"],
            holds: (&["import"], "import"),
            secret: &["password"],
            ..NOTHING
        },
        _ => NOTHING,
    }
}

impl Kind {
    /// Whether it takes an option at all.
    pub(super) fn knows(&self, option: &str) -> bool {
        self.required(option) || self.once.contains(&option) || self.free.contains(&option)
    }

    /// Whether an option must be there.
    pub(super) fn required(&self, option: &str) -> bool {
        self.fixed.contains(&option) || self.needed.contains(&option)
    }

    /// Whether an option never changes.
    pub(super) fn is_fixed(&self, option: &str) -> bool {
        self.fixed.contains(&option) || self.once.contains(&option)
    }
}
