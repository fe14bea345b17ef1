//! Volumes and directories of containers: `rootfs`, `mpN`.
use crate::api::{
    DiskSize,
    property::{ConfigError, ConfigString, Options, Other, Printer, as_text, unless},
};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// What is mounted: `local-lvm:vm-202-disk-1,mp=/data,size=100G`, or a directory of the node, `/tank/media,mp=/media`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// A volume's id, `STORE:GIB` for one to be made, or an absolute path of the node.
    pub source: String,
    /// Where it is mounted; the root file system has none.
    pub path: Option<String>,
    /// Its size, read back only: changing it does nothing.
    pub size: Option<DiskSize>,
    /// Whether backups take it. Absent: no, but for the root.
    pub backup: Option<bool>,
    /// Whether it can only be read. Absent: no.
    pub read_only: Option<bool>,
    /// Whether all nodes see it alike, so that it does not keep the container from moving.
    pub shared: Option<bool>,
    /// Options that are not modelled here.
    pub other: Other,
}

impl Mount {
    /// Something mounted somewhere.
    pub fn of(source: impl Into<String>, path: Option<String>) -> Self {
        let source = source.into();
        Mount { source, path, size: None, backup: None, read_only: None, shared: None, other: Other::new() }
    }

    /// A volume of this size that is made on a storage.
    pub fn allocate(storage: &str, size: DiskSize, path: Option<String>) -> Self {
        Mount::of(format!("{storage}:{}", size.as_gib()), path)
    }

    /// Whether it is a directory or device of the node and no volume.
    #[must_use]
    pub fn is_bind(&self) -> bool {
        self.source.starts_with('/')
    }

    /// The storage of the volume.
    #[must_use]
    pub fn storage(&self) -> Option<&str> {
        if self.is_bind() { None } else { self.source.split_once(':').map(|(storage, _)| storage) }
    }
}

impl ConfigString for Mount {
    fn canonical(&self) -> Self {
        Mount {
            backup: unless(&false, self.backup),
            read_only: unless(&false, self.read_only),
            shared: unless(&false, self.shared),
            ..self.clone()
        }
    }
}

impl Display for Mount {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = match &self.path {
            Some(path) => Printer::new().first(format_args!("{},mp={path}", self.source)),
            None => Printer::new().first(&self.source),
        };
        printer
            .set("size", self.size)
            .flag("backup", self.backup)
            .flag("ro", self.read_only)
            .flag("shared", self.shared)
            .print(&self.other, to)
    }
}

impl FromStr for Mount {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut options = Options::read("mount point", text, "volume")?;
        Ok(Mount {
            source: options.required(&["volume"])?,
            path: options.take("mp"),
            size: options.parsed("size")?,
            backup: options.flag("backup")?,
            read_only: options.flag("ro")?,
            shared: options.flag("shared")?,
            other: options.other(),
        })
    }
}
as_text!(Mount);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_directories_print_and_parse() {
        let volume: Mount = "local-lvm:vm-202-disk-1,mp=/data,backup=1,size=100G".parse().unwrap();
        assert_eq!(volume.to_string(), "local-lvm:vm-202-disk-1,mp=/data,backup=1,size=100G");
        assert_eq!((volume.storage(), volume.is_bind()), (Some("local-lvm"), false));
        let bind: Mount = "/mnt/pve/storage,mp=/data,shared=1".parse().unwrap();
        assert_eq!((bind.storage(), bind.is_bind()), (None, true));
        let new = Mount::allocate("local-lvm", DiskSize::gib(8), Some("/srv".into()));
        assert_eq!(new.to_string(), "local-lvm:8,mp=/srv");
    }
}
