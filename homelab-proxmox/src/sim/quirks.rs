//! What is odd about Proxmox VE, each with its source.

/// A refused login is answered late, in milliseconds (pve-notes sections 1 and 14).
pub(crate) const REFUSAL_DELAY: u64 = 3_000;

/// How long a call waits for a guest's lock, in milliseconds (section 7).
pub(crate) const LOCK_WAIT: u64 = 10_000;

/// How long a clone waits for its source's lock, in milliseconds (section 7).
pub(crate) const CLONE_LOCK_WAIT: u64 = 1_000;

/// The status daemon refreshes the figures of guests in this rhythm, in milliseconds; until then a new guest shows as
/// `unknown` in `/cluster/resources` and pools (section 14).
pub(crate) const FIGURES_EVERY: u64 = 10_000;

/// A worker of the API keeps figures that it has read for about so long, in milliseconds; recorded in pool-life, where
/// one worker knew the guest and another, asked right after, did not yet.
pub(crate) const FIGURES_KEPT: u64 = 15_000;

/// Shutting down waits so long unless the call or the guest's startup options say otherwise, in seconds.
pub(crate) const SHUTDOWN_WAIT: u64 = 60;

/// An enabled agent that does not answer costs so much of a shutdown, in milliseconds (section 14).
pub(crate) const DEAD_AGENT_DELAY: u64 = 3_000;

/// Agent exec of a missing program is answered with 596 after so many milliseconds (section 14).
pub(crate) const EXEC_MISSING_DELAY: u64 = 5_000;

/// A connection attempt to a node that is down, in milliseconds, before 595 (section 5).
pub(crate) const CONNECT_DELAY: u64 = 5_000;

/// The wording of a lock timeout (section 7).
pub(crate) fn lock_timeout(lxc: bool, vmid: u32) -> String {
    let path = if lxc {
        format!("/run/lock/lxc/pve-config-{vmid}.lock")
    } else {
        format!("/var/lock/qemu-server/lock-{vmid}.conf")
    };
    format!("can't lock file '{path}' - got timeout")
}

/// The wording where a virtual machine is looked for by its process.
pub(crate) fn no_config(node: &str, vmid: u32) -> String {
    format!("unable to find configuration file for VM {vmid} on node '{node}'")
}

/// The wording of a missing guest: 500, not 404 (section 5).
pub(crate) fn missing_guest(node: &str, lxc: bool, vmid: u32) -> String {
    let folder = if lxc { "lxc" } else { "qemu-server" };
    format!("Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
}

/// How long a replication job that was taken away stays in the list, in milliseconds: nodes look at their jobs once a minute.
pub(crate) const REPLICATION_ROUND: u64 = 60_000;

/// A stale digest of a QEMU guest (section 14: not the wording of the others).
pub(crate) const STALE_QEMU: &str = "checksum mismatch (file change by other user?)";

/// A stale digest of a container, a storage, a mapping, the firewall (section 14).
pub(crate) const STALE_FILE: &str = "detected modified configuration - file changed by other user? Try again.";

/// Options that only root@pam itself may pass (section 3; tokens of root@pam are not root@pam).
pub(crate) const ONLY_ROOT: &str = "Only root may use this option.";
