//! The client: logs in at the first call, again when its session has ended, and out at the end.
use super::{
    http::{Http, Method, Request, Response, TransportError},
    session::{self, Login, Passwords, Session},
};
use crate::dns::Prober;
use homelab_core::{Failure, Permit, SecretValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep},
};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long loading the lists may take: Pi-hole itself waits two minutes for DNS before it gives up.
const GRAVITY: Duration = Duration::from_secs(15 * 60);
/// Pi-hole takes three logins within one second of the clock.
const LOGIN_PAUSE: Duration = Duration::from_millis(1100);
const LOGINS: u32 = 4;
/// Some settings make FTL start itself anew, which takes about a second; it has been seen to hang then (pi-notes section 12).
const RESTART_LIMIT: Duration = Duration::from_secs(30);
const RESTART_BEGINS: Duration = Duration::from_millis(500);
const RESTART_PAUSE: Duration = Duration::from_millis(250);
/// Letters, digits and what needs no escape in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A Pi-hole. Cheap to clone; clones share one session.
#[derive(Clone)]
pub struct Pihole(Arc<Inner>);

struct Inner {
    http: Arc<dyn Http>,
    host: String,
    passwords: Passwords,
    dns: Prober,
    session: Mutex<Option<Session>>,
    /// Lists of settings are read, changed and written back, so one at a time.
    writing: Mutex<()>,
    /// Loading the lists serves all that are waiting for it.
    loading: Mutex<()>,
}

impl Drop for Inner {
    /// Ends the session: Pi-hole has sixteen, and each lasts half an hour.
    fn drop(&mut self) {
        if let Some(session) = self.session.get_mut().take().filter(|session| session.sid.is_some()) {
            self.http.leave(request(Method::Delete, "/auth", Some(&session), None, PATIENCE));
        }
    }
}

impl fmt::Debug for Pihole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pihole({})", self.0.host)
    }
}

/// An answer that is not an error of the server.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status: 2xx, or 404 for what is not there.
    pub status: u16,
    /// The body; `Null` when there is none.
    pub body: Value,
}

impl Pihole {
    pub(crate) fn new(http: Arc<dyn Http>, host: &str, passwords: Passwords, dns: Prober) -> Pihole {
        let host = host.to_owned();
        Pihole(Arc::new(Inner {
            http,
            host,
            passwords,
            dns,
            session: Mutex::default(),
            writing: Mutex::default(),
            loading: Mutex::default(),
        }))
    }

    /// A Pi-hole behind this seam, for a simulator or a test.
    #[must_use]
    pub fn connect(http: Arc<dyn Http>, host: &str, password: Option<SecretValue>, dns: Prober) -> Pihole {
        Pihole::new(http, host, Passwords { current: password, previous: None }, dns)
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// How its name service is asked.
    #[must_use]
    pub fn dns(&self) -> &Prober {
        &self.0.dns
    }

    /// Held by whoever reads settings, changes them and writes them back.
    pub(super) async fn writing(&self) -> MutexGuard<'_, ()> {
        self.0.writing.lock().await
    }

    /// Reads.
    ///
    /// # Errors
    /// When it cannot be reached, does not let us in, or refuses.
    pub async fn fetch(&self, path: &str) -> Result<Value, Failure> {
        let reply = self.call(Method::Get, path, None, PATIENCE).await?;
        done(&format!("GET {path} at {}", self.0.host), reply)
    }

    /// Changes something. What is not there is told by the reply's status, not as an error.
    ///
    /// # Errors
    /// As [`fetch`](Pihole::fetch), and when `processed.errors` says that it did not do it.
    pub async fn write(&self, _: &Permit, method: Method, path: &str, body: Option<Value>) -> Result<Reply, Failure> {
        let reply = self.call(method, path, body, PATIENCE).await?;
        let what = format!("{} {path} at {}", method.as_str(), self.0.host);
        if reply.status == 404 && reply.body["error"].is_null() {
            return Ok(reply);
        }
        let status = reply.status;
        let body = done(&what, reply)?;
        match body["processed"]["errors"].as_array().and_then(|errors| errors.first()) {
            Some(error) => Err(Failure::new(format!("{what}: {}", error["error"].as_str().unwrap_or("not done")))
                .hint("it is there already, or another has its name; look at it in the web page")),
            None => Ok(Reply { status, body }),
        }
    }

    /// Changes settings, given as the tree below `config`, and waits until it answers again if they make it start anew.
    ///
    /// # Errors
    /// As [`write`](Pihole::write), and when it does not come back.
    pub async fn configure(&self, permit: &Permit, settings: Value, restarts: bool) -> Result<Value, Failure> {
        let body = json!({ "config": settings });
        let reply = self.write(permit, Method::Patch, "/config", Some(body)).await?;
        if restarts {
            self.settled().await?;
        }
        Ok(reply.body)
    }

    /// Whether a change of this setting makes FTL start anew.
    pub(super) async fn restarts(&self, path: &str) -> Result<bool, Failure> {
        let path: Vec<String> = path.split('.').map(part).collect();
        let body = self.fetch(&format!("/config/{}?detailed=true", path.join("/"))).await?;
        let leaf = path.iter().fold(&body["config"], |tree, name| &tree[name.as_str()]);
        Ok(leaf["flags"]["restart_dnsmasq"] == true)
    }

    /// Held by whoever loads the lists: it serves all that wait for it.
    pub(super) async fn loading(&self) -> MutexGuard<'_, ()> {
        self.0.loading.lock().await
    }

    /// Loads the lists. Its own word for how that went is of no use (200 in any case), so look at the lists afterwards.
    ///
    /// # Errors
    /// As [`fetch`](Pihole::fetch).
    pub async fn load_lists(&self, _: &Permit) -> Result<(), Failure> {
        let reply = self.call(Method::Post, "/action/gravity", None, GRAVITY).await?;
        done(&format!("loading the lists at {}", self.0.host), reply).map(drop)
    }

    /// The whole of it as its own backup file. It holds the password's hash: a secret.
    ///
    /// # Errors
    /// As [`fetch`](Pihole::fetch).
    pub async fn teleporter(&self) -> Result<Vec<u8>, Failure> {
        let response = self.answered(Method::Get, "/teleporter", None, PATIENCE).await?;
        if response.status == 200 {
            return Ok(response.body);
        }
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        Err(refused(&format!("backup of {}", self.0.host), response.status, &body))
    }

    /// Waits until it answers after it started itself anew.
    ///
    /// # Errors
    /// When it does not within half a minute.
    pub(super) async fn settled(&self) -> Result<(), Failure> {
        let began = Instant::now();
        sleep(RESTART_BEGINS).await;
        loop {
            let request = request(Method::Get, "/info/login", None, None, PATIENCE);
            if let Ok(response) = self.0.http.send(request).await {
                let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
                if response.status == 200 && body["dns"] == true {
                    return Ok(());
                }
            }
            if began.elapsed() >= RESTART_LIMIT {
                return Err(Failure::stuck(format!("the Pi-hole at {} does not answer after a change", self.0.host)).hint(
                    "FTL can hang while it starts itself anew: `systemctl kill -s KILL pihole-ftl` on the Pi starts it again",
                ));
            }
            sleep(RESTART_PAUSE).await;
        }
    }

    /// Whether this password lets in. The session that proves it is ended at once.
    ///
    /// # Errors
    /// When it cannot be reached, or has no session left.
    pub async fn accepts(&self, password: &str) -> Result<bool, Failure> {
        match self.login(password).await? {
            None => Ok(false),
            // Without any password set, everything is accepted, and no session is needed.
            Some(Session { sid: None }) => Ok(false),
            Some(session) => {
                self.end(&session).await?;
                Ok(true)
            }
        }
    }

    /// Forgets the session: what was just done has ended all of them.
    pub(super) async fn forget_session(&self) {
        self.0.session.lock().await.take();
    }

    async fn end(&self, session: &Session) -> Result<(), Failure> {
        if session.sid.is_some() {
            self.send(request(Method::Delete, "/auth", Some(session), None, PATIENCE)).await?;
        }
        Ok(())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>, timeout: Duration) -> Result<Reply, Failure> {
        let response = self.answered(method, path, body, timeout).await?;
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        if response.status >= 500 || response.status == 429 {
            let what = format!("{} {path} at {}", method.as_str(), self.0.host);
            return Err(Failure { nature: homelab_core::Nature::Passing, ..refused(&what, response.status, &body) });
        }
        Ok(Reply { status: response.status, body })
    }

    /// The answer to a call within our session; a session that has ended is replaced once.
    async fn answered(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        for last in [false, true] {
            let session = self.session().await?;
            let response = self.send(request(method, path, Some(&session), body.as_ref(), timeout)).await?;
            if response.status != 401 || last {
                return Ok(response);
            }
            self.0.session.lock().await.take_if(|held| held.sid == session.sid);
        }
        unreachable!("the last round returns")
    }

    async fn session(&self) -> Result<Session, Failure> {
        let mut held = self.0.session.lock().await;
        if let Some(session) = held.as_ref() {
            return Ok(session.clone());
        }
        let passwords = &self.0.passwords;
        let given: Vec<&str> =
            [&passwords.current, &passwords.previous].into_iter().flatten().map(|p| p.expose()).collect();
        // A Pi-hole without a password lets anybody in, with anything.
        for password in if given.is_empty() { vec![""] } else { given } {
            if let Some(session) = self.login(password).await? {
                *held = Some(session.clone());
                return Ok(session);
            }
        }
        Err(Failure::new(format!("the Pi-hole at {} does not accept the password", self.0.host)).hint(
            "PIHOLE_PASSWORD is its web password; if that was changed elsewhere, `pihole setpassword` on the Pi sets it again",
        ))
    }

    /// A session for this password; none if it is wrong.
    async fn login(&self, password: &str) -> Result<Option<Session>, Failure> {
        for _ in 0..LOGINS {
            let body = json!({ "password": password });
            let response = self.send(request(Method::Post, "/auth", None, Some(&body), PATIENCE)).await?;
            match session::read(&response, &self.0.host) {
                Login::In(session) => return Ok(Some(session)),
                Login::Wrong => return Ok(None),
                Login::No(failure) => return Err(failure),
                Login::Again => sleep(LOGIN_PAUSE).await,
            }
        }
        Err(Failure::passing(format!("the Pi-hole at {} takes no login for now", self.0.host))
            .hint("somebody logs in all the time; see the sessions in its web page (Settings, API)"))
    }

    async fn send(&self, request: Request) -> Result<Response, Failure> {
        let what = format!("{request:?}");
        self.0.http.send(request).await.map_err(|e| match e {
            TransportError::Unreached { .. } => Failure::passing(e.to_string()).hint(
                "is the Pi up, and its web server on? `systemctl status pihole-ftl` there; PIHOLE_URL leads elsewhere",
            ),
            TransportError::Lost { .. } => Failure::passing(format!("{what}: {e}"))
                .hint("FTL may have started itself anew; run again, it goes on from what is there"),
        })
    }
}

fn request(method: Method, path: &str, session: Option<&Session>, body: Option<&Value>, timeout: Duration) -> Request {
    let mut headers = vec![];
    if let Some(sid) = session.and_then(|session| session.sid.clone()) {
        headers.push(("X-FTL-SID".to_owned(), sid));
    }
    if body.is_some() {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    Request { method, path: path.to_owned(), headers, body, timeout }
}

/// One part of a path.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

fn done(what: &str, reply: Reply) -> Result<Value, Failure> {
    match reply.status {
        200..=299 => Ok(reply.body),
        status => Err(refused(what, status, &reply.body)),
    }
}

/// What an error answer says, with the way out.
pub(super) fn refused(what: &str, status: u16, body: &Value) -> Failure {
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or("no reason given");
    let detail = error["hint"].as_str().filter(|hint| !hint.is_empty());
    let said = detail.map_or(message.to_owned(), |detail| format!("{message} ({detail})"));
    let hint = match error["key"].as_str() {
        Some("forbidden") if said.contains("app_sudo") => {
            "an app password may not change settings: give the web password, or set `webserver.api.app_sudo`"
        }
        Some("forbidden") => {
            "its settings are read-only: `misc.readOnly` is on, so they change with its Nix configuration only"
        }
        Some("unauthorized") => "the session ended in the middle; run again",
        _ if said.contains("environment variables") => {
            "the Pi's own configuration forces this setting (FTLCONF_..): change it there"
        }
        _ if status >= 500 => "look at /var/log/pihole/FTL.log on the Pi",
        _ => "Pi-hole's own words are above; its web page may say more",
    };
    Failure::new(format!("{what}: {status} {said}")).hint(hint)
}
