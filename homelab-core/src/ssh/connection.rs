//! One connection to a host, logged in, over as many others as the way has.
use super::{
    Phase, Side, SshError,
    identity::Keys,
    known_hosts::{Known, key},
    reach::{Stream, reach},
    target::Route,
    wire::{Turns, Wire, acknowledge},
};
use futures_util::future::BoxFuture;
use russh::{
    Channel, ChannelMsg, Error as Russh, Preferred, cipher,
    client::{self, AuthResult, DisconnectReason, Handle},
    compression, kex,
    keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
    mac,
};
use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// How long agreeing on keys and logging in may take; an agent may ask a person meanwhile.
const LOGIN: Duration = Duration::from_secs(60);
/// How long a channel for the next question is waited for when there is nothing else to wait for.
const SPARE: Duration = Duration::from_secs(1);
/// How long a host may be silent before it is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(15);
/// How often it is asked before it counts as lost.
const SIGNS: usize = 3;
/// How much one batch may answer, in bytes.
const ANSWER: usize = 256 << 20;

/// Curve25519 costs both ends the least and ML-KEM is safe against what may come; what OpenSSH 9 prefers by itself,
/// sntrup761, costs it a tenth of a second.
const KEX: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
];
/// Where the processor has AES, 20 MB take two thirds of the time that ChaCha20 takes them; where it has not, several times as long.
const WITH_AES: &[cipher::Name] =
    &[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR, cipher::AES_128_CTR];
const WITHOUT_AES: &[cipher::Name] =
    &[cipher::CHACHA20_POLY1305, cipher::AES_256_GCM, cipher::AES_256_CTR, cipher::AES_128_CTR];
const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

/// A connection that is logged in.
pub(super) struct Connection {
    handle: Handle<Client>,
    route: Route,
    turns: Arc<Turns>,
    lost: Arc<Mutex<Option<String>>>,
    /// A channel that was opened while another was used, so that the next question need not wait for one.
    spare: Mutex<Option<Channel<client::Msg>>>,
    /// What it runs over; closed after it.
    _over: Option<Box<Connection>>,
}

/// What a command left.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Whether all of it came.
    pub(super) complete: bool,
}

/// Why a command did not run to its end.
pub(super) enum Broken {
    /// It was not begun.
    Before(SshError),
    /// It may have been.
    Midway(SshError),
}

impl Connection {
    /// Connects and logs in.
    pub(super) fn open<'a>(route: &'a Route, pins: &'a [PublicKey]) -> BoxFuture<'a, Result<Connection, SshError>> {
        Box::pin(async move {
            // The agent lists its keys while the host answers.
            let (stream, mut keys) = tokio::join!(reach(route), Keys::of(route));
            let (stream, over) = stream?;
            if keys.candidates.is_empty() {
                return Err(keys.missing(route));
            }
            let login = async {
                let mut connection = greet(route, pins, stream, over).await?;
                connection.log_in(&mut keys).await?;
                Ok(connection)
            };
            let late = |_| SshError::Timeout { host: route.name.clone(), phase: Phase::Login, after: LOGIN };
            timeout(LOGIN, login).await.map_err(late)?
        })
    }

    /// Round trips so far.
    pub(super) fn turns(&self) -> u64 {
        self.turns.count()
    }

    /// Whether it is gone already.
    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    async fn log_in(&mut self, keys: &mut Keys) -> Result<(), SshError> {
        let user = self.route.user.clone();
        let (mut offered, mut methods) = (vec![], vec![]);
        for candidate in &keys.candidates {
            let answer = match (&candidate.private, &mut keys.agent) {
                (Some(private), _) => {
                    let key = PrivateKeyWithHashAlg::new(private.clone(), candidate.hash());
                    self.handle.authenticate_publickey(user.clone(), key).await.map_err(|e| e.to_string())
                }
                (None, Some(agent)) => {
                    let key = candidate.public.clone();
                    let answer =
                        self.handle.authenticate_publickey_with(user.clone(), key, candidate.hash(), &mut agent.client);
                    answer.await.map_err(|e| e.to_string())
                }
                (None, None) => continue,
            };
            let offer = candidate.offer();
            match answer {
                Ok(AuthResult::Success) => return Ok(()),
                Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                    if partial_success {
                        keys.notes.push(format!("{} is accepted, but the host wants more than a key", offer.key));
                    }
                    offered.push(offer);
                    methods = remaining_methods.iter().map(String::from).collect();
                    if self.handle.is_closed() || remaining_methods.is_empty() {
                        break;
                    }
                }
                Err(e) => {
                    keys.notes.push(format!("{} ({}) could not sign: {e}", offer.key, offer.from));
                    offered.push(offer);
                }
            }
        }
        let host = self.route.name.clone();
        let side = match &keys.agent {
            _ if !keys.all || offered.len() < keys.candidates.len() => Side::Ours,
            Some(agent) if agent.is_1password() => Side::OnePassword,
            _ => Side::Theirs,
        };
        let notes = std::mem::take(&mut keys.notes);
        Err(SshError::AuthRefused { host, user, offered, notes, side, methods: methods.into() })
    }

    /// A channel from it to another host.
    pub(super) async fn forward(&self, address: &str, port: u16) -> Result<Channel<client::Msg>, Russh> {
        self.handle.channel_open_direct_tcpip(address, port.into(), "127.0.0.1", 0).await
    }

    fn take_spare(&self) -> Option<Channel<client::Msg>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Opens a channel for the next question, if there is none. A host that allows no more sessions says no, which is fine.
    async fn keep_spare(&self) {
        let is_there = self.spare.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !is_there && let Ok(channel) = self.handle.channel_open_session().await {
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
        }
    }

    /// Runs a command until `complete` says of both streams that they are, or the host closes the channel. One that only asks may
    /// take a channel that is open already: if that turns out to be dead, it is asked again.
    pub(super) async fn exec(
        &self,
        command: Vec<u8>,
        stdin: &[u8],
        asks: bool,
        complete: &(dyn Fn(&[u8]) -> bool + Sync),
    ) -> Result<Ran, Broken> {
        let spare = if asks { self.take_spare() } else { None };
        let channel = match spare {
            Some(channel) => channel,
            None => self.handle.channel_open_session().await.map_err(|e| Broken::Before(self.gone(&e.to_string())))?,
        };
        let (mut reading, writing) = channel.split();
        // All of it is sent before anything is heard of it.
        let wanted = async {
            writing.exec(false, command).await?;
            if !stdin.is_empty() {
                writing.data(stdin).await?;
            }
            writing.eof().await
        };
        let mut ran = Ran::default();
        let (mut out_done, mut err_done) = (false, false);
        let hear = async {
            while let Some(message) = reading.wait().await {
                match message {
                    ChannelMsg::Data { data } => {
                        ran.stdout.extend_from_slice(&data);
                        out_done = complete(&ran.stdout);
                    }
                    ChannelMsg::ExtendedData { data, .. } => {
                        ran.stderr.extend_from_slice(&data);
                        err_done = complete(&ran.stderr);
                    }
                    ChannelMsg::Close => break,
                    _ => {}
                }
                if (out_done && err_done) || ran.stdout.len() + ran.stderr.len() > ANSWER {
                    break;
                }
            }
        };
        // What is left to send when the answer is complete, nobody will read.
        {
            let spare = self.keep_spare();
            tokio::pin!(wanted, hear, spare);
            let (mut sent, mut kept) = (false, false);
            loop {
                tokio::select! {
                    biased;
                    () = &mut hear => break,
                    _ = &mut wanted, if !sent => sent = true,
                    () = &mut spare, if sent && !kept => kept = true,
                }
            }
            // It was asked for before the answer came, so it is here, or nearly.
            if sent && !kept {
                drop(timeout(SPARE, spare).await);
            }
        }
        ran.complete = out_done && err_done;
        if ran.complete {
            // A process that the batch has started may keep the channel open. A failure means that it is closed already.
            drop(writing.close().await);
        } else if ran.stdout.len() + ran.stderr.len() > ANSWER {
            let said = format!("it answers more than {} MiB to one batch", ANSWER >> 20);
            return Err(Broken::Midway(SshError::NotUnderstood { host: self.route.name.clone(), said }));
        } else if self.is_closed() {
            return Err(Broken::Midway(self.gone("it was closed")));
        }
        Ok(ran)
    }

    /// What is known of how the connection was lost.
    pub(super) fn gone(&self, otherwise: &str) -> SshError {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SshError::Closed {
            host: self.route.name.clone(),
            during: "a batch was under way".into(),
            reason: lost.unwrap_or_else(|| otherwise.to_owned()),
        }
    }
}

/// Agrees on keys with the host and checks that it is the right one.
async fn greet(
    route: &Route,
    pins: &[PublicKey],
    stream: Stream,
    over: Option<Box<Connection>>,
) -> Result<Connection, SshError> {
    let known = Known::of(&route.known_as, route.port, &route.known_hosts, pins);
    let known = match &route.one_off {
        Some(held) => known.of_new(held, !pins.is_empty()),
        None => known,
    };
    let config = Arc::new(client::Config {
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            key: Cow::Owned(known.algorithms(&[
                Algorithm::Ed25519,
                Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
                Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
                Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
                Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
                Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
            ])),
            cipher: Cow::Borrowed(if has_aes() { WITH_AES } else { WITHOUT_AES }),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(SILENCE),
        keepalive_max: SIGNS,
        nodelay: true,
        ..client::Config::default()
    });
    let lost = Arc::new(Mutex::new(None));
    let client = Client { host: route.name.clone(), known, lost: lost.clone() };
    let (connected, turns) = match stream {
        Stream::Tcp(stream) => {
            let (wire, turns) = Wire::new(stream, acknowledge);
            (client::connect_stream(config, wire, client).await, turns)
        }
        Stream::Channel(stream) => {
            let (wire, turns) = Wire::new(stream, |_| ());
            (client::connect_stream(config, wire, client).await, turns)
        }
    };
    let handle = connected.map_err(|refusal| match refusal {
        Refusal::Ours(error) => *error,
        Refusal::Russh(e) => SshError::Handshake { host: route.name.clone(), reason: e.to_string() },
    })?;
    Ok(Connection { handle, route: route.clone(), turns, lost, spare: Mutex::default(), _over: over })
}

/// Whether this processor has instructions for AES.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    false
}

/// What answers the host's questions during a connection.
struct Client {
    host: String,
    known: Known,
    lost: Arc<Mutex<Option<String>>>,
}

/// Why a connection is given up: by us, or by what the protocol's implementation found.
#[derive(Debug)]
enum Refusal {
    Ours(Box<SshError>),
    Russh(Russh),
}

impl From<Russh> for Refusal {
    fn from(e: Russh) -> Self {
        Refusal::Russh(e)
    }
}

impl client::Handler for Client {
    type Error = Refusal;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.known.check(&self.host, key).map_err(|e| Refusal::Ours(Box::new(e))).map(|()| true)
            }
            // We do not ask for certificates, so none should come.
            PublicKeyOrCertificate::Certificate(certificate) => {
                let shown = Box::new(key(&PublicKey::new(certificate.public_key().clone(), "")));
                Err(Refusal::Ours(Box::new(SshError::HostKeyUnknown { host: self.host.clone(), shown, files: vec![] })))
            }
        }
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        let (said, end) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (format!("the host says: {}", info.message), Ok(())),
            DisconnectReason::Error(Refusal::Russh(e)) => (e.to_string(), Err(Refusal::Russh(e))),
            DisconnectReason::Error(ours) => ("it was given up".to_owned(), Err(ours)),
        };
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(said);
        end
    }
}
