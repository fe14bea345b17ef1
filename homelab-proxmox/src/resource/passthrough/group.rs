//! What goes along with a PCI device: its IOMMU group, and what the node itself stands on. Pure.
use crate::{api::PciDevice, resource::Node};
use homelab_core::plan::Note;

/// What a person must know before a device is taken from its node, and what forbids it.
pub(super) fn notes(node: Node, name: &str, device: &PciDevice, all: &[PciDevice]) -> Vec<Note> {
    let Some(group) = device.group else {
        return vec![
            Note::refused(format!("{name} has no IOMMU, so no device of it can be passed on: {device}")).hint(
                "turn on VT-d or AMD-Vi in its firmware; with Intel and a kernel before 6.8 also `intel_iommu=on` on the kernel's \
                 command line; then restart it",
            ),
        ];
    };
    let together: Vec<&PciDevice> = all.iter().filter(|other| other.group == Some(group)).collect();
    let others: Vec<String> =
        together.iter().filter(|other| other.slot != device.slot).map(ToString::to_string).collect();
    let mut notes = Vec::new();
    if let Some(boot) =
        together.iter().find(|one| node.boots_from.is_some_and(|boot| boot == one.id || boot == one.slot))
    {
        let how = if boot.slot == device.slot {
            String::new()
        } else {
            format!(", which is in the same IOMMU group {group}")
        };
        notes.push(Note::refused(format!("{name} boots from disks behind {boot}{how}")).hint(
            "passed on, it would take the node's own disks away: boot from another controller, or plug the card into another slot",
        ));
    } else if device.holds_disks() && all.iter().filter(|one| one.holds_disks()).count() == 1 {
        notes.push(
            Note::refused(format!("{device} is the only controller of disks in {name}: the node boots from it"))
                .hint("if the node boots from something else, say what: `Node::boots_from`"),
        );
    } else if device.holds_disks() && node.boots_from.is_none() {
        notes.push(Note::info(format!(
            "nobody said what {name} boots from: make sure that it is not {device}, see `Node::boots_from`"
        )));
    }
    if !others.is_empty() {
        let functions = others.len() + 1 == all.iter().filter(|one| same_place(one, device)).count();
        let all_of_it = together.iter().all(|one| same_place(one, device));
        if !(functions && all_of_it) {
            notes.push(Note::info(format!(
                "IOMMU group {group} is passed on as a whole; in it too: {}",
                others.join(", ")
            )));
        }
    }
    notes
}

/// Whether two are functions of one device.
fn same_place(one: &PciDevice, other: &PciDevice) -> bool {
    one.slot.split('.').next() == other.slot.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use homelab_core::Site;

    const DIN: Node = Node::of(Site::named("pve"), "din");

    fn device(slot: &str, id: &str, class: &str, group: Option<u32>) -> PciDevice {
        PciDevice { slot: slot.into(), id: id.into(), subsystem: None, class: class.into(), group, name: String::new() }
    }

    fn said(node: Node, device: &PciDevice, all: &[PciDevice]) -> String {
        notes(node, "din", device, all).iter().map(|note| note.text.clone()).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_the_node_stands_on_is_refused_and_what_goes_along_is_named() {
        let sas = device("0000:03:00.0", "1000:0097", "010700", Some(12));
        let sata = device("0000:00:1f.2", "8086:8d62", "010601", Some(30));
        let all = [sas.clone(), sata.clone()];
        assert!(said(DIN, &sas, std::slice::from_ref(&sas)).contains("is the only controller of disks in din"));
        assert!(said(DIN, &sas, &all).contains("nobody said what din boots from"));
        let known = DIN.boots_from("8086:8d62");
        assert_eq!(said(known, &sas, &all), "");
        assert!(said(known, &sata, &all).contains("din boots from disks behind 8086:8d62"));
        let beside = [sas.clone(), device("0000:00:1f.2", "8086:8d62", "010601", Some(12))];
        assert!(said(known, &sas, &beside).contains("which is in the same IOMMU group 12"));
        let card = device("0000:04:00.0", "8086:1572", "020000", Some(12));
        assert_eq!(
            said(known, &sas, &[sas.clone(), sata, card]),
            "IOMMU group 12 is passed on as a whole; in it too: 8086:1572 at 0000:04:00.0"
        );
        let off = device("0000:03:00.0", "1000:0097", "010700", None);
        assert!(said(known, &off, std::slice::from_ref(&off)).contains("din has no IOMMU"));
    }
}
