//! Which credential a change needs, as a person is told: a token does nearly everything, some things are root's own (pve-notes section 3).
use homelab_core::plan::Note;

/// What only root@pam itself may do, logged in with a password: no token, of whatever rights, not even one of root's.
pub(crate) fn root_ticket(what: &[String], root: bool) -> Vec<Note> {
    if what.is_empty() {
        return vec![];
    }
    let what = what.join(", and ");
    if root {
        return vec![Note::info(format!("as root@pam itself, for no token may: {what}"))];
    }
    vec![
        Note::refused(format!("no API token may do this, whatever its rights: {what}")).hint(
            "give PROXMOX_USERNAME=root@pam and PROXMOX_PASSWORD in place of the token for this run, or set it by hand on the node \
             as root (`pct set`, `qm set`) and plan again",
        ),
    ]
}
