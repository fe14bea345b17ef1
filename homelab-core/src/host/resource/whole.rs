//! Configuration files that are wholly ours: what was there before comes back when they go.
use super::kept::{Kept, Place, forget};
use crate::{
    Failure,
    host::{Action, Content, HostPath, HostsReader, Ownership, probe},
    plan::Note,
    resource::Mark,
};
use futures_util::future::try_join;

/// A file as it was found, with our note of it.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) text: Option<String>,
    pub(super) kept: Option<Kept<Option<String>>>,
}

impl Whole {
    /// Looks at a file. `None` when neither it nor a note of it is there.
    pub(super) async fn look(
        kind: &str,
        at: &Place,
        path: &HostPath,
        cx: &HostsReader,
    ) -> Result<Option<Self>, Failure> {
        let read = cx.ask(&at.spot, probe::read(path.clone()));
        let (kept, bytes) = try_join(Kept::recall(kind, at, cx), read).await?;
        let text = bytes.map(|bytes| text(path, bytes)).transpose()?;
        Ok((kept.is_some() || text.is_some()).then_some(Whole { text, kept }))
    }

    /// The note of a file that is about to be written: the one that is there, or a new one of what it replaces.
    pub(super) fn note(now: Option<&Self>, mark: &Mark) -> Kept<Option<String>> {
        let fresh = || Kept::new(mark, now.and_then(|now| now.text.clone()));
        match now.and_then(|now| now.kept.clone()) {
            // A thing that was renamed keeps what was before it.
            Some(kept) => Kept::new(mark, kept.before),
            None => fresh(),
        }
    }

    /// Writes a file, with the note before it.
    pub(super) fn write(
        now: Option<&Self>,
        mark: &Mark,
        (kind, name): (&str, &str),
        path: &HostPath,
        text: &str,
        mode: u32,
    ) -> [Action; 2] {
        [Self::note(now, mark).write(kind, name), put(path, text, mode)]
    }

    /// Puts back what was there before, and drops the note.
    pub(super) fn undo(&self, (kind, name): (&str, &str), path: &HostPath, mode: u32) -> [Action; 2] {
        [self.before(path, mode), forget(kind, name)]
    }

    /// What was there before: as it was, or nothing.
    pub(super) fn before(&self, path: &HostPath, mode: u32) -> Action {
        match self.kept.as_ref().and_then(|kept| kept.before.as_deref()) {
            Some(text) => put(path, text, mode),
            None => Action::Remove(path.clone()),
        }
    }
}

/// A refusal to put something where somebody else's is.
pub(super) fn foreign(path: &str) -> Note {
    Note::refused(format!("there is a {path} already, and it is not ours"))
        .hint("move it away by hand, or give this one another place")
}

/// Writes a file that belongs to root.
pub(super) fn put(path: &HostPath, text: impl Into<Content>, mode: u32) -> Action {
    Action::Write { path: path.clone(), content: text.into(), mode, owner: Some(Ownership::root()) }
}

/// A configuration file's text.
pub(super) fn text(path: &HostPath, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(format!("{path} is no text: it has bytes that are no UTF-8"))
            .hint("what is there is kept for later and shown, which needs text; move it away by hand")
    })
}
