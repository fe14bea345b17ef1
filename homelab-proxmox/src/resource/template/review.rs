//! What a person is told of a template's plan: what is put on it, and why it is made anew.
use super::{
    Spec, TemplateState,
    state::{INSTALLED, INSTALLING, SEALED},
};
use homelab_core::{
    plan::{Action, Note},
    units::Size,
};

impl Spec {
    pub(super) fn review(&self, now: Option<&TemplateState>, action: Action) -> Vec<Note> {
        let parts = || self.parts().iter().map(|part| Note::info(format!("puts on it: {part}")));
        let Some(now) = now else { return parts().collect() };
        let mut notes = Vec::new();
        if action == Action::Replace {
            notes.extend(self.what_differs(now));
            if now.linked_clones.is_empty() {
                notes.push(Note::info("guests cloned from it before stay as they are"));
            } else {
                notes.push(
                    Note::refused(format!("linked clones stand on its disk: {}", now.linked_clones.join(", "))).hint(
                        "give the new template another number and name, clone from that, and let the old one stay",
                    ),
                );
            }
            notes.extend(parts());
        } else if self.recipe.is_some() && now.unfinished.is_some() && now.stage.as_deref() != Some(SEALED) {
            notes.push(Note::info(match now.stage.as_deref() {
                Some(INSTALLING) => {
                    "its installation is waited for if it still runs; else it is thrown away and begun anew"
                }
                Some(INSTALLED) => "it is installed, and the rest is done",
                _ => "its build was cut off: it is thrown away and begun anew",
            }));
            notes.extend(parts());
        }
        notes
    }

    fn what_differs(&self, now: &TemplateState) -> Vec<Note> {
        let wanted = self.disk.filter(|wanted| now.disk != Some(*wanted));
        let disk = wanted.map(|wanted| format!("its disk is {} and shall be {wanted}", shown(now.disk)));
        let storage = now.storage.as_deref().filter(|now| *now != self.storage);
        let storage = storage.map(|now| format!("its disk is on {now} and shall be on {}", self.storage));
        let firmware = now.firmware.filter(|now| *now != self.firmware).map(|_| "its firmware changes".to_owned());
        let cloud_init = (now.cloud_init != self.cloud_init).then(|| "its cloud-init drive changes".to_owned());
        let mut why: Vec<String> = [disk, storage, firmware, cloud_init].into_iter().flatten().collect();
        why.extend(self.other_parts(now));
        if why.is_empty() && now.node == self.node.name && now.vmid == self.vmid {
            let what = if self.installer.is_some() { "CD, or with other answers" } else { "image" };
            why.push(format!("it is built from another {what}"));
        }
        let because = |text| Note::new(homelab_core::plan::NoteKind::Because, text);
        why.into_iter().map(because).collect()
    }

    /// Which parts of its recipe are not those that it was built with.
    fn other_parts(&self, now: &TemplateState) -> Vec<String> {
        let parts = self.parts();
        let new = parts.iter().filter(|part| !now.recipe.contains(&part.digest));
        let mut why: Vec<String> = new
            .map(|part| {
                let before = now.recipe.iter().any(|digest| part.is_of(digest));
                format!("its recipe {}: {part}", if before { "says something else" } else { "has more on it" })
            })
            .collect();
        let gone = now.recipe.iter().filter(|digest| !parts.iter().any(|part| part.is_of(digest))).count();
        if gone > 0 {
            why.push(format!("its recipe has {gone} fewer of the parts that it was built with"));
        }
        why
    }
}

fn shown(size: Option<Size>) -> String {
    size.map_or_else(|| "missing".to_owned(), |size| size.to_string())
}
