//! What is planned for a thing that is ours and has left the code.
use super::{Action, Goal, Item, Known, Note, NoteKind, Stray, Wishes, decide::guard};
use crate::resource::Owner;

/// What becomes of what it lives in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// It stays, or there is nothing that it lives in.
    Stays,
    /// It is deleted by this plan.
    Goes,
    /// It is not there any more.
    Gone,
}

pub(super) fn item(lab: &str, stray: &Stray, home: Home, known: &Known, wishes: &Wishes) -> Item {
    let (action, notes) = match &stray.seen {
        _ if home == Home::Goes => {
            let how = format!("goes with {}", stray.entry.within.as_deref().unwrap_or_default());
            let mut notes = vec![Note::new(NoteKind::Because, format!("it {how}"))];
            notes.extend(guard(&stray.key, stray.entry.protected, &stray.entry.data, &how, wishes));
            (Action::Forget, notes)
        }
        None => (Action::Forget, vec![Note::new(NoteKind::Because, "it is gone already")]),
        Some(seen) => match &seen.owner {
            Owner::Marked(mark) if mark.lab != lab || mark.key != stray.key => {
                (Action::Forget, vec![Note::info(format!("what is there now belongs to {mark}: it is left alone"))])
            }
            // The same place, but not the same thing: somebody made another one there. What could bear our mark and does not is
            // not ours because we once began something there.
            Owner::Unmarked if !stray.entry.is(&seen.id) => not_ours(),
            Owner::Unmarkable if !stray.entry.is(&seen.id) && !known.begun.contains(&stray.key) => not_ours(),
            _ => {
                let mut notes = vec![];
                if wishes.goal == Goal::Deploy {
                    notes.push(Note::new(NoteKind::Because, "it is not in the code any more"));
                }
                let mut data = stray.entry.data.clone();
                data.extend(seen.data.iter().filter(|d| !stray.entry.data.contains(d)).cloned());
                notes.extend(guard(&stray.key, stray.entry.protected, &data, "would be deleted", wishes));
                (Action::Delete, notes)
            }
        },
    };
    Item {
        key: stray.key.clone(),
        kind: stray.entry.kind.clone(),
        site: stray.entry.site.clone(),
        action,
        changes: vec![],
        notes,
        at: None,
        was: None,
        node: None,
    }
}

fn not_ours() -> (Action, Vec<Note>) {
    (Action::Forget, vec![Note::info("what is there now is not what this lab made: it is left alone")])
}
