//! A batch as one POSIX shell script. It runs under dash and under busybox's shell, and needs what both bring.
//!
//! The script travels in one of two ways. One that only asks, and says nothing that must not be seen in a list of processes, is
//! the argument of `sh -c`: it arrives with the request to run it, so nothing waits for a channel's window. Any other comes on
//! standard input, from which a bootstrap of one line reads exactly its bytes, and after it come the contents of files that are long or
//! no text, each as long as the script says and closed by the boundary: no secret is an argument, and nothing is encoded. Short texts
//! stand in the script, and the shell's own `printf` writes them; many of them are put in place by one process (`ahead`).
//!
//! Each part of the output ends in a line that nobody can foretell: the [`Boundary`], the part's number, its status. Standard
//! error is cut in the same places. Questions of one kind are asked by one process, whatever their number.
mod acts;
mod ahead;
mod asks;

use super::{
    Action, Batch, Probe, Reply,
    batch::{Item, What},
    decode::{self, Part},
    quote::quote,
};
use acts::is_text;
use ahead::Ahead;
use std::{collections::BTreeSet, fmt};
use zeroize::Zeroizing;

/// What the shell of every batch knows.
const PRELUDE: &str = include_str!("prelude.sh");
/// What it knows besides where contents arrive or something changes.
const ACTIONS: &str = include_str!("actions.sh");
/// The longest script that is passed as an argument, in bytes. A packet of 32 KiB is what every server must take, and one
/// argument may have 128 KiB on Linux.
const ARGUMENT: usize = 24 * 1024;

/// A line that nobody can foretell: 32 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// From 16 bytes of a random generator that is fit for keys.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Boundary(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }
}
impl fmt::Debug for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Boundary")
    }
}

/// Where the shell of a batch is started, seen from whoever logs in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    /// As root by sudo: the login is another.
    pub sudo: bool,
    /// In the container of this number, by `pct exec`: the login is on a node of Proxmox VE.
    pub container: Option<u32>,
}

/// A batch, written down for a shell.
pub struct Script<'b> {
    batch: &'b Batch,
    boundary: Boundary,
    text: Zeroizing<Vec<u8>>,
    payload: Zeroizing<Vec<u8>>,
    parts: Vec<Part>,
    /// Items that are not sent, because no machine could answer them: number and reason.
    impossible: Vec<(usize, String)>,
    /// Texts that were written ahead of their parts.
    ahead: BTreeSet<usize>,
    public: bool,
}

impl fmt::Debug for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script of {} parts", self.parts.len())
    }
}

impl<'b> Script<'b> {
    /// Writes a batch down.
    #[must_use]
    pub fn of(batch: &'b Batch, boundary: Boundary) -> Self {
        let mut script = Script {
            batch,
            boundary,
            text: Zeroizing::default(),
            payload: Zeroizing::default(),
            parts: vec![],
            impossible: vec![],
            ahead: BTreeSet::new(),
            public: true,
        };
        script.write();
        script
    }

    /// The command that a login shell is given, and what follows on its standard input.
    #[must_use]
    pub fn command(&self, start: Start) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        // sudo writes arguments into its log, and pct takes them for text.
        if start.sudo || start.container.is_some() || !self.public || self.text.len() > ARGUMENT {
            return self.command_on_stdin(start);
        }
        let mut command = b"exec sh -c ".to_vec();
        quote(&mut command, &self.text);
        (command, Zeroizing::default())
    }

    /// The same where the script must not be an argument, because the login shell cannot read what is quoted for POSIX.
    #[must_use]
    pub fn command_on_stdin(&self, start: Start) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        let sudo = if start.sudo { "sudo -n -H -- " } else { "" };
        let inside = start.container.map(|number| format!("pct exec {number} -- ")).unwrap_or_default();
        // No backslash, quote or `!` inside: this is read alike by all shells, csh and fish too.
        let command =
            format!("exec {sudo}{inside}sh -c 'eval \"$(dd bs={} count=1 iflag=fullblock)\"'", self.text.len());
        let mut stdin = Zeroizing::new(Vec::with_capacity(self.text.len() + self.payload.len()));
        stdin.extend_from_slice(&self.text);
        stdin.extend_from_slice(&self.payload);
        (command.into_bytes(), stdin)
    }

    /// Whether it changes nothing.
    #[cfg(feature = "ssh")]
    pub(crate) fn is_reading(&self) -> bool {
        self.batch.is_reading()
    }

    /// Whether a stream of output, either one, has come to its end.
    #[must_use]
    pub fn is_complete(&self, stream: &[u8]) -> bool {
        stream.ends_with(format!("\n{} end 0\n", self.boundary.0).as_bytes())
    }

    /// Whether the script has begun to run.
    #[must_use]
    pub fn has_begun(&self, stdout: &[u8]) -> bool {
        decode::begin(stdout, &self.boundary.0).is_some()
    }

    /// The boot that the machine was in, from the output of a script that has begun.
    #[must_use]
    pub fn boot_id(&self, stdout: &[u8]) -> Option<String> {
        decode::begin(stdout, &self.boundary.0).map(|(boot, _)| boot).filter(|boot| !boot.is_empty())
    }

    /// One reply for each item, from the whole output. `None` when the output is not that of this script, or cut short.
    #[must_use]
    pub fn replies(&self, stdout: &[u8], stderr: &[u8]) -> Option<Vec<Reply>> {
        decode::replies(self.batch, &self.parts, &self.impossible, &self.boundary.0, stdout, stderr)
    }

    fn write(&mut self) {
        let batch = self.batch;
        let any = |test: fn(&What) -> bool| batch.items().iter().any(|i| test(&i.what));
        let acting = any(|what| match what {
            What::Probe(Probe::Command(c)) => c.stdin.is_some(),
            What::Probe(_) => false,
            What::Action(_) => true,
        });
        self.public = !acting && !any(|what| matches!(what, What::Probe(Probe::Command(c)) if !c.is_public()));
        self.line(&["b=", &self.boundary.0.clone()]);
        self.text.extend_from_slice(PRELUDE.as_bytes());
        if acting {
            self.text.extend_from_slice(ACTIONS.as_bytes());
        }
        self.line(&["B=; { read -r B </proc/sys/kernel/random/boot_id; } 2>/dev/null"]);
        self.line(&["f begin \"$B\""]);
        let ahead = Ahead::of(batch);
        self.ahead(&ahead);
        self.ahead = ahead.all();
        let mut first = 0;
        for part in batch.items().chunk_by(|a, b| a.part == b.part) {
            let last = first + part.len() == batch.items().len();
            self.part(first, part, last);
            first += part.len();
        }
        self.line(&["z"]);
    }

    /// One part of the batch. Where a barrier may end it, it is a loop that is left, and the parts behind it go on: the contents that
    /// it has not used by then are read away.
    fn part(&mut self, first: usize, items: &'b [Item], last: bool) {
        let mut sent: Vec<(usize, &'b Item)> = vec![];
        for (n, item) in (first..).zip(items) {
            match item.impossible() {
                None => sent.push((n, item)),
                Some(why) => {
                    self.impossible.push((n, why));
                    if item.barrier {
                        break;
                    }
                }
            }
        }
        let loops = sent.iter().any(|(_, item)| item.barrier);
        if loops {
            self.line(&["while :;do"]);
        }
        let mut left: usize = if last { 0 } else { sent.iter().map(|(_, item)| self.behind(&item.what)).sum() };
        let mut probes = vec![];
        for (n, item) in sent {
            left = left.saturating_sub(self.behind(&item.what));
            match &item.what {
                What::Probe(probe) => probes.push((n, probe)),
                What::Action(action) => {
                    self.probes(std::mem::take(&mut probes));
                    match self.ahead.contains(&n) {
                        true => self.call(&format!("w{n}"), &[]),
                        false => self.action(action),
                    }
                    self.end(Part::Item(n), item.barrier.then_some(left));
                }
            }
        }
        self.probes(probes);
        if loops {
            self.line(&["break;done"]);
        }
    }

    /// How many bytes an item puts behind the script.
    fn behind(&self, what: &What) -> usize {
        let content = match what {
            What::Action(Action::Write { content, .. }) => Some(content).filter(|content| !is_text(content)),
            What::Action(Action::Run(command)) | What::Probe(Probe::Command(command)) => command.stdin.as_ref(),
            _ => None,
        };
        content.map_or(0, |content| content.expose().len() + self.boundary.0.len() + 1)
    }

    fn line(&mut self, words: &[&str]) {
        words.iter().for_each(|w| self.text.extend_from_slice(w.as_bytes()));
        self.text.push(b'\n');
    }

    fn word(&mut self, word: &[u8]) {
        self.text.push(b' ');
        quote(&mut self.text, word);
    }

    fn call(&mut self, function: &str, words: &[&[u8]]) {
        self.text.extend_from_slice(function.as_bytes());
        words.iter().for_each(|w| self.word(w));
    }

    /// The line that ends an item, or several of a kind. A barrier leaves the loop; `left` is what is still behind the script for it.
    fn end(&mut self, part: Part, barrier: Option<usize>) {
        let n = self.parts.len();
        self.parts.push(part);
        match barrier {
            None => self.line(&[&format!("\nf {n} $?")]),
            Some(0) => self.line(&[&format!("\ns=$?;f {n} $s;[ $s = 0 ]||break")]),
            Some(left) => self.line(&[&format!("\ns=$?;f {n} $s;[ $s = 0 ]||{{ skip {left};break;}}")]),
        }
    }
}
