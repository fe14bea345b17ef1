//! The file system as commands see it: short ways for programs that run as root.
use super::files::{Files, Names};
use crate::host::{Action, Answer, Content, FileKind, HostPath};
use std::collections::BTreeMap;

impl Files {
    fn path(path: &str) -> Option<HostPath> {
        HostPath::new(path).ok()
    }

    /// Does one thing as root.
    pub(super) fn root(&mut self, action: &Action) -> Result<(), String> {
        let (users, groups) = (BTreeMap::from([(0, "root".to_owned())]), BTreeMap::from([(0, "root".to_owned())]));
        self.act(action, &Names { users: &users, groups: &groups })
    }

    /// The contents of a file, links followed.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self.read(&Self::path(path)?) {
            Ok(Answer::Bytes(bytes)) => bytes,
            _ => None,
        }
    }

    /// The same as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|b| String::from_utf8_lossy(&b).into_owned())
    }

    /// Where a link points.
    pub(super) fn target(&self, path: &str) -> Option<String> {
        match self.read_link(&Self::path(path)?) {
            Answer::Bytes(Some(to)) => Some(String::from_utf8_lossy(&to).into_owned()),
            _ => None,
        }
    }

    /// The names in a directory, in order.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        match Self::path(path).map(|p| self.list(&p)) {
            Some(Ok(Answer::List(Some(entries)))) => {
                entries.iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect()
            }
            _ => vec![],
        }
    }

    /// Whether something is at a path, a link that leads nowhere included.
    pub(super) fn is_there(&self, path: &str) -> bool {
        let none = Names { users: &BTreeMap::new(), groups: &BTreeMap::new() };
        Self::path(path).is_some_and(|p| matches!(self.stat(&p, false, &none), Answer::Stat(Some(_))))
    }

    /// Whether a directory is at a path, links not followed.
    pub(super) fn is_dir(&self, path: &str) -> bool {
        let none = Names { users: &BTreeMap::new(), groups: &BTreeMap::new() };
        let stat = Self::path(path).map(|p| self.stat(&p, false, &none));
        matches!(stat, Some(Answer::Stat(Some(stat))) if stat.kind == FileKind::Dir)
    }

    /// The mode of what is at a path.
    pub(super) fn mode(&self, path: &str) -> u32 {
        let none = Names { users: &BTreeMap::new(), groups: &BTreeMap::new() };
        match Self::path(path).map(|p| self.stat(&p, false, &none)) {
            Some(Answer::Stat(Some(stat))) => stat.mode,
            _ => 0o644,
        }
    }

    /// Writes a file, with the directories above it.
    pub(super) fn put(&mut self, path: &str, content: impl Into<Content>) {
        self.put_as(path, content, 0o644);
    }

    /// The same with a mode.
    pub(super) fn put_as(&mut self, path: &str, content: impl Into<Content>, mode: u32) {
        let Some(path) = Self::path(path) else { return };
        let parent = path.parent();
        self.make_dir(&parent);
        let _refused = self.root(&Action::Write { path, content: content.into(), mode, owner: None });
    }

    fn make_dir(&mut self, path: &HostPath) {
        if !self.is_there(&path.to_string()) {
            let _refused = self.root(&Action::MakeDir { path: path.clone(), mode: 0o755, owner: None });
        }
    }

    /// Makes a link, with the directories above it.
    pub(super) fn link(&mut self, path: &str, to: &str) {
        let Some(path) = Self::path(path) else { return };
        self.make_dir(&path.parent());
        let _refused = self.root(&Action::Link { path, to: to.as_bytes().to_vec() });
    }

    /// Removes whatever is at a path.
    pub(super) fn unlink(&mut self, path: &str) {
        if let Some(path) = Self::path(path) {
            let _refused = self.root(&Action::RemoveAll(path));
        }
    }
}
