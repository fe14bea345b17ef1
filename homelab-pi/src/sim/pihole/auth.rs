//! Sessions: who is let in, by what, and for how long.
use super::{
    call::{Call, Reply, error, nothing, reply},
    simulator::State,
    world::digest,
};
use crate::pihole::http::Method;
use serde_json::{Value, json};

/// Logins that are taken within one second of the clock.
const LOGINS: u32 = 3;

/// One session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) sid: String,
    csrf: String,
    pub(super) app: bool,
    login_at: f64,
    pub(super) valid_until: f64,
}

/// Who calls.
pub(super) enum Caller {
    /// Nobody said who.
    Nobody,
    /// A session that there is not.
    Unknown,
    /// This session.
    Of(Session),
    /// There is no password, so everybody.
    Everybody,
}

impl Caller {
    pub(super) fn is_in(&self) -> bool {
        matches!(self, Caller::Of(_) | Caller::Everybody)
    }
    pub(super) fn is_app(&self) -> bool {
        matches!(self, Caller::Of(session) if session.app)
    }
}

/// Finds the session of a call, which may come in five ways (pi-notes section 12).
pub(super) fn caller(state: &mut State, call: &Call<'_>) -> Caller {
    let now = state.now();
    state.sessions.retain(|session| session.valid_until > now);
    if state.world.password.is_none() {
        return Caller::Everybody;
    }
    let request = call.request;
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let cookie = request.header("Cookie").and_then(|cookie| {
        let sid = cookie.split(';').find_map(|part| part.trim().strip_prefix("sid="))?;
        Some((sid.to_owned(), request.header("X-CSRF-TOKEN").unwrap_or_default().to_owned()))
    });
    let plain = request.header("X-FTL-SID").or_else(|| request.header("sid")).map(str::to_owned);
    let plain = plain.or_else(|| call.query("sid").map(str::to_owned));
    let plain = plain.or_else(|| body["sid"].as_str().map(str::to_owned));
    let timeout = state.world.setting("webserver.session.timeout").as_f64().unwrap_or(1800.0);
    let found = match (&plain, &cookie) {
        (Some(sid), _) => state.sessions.iter_mut().find(|session| session.sid == *sid),
        (None, Some((sid, csrf))) => {
            state.sessions.iter_mut().find(|session| session.sid == *sid && session.csrf == *csrf)
        }
        (None, None) => return Caller::Nobody,
    };
    match found {
        Some(session) => {
            session.valid_until = now + timeout;
            Caller::Of(session.clone())
        }
        None => Caller::Unknown,
    }
}

pub(super) fn answer(state: &mut State, call: &Call<'_>, caller: &Caller) -> Reply {
    let parts: Vec<&str> = call.parts.iter().map(String::as_str).collect();
    match (call.method, parts.as_slice()) {
        (Method::Get, ["auth"]) => match caller {
            Caller::Of(session) => reply(200, json!({ "session": shown(session, "correct password", state.now()) })),
            Caller::Everybody => reply(
                200,
                json!({ "session": {
                "valid": true, "totp": false, "sid": null, "validity": -1, "message": "no password set" } }),
            ),
            other => outside(other),
        },
        (Method::Post, ["auth"]) => login(state, call).unwrap_or_else(|refusal| refusal),
        (Method::Delete, ["auth"]) => match caller {
            Caller::Of(session) => {
                state.sessions.retain(|held| held.sid != session.sid);
                nothing()
            }
            Caller::Everybody => nothing(),
            other => outside(other),
        },
        (Method::Get, ["auth", "app"]) => {
            let password = format!("app-{:016x}", state.next_session.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            reply(200, json!({ "app": { "password": password, "hash": digest(&password) } }))
        }
        (Method::Get, ["auth", "sessions"]) => {
            let row = |(id, session): (usize, &Session)| {
                json!({
                    "id": id, "current_session": matches!(caller, Caller::Of(s) if s.sid == session.sid), "valid": true,
                    "tls": { "login": false, "mixed": false }, "app": session.app, "cli": false,
                    "login_at": session.login_at as u64, "last_active": state.seconds(),
                    "valid_until": session.valid_until as u64, "remote_addr": "127.0.0.1", "user_agent": null,
                    "x_forwarded_for": null,
                })
            };
            let rows: Vec<Value> = state.sessions.iter().enumerate().map(row).collect();
            reply(200, json!({ "sessions": rows }))
        }
        _ => super::front::not_found(call),
    }
}

fn login(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let body = call.json()?;
    let password = match &body["password"] {
        Value::Null => return Err(error(400, "bad_request", "No password found in JSON payload", None)),
        Value::String(password) => password.clone(),
        _ => return Err(error(400, "bad_request", "Field password has to be of type 'string'", None)),
    };
    let Some(wanted) = state.world.password.clone() else {
        return Ok(reply(
            200,
            json!({ "session": {
            "valid": true, "totp": false, "sid": null, "validity": -1, "message": "no password set" } }),
        ));
    };
    let second = state.seconds();
    state.logins = if state.logins.0 == second { (second, state.logins.1 + 1) } else { (second, 1) };
    if state.logins.1 > LOGINS {
        return Err(error(429, "rate_limiting", "Rate-limiting login attempts", None));
    }
    let hash = digest(&password);
    let app = hash != wanted;
    if app && state.world.app_password.as_ref() != Some(&hash) {
        return Ok(reply(401, json!({ "session": refused("password incorrect") })));
    }
    let seats = state.world.setting("webserver.api.max_sessions").as_u64().unwrap_or(16);
    if state.sessions.len() as u64 >= seats {
        return Err(error(
            429,
            "api_seats_exceeded",
            "API seats exceeded",
            Some("increase webserver.api.max_sessions"),
        ));
    }
    let n = state.next_session;
    state.next_session += 1;
    let (now, timeout) = (state.now(), state.world.setting("webserver.session.timeout").as_f64().unwrap_or(1800.0));
    let session = Session {
        sid: format!("{}=", &digest(&format!("sid {n} {now}"))[..22]),
        csrf: format!("{}=", &digest(&format!("csrf {n} {now}"))[..22]),
        app,
        login_at: now,
        valid_until: now + timeout,
    };
    let message = if app { "app-password correct" } else { "password correct" };
    let mut answer = reply(200, json!({ "session": shown(&session, message, now) }));
    let cookie = format!("sid={}; SameSite=Lax; Path=/; Max-Age={timeout}; HttpOnly", session.sid);
    answer.headers.push(("set-cookie".into(), cookie));
    state.sessions.push(session);
    Ok(answer)
}

fn shown(session: &Session, message: &str, now: f64) -> Value {
    json!({
        "valid": true, "totp": false, "sid": session.sid, "csrf": session.csrf,
        "validity": (session.valid_until - now).round() as i64, "message": message,
    })
}

fn refused(message: &str) -> Value {
    json!({ "valid": false, "totp": false, "sid": null, "validity": -1, "message": message })
}

fn outside(caller: &Caller) -> Reply {
    let message = if matches!(caller, Caller::Nobody) { "no SID provided" } else { "session unknown" };
    reply(401, json!({ "session": refused(message) }))
}
