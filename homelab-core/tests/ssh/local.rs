//! A machine that is this one: the script of a batch, run by a local shell. No SSH.
use async_trait::async_trait;
use homelab_core::{
    host::{Batch, Boundary, Machine, Reply, Script, Start},
    ssh::SshError,
};
use std::{
    ffi::OsString,
    io::Write,
    os::unix::ffi::OsStringExt,
    process::{Command, Stdio},
    sync::atomic::{AtomicU8, AtomicU32, Ordering},
};

/// Runs batches with a shell of this machine.
pub(crate) struct Local {
    /// The login shell, as words: `sh -c`, `busybox sh -c`.
    pub(crate) shell: &'static [&'static str],
    /// A directory that comes first in the `PATH`.
    pub(crate) path: Option<std::path::PathBuf>,
    /// Never as an argument, always on standard input.
    pub(crate) stdin: bool,
    pub(crate) start: Start,
    pub(crate) runs: AtomicU32,
}

impl Local {
    pub(crate) fn new(shell: &'static [&'static str]) -> Self {
        Local { shell, path: None, stdin: false, start: Start::default(), runs: AtomicU32::new(0) }
    }
}

pub(crate) fn boundary() -> Boundary {
    static N: AtomicU8 = AtomicU8::new(0);
    Boundary::from_random([N.fetch_add(1, Ordering::Relaxed); 16])
}

#[async_trait]
impl Machine for Local {
    fn name(&self) -> &str {
        "local"
    }
    async fn run(&self, batch: &Batch) -> Result<Vec<Reply>, SshError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let script = Script::of(batch, boundary());
        let (command, stdin) =
            if self.stdin { script.command_on_stdin(self.start) } else { script.command(self.start) };
        let mut shell = Command::new(self.shell[0]);
        shell.args(&self.shell[1..]).arg(OsString::from_vec(command));
        if let Some(dir) = &self.path {
            shell.env("PATH", dir);
        }
        let mut child =
            shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
        let mut pipe = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || pipe.write_all(&stdin));
        let out = child.wait_with_output().expect("the shell ends");
        drop(writer.join());
        script.replies(&out.stdout, &out.stderr).ok_or_else(|| SshError::NotUnderstood {
            host: "local".into(),
            said: format!("{}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
        })
    }
}
