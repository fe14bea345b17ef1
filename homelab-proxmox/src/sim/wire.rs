//! Reading what came over a socket: targets, form bodies, JSON bodies, uploads.
use crate::http::Upload;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Parameters in order.
pub(crate) type Params = Vec<(String, String)>;

/// A form or query: `+` is a space (pve-notes section 1).
pub(crate) fn form(text: &str) -> Params {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// A JSON object; lists repeat their key.
pub(crate) fn json(text: &[u8]) -> Option<Params> {
    let Value::Object(map) = serde_json::from_slice(text).ok()? else { return None };
    let mut params = Params::new();
    for (key, value) in map {
        match value {
            Value::Array(items) => params.extend(items.into_iter().map(|item| (key.clone(), scalar(item)))),
            Value::Null => {}
            other => params.push((key, scalar(other))),
        }
    }
    Some(params)
}

fn scalar(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Bool(on) => u8::from(on).to_string(),
        other => other.to_string(),
    }
}

/// A multipart body: text fields, and the file named `filename`.
pub(crate) fn multipart(body: &[u8], boundary: &str) -> (Params, Option<Upload>) {
    let mark = format!("--{boundary}").into_bytes();
    let (mut params, mut upload) = (Params::new(), None);
    for part in split(body, &mark) {
        let part = part.strip_prefix(b"\r\n").unwrap_or(part);
        let Some(end) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = &part[end + 4..];
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let named = |key: &str| -> Option<String> {
            let start = head.find(&format!(" {key}=\""))? + key.len() + 3;
            Some(head[start..].split('"').next()?.to_owned())
        };
        match (named("name"), named("filename")) {
            (Some(_), Some(file)) => upload = Some(Upload { name: file, content: content.to_vec() }),
            (Some(name), None) => params.push((name, String::from_utf8_lossy(content).into_owned())),
            _ => {}
        }
    }
    (params, upload)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn split<'b>(body: &'b [u8], mark: &[u8]) -> Vec<&'b [u8]> {
    let mut parts = Vec::new();
    let mut rest = body;
    while let Some(place) = find(rest, mark) {
        parts.push(&rest[..place]);
        rest = &rest[place + mark.len()..];
    }
    parts
}
