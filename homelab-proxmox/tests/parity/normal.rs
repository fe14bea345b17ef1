//! Normalising: only what has to vary between two correct servers is blurred (as the recording tool does it).
use regex_lite::{Captures, Regex};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

const CLOCKED: &[&str] = &[
    "starttime",
    "endtime",
    "ctime",
    "mtime",
    "snaptime",
    "pid",
    "pstart",
    "uptime",
    "time",
    "localtime",
    "next-run",
    "timestamp",
    "creation",
    "last-login",
    "creation-time",
];
const COUNTERS: &[&str] =
    &["cpu", "mem", "freemem", "netin", "netout", "diskread", "diskwrite", "loadavg", "wait", "memhost"];
const SPACE: &[&str] = &["avail", "used", "total", "used_fraction", "disk", "maxdisk", "maxmem", "maxcpu", "free"];
const SHAPED: &[&str] = &["blockstat", "ballooninfo", "nics", "proxmox-support"];

/// Lists that the API promises in an order; all others compare as multisets.
pub(crate) fn is_ordered(path: &str) -> bool {
    re(r"/tasks$|/tasks/[^/]+/log$|/firewall/rules$|/firewall/groups/[^/]+$|/log$").is_match(path)
}

/// A compiled pattern; compiling is slow, so each is kept.
fn re(pattern: &str) -> Regex {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    known.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).clone()
}

fn number(value: Value) -> Value {
    match &value {
        Value::Number(number) => match number.as_f64().unwrap_or_default() {
            0.0 => json!(0),
            n if n > 0.0 => json!("<number>"),
            _ => json!("<negative number>"),
        },
        Value::String(text) if re(r"^\d+(\.\d+)?$").is_match(text) && text.parse::<f64>().unwrap() != 0.0 => {
            json!("<number as string>")
        }
        _ => value,
    }
}

/// Only keys and JSON types.
pub(crate) fn shape(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Value::Array(list) => {
            let mut unique: Vec<Value> = Vec::new();
            for item in list.iter().map(shape) {
                if !unique.contains(&item) {
                    unique.push(item);
                }
            }
            Value::Array(unique)
        }
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(_) => json!("<string>"),
        Value::Number(_) => json!("<number>"),
    }
}

fn sorted_text(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let parts: Vec<String> = keys.iter().map(|key| format!("{key:?}: {}", sorted_text(&map[*key]))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(sorted_text).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Lists without a promised order are sorted.
pub(crate) fn canonical(value: Value, ordered: bool) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, canonical(value, ordered))).collect(),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(|value| canonical(value, ordered)).collect();
            if !ordered {
                list.sort_by_key(sorted_text);
            }
            Value::Array(list)
        }
        other => other,
    }
}

/// What a scenario sent itself (`literal`) is never blurred.
pub(crate) struct Normaliser {
    literal: String,
    admin: String,
    patterns: Vec<(Regex, &'static str)>,
}

impl Normaliser {
    pub(crate) fn new(literal: String, admin: &str) -> Normaliser {
        let upid = r"UPID:([A-Za-z0-9-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:\s]+):([^:\s]*):([^:\s]+):";
        let patterns = [
            (upid, "UPID:$1:$2:$3:$4"),
            (r"\bBC:24:11(?::[0-9A-Fa-f]{2}){3}\b", "<mac>"),
            (r"\bbc:24:11(?::[0-9A-Fa-f]{2}){3}\b", "<lower-mac>"),
            (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
            (r"PVE:([^:\s]+):[0-9A-F]{8}::[A-Za-z0-9+/]{80,}={0,2}", "<ticket of $1>"),
            (r"creation-qemu=\d+\.\d+\.\d+,ctime=\d{10}\b", "creation-qemu=<version>,ctime=<time>"),
            (r" at /usr/(?:local/)?share/perl\S* line \d+\.", " at <source line>."),
            (r"pveupload-[0-9a-f]{32}\b", "pveupload-<random>"),
        ];
        Normaliser {
            literal,
            admin: admin.to_owned(),
            patterns: patterns.iter().map(|(pattern, put)| (re(pattern), *put)).collect(),
        }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let user = self.admin.split('!').next().unwrap();
        let mut text = text.replace(&self.admin, &format!("{user}!<admin>"));
        for (pattern, put) in &self.patterns {
            let swapped = pattern.replace_all(&text, |found: &Captures<'_>| {
                if self.literal.contains(&found[0]) {
                    return found[0].to_owned();
                }
                let mut out = String::new();
                found.expand(put, &mut out);
                out
            });
            text = swapped.into_owned();
        }
        let resolver = r"(failed to get address info for: [^:\s]+: )(Name or service not known|Temporary failure in name resolution|No address associated with hostname)";
        re(resolver).replace(&text, "$1<resolver's reason>").into_owned()
    }

    pub(crate) fn log(&self, lines: &[String]) -> Vec<String> {
        let progress = re(r"transferred .*\((\d+\.\d+)%\)");
        let mut out: Vec<String> = Vec::new();
        for line in lines {
            let moved = progress.captures(line).map(|found| found[1].to_owned());
            if moved.as_deref().is_some_and(|percent| percent != "100.00") {
                continue;
            }
            let line = self.text(line);
            let line = re(r"\b(?:\d+h )?(?:\d+m )?\d+(?:\.\d+)?\s?(?:s|secs?|seconds)\b")
                .replace_all(&line, "<duration>")
                .into_owned();
            let line = re(r"\b\d+(?:\.\d+)? [KMG]?i?B/s").replace_all(&line, "<rate>").into_owned();
            let line = re(r"\b(pid|PID|process) \d+\b").replace_all(&line, "$1 <pid>").into_owned();
            if moved.is_some() && out.last() == Some(&line) {
                continue;
            }
            out.push(line);
        }
        out
    }

    /// A whole body; the rows of a log are normalised as log lines.
    pub(crate) fn body(&self, mut body: Value, log: bool) -> Value {
        if log && let Some(rows) = body["data"].as_array_mut() {
            for row in rows {
                if let Some(line) = self.log(&[row["t"].as_str().unwrap_or_default().to_owned()]).first() {
                    row["t"] = json!(line);
                }
            }
        }
        self.value(body, "", &Value::Null)
    }

    pub(crate) fn value(&self, value: Value, key: &str, parent: &Value) -> Value {
        let is = |pattern: &str, value: &Value| value.as_str().is_some_and(|text| re(pattern).is_match(text));
        match value {
            Value::Object(_) if SHAPED.contains(&key) => shape(&value),
            Value::Object(map) => {
                let parent = Value::Object(map.clone());
                map.into_iter().map(|(key, value)| (self.text(&key), self.value(value, &key, &parent))).collect()
            }
            Value::Array(list) => list.into_iter().map(|item| self.value(item, key, parent)).collect(),
            value if key == "digest" && is("^[0-9a-f]{40}$", &value) => json!("<digest>"),
            value if key == "value" && parent["key"] == "digest" && is("^[0-9a-f]{40}$", &value) => json!("<digest>"),
            value if key == "CSRFPreventionToken" && is("^[0-9A-F]{8}:[A-Za-z0-9+/]{27,43}={0,2}$", &value) => {
                json!("<csrf>")
            }
            value if key == "tokenid" && self.admin.split('!').nth(1) == value.as_str() => json!("<admin>"),
            value if CLOCKED.contains(&key) => match value.as_str().unwrap_or(&value.to_string()) {
                "0" | "1" if matches!(key, "time" | "localtime") => value,
                _ => number(value),
            },
            value if COUNTERS.contains(&key) => {
                if parent["status"] == "stopped" || value.is_string() {
                    value
                } else {
                    json!("<number>")
                }
            }
            value if key == "repoid" && is("^[0-9a-f]{8,16}$", &value) => json!("<repoid>"),
            value if key == "content" && is("^[a-z]+(,[a-z]+)+$", &value) => {
                let mut parts: Vec<&str> = value.as_str().unwrap().split(',').collect();
                parts.sort_unstable();
                json!(parts.join(","))
            }
            value => {
                let about_space = matches!(parent["type"].as_str(), Some("node" | "storage"))
                    || parent.get("used_fraction").is_some()
                    || (parent.get("avail").is_some() && parent.get("total").is_some())
                    || (parent.get("format").is_some() && parent.get("size").is_some() && key == "used");
                if SPACE.contains(&key) && about_space {
                    return number(value);
                }
                match value {
                    Value::String(text) => json!(self.text(&text)),
                    other => other,
                }
            }
        }
    }
}
