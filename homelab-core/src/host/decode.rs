//! What a script wrote, taken apart into one reply for each item.
use super::{
    Answer, Batch, NoAnswer, Probe, Reply,
    batch::What,
    facts::{FileKind, Group, Output, Package, User},
    parse::{entries, fields, group, package, policies, stat, system, unit, user},
};
use std::collections::BTreeMap;

/// What the output between two boundaries is about.
#[derive(Debug)]
pub(super) enum Part {
    /// One item.
    Item(usize),
    /// These items.
    Stats(Vec<usize>),
    /// Digests of these items.
    Digests(Vec<usize>),
    /// These items.
    Links(Vec<usize>),
    /// Contents of these items.
    Reads(Vec<usize>),
    /// These items.
    Users(Vec<usize>),
    /// These items.
    Groups(Vec<usize>),
    /// These items.
    Packages(Vec<usize>),
    /// These items.
    Policies(Vec<usize>),
    /// These items.
    Units(Vec<usize>),
    /// These items.
    Sysctls(Vec<usize>),
}

impl Part {
    /// The first of its items; all of them are of one part of the batch.
    fn first(&self) -> Option<usize> {
        match self {
            Part::Item(n) => Some(*n),
            Part::Stats(all)
            | Part::Digests(all)
            | Part::Links(all)
            | Part::Reads(all)
            | Part::Users(all)
            | Part::Groups(all)
            | Part::Packages(all)
            | Part::Policies(all)
            | Part::Units(all)
            | Part::Sysctls(all) => all.first().copied(),
        }
    }
}

/// The status by which a function of the prelude says that nothing is there.
const ABSENT: u8 = 44;

/// The boot and where the output begins after it, behind whatever a login prints before.
pub(super) fn begin<'o>(output: &'o [u8], boundary: &str) -> Option<(String, &'o [u8])> {
    let mark = format!("\n{boundary} begin ");
    let at = find(output, mark.as_bytes())? + mark.len();
    let rest = &output[at..];
    let end = find(rest, b"\n")?;
    Some((String::from_utf8_lossy(&rest[..end]).into_owned(), &rest[end + 1..]))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|b| *b == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The next part's output and status; the parts come in the order of their numbers, so nothing that they contain can pass for
/// another part.
fn next<'o>(output: &mut &'o [u8], boundary: &str, n: usize) -> Option<(&'o [u8], u8)> {
    let mark = format!("\n{boundary} {n} ");
    let at = find(output, mark.as_bytes())?;
    let rest = &output[at + mark.len()..];
    let end = find(rest, b"\n")?;
    let status = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let part = &output[..at];
    *output = &rest[end + 1..];
    Some((part, status))
}

pub(super) fn replies(
    batch: &Batch,
    parts: &[Part],
    impossible: &[(usize, String)],
    boundary: &str,
    stdout: &[u8],
    stderr: &[u8],
) -> Option<Vec<Reply>> {
    let items = batch.items();
    let mut replies: Vec<Option<Reply>> = vec![None; items.len()];
    for (n, why) in impossible {
        replies[*n] = Some(Err(NoAnswer::failed(&items[*n].what, why)));
    }
    let (mut out, mut err) = (begin(stdout, boundary)?.1, begin(stderr, boundary)?.1);
    let failed = |n: usize, replies: &[Option<Reply>]| {
        items[n].barrier && replies[n].as_ref().is_some_and(|reply| !worked(reply))
    };
    let mut ended = None;
    for (n, part) in parts.iter().enumerate() {
        // Behind a barrier that failed, nothing of its part was begun.
        if part.first().is_some_and(|item| ended == Some(items[item].part)) {
            continue;
        }
        let (said, status) = next(&mut out, boundary, n)?;
        let (complained, _) = next(&mut err, boundary, n)?;
        Frame { items: &|n| &items[n].what, said, complained, status }.read(part, &mut replies);
        ended = part.first().filter(|item| failed(*item, &replies)).map(|item| items[item].part);
    }
    // Behind the last part there is nothing but the end; more would be somebody's who guessed.
    let end = format!("\n{boundary} end 0\n");
    if out != end.as_bytes() || err != end.as_bytes() {
        return None;
    }
    // What has no reply now comes after a barrier.
    let barriers: Vec<usize> = (0..items.len()).filter(|n| failed(*n, &replies)).collect();
    let skipped = |n: usize| {
        let barrier = barriers.iter().find(|barrier| items[**barrier].part == items[n].part)?;
        Some(Err(NoAnswer::Skipped { item: items[n].what.to_string(), barrier: items[*barrier].what.to_string() }))
    };
    replies.iter().enumerate().map(|(n, reply)| reply.clone().or_else(|| skipped(n))).collect()
}

/// Whether what came back lets the batch go on behind a barrier.
pub(crate) fn worked(reply: &Reply) -> bool {
    match reply {
        Ok(Answer::Output(output)) => output.is_success(),
        other => other.is_ok(),
    }
}

struct Frame<'a> {
    items: &'a dyn Fn(usize) -> &'a What,
    said: &'a [u8],
    complained: &'a [u8],
    status: u8,
}

impl Frame<'_> {
    fn read(&self, part: &Part, replies: &mut [Option<Reply>]) {
        match part {
            Part::Item(n) => replies[*n] = Some(self.single(*n)),
            Part::Stats(all) => self.stats(all, replies),
            Part::Digests(all) => self.digests(all, replies),
            Part::Links(all) => self.links(all, replies),
            Part::Reads(all) => self.reads(all, replies),
            Part::Users(all) => {
                let users: Vec<User> = self.text().lines().filter_map(user).collect();
                self.named(all, replies, |name| Some(Answer::User(users.iter().find(|u| u.name == name).cloned())));
            }
            Part::Groups(all) => {
                let groups: Vec<Group> = self.text().lines().filter_map(group).collect();
                self.named(all, replies, |name| Some(Answer::Group(groups.iter().find(|g| g.name == name).cloned())));
            }
            Part::Packages(all) => {
                let known: Vec<Package> = self.text().lines().filter_map(package).collect();
                self.named(all, replies, |name| {
                    let named =
                        || known.iter().filter(|p| p.name == name || format!("{}:{}", p.name, p.architecture) == name);
                    let best = named().find(|p| p.installed).or_else(|| named().next());
                    Some(Answer::Package(best.cloned()))
                });
            }
            Part::Policies(all) => {
                let known = policies(&self.text());
                self.named(all, replies, |name| Some(Answer::Policy(known.iter().find(|p| p.name == name).cloned())));
            }
            Part::Units(all) => {
                let text = self.text();
                let blocks: Vec<BTreeMap<&str, &str>> = text.split("\n\n").map(fields).collect();
                self.named(all, replies, |name| blocks.iter().find_map(|b| unit(name, b)).map(Answer::Unit));
            }
            Part::Sysctls(all) => self.sysctls(all, replies),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.said).into_owned()
    }

    fn failed(&self, n: usize, why: &str) -> Reply {
        Err(NoAnswer::failed((self.items)(n), why))
    }

    /// What the machine complained of, without what dd counts.
    fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(self.complained);
        let counts =
            |line: &str| line.ends_with(" records in") || line.ends_with(" records out") || line.contains(" copied, ");
        text.lines().filter(|line| !counts(line)).collect::<Vec<_>>().join("\n")
    }

    fn single(&self, n: usize) -> Reply {
        let item = (self.items)(n);
        let output = || {
            Answer::Output(Output { status: self.status, stdout: self.said.to_vec(), stderr: self.complained.to_vec() })
        };
        match item {
            What::Probe(Probe::Command(_)) | What::Action(super::Action::Run(_)) => return Ok(output()),
            What::Probe(Probe::Read(_)) if self.status == ABSENT => return Ok(Answer::Bytes(None)),
            What::Probe(Probe::List(_)) if self.status == ABSENT => return Ok(Answer::List(None)),
            _ => {}
        }
        if self.status != 0 {
            return self.failed(n, &self.complaint());
        }
        match item {
            What::Probe(Probe::Read(_)) => Ok(Answer::Bytes(Some(self.said.to_vec()))),
            What::Probe(Probe::List(_)) => Ok(Answer::List(Some(entries(self.said)))),
            What::Probe(Probe::System) => system(&self.text())
                .map(Answer::System)
                .map_or_else(|| self.failed(n, "its answer is not understood"), Ok),
            _ => Ok(Answer::Done),
        }
    }

    /// The places (in `all`) that a tool was asked about, and those that could not be looked at.
    fn asked<'s>(&'s self, all: &[usize]) -> (Vec<usize>, Vec<usize>, &'s [u8]) {
        let end = self.said.iter().position(|b| *b == b'\n').unwrap_or(self.said.len());
        let line = String::from_utf8_lossy(&self.said[..end]).into_owned();
        let (mut asked, mut closed) = (vec![], vec![]);
        for word in line.split_whitespace() {
            let (list, digits) = match word.strip_prefix('-') {
                Some(digits) => (&mut closed, digits),
                None => (&mut asked, word),
            };
            list.extend(digits.parse::<usize>().ok().and_then(|at| all.get(at)).copied());
        }
        (asked, closed, self.said.get(end + 1..).unwrap_or_default())
    }

    fn stats(&self, all: &[usize], replies: &mut [Option<Reply>]) {
        let (asked, closed, rest) = self.asked(all);
        let text = String::from_utf8_lossy(rest);
        let mut lines = text.lines();
        all.iter().for_each(|n| replies[*n] = Some(Ok(Answer::Stat(None))));
        closed.into_iter().for_each(|n| replies[n] = Some(self.failed(n, "permission denied")));
        for n in asked {
            let stat = lines.next().and_then(stat);
            replies[n] = Some(stat.map_or_else(|| self.failed(n, GONE), |s| Ok(Answer::Stat(Some(s)))));
        }
    }

    fn digests(&self, all: &[usize], replies: &mut [Option<Reply>]) {
        let (asked, _, rest) = self.asked(all);
        let text = String::from_utf8_lossy(rest);
        let sums: BTreeMap<usize, &str> = asked.into_iter().zip(text.lines()).collect();
        for n in all {
            let Some(Ok(Answer::Stat(Some(stat)))) = &mut replies[*n] else { continue };
            if stat.kind != FileKind::File {
                continue;
            }
            let sum = sums.get(n).and_then(|line| line.get(..64)).filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit()));
            match sum {
                Some(sum) => stat.sha256 = Some(sum.to_owned()),
                None => replies[*n] = Some(self.failed(*n, "its contents cannot be read")),
            }
        }
    }

    fn links(&self, all: &[usize], replies: &mut [Option<Reply>]) {
        let (asked, closed, rest) = self.asked(all);
        all.iter().for_each(|n| replies[*n] = Some(Ok(Answer::Bytes(None))));
        closed.into_iter().for_each(|n| replies[n] = Some(self.failed(n, "permission denied")));
        let targets: Vec<&[u8]> = rest.split(|b| *b == 0).collect();
        // Each is closed by a NUL, so behind the last there is one empty piece.
        let whole = targets.len() == asked.len() + 1;
        for (n, to) in asked.into_iter().zip(targets) {
            replies[n] = Some(if whole { Ok(Answer::Bytes(Some(to.to_vec()))) } else { self.failed(n, GONE) });
        }
    }

    /// Contents, one behind the other, between two lists of what they were: only if nothing changed meanwhile can they be told apart.
    fn reads(&self, all: &[usize], replies: &mut [Option<Reply>]) {
        let (asked, closed, rest) = self.asked(all);
        all.iter().for_each(|n| replies[*n] = Some(Ok(Answer::Bytes(None))));
        closed
            .into_iter()
            .for_each(|n| replies[n] = Some(self.failed(n, "it is no regular file, or must not be read")));
        let contents = apart(rest, asked.len());
        for (at, n) in asked.into_iter().enumerate() {
            let content = contents.as_ref().and_then(|contents| contents.get(at));
            replies[n] = Some(match content {
                Some(content) => Ok(Answer::Bytes(Some(content.to_vec()))),
                None => self.failed(n, GONE),
            });
        }
    }

    fn sysctls(&self, all: &[usize], replies: &mut [Option<Reply>]) {
        for (n, value) in all.iter().zip(self.said.split(|b| *b == 0)) {
            let text = || String::from_utf8_lossy(&value[1..]).trim_end_matches('\n').to_owned();
            replies[*n] = Some(match value.first() {
                Some(b'=') => Ok(Answer::Sysctl(Some(text()))),
                Some(b'-') => Ok(Answer::Sysctl(None)),
                _ => self.failed(*n, "permission denied"),
            });
        }
    }

    fn named(&self, all: &[usize], replies: &mut [Option<Reply>], answer: impl Fn(&str) -> Option<Answer>) {
        for n in all {
            let What::Probe(
                Probe::User(name) | Probe::Group(name) | Probe::Package(name) | Probe::Policy(name) | Probe::Unit(name),
            ) = (self.items)(*n)
            else {
                continue;
            };
            replies[*n] = Some(match self.status {
                0 => answer(name).map_or_else(|| self.failed(*n, &self.complaint()), Ok),
                _ => self.failed(*n, &self.complaint()),
            });
        }
    }
}

/// So many contents, between two equal lists with a line for each that begins with its size.
fn apart(output: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let ends: Vec<usize> = (0..output.len()).filter(|at| output[*at] == b'\n').take(count).collect();
    let (list, mut rest) = output.split_at(ends.last().filter(|_| ends.len() == count)? + 1);
    rest = rest.strip_suffix(list)?;
    let mut contents = vec![];
    for line in list.split(|b| *b == b'\n').take(count) {
        let size: usize = std::str::from_utf8(line).ok()?.split(' ').next()?.parse().ok()?;
        let (content, after) = rest.split_at_checked(size)?;
        contents.push(content);
        rest = after;
    }
    rest.is_empty().then_some(contents)
}

const GONE: &str = "it changed while it was looked at";
