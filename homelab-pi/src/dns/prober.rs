//! Asking one server, with bounded patience.
use super::{Answer, BadName, Question, Sockets, Via, Wire};
use hickory_proto::op::Message;
use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long one try waits. Pi-hole restarts itself within a second after some settings, and what is asked meanwhile is lost
/// (pi-notes section 12), so a short try that is repeated sees it sooner than a long one.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a question is asked before the server counts as silent.
const TRIES: u32 = 3;

/// A server, and how it is asked. Cheap to clone.
#[derive(Clone)]
pub struct Prober {
    wire: Arc<dyn Wire>,
    server: SocketAddr,
    patience: Duration,
    tries: u32,
    next: Arc<AtomicU16>,
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prober({})", self.server)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// What was asked cannot be asked.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The machine is there and nothing listens.
    #[error("nothing listens on {server} ({})", .via.word())]
    Closed {
        /// The server.
        server: SocketAddr,
        /// How it was asked.
        via: Via,
    },
    /// Nobody said anything.
    #[error("{server} gave no answer to `{question}` over {} within {} ms, asked {tries} times", .via.word(), .waited.as_millis())]
    Silent {
        /// The server.
        server: SocketAddr,
        /// What was asked.
        question: String,
        /// How it was asked.
        via: Via,
        /// How often.
        tries: u32,
        /// How long altogether.
        waited: Duration,
    },
    /// What came back is no answer to what was asked.
    #[error("{server} answered `{question}` with something that is no answer: {reason}")]
    Garbled {
        /// The server.
        server: SocketAddr,
        /// What was asked.
        question: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network said something else.
    #[error("{server} cannot be reached over {}: {reason}", .via.word())]
    Network {
        /// The server.
        server: SocketAddr,
        /// How it was asked.
        via: Via,
        /// What the system said.
        reason: String,
    },
}

impl Prober {
    /// Asks `server` through the sockets of this machine: three tries of one second.
    #[must_use]
    pub fn new(server: SocketAddr) -> Prober {
        Prober::over(Arc::new(Sockets), server)
    }

    /// The same through another network: a simulated one.
    #[must_use]
    pub fn over(wire: Arc<dyn Wire>, server: SocketAddr) -> Prober {
        Prober { wire, server, patience: PATIENCE, tries: TRIES, next: Arc::new(AtomicU16::new(seed())) }
    }

    /// With another patience: so long for each of so many tries, at least one.
    #[must_use]
    pub fn patience(mut self, each: Duration, tries: u32) -> Prober {
        (self.patience, self.tries) = (each, tries.max(1));
        self
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Asks over UDP, again if there is silence, and over TCP if the answer was cut.
    ///
    /// # Errors
    /// When there is no answer within the patience, or none that can be read.
    pub async fn ask(&self, question: &Question) -> Result<Answer, DnsError> {
        let (message, took) = self.exchange(question, Via::Udp).await?;
        if !message.metadata.truncation {
            return Ok(Answer::of(&message, took));
        }
        let (message, more) = self.exchange(question, Via::Tcp).await?;
        Ok(Answer::of(&message, took + more))
    }

    /// Asks in this way and no other. An answer that was cut is given back as it is.
    ///
    /// # Errors
    /// As [`ask`](Prober::ask).
    pub async fn ask_over(&self, via: Via, question: &Question) -> Result<Answer, DnsError> {
        let (message, took) = self.exchange(question, via).await?;
        Ok(Answer::of(&message, took))
    }

    async fn exchange(&self, question: &Question, via: Via) -> Result<(Message, Duration), DnsError> {
        let server = self.server;
        let began = Instant::now();
        for _ in 0..self.tries {
            let bytes = question.message(self.next.fetch_add(1, Ordering::Relaxed))?;
            let Ok(answered) = timeout(self.patience, self.wire.exchange(server, via, &bytes)).await else { continue };
            let answer = answered.map_err(|e| match e.kind() {
                io::ErrorKind::ConnectionRefused => DnsError::Closed { server, via },
                _ => DnsError::Network { server, via, reason: e.to_string() },
            })?;
            let garbled = |reason: String| DnsError::Garbled { server, question: question.to_string(), reason };
            let message = Message::from_vec(&answer).map_err(|e| garbled(e.to_string()))?;
            if !question.is_answered_by(&message) {
                return Err(garbled("it is about something else".into()));
            }
            return Ok((message, began.elapsed()));
        }
        let question = question.to_string();
        Err(DnsError::Silent { server, question, via, tries: self.tries, waited: began.elapsed() })
    }
}

/// Where ids begin. They need not be secret (the port is new each time, and it is our own server on our own network), only others than
/// those of the run before.
fn seed() -> u16 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.subsec_nanos() >> 4) as u16
}
