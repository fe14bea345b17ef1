//! What a container is declared to have: its root, what is mounted, devices; and whether it nests.
use homelab_core::{Field, units::Size};
use serde::Serialize;

/// A container that runs no containers itself.
#[derive(Clone, Copy, Debug)]
pub enum Plain {}
/// A container that may run containers itself, such as Docker's.
#[derive(Clone, Copy, Debug)]
pub enum Nested {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Plain {}
    impl Sealed for super::Nested {}
}

/// Whether a container may run containers itself: [`Plain`] or [`Nested`].
pub trait Nesting: sealed::Sealed + 'static {
    #[doc(hidden)]
    const NESTS: bool;
}
impl Nesting for Plain {
    const NESTS: bool = false;
}
impl Nesting for Nested {
    const NESTS: bool = true;
}

/// The volume with the system.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Root {
    pub(super) size: Option<Size>,
    pub(super) storage: Option<&'static str>,
}

/// Something that is mounted: a volume with a size, or a directory of the node.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MountSpec {
    /// The directory of the node; cleared for a volume.
    pub(super) source: Field<String>,
    pub(super) size: Option<Size>,
    pub(super) storage: Option<&'static str>,
    pub(super) backup: Option<bool>,
    pub(super) read_only: Option<bool>,
    pub(super) data: Option<bool>,
}

impl MountSpec {
    pub(super) fn volume(size: Size, data: bool) -> MountSpec {
        MountSpec {
            source: Field::Cleared,
            size: Some(size),
            storage: None,
            backup: Some(data),
            read_only: None,
            data: Some(data),
        }
    }

    pub(super) fn bind(source: String, read_only: bool) -> MountSpec {
        MountSpec {
            source: Field::Set(source),
            size: None,
            storage: None,
            backup: None,
            read_only: Some(read_only),
            data: None,
        }
    }
}

/// A device of the node.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct DeviceSpec {
    /// The group inside that may use it.
    pub(super) gid: Option<u32>,
}
