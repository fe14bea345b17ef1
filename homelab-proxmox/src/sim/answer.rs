//! What a handler gives back, and how that looks on the wire.
use crate::http::Response;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A successful answer: `data`, and what stands beside it (`total`, `changes`).
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) data: Value,
    pub(crate) beside: Map<String, Value>,
}

impl From<Value> for Reply {
    fn from(data: Value) -> Reply {
        Reply { data, beside: Map::new() }
    }
}

impl Reply {
    /// `null`: done, and nothing to tell.
    pub(crate) fn done() -> Answer {
        Ok(Value::Null.into())
    }

    /// Adds a member beside `data`.
    pub(crate) fn beside(mut self, key: &str, value: Value) -> Reply {
        self.beside.insert(key.to_owned(), value);
        self
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) enum Fail {
    /// 400: what is wrong with each parameter.
    Params(BTreeMap<String, String>),
    /// 403: "path, privilege", or nothing.
    Forbidden(String),
    /// 401 with an empty body; the real one takes its time ([`crate::sim::quirks::REFUSAL_DELAY`]).
    Unauthorized(&'static str),
    /// 500 with the message as reason and in the body.
    Die(String),
    /// Any other status with a message.
    Status(u16, String),
    /// A status without a JSON body, as the HTTP layer itself gives it.
    Plain(u16, String),
    /// 500 that carries `errors`, although it is no parameter check (a container's missing mount point).
    Odd(String, BTreeMap<String, String>),
    /// A lock is held: wait up to so many milliseconds, then fail with this message.
    Busy(u64, String),
    /// The answer comes late by so many milliseconds.
    Late(u64, Box<Fail>),
}

/// What every handler returns.
pub(crate) type Answer = Result<Reply, Fail>;

impl Fail {
    /// One wrong parameter.
    pub(crate) fn param(name: &str, text: impl Into<String>) -> Fail {
        Fail::Params(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// 500 with this message.
    pub(crate) fn die(message: impl Into<String>) -> Fail {
        Fail::Die(message.into())
    }

    /// The text alone, as a task's log shows it.
    pub(crate) fn text(self) -> String {
        match self {
            Fail::Params(errors) => {
                let mut text = "400 Parameter verification failed.".to_owned();
                for (name, error) in errors {
                    text.push_str(&format!("\n{name}: {error}"));
                }
                text
            }
            Fail::Forbidden(what) => format!("403 {}", forbidden(&what)),
            Fail::Unauthorized(text) => text.to_owned(),
            Fail::Die(text) | Fail::Busy(_, text) | Fail::Odd(text, _) => text,
            Fail::Status(_, text) | Fail::Plain(_, text) => text,
            Fail::Late(_, fail) => fail.text(),
        }
    }
}

fn forbidden(what: &str) -> String {
    if what.is_empty() { "Permission check failed".to_owned() } else { format!("Permission check failed ({what})") }
}

const JSON: &str = "application/json;charset=UTF-8";

/// The answer as it goes over the wire.
pub(crate) fn response(answer: Answer) -> Response {
    let (status, reason, body) = match answer {
        Ok(Reply { data, beside }) => {
            let mut body = Map::from_iter([("data".to_owned(), data)]);
            body.extend(beside);
            (200, "OK".to_owned(), Value::Object(body))
        }
        Err(Fail::Params(errors)) => {
            let reason = "Parameter verification failed.";
            (400, reason.to_owned(), json!({"data": null, "message": format!("{reason}\n"), "errors": errors}))
        }
        Err(Fail::Odd(text, errors)) => {
            (500, text.clone(), json!({"data": null, "message": format!("{text}\n"), "errors": errors}))
        }
        Err(Fail::Forbidden(what)) => message(403, &format!("{}\n", forbidden(&what))),
        Err(Fail::Unauthorized(reason)) => return plain(401, reason),
        Err(Fail::Plain(status, reason)) => return plain(status, &reason),
        Err(Fail::Die(text) | Fail::Busy(_, text)) => message(500, &format!("{text}\n")),
        Err(Fail::Status(status, text)) => message(status, &text),
        Err(Fail::Late(_, fail)) => return response(Err(*fail)),
    };
    Response { status, reason, content_type: JSON.to_owned(), body: body.to_string().into_bytes() }
}

/// The reason is the first line only; the body has all of it (pve-notes section 5).
fn message(status: u16, text: &str) -> (u16, String, Value) {
    let reason = text.lines().next().unwrap_or_default().to_owned();
    (status, reason, json!({"data": null, "message": text}))
}

/// An answer of the HTTP layer: a reason and an empty body.
pub(crate) fn plain(status: u16, reason: &str) -> Response {
    Response { status, reason: reason.to_owned(), content_type: String::new(), body: Vec::new() }
}
