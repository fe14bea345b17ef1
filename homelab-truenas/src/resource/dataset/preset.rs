//! Properties by purpose.
use super::property::{Compression, Properties, Property, Sync};
use homelab_core::units::Size;

/// What a dataset is for. A preset declares properties; each can be declared otherwise afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Large files that are written once: films, pictures, music.
    Media,
    /// Databases that write pages of 8 or 16 KiB and want them on disk.
    Databases,
    /// Images of virtual machines.
    VmImages,
    /// Backups and archives: much, seldom read.
    Backups,
    /// Volumes of Kubernetes, of which nobody knows what is in them.
    Kubernetes,
    /// Backups of Macs: stripes of 8 MiB over SMB, with the ACLs that SMB wants.
    TimeMachine,
}

impl Preset {
    /// What it declares.
    #[must_use]
    pub(crate) fn properties(self) -> Properties {
        let (record, compression, more): (Size, Compression, Vec<(&'static str, Property)>) = match self {
            Preset::Media => (Size::mib(1), Compression::Lz4, vec![]),
            Preset::Databases => (Size::kib(16), Compression::Lz4, vec![("sync", Sync::Always.into())]),
            Preset::VmImages => (Size::kib(64), Compression::Lz4, vec![]),
            Preset::Backups => (Size::mib(1), Compression::Zstd(9), vec![]),
            Preset::Kubernetes => (Size::kib(128), Compression::Lz4, vec![]),
            Preset::TimeMachine => (Size::mib(1), Compression::Lz4, smb_acl()),
        };
        let first = [("recordsize", record.into()), ("compression", compression.into()), ("atime", false.into())];
        first.into_iter().chain(more).collect()
    }
}

/// What `share_type: SMB` would set without telling (truenas-notes section 7).
fn smb_acl() -> Vec<(&'static str, Property)> {
    vec![("acltype", "NFSV4".into()), ("aclmode", "RESTRICTED".into())]
}
