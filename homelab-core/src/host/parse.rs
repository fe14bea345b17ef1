//! What the tools of a machine print, in our types.
use super::facts::{Entry, FileKind, Group, Package, Policy, Stat, System, Unit, User};
use std::collections::BTreeMap;

/// A line of `stat -c '%f %u %g %s %U %G'`.
pub(super) fn stat(line: &str) -> Option<Stat> {
    let words: Vec<&str> = line.split(' ').collect();
    let [mode, uid, gid, size, owner, group] = words.as_slice() else { return None };
    let mode = u32::from_str_radix(mode, 16).ok()?;
    let kind = match mode & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Dir,
        0o120_000 => FileKind::Link,
        _ => FileKind::Other,
    };
    let named = |name: &str, number: &str| if name == "UNKNOWN" { number.to_owned() } else { name.to_owned() };
    Some(Stat {
        kind,
        mode: mode & 0o7777,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        owner: named(owner, uid),
        group: named(group, gid),
        size: if kind == FileKind::File { Some(size.parse().ok()?) } else { None },
        sha256: None,
    })
}

pub(super) fn entries(said: &[u8]) -> Vec<Entry> {
    let entry = |e: &[u8]| {
        let kind = match e.first()? {
            b'f' => FileKind::File,
            b'd' => FileKind::Dir,
            b'l' => FileKind::Link,
            _ => FileKind::Other,
        };
        Some(Entry { name: e[1..].to_vec(), kind })
    };
    let mut entries: Vec<Entry> = said.split(|b| *b == 0).filter_map(entry).collect();
    entries.sort();
    entries
}

pub(super) fn user(line: &str) -> Option<User> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, comment, home, shell] = fields.as_slice() else { return None };
    Some(User {
        name: (*name).to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        comment: (*comment).to_owned(),
        home: (*home).to_owned(),
        shell: (*shell).to_owned(),
    })
}

pub(super) fn group(line: &str) -> Option<Group> {
    let fields: Vec<&str> = line.split(':').collect();
    let [name, _, gid, members] = fields.as_slice() else { return None };
    let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
    Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members })
}

/// A line of dpkg-query. A package that is merely mentioned somewhere (`un`) counts as not known.
pub(super) fn package(line: &str) -> Option<Package> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, version, architecture, status] = fields.as_slice() else { return None };
    if status.get(1..2)? == "n" {
        return None;
    }
    Some(Package {
        name: (*name).to_owned(),
        version: (*version).to_owned(),
        architecture: (*architecture).to_owned(),
        installed: status.get(1..)?.trim_end() == "i",
        held: status.starts_with('h'),
        status: (*status).to_owned(),
    })
}

pub(super) fn policies(text: &str) -> Vec<Policy> {
    let mut policies: Vec<Policy> = vec![];
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(':').filter(|l| !l.starts_with(' ')) {
            policies.push(Policy { name: name.to_owned(), installed: None, candidate: None });
        } else if let (Some(last), Some((field, value))) = (policies.last_mut(), line.trim().split_once(": ")) {
            let value = Some(value.to_owned()).filter(|v| v != "(none)");
            match field {
                "Installed" => last.installed = value,
                "Candidate" => last.candidate = value,
                _ => {}
            }
        }
    }
    policies
}

/// Lines of the form `Name=value`.
pub(super) fn fields(block: &str) -> BTreeMap<&str, &str> {
    block.lines().filter_map(|line| line.split_once('=')).collect()
}

pub(super) fn unit(name: &str, block: &BTreeMap<&str, &str>) -> Option<Unit> {
    let field = |name: &str| block.get(name).copied().unwrap_or_default();
    let known = field("Id") == name || field("Names").split(' ').any(|n| n == name);
    known.then(|| Unit {
        name: name.to_owned(),
        load: field("LoadState").to_owned(),
        active: field("ActiveState").to_owned(),
        sub: field("SubState").to_owned(),
        file_state: field("UnitFileState").to_owned(),
        fragment: field("FragmentPath").to_owned(),
        needs_reload: field("NeedDaemonReload") == "yes",
        main_pid: field("MainPID").parse().ok().filter(|pid| *pid != 0),
        result: field("Result").to_owned(),
    })
}

pub(super) fn system(text: &str) -> Option<System> {
    let mut lines = text.lines();
    let mut next = || lines.next().map(str::to_owned);
    let (kernel, release, architecture, hostname) = (next()?, next()?, next()?, next()?);
    let (clock, uid, boot_id) = (next()?.parse().ok()?, next()?.parse().ok()?, next()?);
    let os = lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
        .collect();
    Some(System { kernel, release, architecture, hostname, os, boot_id, clock, uid })
}
