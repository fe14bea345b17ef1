//! What only one resource may hold: a VMID, an address, a MAC, a host name, a port, a disk, a device.
use crate::{AnyHandle, output::NodeId};
use std::fmt;

pub(crate) const SECRET: &str = "secret";

/// Something that is taken by the resource that claims it; a second claim of the same thing is an error of assembly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    what: &'static str,
    within: String,
    value: String,
    machine: Option<NodeId>,
}

impl Claim {
    /// A thing of which there is one in the whole lab: `Claim::new("address", "192.168.0.202")`.
    #[must_use]
    pub fn new(what: &'static str, value: impl fmt::Display) -> Self {
        Claim { what, within: String::new(), value: value.to_string(), machine: None }
    }

    /// A secret of the store: whoever makes it claims it, and whoever has it in its specification comes after that.
    #[must_use]
    pub fn secret(secret: &crate::Secret) -> Self {
        Claim::new(SECRET, secret.name())
    }

    /// A thing of which there is one in each `scope`: a VMID in a cluster, a port on a host.
    #[must_use]
    pub fn within(mut self, scope: impl fmt::Display) -> Self {
        self.within = scope.to_string();
        self
    }

    /// A thing of which there is one in what another resource is: a port on a machine.
    #[must_use]
    pub fn on(mut self, machine: AnyHandle) -> Self {
        self.machine = Some(machine.0);
        self
    }

    /// The same, with the name of what it is on in place of its handle.
    pub(crate) fn settled<'k>(mut self, key: impl Fn(NodeId) -> Option<&'k str>) -> Self {
        if let Some(key) = self.machine.and_then(key) {
            self.within = key.to_owned();
        }
        self
    }

    /// What sort of thing it is, in the field's own word.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.value)?;
        if !self.within.is_empty() {
            write!(f, " of {}", self.within)?;
        }
        Ok(())
    }
}

/// A named semaphore: how many steps may do the same sort of thing at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    pub(crate) name: String,
    pub(crate) permits: usize,
}

impl Lock {
    /// One at a time.
    #[must_use]
    pub fn exclusive(name: impl Into<String>) -> Self {
        Lock { name: name.into(), permits: 1 }
    }

    /// Work during which name service, or what it can be needed for, may be away: a Pi that is switched to another system, a node that is
    /// restarted. One at a time in the whole lab, so that never both are.
    #[must_use]
    pub fn maintenance() -> Self {
        Lock::exclusive("maintenance")
    }

    /// At most `permits` at a time, at least one. All holders of a name should give the same number; the smallest counts.
    #[must_use]
    pub fn shared(name: impl Into<String>, permits: usize) -> Self {
        Lock { name: name.into(), permits: permits.max(1) }
    }
}
