//! A file system in memory, as root sees one: paths with links, owners and modes, no permissions to be denied.
use crate::bytes;
use crate::host::{Action, Answer, Content, Entry, FileKind, HostPath, Ownership, Stat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// How many links a path may lead through, as on Linux.
const LINKS: u32 = 40;

/// Files by their real path: no links in it but at its end, no `.` and `..`.
#[derive(Clone, Debug)]
pub(super) struct Files(BTreeMap<Vec<u8>, Node>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    what: Kind,
    mode: u32,
    uid: u32,
    gid: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File(#[serde(with = "kept")] Content),
    Dir,
    Link(#[serde(with = "bytes")] Vec<u8>),
}

/// A file's contents in a kept world.
mod kept {
    use super::Content;
    use crate::bytes;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(content: &Content, to: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(content.expose(), to)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Content, D::Error> {
        Ok(bytes::deserialize(from)?.into())
    }
}

/// A path with what is there, in a kept world.
#[derive(Serialize, Deserialize)]
struct At(#[serde(with = "bytes")] Vec<u8>, Node);

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|(path, node)| At(path.clone(), node.clone())))
    }
}
impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Files(Vec::<At>::deserialize(from)?.into_iter().map(|At(path, node)| (path, node)).collect()))
    }
}

/// Names of users and groups.
pub(super) struct Names<'a> {
    pub(super) users: &'a BTreeMap<u32, String>,
    pub(super) groups: &'a BTreeMap<u32, String>,
}

impl Names<'_> {
    fn number(names: &BTreeMap<u32, String>, name: &str) -> Option<u32> {
        names.iter().find(|(_, n)| *n == name).map(|(id, _)| *id).or_else(|| name.parse().ok())
    }

    fn owner(&self, owner: &Ownership) -> Result<(u32, u32), String> {
        let unknown = || format!("chown: invalid user: '{owner}'");
        let uid = Self::number(self.users, &owner.user).ok_or_else(unknown)?;
        let gid = Self::number(self.groups, &owner.group).ok_or_else(unknown)?;
        Ok((uid, gid))
    }
}

const ABSENT: &str = "No such file or directory";
const NO_DIR: &str = "Not a directory";
const LOOP: &str = "Too many levels of symbolic links";
const DIR: &str = "is a directory";

impl Default for Files {
    fn default() -> Self {
        let mut files = Files(BTreeMap::from([(b"/".to_vec(), Node::dir(0o755))]));
        for (dir, mode) in
            [("etc", 0o755), ("home", 0o755), ("root", 0o700), ("tmp", 0o1777), ("usr", 0o755), ("var", 0o755)]
        {
            files.0.insert(format!("/{dir}").into_bytes(), Node::dir(mode));
        }
        files
    }
}

impl Node {
    fn dir(mode: u32) -> Self {
        Node { what: Kind::Dir, mode, uid: 0, gid: 0 }
    }

    fn kind(&self) -> FileKind {
        match self.what {
            Kind::File(_) => FileKind::File,
            Kind::Dir => FileKind::Dir,
            Kind::Link(_) => FileKind::Link,
        }
    }
}

fn below(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let gap: &[u8] = if dir == b"/" { b"" } else { b"/" };
    [dir, gap, name].concat()
}

impl Files {
    /// The real path, whose last part may not be there. `follow`: a link at the end too.
    fn real(&self, path: &[u8], follow: bool) -> Result<Vec<u8>, &'static str> {
        let mut left: Vec<Vec<u8>> = parts(path);
        let (mut at, mut links) = (b"/".to_vec(), 0);
        while let Some(part) = left.pop() {
            match self.0.get(&at) {
                None => return Err(ABSENT),
                Some(node) if node.what != Kind::Dir => return Err(NO_DIR),
                Some(_) => {}
            }
            if part == b".." {
                let end = at.iter().rposition(|b| *b == b'/').unwrap_or(0);
                at.truncate(end.max(1));
                continue;
            }
            let next = below(&at, &part);
            match self.0.get(&next).map(|n| &n.what) {
                Some(Kind::Link(to)) if follow || !left.is_empty() => {
                    links += 1;
                    if links > LINKS {
                        return Err(LOOP);
                    }
                    if to.starts_with(b"/") {
                        at = b"/".to_vec();
                    }
                    left.extend(parts(to));
                }
                _ => at = next,
            }
        }
        Ok(at)
    }

    fn get(&self, path: &HostPath, follow: bool) -> Option<(Vec<u8>, &Node)> {
        let real = self.real(path.as_bytes(), follow).ok()?;
        self.0.get(&real).map(|node| (real, node))
    }

    /// The directory that a path is in, and its name there.
    fn place(&self, path: &HostPath) -> Result<Vec<u8>, String> {
        let said = |why: &str| format!("{path}: {why}");
        let real = self.real(path.as_bytes(), false).map_err(said)?;
        let end = real.iter().rposition(|b| *b == b'/').unwrap_or(0).max(1);
        match self.0.get(&real[..end]) {
            Some(dir) if dir.what == Kind::Dir => Ok(real),
            Some(_) => Err(said(NO_DIR)),
            None => Err(said(ABSENT)),
        }
    }

    pub(super) fn stat(&self, path: &HostPath, digest: bool, names: &Names<'_>) -> Answer {
        let name = |names: &BTreeMap<u32, String>, id: u32| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
        let content = |node: &Node| match &node.what {
            Kind::File(content) => Some(content.clone()),
            _ => None,
        };
        Answer::Stat(self.get(path, false).map(|(_, node)| Stat {
            kind: node.kind(),
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            owner: name(names.users, node.uid),
            group: name(names.groups, node.gid),
            size: content(node).map(|c| c.expose().len() as u64),
            sha256: content(node).filter(|_| digest).map(|c| c.sha256()),
        }))
    }

    pub(super) fn read(&self, path: &HostPath) -> Result<Answer, String> {
        match self.get(path, true).map(|(_, n)| &n.what) {
            None => Ok(Answer::Bytes(None)),
            Some(Kind::File(content)) => Ok(Answer::Bytes(Some(content.expose().to_vec()))),
            Some(_) => Err("not a regular file".into()),
        }
    }

    pub(super) fn read_link(&self, path: &HostPath) -> Answer {
        Answer::Bytes(self.get(path, false).and_then(|(_, node)| match &node.what {
            Kind::Link(to) => Some(to.clone()),
            _ => None,
        }))
    }

    pub(super) fn list(&self, path: &HostPath) -> Result<Answer, String> {
        let Some((real, node)) = self.get(path, true) else { return Ok(Answer::List(None)) };
        if node.what != Kind::Dir {
            return Err("not a directory".into());
        }
        let inside = below(&real, b"");
        let entry = |(path, node): (&Vec<u8>, &Node)| {
            let name = path.strip_prefix(inside.as_slice()).filter(|n| !n.is_empty() && !n.contains(&b'/'))?;
            Some(Entry { name: name.to_vec(), kind: node.kind() })
        };
        Ok(Answer::List(Some(self.0.iter().filter_map(entry).collect())))
    }

    /// Every path that exists, with its mode: for inventories.
    pub(super) fn paths(&self) -> BTreeSet<String> {
        let show = |(path, node): (&Vec<u8>, &Node)| {
            let what = match &node.what {
                Kind::File(content) => content.sha256(),
                Kind::Dir => "directory".into(),
                Kind::Link(to) => format!("-> {}", to.escape_ascii()),
            };
            format!("{} {:04o} {}:{} {what}", path.escape_ascii(), node.mode, node.uid, node.gid)
        };
        self.0.iter().map(show).collect()
    }

    /// What changes files; commands are somebody else's.
    pub(super) fn act(&mut self, action: &Action, names: &Names<'_>) -> Result<(), String> {
        match action {
            Action::Write { path, content, mode, owner } => {
                self.no_dir(path)?;
                let real = self.place(path)?;
                let (uid, gid) = owner.as_ref().map_or(Ok((0, 0)), |o| names.owner(o))?;
                self.0.insert(real, Node { what: Kind::File(content.clone()), mode: *mode, uid, gid });
            }
            Action::MakeDir { path, mode, owner } => {
                let real = self.make_dirs(path)?;
                let owner = owner.as_ref().map(|o| names.owner(o)).transpose()?;
                if let Some(node) = self.0.get_mut(&real) {
                    node.mode = *mode;
                    (node.uid, node.gid) = owner.unwrap_or((node.uid, node.gid));
                }
            }
            Action::Link { path, to } => {
                self.no_dir(path)?;
                let real = self.place(path)?;
                let end = if to.starts_with(b"/") { to.clone() } else { below(path.parent().as_bytes(), to) };
                let leads_back = self.real(&end, true).is_ok_and(|end| end == real);
                if leads_back && matches!(self.0.get(&real).map(|n| &n.what), Some(Kind::File(_))) {
                    return Err(format!("{path}: are the same file"));
                }
                self.0.insert(real, Node { what: Kind::Link(to.clone()), mode: 0o777, uid: 0, gid: 0 });
            }
            Action::Remove(path) => {
                self.no_dir(path)?;
                self.no_circle(path)?;
                if let Some((real, _)) = self.get(path, false) {
                    self.0.remove(&real);
                }
            }
            Action::RemoveAll(path) => {
                self.no_circle(path)?;
                if let Some((real, _)) = self.get(path, false) {
                    let inside = below(&real, b"");
                    self.0.retain(|p, _| *p != real && !p.starts_with(&inside));
                }
            }
            Action::SetMode { path, mode } => self.at(path, true)?.mode = *mode,
            Action::SetOwner { path, owner } => {
                let (uid, gid) = names.owner(owner)?;
                let node = self.at(path, false)?;
                (node.uid, node.gid) = (uid, gid);
                if matches!(node.what, Kind::File(_)) {
                    // As the kernel does: a program that ran as its owner does not run as the new one.
                    node.mode &= if node.mode & 0o010 == 0 { !0o4000 } else { !0o6000 };
                }
            }
            Action::Run(_) => {}
        }
        Ok(())
    }

    fn at(&mut self, path: &HostPath, follow: bool) -> Result<&mut Node, String> {
        let real = self.real(path.as_bytes(), follow).map_err(|why| format!("{path}: {why}"))?;
        self.0.get_mut(&real).ok_or_else(|| format!("{path}: {ABSENT}"))
    }

    /// Not being there is no error for what removes, but not being told is.
    fn no_circle(&self, path: &HostPath) -> Result<(), String> {
        match self.real(path.as_bytes(), false) {
            Err(LOOP) => Err(format!("{path}: {LOOP}")),
            _ => Ok(()),
        }
    }

    fn no_dir(&self, path: &HostPath) -> Result<(), String> {
        match self.get(path, false) {
            Some((_, node)) if node.what == Kind::Dir => Err(DIR.into()),
            _ => Ok(()),
        }
    }

    /// `mkdir -p`. The real path of the directory.
    fn make_dirs(&mut self, path: &HostPath) -> Result<Vec<u8>, String> {
        let said = |why: &str| format!("{path}: {why}");
        let mut sofar = Vec::new();
        let mut real = b"/".to_vec();
        for part in parts(path.as_bytes()).into_iter().rev() {
            sofar.push(b'/');
            sofar.extend_from_slice(&part);
            let link = self.real(&sofar, false).map_err(said)?;
            real = self.real(&sofar, true).map_err(said)?;
            match self.0.get(&real) {
                Some(node) if node.what == Kind::Dir => {}
                // A link that leads nowhere is in the way, too.
                Some(_) => return Err(said("File exists")),
                None if link != real => return Err(said("File exists")),
                None => {
                    self.0.insert(real.clone(), Node::dir(0o755));
                }
            }
        }
        Ok(real)
    }
}

/// The parts of a path, the first one last.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").rev().map(<[u8]>::to_vec).collect()
}
