//! Who we are to the server: an API token, or a ticket with its protection against forged requests.
//!
//! The two are never sent together: a cookie would win over the token (pve-notes section 2).
use super::{Answer, Secret, call::Call, call::Params, retry::Retry, totp};
use crate::{
    api::FromScalar,
    error::{Cause, Error, Result},
    http::{Http, Method},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};

/// A ticket holds for two hours; after this time it is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(90 * 60);
/// How long a ticket holds: one that is older cannot be renewed.
const TICKET_LIFETIME: Duration = Duration::from_secs(2 * 3600);

/// The server decodes the cookie. Only what would break one is encoded, which a usual ticket has nothing of: then a server
/// that does not decode understands it too.
const COOKIE: &AsciiSet = &CONTROLS.add(b'%').add(b' ').add(b'"').add(b',').add(b';').add(b'\\');

/// How to log in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API token.
    Token {
        /// `USER@REALM!TOKEN`.
        id: String,
        /// The secret that was shown when the token was made.
        secret: Secret,
    },
    /// A user with a password. As root@pam this may do what no token may (pve-notes section 3).
    Ticket {
        /// `USER@REALM`.
        user: String,
        /// The password.
        password: Secret,
        /// The secret of the one-time codes in base32, if the user has a second factor.
        totp: Option<Secret>,
    },
}

impl Credential {
    /// An API token.
    pub fn token(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Credential::Token { id: id.into(), secret: Secret::new(secret) }
    }

    /// A user with a password.
    pub fn password(user: impl Into<String>, password: impl Into<String>) -> Self {
        Credential::Ticket { user: user.into(), password: Secret::new(password), totp: None }
    }

    /// Whose it is, `NAME@REALM`.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Credential::Token { id, .. } => id.split_once('!').map_or(id, |(user, _)| user),
            Credential::Ticket { user, .. } => user,
        }
    }

    /// Whether this is root@pam itself: no token is, whatever its name.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self, Credential::Ticket { user, .. } if user == "root@pam")
    }
}

struct Ticket {
    cookie: Secret,
    csrf: Secret,
    since: Instant,
}

/// A credential in use, with the ticket that it got.
pub(crate) struct Session {
    credential: Credential,
    ticket: Mutex<Option<Ticket>>,
}

impl Session {
    pub(crate) fn new(credential: Credential) -> Self {
        Session { credential, ticket: Mutex::new(None) }
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The headers for a call, logging in first if that is needed.
    pub(crate) async fn headers(
        &self,
        http: &dyn Http,
        retry: &Retry,
        method: Method,
    ) -> Result<Vec<(&'static str, String)>> {
        let (user, password, totp) = match &self.credential {
            Credential::Token { id, secret } => {
                return Ok(vec![("Authorization", format!("PVEAPIToken={id}={}", secret.expose()))]);
            }
            Credential::Ticket { user, password, totp } => (user, password, totp.as_ref()),
        };
        let login = Login { http, retry, user };
        let mut ticket = self.ticket.lock().await;
        let fresh = match ticket.take() {
            Some(held) if held.since.elapsed() < RENEW_AFTER => held,
            // A refused renewal is no failure: the password still is there.
            Some(held) if held.since.elapsed() < TICKET_LIFETIME => match login.by(&held.cookie, None).await {
                Ok(renewed) => renewed,
                Err(error) if error.is_unauthorised() => login.by(password, totp).await?,
                Err(error) => return Err(error),
            },
            _ => login.by(password, totp).await?,
        };
        let held = ticket.insert(fresh);
        let cookie = utf8_percent_encode(held.cookie.expose(), COOKIE);
        let mut headers = vec![("Cookie", format!("PVEAuthCookie={cookie}"))];
        if method != Method::Get {
            headers.push(("CSRFPreventionToken", held.csrf.expose().to_owned()));
        }
        Ok(headers)
    }

    /// Forgets the ticket that a call used, so that the next one logs in. False if there is none to renew.
    pub(crate) async fn forget(&self) -> bool {
        self.ticket.lock().await.take().is_some()
    }
}

/// Logging in: safe to repeat, so it is retried as a read is.
struct Login<'a> {
    http: &'a dyn Http,
    retry: &'a Retry,
    user: &'a str,
}

impl Login<'_> {
    async fn by(&self, password: &Secret, totp: Option<&Secret>) -> Result<Ticket> {
        let params = Params::new().set("username", self.user);
        let answer = self.post(params.clone().set("password", password.expose())).await?;
        let answer = if answer.data.get("NeedTFA").and_then(bool::from_scalar) == Some(true) {
            let challenge = self.field(&answer, "ticket")?;
            let code = self.code(totp)?;
            let params = params.set("password", format!("totp:{code}"));
            self.post(params.set("tfa-challenge", challenge.expose())).await?
        } else {
            answer
        };
        Ok(Ticket {
            cookie: self.field(&answer, "ticket")?,
            csrf: self.field(&answer, "CSRFPreventionToken")?,
            since: Instant::now(),
        })
    }

    fn code(&self, secret: Option<&Secret>) -> Result<String> {
        let setup = |text: &str| self.failed(Cause::Setup(text.to_owned()), 1);
        let secret = secret.ok_or_else(|| {
            setup("the user has a second factor: set the secret of its one-time codes (PROXMOX_TOTP_SECRET), or use an API token")
        })?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| setup("the clock is before 1970"))?;
        totp::code(secret, now.as_secs()).ok_or_else(|| {
            setup("the secret of the one-time codes (PROXMOX_TOTP_SECRET) is not base32: letters and the digits 2 to 7")
        })
    }

    fn field(&self, answer: &Answer, name: &str) -> Result<Secret> {
        let text = answer.data.get(name).and_then(String::from_scalar);
        text.map(Secret::new).ok_or_else(|| self.failed(Cause::Answer(format!("it has no `{name}`")), 1))
    }

    async fn post(&self, params: Params) -> Result<Answer> {
        let call = Call::new(Method::Post, "log in as", self.user, "/access/ticket").with(params);
        let mut attempts = 1;
        loop {
            let cause = match call.send(self.http, Vec::new()).await {
                Ok(answer) => return Ok(answer),
                Err(cause) => cause,
            };
            match self.retry.pause(Method::Get, &cause, attempts) {
                Some(pause) => sleep(pause).await,
                None => return Err(self.failed(cause, attempts)),
            }
            attempts += 1;
        }
    }

    fn failed(&self, cause: Cause, attempts: u32) -> Error {
        Error::new("log in as", self.user, cause, attempts)
    }
}
