//! How a dataset is declared.
use super::{
    Preset, Property, Sync,
    property::{Compression, Properties},
};
use crate::{
    Nas,
    resource::{Pool, encryption::Encryption},
};
use homelab_core::{AnyHandle, Field, Handle, Output, Site, Text, text, units::Size};
use serde::Serialize;

/// Where a dataset lies: in a pool or in another dataset. A dataset without either cannot be written.
#[derive(Clone, Debug)]
pub struct Within {
    pub(crate) site: Site<Nas>,
    pub(crate) handle: AnyHandle,
    /// `bulk/media`.
    pub(crate) dataset: Text,
    /// `/mnt/bulk/media`.
    pub(crate) path: Text,
    /// How many bytes can be written there.
    pub(crate) room: Output<u64>,
}

/// What a dataset, and all that belongs to one, can lie in.
#[diagnostic::on_unimplemented(
    message = "nothing can lie in `{Self}`",
    label = "a dataset lies in a pool or in another dataset, and so do shares and tasks",
    note = "hand it what `lab.add(Pool::named(..)..)` or `lab.add(Dataset::of(..)..)` gave back"
)]
pub trait Parent {
    /// Where that is.
    fn within(self) -> Within;
}

impl Parent for Handle<Pool> {
    fn within(self) -> Within {
        Within {
            site: self.site(),
            handle: self.into(),
            dataset: self.name().into(),
            path: self.path().into(),
            room: self.available(),
        }
    }
}
impl Parent for Handle<Dataset> {
    fn within(self) -> Within {
        Within {
            site: self.site(),
            handle: self.into(),
            dataset: self.dataset().into(),
            path: self.path().into(),
            room: self.available(),
        }
    }
}

/// A file system.
///
/// ```
/// # use homelab_core::{Lab, Site, units::SizeUnits};
/// # use homelab_truenas::{Nas, Dataset, Pool, resource::Preset, topology::NasDisks};
/// # const NAS: Site<Nas> = Site::named("nas");
/// # let mut lab = Lab::named("home");
/// let bulk = lab.add(Pool::named("bulk").on(NAS).mirror(NAS.disks(["A", "B"])));
/// let media = lab.add(Dataset::of(bulk, "media").preset(Preset::Media).quota(4096.gib()));
/// ```
///
/// - Only what is declared is sent and compared. [`inherit`](Dataset::inherit) declares that a property has no value of its own.
/// - It is protected: a plan that would delete it is refused until its key is allowed, and names the shares and tasks that go with it.
/// - It is marked by a ZFS user property, which survives an export of the pool and a lost configuration.
#[derive(Debug, Serialize)]
pub struct Dataset {
    pub(super) dataset: Text,
    pub(super) properties: Properties,
    pub(super) quota: Field<Size>,
    pub(super) refquota: Field<Size>,
    pub(super) reservation: Field<Size>,
    pub(super) comments: Field<String>,
    pub(super) case_sensitive: Option<bool>,
    pub(super) encryption: Option<Encryption>,
    pub(super) locked: Option<bool>,
    #[serde(skip)]
    pub(super) name: String,
    #[serde(skip)]
    pub(super) within: Within,
}

impl Dataset {
    /// The dataset of this name in a pool or another dataset.
    ///
    /// # Panics
    /// When the name is not one of ZFS: letters, digits, and `_`, `-`, `.`, `:`, not starting with a sign.
    #[must_use]
    #[track_caller]
    pub fn of(within: impl Parent, name: impl Into<String>) -> Dataset {
        let (within, name) = (within.within(), name.into());
        assert!(
            is_name(&name),
            "`{name}` is no name of a dataset: letters, digits, `_`, `-`, `.` and `:`, and a letter or digit first; each level is a \
             dataset of its own"
        );
        Dataset {
            dataset: text![within.dataset.clone(), "/", name.clone()],
            properties: Properties::new(),
            quota: Field::Unmanaged,
            refquota: Field::Unmanaged,
            reservation: Field::Unmanaged,
            comments: Field::Unmanaged,
            case_sensitive: None,
            encryption: None,
            locked: None,
            name,
            within,
        }
    }

    /// Declares the properties that suit a purpose.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.properties.extend(preset.properties());
        self
    }

    /// The largest block: 512 B to 16 MiB, a power of two.
    ///
    /// # Panics
    /// On other sizes.
    #[must_use]
    #[track_caller]
    pub fn record_size(self, size: Size) -> Self {
        let bytes = size.as_bytes();
        assert!(
            bytes.is_power_of_two() && (512..=16 << 20).contains(&bytes),
            "a record size is a power of two from 512 B to 16 MiB"
        );
        self.set("recordsize", size)
    }
    /// How hard it is compressed.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        self.set("compression", compression)
    }
    /// Whether reading a file writes down when it was read.
    #[must_use]
    pub fn access_times(self, on: bool) -> Self {
        self.set("atime", on)
    }
    /// Whether programs in it can be run.
    #[must_use]
    pub fn executable(self, on: bool) -> Self {
        self.set("exec", on)
    }
    /// When a durable write counts as done.
    #[must_use]
    pub fn sync(self, sync: Sync) -> Self {
        self.set("sync", sync)
    }
    /// Whether nothing can be written to it.
    #[must_use]
    pub fn read_only(self, on: bool) -> Self {
        self.set("readonly", on)
    }
    /// Whether `.zfs` with the snapshots shows in listings.
    #[must_use]
    pub fn snapshots_visible(self, on: bool) -> Self {
        self.set("snapdir", if on { "VISIBLE" } else { "HIDDEN" })
    }
    /// ACLs as SMB and NFS 4 have them, kept when a file's mode is changed.
    #[must_use]
    pub fn nfs4_acls(self) -> Self {
        // The two belong together: others are refused or strip ACLs (truenas-notes section 7).
        self.set("acltype", "NFSV4").set("aclmode", "PASSTHROUGH")
    }
    /// ACLs as Linux has them.
    #[must_use]
    pub fn posix_acls(self) -> Self {
        self.set("acltype", "POSIX").set("aclmode", "DISCARD")
    }
    /// Declares that a property has no value of its own.
    ///
    /// # Panics
    /// On a name that is not one of the properties that can be declared.
    #[must_use]
    #[track_caller]
    pub fn inherit(mut self, property: &str) -> Self {
        let name = super::property::NAMES.into_iter().find(|name| *name == property);
        let name = name.unwrap_or_else(|| {
            panic!("`{property}` is not one of the properties that are managed: {}", super::property::NAMES.join(", "))
        });
        self.properties.insert(name, Property::Inherit);
        self
    }
    fn set(mut self, name: &'static str, value: impl Into<Property>) -> Self {
        self.properties.insert(name, value.into());
        self
    }

    /// The most that it and what is in it may take, snapshots included. At least 1 GiB; nothing at all with [`Field::Cleared`].
    ///
    /// # Panics
    /// Below 1 GiB, which the NAS refuses.
    #[must_use]
    #[track_caller]
    pub fn quota(mut self, quota: impl Into<Field<Size>>) -> Self {
        self.quota = checked(quota.into());
        self
    }
    /// The most that it alone may take, without snapshots and children.
    ///
    /// # Panics
    /// Below 1 GiB, which the NAS refuses.
    #[must_use]
    #[track_caller]
    pub fn own_quota(mut self, quota: impl Into<Field<Size>>) -> Self {
        self.refquota = checked(quota.into());
        self
    }
    /// What is kept free for it.
    #[must_use]
    pub fn reservation(mut self, reservation: impl Into<Field<Size>>) -> Self {
        self.reservation = reservation.into();
        self
    }
    /// Words for people.
    #[must_use]
    pub fn comments(mut self, comments: impl Into<String>) -> Self {
        self.comments = Field::Set(comments.into());
        self
    }
    /// Whether `A` and `a` are the same name. Set when it is made; it cannot be changed.
    #[must_use]
    pub fn case_sensitive(mut self, on: bool) -> Self {
        self.case_sensitive = Some(on);
        self
    }
    /// Encrypted with a key of its own. Set when it is made; it cannot be changed.
    #[must_use]
    pub fn encrypted(mut self, encryption: Encryption) -> Self {
        (self.encryption, self.locked) = (Some(encryption), Some(false));
        self
    }
}

#[track_caller]
fn checked(quota: Field<Size>) -> Field<Size> {
    let enough = quota.as_set().is_none_or(|size| size.as_bytes() >= 1 << 30);
    assert!(enough, "the NAS takes no quota below 1 GiB");
    quota
}

/// Whether it is the name of one level.
pub(crate) fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    name.len() <= 200 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fine)
}
