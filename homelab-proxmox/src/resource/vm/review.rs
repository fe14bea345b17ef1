//! What a person must know of a planned change, and what forbids it. Pure.
use super::{
    Source, Spec, VmState,
    state::{BOOT, hotplugs},
};
use crate::api::qemu::Slot;
use homelab_core::{
    Field,
    plan::{Action, Change, Note},
    units::Size,
};

/// The word in the mark of a guest that waits for a restart.
pub(super) const RESTART: &str = "restart";
/// The word in the mark of a guest that was made and not yet seen up.
pub(super) const MAKING: &str = "making";

impl Spec {
    pub(super) fn review(&self, now: Option<&VmState>, action: Action, changes: &[Change]) -> Vec<Note> {
        match (now, action) {
            (_, Action::Delete) => vec![],
            (None, _) | (Some(_), Action::Replace) => self.review_making(changes),
            (Some(now), _) => self.review_changing(now, action, changes),
        }
    }

    fn review_making(&self, changes: &[Change]) -> Vec<Note> {
        let Some(source) = &self.clone_of else { return vec![] };
        let given =
            |field: &str| changes.iter().find(|change| change.field == field).and_then(|change| change.to.as_str());
        let template = given("clone_of.disk").and_then(|size| size.parse().ok());
        self.too_small(template).into_iter().chain(self.review_place(source, given("clone_of.node"))).collect()
    }

    /// A clone begins with its template's disk, which cannot shrink.
    pub(super) fn too_small(&self, template: Option<Size>) -> Option<Note> {
        let (wanted, template) = (self.disks.get(&BOOT)?.as_set()?.size, template?);
        (wanted < template).then(|| {
            Note::refused(format!(
                "{BOOT} would have {wanted}, less than the {template} of its template, and a disk cannot shrink"
            ))
            .hint(format!("declare `.disk({})` or more, or give the template a smaller disk", typed(template)))
        })
    }

    /// Where the clone is made, if its template is on another node (pve-notes section 8, Clone).
    fn review_place(&self, source: &Source, on: Option<&str>) -> Vec<Note> {
        let Some(on) = on.filter(|on| *on != self.node.name) else { return vec![] };
        if self.node.shared {
            return vec![];
        }
        let here = self.node.name;
        if source.linked == Some(true) {
            return vec![
                Note::refused(format!(
                    "a linked clone stands on its template's disk, which is on {on} and not on {here}"
                ))
                .hint(format!(
                    "leave out `.linked()`, put a template on {here} too, or, if both nodes share the storage, say so: \
                         `Node::shared_disks`"
                )),
            ];
        }
        vec![Note::info(format!("it is cloned on {on}, where its template is, and then moved to {here}"))]
    }

    fn review_changing(&self, now: &VmState, action: Action, changes: &[Change]) -> Vec<Note> {
        let mut notes = Vec::new();
        if now.template {
            notes.push(
                Note::refused(format!("{} is a template, and no guest that could run", now.vmid))
                    .hint("give this one another number"),
            );
        }
        for change in changes {
            notes.extend(self.forbidden(now, change));
            notes.extend(self.moved(now, change));
        }
        if action != Action::Adopt && now.unfinished.as_deref() == Some(MAKING) {
            notes.push(Note::info("it was made by a run that did not see it come up"));
        }
        notes.extend(self.restart(now, changes));
        notes
    }

    fn forbidden(&self, now: &VmState, change: &Change) -> Option<Note> {
        if change.field == "firmware" {
            return Some(
                Note::refused(format!("its firmware is {} and cannot be changed in place", change.from))
                    .hint("a system installed for the one does not start with the other: make the guest anew, under another name"),
            );
        }
        let slot: Slot = change.field.strip_prefix("disks.")?.split('.').next()?.parse().ok()?;
        let disk = now.disks.get(&slot)?;
        match (self.disks.get(&slot)?, change.field.ends_with(".size")) {
            (Field::Cleared, _) if disk.data => {
                let scratch = format!(".scratch_disk({}, {})", constructor(slot), typed(disk.size));
                Some(Note::refused(format!("{slot} holds data: {}", disk.size)).hint(format!(
                    "to lose it, deploy once with `{scratch}` in place of `.no_disk({})`: what holds no data can then be taken away",
                    constructor(slot)
                )))
            }
            (Field::Cleared, _) if slot == BOOT => Some(
                Note::refused("the disk with the system cannot be taken away").hint("leave the guest stopped instead"),
            ),
            (Field::Set(wanted), true) if wanted.size < disk.size => Some(
                Note::refused(format!("{slot} has {} and cannot shrink to {}", disk.size, wanted.size))
                    .hint(format!("declare {} or more", disk.size)),
            ),
            _ => None,
        }
    }

    fn moved(&self, now: &VmState, change: &Change) -> Option<Note> {
        if change.field == "node" && now.running && now.has_devices() {
            return Some(
                Note::refused(format!("it has devices of {} and cannot be moved while it runs", now.node))
                    .hint("stop it first: `.stopped()`, deploy, then move it"),
            );
        }
        if change.field == "node" {
            let how = if now.running { "while it runs" } else { "while it is off" };
            return Some(Note::info(format!("it is moved from {} to {} {how}", now.node, self.node.name)));
        }
        let slot = change.field.strip_prefix("disks.")?.strip_suffix(".storage")?;
        Some(Note::info(format!("{slot} is moved from {} to {}", change.from, change.to)))
    }

    fn restart(&self, now: &VmState, changes: &[Change]) -> Option<Note> {
        if !now.running {
            return None;
        }
        let mut fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        fields.retain(|field| needs_restart(field, &now.slots));
        let waits = now.unfinished.as_deref() == Some(RESTART);
        let why = match (fields.is_empty(), waits) {
            (true, false) => return None,
            (true, true) => "for changes that wait for one".to_owned(),
            (false, _) => format!("for {}, which a running guest cannot take", fields.join(", ")),
        };
        if !self.running {
            return None;
        }
        Some(if self.terms.restarts {
            Note::reboot(format!("it is shut down and started, {why}"))
        } else {
            Note::info(format!("a restart is left to you, {why}"))
        })
    }
}

/// A size as it is written in code.
fn typed(size: Size) -> String {
    let text = size.to_string().to_lowercase();
    match text.split_once(' ') {
        Some((number, unit)) => format!("{number}.{unit}()"),
        None => text,
    }
}

/// A slot as it is written in code.
pub(super) fn constructor(slot: Slot) -> String {
    let text = slot.to_string();
    let (bus, number) = text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len()));
    format!("Slot::{bus}({number})")
}

/// Whether a running guest takes a change of this field only when it is started again (pve-notes section 8). Cloud-init's
/// settings are written at once and read at the next start.
pub(super) fn needs_restart(field: &str, slots: &[Slot]) -> bool {
    let mut parts = field.split('.');
    match (parts.next().unwrap_or_default(), parts.next(), parts.next()) {
        ("cores" | "sockets" | "cpu" | "memory" | "agent" | "boot_order" | "cloud_init" | "hostpci", ..) => true,
        ("resolvers" | "search_domain" | "user" | "authorized_keys", ..) => true,
        ("nics", _, part) => matches!(part, Some("address" | "gateway")),
        ("cdroms", Some(slot), _) => slot.parse::<Slot>().is_ok_and(|slot| !slots.contains(&slot) && !hotplugs(slot)),
        ("disks", Some(slot), part) => {
            let Ok(slot) = slot.parse::<Slot>() else { return false };
            match part {
                // One that is not there yet is made.
                _ if !slots.contains(&slot) => !hotplugs(slot),
                None => !hotplugs(slot),
                Some(part) => matches!(part, "ssd" | "discard" | "iothread"),
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_running_guest_takes_at_once_needs_no_restart() {
        let slots = [Slot::scsi(0), Slot::ide(2)];
        for field in [
            "cores",
            "memory",
            "agent",
            "user",
            "nics.net0.address",
            "disks.scsi0.ssd",
            "disks.ide1.size",
            "cdroms.sata0",
            "boot_order",
        ] {
            assert!(needs_restart(field, &slots), "{field}");
        }
        for field in [
            "name",
            "tags",
            "notes",
            "nics.net0.vlan",
            "nics.net1.bridge",
            "disks.scsi0.size",
            "disks.scsi0.backup",
            "disks.scsi1.size",
            "disks.scsi1",
            "cdroms.ide2",
            "start_on_boot",
            "balloon",
            "node",
            "running",
            "unfinished",
        ] {
            assert!(!needs_restart(field, &slots), "{field}");
        }
    }
}
