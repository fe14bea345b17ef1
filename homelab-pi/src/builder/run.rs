//! Running programs: the seam between what is said to Nix and a process.
use super::Say;
use async_trait::async_trait;
use homelab_core::Failure;
use std::{collections::VecDeque, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
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
}

/// Processes of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes;

#[async_trait]
impl Run for Processes {
    async fn run(&self, argv: &[String], input: Vec<u8>, say: Say<'_>) -> Result<Vec<u8>, Failure> {
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
            let mut out = vec![];
            if let Some(mut stdout) = stdout {
                tokio::io::AsyncReadExt::read_to_end(&mut stdout, &mut out).await.map_err(|e| failed(e.to_string()))?;
            }
            Ok::<_, Failure>(out)
        };
        let (_, out, last) = tokio::join!(feed, read, lines(stderr, say));
        let status = child.wait().await.map_err(|e| failed(e.to_string()))?;
        match status.success() {
            true => out,
            false => Err(failed(format!("it ended with {status}")).detail(last)),
        }
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
