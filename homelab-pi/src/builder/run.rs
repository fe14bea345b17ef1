//! Running programs: the seam between what is said to Nix and a process.
use super::Say;
use async_trait::async_trait;
use homelab_core::Failure;
use std::{collections::VecDeque, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    process::Command,
};

/// How many of the last lines are kept for a failure.
const LAST: usize = 20;

/// Runs a program and gives back what it printed.
#[async_trait]
pub trait Run: Send + Sync {
    /// Runs it, with this on its standard input.
    ///
    /// # Errors
    /// When it cannot be started or does not end well; the last lines that it said are with it.
    async fn run(&self, argv: &[String], input: Vec<u8>, say: Say<'_>) -> Result<Vec<u8>, Failure>;

    /// Runs it, and what it prints goes to a file on its way. One that is there already stays as it is until all has come.
    ///
    /// # Errors
    /// As [`run`](Run::run), and when the file cannot be written.
    async fn fetch(&self, argv: &[String], to: &Path, say: Say<'_>) -> Result<(), Failure>;
}

/// Processes of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes;

#[async_trait]
impl Run for Processes {
    async fn run(&self, argv: &[String], input: Vec<u8>, say: Say<'_>) -> Result<Vec<u8>, Failure> {
        let mut out = vec![];
        pipe(argv, input, &mut out, say).await?;
        Ok(out)
    }

    async fn fetch(&self, argv: &[String], to: &Path, say: Say<'_>) -> Result<(), Failure> {
        let part = to.with_extension("part");
        let failed = |e: std::io::Error| Failure::new(format!("{} cannot be written: {e}", to.display()));
        let mut file = tokio::fs::File::create(&part).await.map_err(failed)?;
        pipe(argv, vec![], &mut file, say).await?;
        file.sync_all().await.map_err(failed)?;
        std::fs::rename(&part, to).map_err(failed)
    }
}

/// Runs a program from its input to where its output goes.
async fn pipe(
    argv: &[String],
    input: Vec<u8>,
    out: &mut (impl AsyncWrite + Unpin + Send),
    say: Say<'_>,
) -> Result<(), Failure> {
    let (program, rest) = argv.split_first().ok_or_else(|| Failure::new("there is no program to run"))?;
    let failed = |why: String| Failure::new(format!("`{program}`: {why}"));
    let piped = Stdio::piped;
    let mut command = Command::new(program);
    command.args(rest).stdin(piped()).stdout(piped()).stderr(piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| failed(format!("it cannot be started: {e}")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // Whoever does not read it all says so by his status.
            let _ = stdin.write_all(&input).await;
        }
    };
    let read = async {
        if let Some(mut stdout) = stdout {
            tokio::io::copy(&mut stdout, out).await.map_err(|e| failed(e.to_string()))?;
        }
        out.flush().await.map_err(|e| failed(e.to_string()))
    };
    let (_, copied, last) = tokio::join!(feed, read, lines(stderr, say));
    let status = child.wait().await.map_err(|e| failed(e.to_string()))?;
    match status.success() {
        true => copied,
        false => Err(failed(format!("it ended with {status}")).detail(last)),
    }
}

/// Hands every line on, and keeps the last.
async fn lines(from: Option<impl AsyncRead + Unpin>, say: Say<'_>) -> VecDeque<String> {
    let mut last = VecDeque::new();
    let Some(from) = from else { return last };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        say(&line);
        last.push_back(line);
        if last.len() > LAST {
            last.pop_front();
        }
    }
    last
}
