//! What the recording keeps of an answer: secrets, times and numbers of rows are masked in it, and so they are here.
use serde_json::{Value, json};

/// Numbers that are times, and names whose values are secrets.
const TIMES: [&str; 9] = [
    "date_added",
    "date_modified",
    "date_updated",
    "last_active",
    "login_at",
    "valid_until",
    "timestamp",
    "time",
    "mtime",
];
const SECRETS: [(&str, &str); 7] = [
    ("sid", "<sid>"),
    ("csrf", "<csrf>"),
    ("password", "<secret>"),
    ("hash", "<secret>"),
    ("pwhash", "<secret>"),
    ("app_pwhash", "<secret>"),
    ("totp_secret", "<secret>"),
];

/// What an answer says, if it is JSON.
pub(crate) fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

/// The text as the recorder writes it: `", "` and `": "` between things.
pub(crate) fn python(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let pairs: Vec<String> = keys.into_iter().map(|k| format!("{}: {}", json!(k), python(&map[k]))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(all) => format!("[{}]", all.iter().map(python).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// What is at a path: `session.sid`.
pub(crate) fn dig(value: &Value, path: &str) -> Value {
    path.split('.')
        .try_fold(value, |value, part| match part.parse::<usize>() {
            Ok(n) if value.is_array() => value.get(n),
            _ => value.get(part),
        })
        .cloned()
        .unwrap_or_else(|| json!("<absent>"))
}

/// The same without what differs from run to run, or is secret.
pub(crate) fn mask(value: &Value, key: &str) -> Value {
    let secret = SECRETS.iter().find(|(name, _)| *name == key).map(|(_, word)| *word);
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(k, _)| *k != "took").map(|(k, v)| (k.clone(), mask(v, k))).collect())
        }
        Value::Array(all) => Value::Array(all.iter().map(|v| mask(v, key)).collect()),
        Value::String(text) => match secret {
            Some(word) if !text.is_empty() => json!(word),
            _ if ["description", "allowed"].contains(&key) => json!("<text>"),
            _ if ["remote_addr", "user_agent"].contains(&key) => json!("<client>"),
            _ => value.clone(),
        },
        Value::Number(number) => {
            let positive = number.as_f64().is_some_and(|n| n > 0.0);
            match key {
                key if TIMES.contains(&key) && positive => json!("<time>"),
                key if key == "id" || key.ends_with("_id") => json!("<id>"),
                "validity" if positive => json!("<ttl>"),
                "timer" => json!("<timer>"),
                _ => value.clone(),
            }
        }
        _ => value.clone(),
    }
}

/// Names and kinds alone.
pub(crate) fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().filter(|(k, _)| *k != "took").map(|(k, v)| (k.clone(), shape(v))).collect())
        }
        Value::Array(all) => {
            let mut kinds: Vec<Value> = vec![];
            for kind in all.iter().map(shape) {
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            kinds.sort_by_key(python);
            kinds.insert(0, json!("list of"));
            Value::Array(kinds)
        }
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        Value::Null => json!("null"),
    }
}
