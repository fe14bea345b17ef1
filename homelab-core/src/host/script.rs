//! A batch as one POSIX shell script. It runs under dash and under busybox's shell, and needs what both bring.
//!
//! The script travels in one of two ways. One that only asks, and says nothing that must not be seen in a list of processes, is
//! the argument of `sh -c`: it arrives with the request to run it, so nothing waits for a channel's window. Any other comes on
//! standard input, from which a bootstrap of one line reads exactly its bytes, and after it come the contents of files, each
//! as long as the script says and closed by the boundary: no secret is an argument, and nothing is encoded.
//!
//! Each part of the output ends in a line that nobody can foretell: the [`Boundary`], the part's number, its status. Standard
//! error is cut in the same places. Questions of one kind are asked by one process, whatever their number.
use super::{
    Action, Batch, Command, Content, HostPath, Probe, Reply,
    action::Ownership,
    batch::What,
    content::sha256,
    decode::{self, Part},
    quote::quote,
};
use std::fmt;
use zeroize::Zeroizing;

/// What the shell of every batch knows.
const PRELUDE: &str = include_str!("prelude.sh");
/// What it knows besides where contents arrive or something changes.
const ACTIONS: &str = include_str!("actions.sh");
/// The longest script that is passed as an argument, in bytes. A packet of 32 KiB is what every server must take, and one
/// argument may have 128 KiB on Linux.
const ARGUMENT: usize = 24 * 1024;
/// How many questions one process is asked at once, and how many bytes of them: below every limit for arguments.
const AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 60_000;

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

/// A batch, written down for a shell.
pub struct Script<'b> {
    batch: &'b Batch,
    boundary: Boundary,
    text: Zeroizing<Vec<u8>>,
    payload: Zeroizing<Vec<u8>>,
    parts: Vec<Part>,
    /// Items that are not sent, because no machine could answer them: number and reason.
    impossible: Vec<(usize, String)>,
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
            public: true,
        };
        script.write();
        script
    }

    /// The command that a login shell is given, and what follows on its standard input. `sudo`: the login is not root.
    #[must_use]
    pub fn command(&self, sudo: bool) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        // sudo writes arguments into its log.
        if sudo || !self.public || self.text.len() > ARGUMENT {
            return self.command_on_stdin(sudo);
        }
        let mut command = b"exec sh -c ".to_vec();
        quote(&mut command, &self.text);
        (command, Zeroizing::default())
    }

    /// The same where the script must not be an argument, because the login shell cannot read what is quoted for POSIX.
    #[must_use]
    pub fn command_on_stdin(&self, sudo: bool) -> (Vec<u8>, Zeroizing<Vec<u8>>) {
        let how = if sudo { "exec sudo -n -H -- sh -c" } else { "exec sh -c" };
        // No backslash, quote or `!` inside: this is read alike by all shells, csh and fish too.
        let command = format!("{how} 'eval \"$(dd bs={} count=1 iflag=fullblock)\"'", self.text.len());
        let mut stdin = Zeroizing::new(Vec::with_capacity(self.text.len() + self.payload.len()));
        stdin.extend_from_slice(&self.text);
        stdin.extend_from_slice(&self.payload);
        (command.into_bytes(), stdin)
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
        let mut probes = vec![];
        for (n, item) in batch.items().iter().enumerate() {
            if let Some(why) = item.impossible() {
                self.impossible.push((n, why));
                if item.barrier {
                    break;
                }
                continue;
            }
            match &item.what {
                What::Probe(probe) => probes.push((n, probe)),
                What::Action(action) => {
                    self.probes(std::mem::take(&mut probes));
                    self.action(action);
                    self.end(Part::Item(n), item.barrier);
                }
            }
        }
        self.probes(probes);
        self.line(&["z"]);
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

    /// The line that ends a part.
    fn end(&mut self, part: Part, barrier: bool) {
        let n = self.parts.len();
        self.parts.push(part);
        match barrier {
            false => self.line(&[&format!("\nf {n} $?")]),
            true => self.line(&[&format!("\ns=$?;f {n} $s;[ $s = 0 ]||z")]),
        }
    }

    /// Questions between two changes, those of a kind together.
    fn probes(&mut self, together: Vec<(usize, &'b Probe)>) {
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
                self.end(part(chunk.iter().map(|(n, _)| *n).collect()), false);
            }
        }
        let sysctls: Vec<_> = together
            .iter()
            .filter_map(|(n, p)| if let Probe::Sysctl(key) = p { Some((*n, sysctl_path(key))) } else { None })
            .collect();
        for chunk in chunks(&sysctls.iter().map(|(n, p)| (*n, p.as_bytes())).collect::<Vec<_>>()) {
            self.call("sy", &chunk.iter().map(|(_, word)| *word).collect::<Vec<_>>());
            self.end(Part::Sysctls(chunk.iter().map(|(n, _)| *n).collect()), false);
        }
        for (n, probe) in together {
            match probe {
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
            self.end(Part::Item(n), false);
        }
    }

    /// Questions about paths that one process answers: the shell itself finds out which of them it can be asked about.
    fn paths(&mut self, test: &str, tool: &str, paths: &[(usize, &[u8])], part: fn(Vec<usize>) -> Part) {
        for chunk in chunks(paths) {
            self.line(&["set --;i=;n=0"]);
            self.call("for p in", &chunk.iter().map(|(_, p)| *p).collect::<Vec<_>>());
            self.line(&[
                ";do if ",
                test,
                " \"$p\";then i=\"$i $n\";set -- \"$@\" \"$p\";elif ! no \"$p\";then i=\"$i -$n\";fi;n=$((n+1));done",
            ]);
            self.line(&["printf '%s\\n' \"$i\""]);
            self.line(&["[ $# = 0 ]||", tool, " \"$@\";:"]);
            self.end(part(chunk.iter().map(|(n, _)| *n).collect()), false);
        }
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Write { path, content, mode, owner } => {
                let size = content.expose().len().to_string();
                let words: [&[u8]; 5] =
                    [path.as_bytes(), &beside(path), size.as_bytes(), &octal(*mode), &owned(owner.as_ref())];
                self.call("put", &words);
                self.payload(content);
            }
            Action::MakeDir { path, mode, owner } => {
                self.call("md", &[path.as_bytes(), &octal(*mode), &owned(owner.as_ref())]);
            }
            Action::Link { path, to } => self.call("ln_", &[path.as_bytes(), to, &beside(path)]),
            Action::Remove(path) => {
                self.call("nodir", &[path.as_bytes()]);
                self.call("&&rm -f", &[path.as_bytes()]);
            }
            Action::RemoveAll(path) => self.call("rm -rf", &[path.as_bytes()]),
            Action::SetMode { path, mode } => self.call("chmod", &[&octal(*mode), path.as_bytes()]),
            Action::SetOwner { path, owner } => self.call("chown -h", &[owner.to_string().as_bytes(), path.as_bytes()]),
            Action::Run(command) => self.run(command),
        }
    }

    fn payload(&mut self, content: &Content) {
        self.payload.extend_from_slice(content.expose());
        self.payload.extend_from_slice(self.boundary.0.as_bytes());
        self.payload.push(b'\n');
    }

    /// A command in a shell of its own, which has only what the command is to have.
    fn run(&mut self, command: &Command) {
        if let Some(content) = &command.stdin {
            // What the command leaves unread is read away, so that the next contents begin where they should.
            self.call(&format!("take {} 2>/dev/null | {{ (exec 3<&-", content.expose().len()), &[]);
        } else {
            self.call("(exec 3<&-", &[]);
        }
        if let Some(dir) = &command.dir {
            self.call("\ncd", &[dir.as_bytes()]);
            self.call("||exit 1", &[]);
        }
        for (name, value) in &command.env {
            self.text.extend_from_slice(format!("\nexport {name};{name}=").as_bytes());
            quote(&mut self.text, value.expose());
        }
        self.call("\nexec", &[]);
        if let Some(time) = command.within {
            self.call(" timeout", &[time.as_secs().max(1).to_string().as_bytes()]);
        }
        command.argv.iter().for_each(|arg| self.word(arg));
        self.text.push(b')');
        if let Some(content) = &command.stdin {
            self.call(";s=$?;cat >/dev/null;(exit $s);}\ns=$?;rest;(exit $s)", &[]);
            self.payload(content);
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

/// The name under which a file waits for being complete. The same for each attempt at the same file, so that one which was cut
/// short leaves nothing that stays.
fn beside(path: &HostPath) -> Vec<u8> {
    let mut beside = path.parent().as_bytes().to_vec();
    if beside.last() != Some(&b'/') {
        beside.push(b'/');
    }
    beside.extend_from_slice(b".homelab-");
    beside.extend_from_slice(&sha256(path.as_bytes()).as_bytes()[..16]);
    beside
}

fn octal(mode: u32) -> Vec<u8> {
    // Five digits: with fewer, chmod leaves a directory the set-gid bit that it has.
    format!("{mode:05o}").into_bytes()
}

fn owned(owner: Option<&Ownership>) -> Vec<u8> {
    owner.map(Ownership::to_string).unwrap_or_default().into_bytes()
}
