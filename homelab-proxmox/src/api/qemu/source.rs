//! What a disk slot holds: nothing, a volume that is there, or one to be made.
use crate::api::{
    property::ConfigError,
    size::{DiskSize, GIB_BYTES, decimal_times},
    volume::{VolumeId, is_storage_id},
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// The first part of a disk's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskSource {
    /// `none`: an empty CD drive.
    Empty,
    /// `cdrom`: the node's own drive.
    HostDrive,
    /// `STORE:4`: make a new volume. The number is in GiB on the wire. Size 0 goes with `import-from`.
    Allocate {
        /// The storage to make it on.
        storage: String,
        /// Its size.
        size: DiskSize,
    },
    /// `STORE:cloudinit`: make the drive that carries the cloud-init settings.
    CloudInit {
        /// The storage to make it on.
        storage: String,
    },
    /// A volume that exists.
    Volume(VolumeId),
    /// Anything else, kept as it is: a path of the node, which only root may give.
    Path(String),
}

impl DiskSource {
    /// A new volume of `size` on `storage`.
    pub fn allocate(storage: impl Into<String>, size: DiskSize) -> Self {
        DiskSource::Allocate { storage: storage.into(), size }
    }

    /// The volume, if one is there.
    #[must_use]
    pub fn volume(&self) -> Option<&VolumeId> {
        match self {
            DiskSource::Volume(volume) => Some(volume),
            _ => None,
        }
    }

    /// The storage that is named, if any.
    #[must_use]
    pub fn storage(&self) -> Option<&str> {
        match self {
            DiskSource::Allocate { storage, .. } | DiskSource::CloudInit { storage } => Some(storage),
            DiskSource::Volume(volume) => Some(&volume.storage),
            _ => None,
        }
    }

    /// Whether this is a cloud-init drive, to be made or made by the server (`vm-ID-cloudinit`).
    #[must_use]
    pub fn is_cloud_init(&self) -> bool {
        match self {
            DiskSource::CloudInit { .. } => true,
            DiskSource::Volume(volume) => {
                let file = volume.name.rsplit('/').next().unwrap_or_default();
                let stem = file.split('.').next().unwrap_or_default();
                stem.starts_with("vm-") && stem.ends_with("-cloudinit")
            }
            _ => false,
        }
    }
}

impl Display for DiskSource {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiskSource::Empty => to.write_str("none"),
            DiskSource::HostDrive => to.write_str("cdrom"),
            DiskSource::Allocate { storage, size } => write!(to, "{storage}:{}", size.as_gib()),
            DiskSource::CloudInit { storage } => write!(to, "{storage}:cloudinit"),
            DiskSource::Volume(volume) => volume.fmt(to),
            DiskSource::Path(path) => to.write_str(path),
        }
    }
}

impl FromStr for DiskSource {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text.is_empty() || text.contains(',') {
            return Err(ConfigError::new("disk's volume", text, "write it as STORAGE:NAME or STORAGE:GIB"));
        }
        Ok(match text {
            "none" => DiskSource::Empty,
            "cdrom" => DiskSource::HostDrive,
            _ => match text.split_once(':') {
                Some((storage, "cloudinit")) if is_storage_id(storage) => {
                    DiskSource::CloudInit { storage: storage.to_owned() }
                }
                Some((storage, gib)) if is_storage_id(storage) => match decimal_times(gib, GIB_BYTES) {
                    Some(bytes) => DiskSource::allocate(storage, DiskSize::bytes(bytes)),
                    None => text.parse().map_or_else(|_| DiskSource::Path(text.to_owned()), DiskSource::Volume),
                },
                _ => DiskSource::Path(text.to_owned()),
            },
        })
    }
}
