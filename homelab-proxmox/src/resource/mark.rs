//! The mark on a guest: a last line of its notes, which everybody can read in the web interface, and a tag to find it by.
//!
//! `homelab: home proxmox/vm/web id=201 unfinished=making data=scsi1,scsi2`: the lab, the key, the guest's number, and what has to
//! be remembered of the guest and can be observed nowhere else. A clone that somebody makes by hand gets a copy of the notes, and
//! another number: so it bears no mark.
use crate::api::{Tags, qemu::Description};
use homelab_core::{Field, Mark, Owner};
use std::collections::BTreeMap;

/// The tag of every guest that a lab owns: listings show tags, so they tell which guests are worth a closer look.
pub(crate) const TAG: &str = "homelab";
const PREFIX: &str = "homelab: ";
const ID: &str = "id";

/// What a guest's notes say: the user's text, and the mark below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// The text above the mark, if there is any.
    pub(crate) text: Option<String>,
    /// The mark.
    pub(crate) mark: Option<Mark>,
    /// What is remembered beside it.
    pub(crate) memory: BTreeMap<String, String>,
}

impl Notes {
    /// The notes of the guest of this number.
    pub(crate) fn read(description: Option<&Description>, vmid: u32) -> Notes {
        let mut notes = Notes::default();
        let mut text = Vec::new();
        for line in description.map_or("", Description::as_str).lines() {
            match parse(line) {
                // Several lines can only come from hand-made copies: the last one is ours to rewrite.
                Some((mark, memory)) => (notes.mark, notes.memory) = (Some(mark), memory),
                None => text.push(line),
            }
        }
        if notes.memory.remove(ID).is_some_and(|id| id != vmid.to_string()) {
            (notes.mark, notes.memory) = (None, BTreeMap::new());
        }
        let text = text.join("\n").trim().to_owned();
        notes.text = (!text.is_empty()).then_some(text);
        notes
    }

    pub(crate) fn owner(&self) -> Owner {
        self.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }

    pub(crate) fn recall(&self, what: &str) -> Option<&str> {
        self.memory.get(what).map(String::as_str)
    }

    /// As the server keeps it for the guest of this number.
    pub(crate) fn description(&self, vmid: u32) -> Description {
        let mark = self.mark.iter().map(|mark| {
            let memory: String = self.memory.iter().map(|(what, value)| format!(" {what}={value}")).collect();
            format!("{PREFIX}{} {} {ID}={vmid}{memory}", mark.lab, mark.key)
        });
        let lines: Vec<String> = self.text.iter().cloned().chain(mark).collect();
        // A blank line keeps the mark from running into the user's last paragraph where the notes are shown as Markdown.
        Description::new(lines.join("\n\n"))
    }
}

fn parse(line: &str) -> Option<(Mark, BTreeMap<String, String>)> {
    let mut words = line.trim().strip_prefix(PREFIX)?.split_whitespace();
    let mark = Mark { lab: words.next()?.to_owned(), key: words.next()?.to_owned() };
    let pair = |word: &str| word.split_once('=').map(|(what, value)| (what.to_owned(), value.to_owned()));
    Some((mark, words.filter_map(pair).collect()))
}

/// The notes of a guest with everything of ours replaced: the user's text, our mark and what it remembers.
pub(crate) fn rewritten(
    vmid: u32,
    now: Option<&Description>,
    declared: &Field<String>,
    mark: &Mark,
    memory: impl IntoIterator<Item = (&'static str, Option<String>)>,
) -> Notes {
    let before = Notes::read(now, vmid);
    let text = match declared {
        Field::Unmanaged => before.text,
        Field::Set(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Field::Cleared => None,
    };
    let memory = memory.into_iter().filter_map(|(what, value)| Some((what.to_owned(), value?))).collect();
    Notes { text, mark: Some(mark.clone()), memory }
}

/// A comment of one line that bears a mark, for what has no notes: `Media. (homelab: home proxmox/pool/media)`.
pub(crate) fn comment(text: &str, mark: &Mark) -> String {
    let mark = format!("{PREFIX}{} {}", mark.lab, mark.key);
    if text.is_empty() { mark } else { format!("{text} ({mark})") }
}

/// The same of a declared comment, where `now` is the one that is there.
pub(crate) fn of_field(declared: &Field<String>, now: Option<String>, mark: &Mark) -> String {
    let text = match declared {
        Field::Set(text) => text.clone(),
        Field::Cleared => String::new(),
        Field::Unmanaged => now.and_then(|now| split_comment(&now).0).unwrap_or_default(),
    };
    comment(&text, mark)
}

/// The mark in such a comment.
pub(crate) fn of_comment(comment: Option<&str>) -> Option<Mark> {
    split_comment(comment?).1
}

/// The user's text in a comment, and our mark behind it.
pub(crate) fn split_comment(comment: &str) -> (Option<String>, Option<Mark>) {
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let marked = comment.rsplit_once(PREFIX).and_then(|(before, mark)| {
        let mut words = mark.trim_end().trim_end_matches(')').split_whitespace();
        let mark = Mark { lab: words.next()?.to_owned(), key: words.next()?.to_owned() };
        let before = before.strip_suffix('(').unwrap_or(before);
        (words.next().is_none() && mark.key.contains('/')).then_some((text(before), Some(mark)))
    });
    marked.unwrap_or_else(|| (text(comment), None))
}

/// These tags and ours.
pub(crate) fn with_tag(mut tags: Tags) -> Tags {
    // Our own tag is one that the server takes.
    let _ = tags.insert(TAG);
    tags
}

/// The tags of a guest without ours; nothing if there are no others.
pub(crate) fn own_tags(tags: Option<&Tags>) -> Option<Vec<String>> {
    let own: Vec<String> = tags?.iter().filter(|tag| *tag != TAG).map(str::to_owned).collect();
    (!own.is_empty()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark { lab: "home".into(), key: "proxmox/vm/web".into() }
    }

    #[test]
    fn a_mark_is_read_back_below_the_users_notes() {
        let notes = Notes {
            text: Some("Served by *nginx*.\n\nAsk Ada.".into()),
            mark: Some(mark()),
            memory: [("data".into(), "scsi1,scsi2".into()), ("unfinished".into(), "making".into())].into(),
        };
        let text = notes.description(201);
        assert_eq!(
            text.as_str(),
            "Served by *nginx*.\n\nAsk Ada.\n\nhomelab: home proxmox/vm/web id=201 data=scsi1,scsi2 unfinished=making"
        );
        assert_eq!(Notes::read(Some(&text), 201), notes);
        let clone = Notes::read(Some(&text), 202);
        assert_eq!(
            clone,
            Notes { mark: None, memory: BTreeMap::new(), ..notes.clone() },
            "a clone by hand is not ours"
        );
        let bare = Notes { text: None, memory: BTreeMap::new(), ..notes };
        assert_eq!(bare.description(201).as_str(), "homelab: home proxmox/vm/web id=201");
        assert_eq!(Notes::read(Some(&bare.description(201)), 201), bare);
    }

    #[test]
    fn what_is_no_mark_is_the_users_text() {
        for text in ["homelab", "homelab: home", "my homelab: home proxmox/vm/web"] {
            let notes = Notes::read(Some(&Description::new(text)), 201);
            assert_eq!((notes.mark, notes.text.as_deref()), (None, Some(text)));
        }
        assert_eq!(Notes::read(None, 201).owner(), Owner::Unmarked);
    }

    #[test]
    fn a_comment_bears_the_users_text_and_the_mark() {
        for text in ["", "Media (films).", "homelab"] {
            let line = comment(text, &mark());
            assert_eq!(split_comment(&line), (Some(text.to_owned()).filter(|t| !t.is_empty()), Some(mark())), "{line}");
        }
        assert_eq!(split_comment("my homelab: old things"), (Some("my homelab: old things".into()), None));
        assert_eq!(of_comment(None), None);
    }

    #[test]
    fn our_tag_is_not_the_users() {
        assert_eq!(own_tags(Some(&"homelab;web".parse().unwrap())), Some(vec!["web".into()]));
        assert_eq!(own_tags(Some(&"homelab".parse().unwrap())), None);
        assert_eq!(with_tag("web".parse().unwrap()).to_string(), "homelab;web");
    }
}
