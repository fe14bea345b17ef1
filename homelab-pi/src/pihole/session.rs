//! Who we are to a Pi-hole: one session, from the first call to the end.
use super::http::Response;
use homelab_core::{Failure, SecretValue};
use serde_json::Value;

/// The passwords that may let us in: the one that should, and the one that did before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passwords {
    pub(crate) current: Option<SecretValue>,
    pub(crate) previous: Option<SecretValue>,
}

/// A session that Pi-hole gave.
#[derive(Clone)]
pub(crate) struct Session {
    /// Nothing when the Pi-hole has no password at all.
    pub(crate) sid: Option<String>,
}

/// What a login said.
pub(crate) enum Login {
    /// We are in.
    In(Session),
    /// The password is wrong.
    Wrong,
    /// Too many logins within this second: again in the next one.
    Again,
    /// It will not become better.
    No(Failure),
}

pub(crate) fn read(response: &Response, host: &str) -> Login {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let session = &body["session"];
    let error =
        (body["error"]["key"].as_str().unwrap_or_default(), body["error"]["message"].as_str().unwrap_or_default());
    if session["totp"] == true || error.1.contains("2FA") {
        return Login::No(Failure::new(format!("the Pi-hole at {host} asks for a one-time code")).hint(
            "a program has none: give it an app password (web page, Settings, API) with `webserver.api.app_sudo` on",
        ));
    }
    match (response.status, error.0) {
        (200, _) if session["valid"] == true => Login::In(Session { sid: session["sid"].as_str().map(str::to_owned) }),
        (401, _) => Login::Wrong,
        (429, "api_seats_exceeded") => Login::No(
            Failure::passing(format!("the Pi-hole at {host} has no session left to give"))
                .hint("it gives sixteen, each for half an hour: end some in the web page (Settings, API), or wait"),
        ),
        (429, _) => Login::Again,
        (status, _) => Login::No(super::client::refused(&format!("login at {host}"), status, &body)),
    }
}
