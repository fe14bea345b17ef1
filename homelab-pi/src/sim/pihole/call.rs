//! A call as the handlers see it, and their replies, with the words of the real one.
use crate::pihole::http::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// A call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// `/api/config/dns`, as it was sent, without its query.
    pub(super) path: String,
    /// The decoded parts after `/api`.
    pub(super) parts: Vec<String>,
    query: Vec<(String, String)>,
    pub(super) request: &'a Request,
}

impl<'a> Call<'a> {
    pub(super) fn read(request: &'a Request) -> Call<'a> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), decode(value))
        };
        Call {
            method: request.method,
            path: format!("/api{path}"),
            parts: path.split('/').filter(|part| !part.is_empty()).map(decode).collect(),
            query: query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
            request,
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub(super) fn json(&self) -> Result<Value, Reply> {
        if self.request.body.is_empty() {
            return Err(error(400, "bad_request", "No request body data", None));
        }
        serde_json::from_slice(&self.request.body).map_err(|e| {
            let rest = self.request.body.get(e.column()..).unwrap_or_default();
            let hint = String::from_utf8_lossy(rest).into_owned();
            error(400, "bad_request", "Invalid request body data (no valid JSON), error at hint", Some(&hint))
        })
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Body,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Json(Map<String, Value>),
    Raw(&'static str, Vec<u8>),
}

/// JSON with a status.
pub(super) fn reply(status: u16, value: Value) -> Reply {
    let Value::Object(map) = value else { unreachable!("every answer is an object") };
    Reply { status, body: Body::Json(map), headers: vec![] }
}

/// Done, and nothing to say.
pub(super) fn nothing() -> Reply {
    Reply { status: 204, body: Body::None, headers: vec![] }
}

/// Not there, and nothing to say: what an item that is missing is answered with.
pub(super) fn missing() -> Reply {
    reply(404, json!({}))
}

pub(super) fn error(status: u16, key: &str, message: &str, hint: Option<&str>) -> Reply {
    reply(status, json!({ "error": { "key": key, "message": message, "hint": hint } }))
}

impl Reply {
    pub(super) fn response(self) -> Response {
        let mut headers = self.headers;
        let body = match self.body {
            Body::None => vec![],
            Body::Json(mut map) => {
                headers.push(("content-type".into(), "application/json; charset=utf-8".into()));
                map.insert("took".into(), json!(0.000_1));
                Value::Object(map).to_string().into_bytes()
            }
            Body::Raw(kind, bytes) => {
                headers.push(("content-type".into(), kind.into()));
                bytes
            }
        };
        Response { status: self.status, headers, body }
    }
}

/// The texts of a field that is one text or a list of them; what `POST` makes.
pub(super) fn items(body: &Value, name: &str) -> Result<Vec<String>, Reply> {
    let texts: Vec<String> = match &body[name] {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![],
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        let message = format!("Invalid request: No valid \"{name}\" in payload (must be either string or array)");
        return Err(error(400, "bad_request", &message, None));
    }
    match texts.iter().find(|text| name != "name" && text.contains(char::is_whitespace)) {
        Some(bad) => {
            Err(error(400, "bad_request", "Spaces, newlines and tabs are not allowed in domains and URLs", Some(bad)))
        }
        None => Ok(texts),
    }
}

/// The groups that a body names; the default group without any.
pub(super) fn groups(body: &Value) -> Vec<u32> {
    let ids = body["groups"].as_array().into_iter().flatten();
    let ids: Vec<u32> = ids.filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()).collect();
    if ids.is_empty() { vec![0] } else { ids }
}

pub(super) fn comment(body: &Value) -> Option<String> {
    body["comment"].as_str().map(str::to_owned)
}

pub(super) fn enabled(body: &Value) -> bool {
    body["enabled"].as_bool().unwrap_or(true)
}

/// The rows that were made or changed, and how each item went: an item that is there already is no error of HTTP.
pub(super) fn processed(
    status: u16,
    name: &str,
    rows: Vec<Value>,
    items: &[String],
    duplicates: &[String],
    constraint: &str,
) -> Reply {
    let error = |item: &String| json!({ "item": item, "error": format!("UNIQUE constraint failed: {constraint}") });
    let done = items.iter().filter(|item| !duplicates.contains(item)).map(|item| json!({ "item": item }));
    let errors: Vec<Value> = duplicates.iter().map(error).collect();
    let done: Vec<Value> = done.collect();
    reply(status, json!({ name: rows, "processed": { "success": done, "errors": errors } }))
}
