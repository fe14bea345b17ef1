//! What Proxmox VE says when it refuses, and what that means.
//!
//! Nearly everything is a 500 with a text (pve-notes sections 5 and 14), so the meaning is in the wording. The wordings
//! here were all seen on a real 8.4.21 or read in its sources; they are matched nowhere else.
use std::{collections::BTreeMap, fmt};

/// A privilege that is missing on a path of the access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The path: `/vms/100`.
    pub path: String,
    /// The privilege: `VM.Config.Disk`.
    pub privilege: String,
}

/// What holds a guest so that the call could not have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The configuration says `lock: OWNER`: a clone, backup or migration, running or crashed.
    Guest {
        /// `clone`, `backup`, `migrate` and so on.
        owner: String,
    },
    /// Another call holds this lock file of the node: it goes away by itself.
    File {
        /// Its path.
        path: String,
    },
}

/// The answer of a call that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The whole message if the body had one, else the reason phrase.
    pub message: String,
    /// What is wrong with which parameter.
    pub parameters: BTreeMap<String, String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parameters.is_empty() {
            to.write_str(&self.message)?;
            // These two say nothing that the text does not say.
            return if matches!(self.status, 403 | 500) { Ok(()) } else { write!(to, " (status {})", self.status) };
        }
        let mut separator = ": ";
        to.write_str(self.message.trim_end_matches(['.', ':']))?;
        for (name, text) in &self.parameters {
            // "invalid format - format error\nnet0.tag: value must .." already names the parameter, on its last line.
            let last = text.trim().lines().last().unwrap_or_default().trim();
            let named = last.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(['.', ':']));
            if named {
                write!(to, "{separator}{last}")?
            } else {
                write!(to, "{separator}{name}: {}", one_line(text))?
            }
            separator = "; ";
        }
        Ok(())
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The privilege that a 403 names: "Permission check failed (/vms/100, VM.Config.Disk)".
pub(crate) fn missing_privilege(text: &str) -> Option<Missing> {
    let inside = text.split_once("Permission check failed (")?.1.split_once(')')?.0;
    let (path, privilege) = inside.rsplit_once(", ")?;
    let dotted = privilege.contains('.') && !privilege.contains(' ');
    dotted.then(|| Missing { path: path.to_owned(), privilege: privilege.to_owned() })
}

/// The lock that stood in the way.
pub(crate) fn lock(text: &str) -> Option<Lock> {
    if let Some((_, owner)) = text.split_once("is locked (") {
        return Some(Lock::Guest { owner: owner.split(')').next().unwrap_or_default().to_owned() });
    }
    if let Some((_, path)) = text.split_once("can't lock file '") {
        return Some(Lock::File { path: path.split('\'').next().unwrap_or_default().to_owned() });
    }
    // The cluster's own locks: "cfs-lock 'storage-nfs' error: got lock request timeout".
    let (_, name) = text.split_once("cfs-lock '")?;
    text.contains("timeout").then(|| Lock::File { path: name.split('\'').next().unwrap_or_default().to_owned() })
}

/// Whether the cluster has no quorum, so that nothing can be written.
pub(crate) fn no_quorum(text: &str) -> bool {
    text.contains("no quorum")
}

/// Whether an option was refused because only the user root@pam, and no token, may set it.
pub(crate) fn root_only(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("only root ") || text.contains("only allowed for root@pam")
}

/// Whether the configuration changed between reading and writing.
pub(crate) fn stale(text: &str) -> bool {
    // A download whose checksum differs says "checksum mismatch: got .."
    text.contains("checksum mismatch (file change") || text.contains("detected modified configuration")
}

/// Whether the id of a new guest is taken.
pub(crate) fn id_taken(text: &str) -> bool {
    let creating = text.contains("unable to create VM") || text.contains("unable to create CT");
    let exists = text.contains("already exists") || text.contains("config file already exists");
    exists && (creating || text.starts_with("VM ") || text.starts_with("CT "))
}

/// Whether the guest, storage, volume or other object does not exist.
pub(crate) fn missing(text: &str) -> bool {
    let names_it = text.contains("does not exist") || text.contains("not found") || text.contains("no such ");
    names_it || text.contains("unable to find configuration file")
}

/// Whether the guest agent does not answer, or not yet.
pub(crate) fn agent_silent(text: &str) -> bool {
    text.contains("guest agent is not running")
        || text.contains("No QEMU guest agent configured")
        || text.contains("is not running") && text.starts_with("VM ")
        || text.contains("qmp command 'guest-") && text.contains("failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_privilege_is_read_from_the_recorded_reasons() {
        for (reason, expected) in [
            ("Permission check failed (/vms/9000, VM.Audit)", Some(("/vms/9000", "VM.Audit"))),
            (
                "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)",
                Some(("/sdn/zones/localnetwork/vmbr0", "SDN.Use")),
            ),
            ("Permission check failed (, Pool.Allocate)", Some(("", "Pool.Allocate"))),
            ("Permission check failed (mount point type bind is only allowed for root@pam)", None),
            ("Permission check failed (pool 'parity-none' does not exist)", None),
            ("Permission check failed", None),
        ] {
            let expected = expected.map(|(path, privilege)| Missing { path: path.into(), privilege: privilege.into() });
            assert_eq!(missing_privilege(reason), expected, "{reason}");
        }
    }

    #[test]
    fn the_owner_of_a_lock_is_read() {
        assert_eq!(lock("VM is locked (clone)"), Some(Lock::Guest { owner: "clone".into() }));
        let file = "can't lock file '/var/lock/qemu-server/lock-7102.conf' - got timeout";
        assert_eq!(lock(file), Some(Lock::File { path: "/var/lock/qemu-server/lock-7102.conf".into() }));
        let storage = "cfs-lock 'storage-nfs' error: got lock request timeout";
        assert_eq!(lock(storage), Some(Lock::File { path: "storage-nfs".into() }));
        assert_eq!(lock("VM quit/powerdown failed - got timeout"), None);
    }

    #[test]
    fn recorded_wordings_mean_what_they_mean() {
        assert!(id_taken("unable to create VM 9000 - VM 9000 already exists on node 'pve'"));
        assert!(id_taken("unable to create VM 7073: config file already exists"));
        assert!(id_taken("VM 9000 already exists"));
        assert!(!id_taken("create pool failed: pool 'parity-pool' already exists"));
        assert!(missing("Configuration file 'nodes/pve/qemu-server/7001.conf' does not exist"));
        assert!(missing("unable to find configuration file for VM 999 on node 'pve'"));
        assert!(missing("no such user ('parity-nobody@pve')"));
        assert!(root_only("only root can set 'hostpci0' config for non-mapped devices"));
        assert!(root_only("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/x.pm line 1."));
        assert!(root_only("Permission check failed (mount point type bind is only allowed for root@pam)"));
        assert!(stale("checksum mismatch (file change by other user?)"));
        assert!(!stale("checksum mismatch: got '00' != expect '61'"));
        assert!(agent_silent("VM 7100 is not running"));
        assert!(agent_silent("VM 7100 qmp command 'guest-network-get-interfaces' failed - got timeout"));
        assert!(!agent_silent("VM 7100 already running"));
    }

    #[test]
    fn parameters_are_named_once_each() {
        let refusal = Refusal {
            status: 400,
            message: "Parameter verification failed.".into(),
            parameters: BTreeMap::from([
                ("memory".into(), "value must have a minimum value of 16".into()),
                (
                    "net0".into(),
                    "invalid format - format error\nnet0.tag: value must have a maximum value of 4094\n".into(),
                ),
                ("vmid".into(), "invalid format - value does not look like a valid VM ID\n".into()),
            ]),
        };
        assert_eq!(
            refusal.to_string(),
            "Parameter verification failed: memory: value must have a minimum value of 16; \
             net0.tag: value must have a maximum value of 4094; \
             vmid: invalid format - value does not look like a valid VM ID"
        );
    }
}
