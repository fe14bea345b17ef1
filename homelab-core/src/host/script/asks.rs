//! The questions of a batch, written down for a shell: those of a kind are asked by one process.
use super::Script;
use crate::host::{Probe, decode::Part};

/// From how many files on they are read by one process, whose answer is taken apart by their sizes.
const READ_AT_ONCE: usize = 4;
/// How many questions one process is asked at once, and how many bytes of them: below every limit for arguments.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 60_000;

impl<'b> Script<'b> {
    /// Questions between two changes, those of a kind together.
    pub(super) fn probes(&mut self, together: Vec<(usize, &'b Probe)>) {
        let of = |pick: fn(&'b Probe) -> Option<&'b [u8]>| -> Vec<(usize, &'b [u8])> {
            together.iter().filter_map(|(n, probe)| pick(probe).map(|word| (*n, word))).collect()
        };
        self.paths(
            "there",
            "st",
            &of(|p| if let Probe::Stat { path, .. } = p { Some(path.as_bytes()) } else { None }),
            Part::Stats,
        );
        let digests = of(|p| if let Probe::Stat { path, digest: true } = p { Some(path.as_bytes()) } else { None });
        // busybox's sha256sum prints such names as they are, one line becoming several.
        let (odd, even): (Vec<_>, Vec<_>) =
            digests.into_iter().partition(|(_, p)| p.iter().any(|b| b"\n\r\\".contains(b)));
        self.paths("plain", "sha", &even, Part::Digests);
        self.paths("plain", "sh1", &odd, Part::Digests);
        self.paths(
            "link",
            "rl",
            &of(|p| if let Probe::ReadLink(path) = p { Some(path.as_bytes()) } else { None }),
            Part::Links,
        );
        for (tool, pick, part) in NAMED {
            for chunk in chunks(&of(pick)) {
                self.call(tool, &chunk.iter().map(|(_, word)| *word).collect::<Vec<_>>());
                self.end(part(chunk.iter().map(|(n, _)| *n).collect()), None);
            }
        }
        let sysctls: Vec<_> = together
            .iter()
            .filter_map(|(n, p)| if let Probe::Sysctl(key) = p { Some((*n, sysctl_path(key))) } else { None })
            .collect();
        for chunk in chunks(&sysctls.iter().map(|(n, p)| (*n, p.as_bytes())).collect::<Vec<_>>()) {
            self.call("sy", &chunk.iter().map(|(_, word)| *word).collect::<Vec<_>>());
            self.end(Part::Sysctls(chunk.iter().map(|(n, _)| *n).collect()), None);
        }
        let reads = of(|p| if let Probe::Read(path) = p { Some(path.as_bytes()) } else { None });
        let (mut at_once, _): (Vec<_>, Vec<_>) = reads.into_iter().partition(|(_, path)| !is_of_the_kernel(path));
        if at_once.len() < READ_AT_ONCE {
            at_once.clear();
        }
        self.paths("readable", "rds", &at_once, Part::Reads);
        for (n, probe) in together {
            match probe {
                Probe::Read(_) if at_once.iter().any(|(asked, _)| *asked == n) => continue,
                Probe::Read(path) => self.call("rd", &[path.as_bytes()]),
                Probe::List(path) => {
                    self.call("(ls_", &[path.as_bytes()]);
                    self.text.push(b')');
                }
                Probe::System => self.call("sys", &[]),
                Probe::Command(command) => self.run(command),
                // Answered above, together with its like.
                _ => continue,
            }
            self.end(Part::Item(n), None);
        }
    }

    /// Questions about paths that one process answers: the shell itself finds out which of them it can be asked about.
    fn paths(&mut self, test: &str, tool: &str, paths: &[(usize, &[u8])], part: fn(Vec<usize>) -> Part) {
        for chunk in chunks(paths) {
            self.line(&["set --;i=;n=0"]);
            self.call("for p in", &chunk.iter().map(|(_, p)| *p).collect::<Vec<_>>());
            // What is there and cannot be read is no absence.
            let closed = if tool == "rds" { "there \"$p\"||! no" } else { "! no" };
            self.line(&[
                ";do if ",
                test,
                " \"$p\";then i=\"$i $n\";set -- \"$@\" \"$p\";elif ",
                closed,
                " \"$p\";then i=\"$i -$n\";fi;n=$((n+1));done",
            ]);
            self.line(&["printf '%s\\n' \"$i\""]);
            self.line(&["[ $# = 0 ]||", tool, " \"$@\";:"]);
            self.end(part(chunk.iter().map(|(n, _)| *n).collect()), None);
        }
    }
}

/// How the words of a kind of question are found, and which function of the prelude they are handed to together.
type Named = (&'static str, fn(&Probe) -> Option<&[u8]>, fn(Vec<usize>) -> Part);

const NAMED: [Named; 5] = [
    ("db passwd", |p| if let Probe::User(name) = p { Some(name.as_bytes()) } else { None }, Part::Users),
    ("db group", |p| if let Probe::Group(name) = p { Some(name.as_bytes()) } else { None }, Part::Groups),
    ("dq", |p| if let Probe::Package(name) = p { Some(name.as_bytes()) } else { None }, Part::Packages),
    ("apt-cache policy", |p| if let Probe::Policy(name) = p { Some(name.as_bytes()) } else { None }, Part::Policies),
    ("un", |p| if let Probe::Unit(name) = p { Some(name.as_bytes()) } else { None }, Part::Units),
];

/// Whether a path is of a file that the kernel makes up while it is read: it has no size.
fn is_of_the_kernel(path: &[u8]) -> bool {
    [&b"/proc"[..], b"/sys", b"/dev"].iter().any(|place| path.starts_with(place))
}

/// Pieces that one process can take as arguments.
fn chunks<'a>(words: &[(usize, &'a [u8])]) -> Vec<Vec<(usize, &'a [u8])>> {
    let mut chunks: Vec<Vec<(usize, &[u8])>> = vec![];
    let mut bytes = 0;
    for (n, word) in words {
        let full = chunks.last().is_none_or(|c| c.len() >= AT_ONCE || bytes + word.len() > BYTES_AT_ONCE);
        if full {
            chunks.push(vec![]);
            bytes = 0;
        }
        bytes += word.len();
        if let Some(chunk) = chunks.last_mut() {
            chunk.push((*n, word));
        }
    }
    chunks
}

/// Where the kernel has a parameter. As in sysctl(8), the separator that comes first is the one that separates.
fn sysctl_path(key: &str) -> String {
    let slashes = key.find(['.', '/']).is_some_and(|at| key.as_bytes()[at] == b'/');
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    format!("/proc/sys/{}", if slashes { key.to_owned() } else { key.chars().map(swap).collect() })
}
