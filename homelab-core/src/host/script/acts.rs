//! The changes of a batch, written down for a shell.
use super::Script;
use crate::host::{Action, Command, Content, HostPath, action::Ownership, content::sha256, quote::quote};

/// The longest content that the shell writes by itself, in bytes; longer ones, and those with NULs, follow the script.
const TEXT: usize = 8 * 1024;

impl Script<'_> {
    pub(super) fn action(&mut self, action: &Action) {
        match action {
            Action::Write { content, .. } if is_text(content) => {
                self.call("txt", &[]);
                self.written(action);
            }
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

    /// What the shell needs to write a short text: path, the name until it is complete, text, umask, mode, owner.
    pub(super) fn written(&mut self, action: &Action) {
        let Action::Write { path, content, mode, owner } = action else { return };
        // Made with its mode at once, where that lets nobody read who may not in the end, whosever the new file is.
        let at_once = mode & 0o7111 == 0 && (mode & 0o077 == 0 || mode & 0o004 != 0);
        let umask = if at_once { format!("{:03o}", 0o666 & !mode) } else { "077".into() };
        let mode = format!("{mode:o}").into_bytes();
        let owner = owned(owner.as_ref());
        self.call("", &[path.as_bytes(), &beside(path), content.expose(), umask.as_bytes(), &mode, &owner]);
    }

    fn payload(&mut self, content: &Content) {
        self.payload.extend_from_slice(content.expose());
        self.payload.extend_from_slice(self.boundary.0.as_bytes());
        self.payload.push(b'\n');
    }

    /// A command in a shell of its own, which has only what the command is to have.
    pub(super) fn run(&mut self, command: &Command) {
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

/// Whether a content stands in the script itself, as a word that the shell writes without any other process.
pub(super) fn is_text(content: &Content) -> bool {
    content.expose().len() <= TEXT && !content.expose().contains(&0)
}

/// The name under which a file waits for being complete. The same for each attempt at the same file, so that one which was cut
/// short leaves nothing that stays.
pub(super) fn beside(path: &HostPath) -> Vec<u8> {
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
