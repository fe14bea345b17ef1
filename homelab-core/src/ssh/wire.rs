//! The bytes to a host and back, with a count of how often we waited for it.
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How often we spoke after having heard something: each is a round trip that was waited for.
#[derive(Debug, Default)]
pub(super) struct Turns {
    heard: AtomicBool,
    turns: AtomicU64,
}

impl Turns {
    /// How many there were so far. The one under way counts.
    pub(super) fn count(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

/// A stream that counts.
pub(super) struct Wire<S> {
    stream: S,
    turns: Arc<Turns>,
    /// What is done whenever there is nothing to read.
    idle: fn(&S),
}

impl<S> Wire<S> {
    /// A stream, and what is to be done before it is waited for.
    pub(super) fn new(stream: S, idle: fn(&S)) -> (Self, Arc<Turns>) {
        let turns = Arc::new(Turns { heard: AtomicBool::new(true), turns: AtomicU64::new(0) });
        (Wire { stream, turns: turns.clone(), idle }, turns)
    }
}

/// Acknowledges at once what has come. OpenSSH's server uses Nagle's algorithm until a session has begun: after the login it tells
/// of its host keys, and the answer to our next request waits until that is acknowledged, which Linux puts off by 40 ms when it
/// has nothing to send. The option holds until the kernel thinks otherwise, so it is set before each wait.
pub(super) fn acknowledge(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // Without it things are slower, and nothing else.
    drop(stream.set_quickack(true));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let ready = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.turns.heard.store(true, Ordering::Relaxed);
        }
        if ready.is_pending() {
            (self.idle)(&self.stream);
        }
        ready
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(written, Poll::Ready(Ok(n)) if n > 0) && self.turns.heard.swap(false, Ordering::Relaxed) {
            self.turns.turns.fetch_add(1, Ordering::Relaxed);
        }
        written
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
