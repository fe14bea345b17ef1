//! What can be said along with a call on a guest.
use super::Slot;
use crate::client::Params;
use std::fmt::Display;

/// A change of a guest's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    set: Params,
    delete: Vec<String>,
    revert: Vec<String>,
    digest: Option<String>,
    force: bool,
}

impl Change {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an option.
    #[must_use]
    pub fn set(mut self, key: impl Display, value: impl Display) -> Self {
        self.set = self.set.set(key.to_string(), value);
        self
    }

    /// Sets a switch.
    #[must_use]
    pub fn flag(self, key: impl Display, on: bool) -> Self {
        self.set(key, u8::from(on))
    }

    /// Removes an option. A disk stays as `unusedN`; an `unusedN` is destroyed. Do not delete what nobody asked to be
    /// deleted: some options only root may touch, even to delete what is not there (pve-notes section 3).
    #[must_use]
    pub fn delete(mut self, key: impl Display) -> Self {
        self.delete.push(key.to_string());
        self
    }

    /// Takes back a pending change.
    #[must_use]
    pub fn revert(mut self, key: impl Display) -> Self {
        self.revert.push(key.to_string());
        self
    }

    /// Has the server refuse if the configuration is no longer the one with this digest.
    #[must_use]
    pub fn if_still(mut self, digest: Option<&str>) -> Self {
        self.digest = digest.map(str::to_owned);
        self
    }

    /// Destroys the volumes of deleted disks at once instead of leaving them as `unusedN`.
    #[must_use]
    pub fn destroying_disks(mut self) -> Self {
        self.force = true;
        self
    }

    /// Whether it changes nothing: the server refuses that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty() && self.revert.is_empty()
    }

    pub(in crate::api) fn params(&self) -> Params {
        let list = |keys: &[String]| (!keys.is_empty()).then(|| keys.join(","));
        self.set
            .clone()
            .maybe("delete", list(&self.delete))
            .maybe("revert", list(&self.revert))
            .switch("force", self.force && !self.delete.is_empty())
            .maybe("digest", self.digest.as_ref())
    }
}

/// How a guest is cloned. The call goes to the node of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneOptions {
    /// The name of the clone; `Copy-of-VM-NAME` without one.
    pub name: Option<String>,
    /// Whether disks are copied. Absent: linked for a template, copied otherwise.
    pub full: Option<bool>,
    /// The storage for copied disks; with a linked clone the server refuses it.
    pub storage: Option<String>,
    /// The file format of copied disks.
    pub format: Option<String>,
    /// Another node for the clone; all disks must then be on shared storage.
    pub target: Option<String>,
    /// The pool for the clone; a token with rights only there must name it.
    pub pool: Option<String>,
    /// The notes of the clone; absent: those of the source.
    pub description: Option<String>,
}

impl CloneOptions {
    pub(super) fn params(&self, newid: u32) -> Params {
        Params::new()
            .set("newid", newid)
            .maybe("name", self.name.as_ref())
            .maybe("full", self.full.map(u8::from))
            .maybe("storage", self.storage.as_ref())
            .maybe("format", self.format.as_ref())
            .maybe("target", self.target.as_ref())
            .maybe("pool", self.pool.as_ref())
            .maybe("description", self.description.as_ref())
    }
}

/// How a disk is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveOptions {
    /// The disk.
    pub disk: Slot,
    /// The storage to move it to.
    pub storage: String,
    /// The file format there.
    pub format: Option<String>,
    /// Whether the old volume is removed afterwards; otherwise it stays as `unusedN`.
    pub delete: bool,
}

impl MoveOptions {
    pub(super) fn params(&self, digest: Option<&str>) -> Params {
        Params::new()
            .set("disk", self.disk)
            .set("storage", &self.storage)
            .maybe("format", self.format.as_ref())
            .switch("delete", self.delete)
            .maybe("digest", digest)
    }
}

/// How a guest is asked to shut down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShutdownOptions {
    /// Seconds to wait; absent: the server's own 180.
    pub timeout: Option<u32>,
    /// Whether it is stopped hard if it has not shut down by then.
    pub force_stop: bool,
}

impl ShutdownOptions {
    pub(in crate::api) fn params(self) -> Params {
        Params::new().maybe("timeout", self.timeout).switch("forceStop", self.force_stop)
    }
}

/// How a guest is moved to another node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrateOptions {
    /// The node.
    pub target: String,
    /// Whether a running guest goes on running.
    pub online: bool,
    /// Whether disks on local storage are copied along.
    pub with_local_disks: bool,
    /// The storage for them on the other node; absent: the one of the same name.
    pub target_storage: Option<String>,
}

impl MigrateOptions {
    pub(super) fn params(&self) -> Params {
        Params::new()
            .set("target", &self.target)
            .switch("online", self.online)
            .switch("with-local-disks", self.with_local_disks)
            .maybe("targetstorage", self.target_storage.as_ref())
    }
}

/// What goes along with a guest that is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DestroyOptions {
    /// Also out of backup jobs, replication and high availability; a member of the latter is not removed without it.
    pub purge: bool,
    /// Also volumes with its number that its configuration does not name.
    pub unreferenced_disks: bool,
}

impl DestroyOptions {
    pub(in crate::api) fn params(self) -> Params {
        Params::new().switch("purge", self.purge).switch("destroy-unreferenced-disks", self.unreferenced_disks)
    }
}
