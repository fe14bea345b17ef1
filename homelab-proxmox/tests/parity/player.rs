//! Plays recorded lines: identities, saved values, retries, awaited tasks.
use crate::normal::{Normaliser, canonical, is_ordered, shape};
use homelab_proxmox::http::{Http, Method, Request, Response, Upload};
use homelab_proxmox::sim::Sim;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// One recorded line.
pub(crate) struct Line {
    pub(crate) scenario: String,
    pub(crate) area: String,
    pub(crate) step: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) trusted: bool,
    pub(crate) cleanup: bool,
    pub(crate) answer: Option<Value>,
    auth: String,
    params: Vec<(String, String)>,
    raw: Value,
}

impl Line {
    pub(crate) fn read(text: &str) -> Line {
        let raw: Value = serde_json::from_str(text).unwrap();
        let word = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
        let scalar = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let params = raw["params"].as_array().into_iter().flatten();
        Line {
            scenario: word("scenario"),
            area: word("area"),
            step: raw["step"].as_u64().unwrap_or_default(),
            method: word("method"),
            path: word("path"),
            trusted: raw["trust"] != "low",
            cleanup: raw["phase"] == "cleanup",
            answer: raw.get("answer").cloned(),
            auth: word("auth"),
            params: params.map(|pair| (scalar(&pair[0]), scalar(&pair[1]))).collect(),
            raw,
        }
    }
}

pub(crate) struct Player {
    sim: Sim,
    saved: HashMap<String, String>,
    tokens: HashMap<String, String>,
    tickets: HashMap<String, (String, String)>,
    normal: Normaliser,
    admin: String,
}

impl Player {
    pub(crate) fn new(sim: Sim, lines: &[Line], admin: &str, secret: &str) -> Player {
        let literal: Vec<Value> = lines.iter().map(|line| json!([line.path, line.params])).collect();
        let literal = Value::Array(literal).to_string();
        Player {
            sim,
            saved: HashMap::new(),
            tokens: HashMap::new(),
            tickets: HashMap::new(),
            normal: Normaliser::new(literal, admin),
            admin: format!("{admin}={secret}"),
        }
    }

    fn fill(&self, text: &str) -> String {
        let mut out = text.to_owned();
        while let Some(start) = out.find("${") {
            let end = out[start..].find('}').unwrap() + start;
            let name = out[start + 2..end].to_owned();
            let value = self.saved.get(&name).cloned().unwrap_or_else(|| format!("unsaved-{name}"));
            out.replace_range(start..=end, &value);
        }
        out
    }

    fn headers(&self, auth: &str) -> Vec<(&'static str, String)> {
        let (kind, name) = auth.split_once(':').unwrap_or((auth, ""));
        let token = |token: &str| vec![("Authorization", format!("PVEAPIToken={token}"))];
        let none = ("none".to_owned(), "none".to_owned());
        let (ticket, csrf) = self.tickets.get(name).unwrap_or(&none);
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let cookie = ("Cookie", format!("PVEAuthCookie={}", encode(ticket)));
        let csrf_header = |text: &str| ("CSRFPreventionToken", text.to_owned());
        match kind {
            "admin" => token(&self.admin),
            "none" => vec![],
            "bad-token" => {
                let id = self.admin.split('=').next().unwrap();
                token(&format!("{id}=00000000-0000-0000-0000-000000000000"))
            }
            "header" => vec![("Authorization", self.fill(name))],
            "token" => token(self.tokens.get(name).map_or("none@pve!none=none", String::as_str)),
            "ticket" => vec![cookie, csrf_header(csrf)],
            "ticket-no-csrf" => vec![cookie],
            "ticket-bad-csrf" => vec![cookie, csrf_header(&format!("00000000:{}", "A".repeat(43)))],
            "bad-ticket" => vec![("Cookie", format!("PVEAuthCookie={}", encode("PVE:root@pam:00000000::QUJD")))],
            other => panic!("unknown identity {other}"),
        }
    }

    async fn send(&self, line: &Line, path: &str, params: Vec<(String, String)>, auth: &str) -> Response {
        let method = match line.method.as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            _ => Method::Get,
        };
        let upload = line.raw.get("upload").map(|upload| Upload {
            name: upload["name"].as_str().unwrap_or_default().to_owned(),
            content: match upload["content"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => vec![0; upload["base64"].as_str().map_or(0, decoded_length)],
            },
        });
        self.request(method, path, params, self.headers(auth), upload).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        mut params: Vec<(String, String)>,
        headers: Vec<(&'static str, String)>,
        upload: Option<Upload>,
    ) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            params.push((key.to_owned(), value.to_owned()));
        }
        let path = path.replace(' ', "%20");
        let timeout = Duration::from_secs(120);
        self.sim.send(Request { method, path, params, headers, upload, timeout }).await.unwrap()
    }

    fn pick(body: Value, rule: &Value) -> Value {
        let mut body = body;
        if rule.is_null() || !body.is_object() {
            return body;
        }
        let word = |key: &str| rule[key].as_str();
        if let Some(field) = word("field") {
            body["data"] = dig(&body["data"], field);
        }
        let fits = |text: &str| regex_lite::Regex::new(word("match").unwrap_or_default()).unwrap().is_match(text);
        if let (Some(key), Some(list)) = (word("key"), body["data"].as_array()) {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let kept: Vec<Value> =
                list.iter().filter(|row| row.get(key).is_some_and(|value| fits(&text(value)))).cloned().collect();
            body["data"] = Value::Array(kept);
        } else if let (None, Some(_), Some(map)) = (word("key"), word("match"), body["data"].as_object()) {
            let kept: Map<String, Value> =
                map.iter().filter(|(key, _)| fits(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
            body["data"] = Value::Object(kept);
        }
        body
    }

    pub(crate) async fn play(&mut self, line: &Line) -> Value {
        if let Some(seconds) = line.raw["pause"].as_u64() {
            sleep(Duration::from_secs(seconds)).await;
        }
        let path = self.fill(&line.path);
        let limit = line.raw["limit"].as_u64().unwrap_or(90);
        if line.method == "WAIT" {
            let (state, log) =
                if path.starts_with("UPID:") { self.finish(&path, limit).await } else { Default::default() };
            return json!({"task": self.task(state, log, line)});
        }
        let params: Vec<(String, String)> =
            line.params.iter().map(|(key, value)| (key.clone(), self.fill(value))).collect();
        let retry = &line.raw["retry"];
        let end = Instant::now() + Duration::from_secs(retry["for"].as_u64().unwrap_or_default());
        let (answer, body) = loop {
            let answer = self.send(line, &path, params.clone(), &line.auth).await;
            let body = Player::pick(body_of(&answer), &line.raw["pick"]);
            let seen = json!({"status": answer.status, "data": body.get("data")});
            let until = retry["until"].as_object();
            let there = until.is_none_or(|until| until.iter().all(|(key, value)| dig(&seen, key) == *value));
            if there || Instant::now() >= end {
                break (answer, body);
            }
            sleep(Duration::from_millis(500)).await;
        };
        let whole = body_of(&answer);
        self.remember(line, &whole);
        let drop: Vec<&str> = line.raw["drop"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let body = without(body, &drop);
        let ordered = is_ordered(&line.path);
        let body = if line.raw["shape"] == true {
            canonical(shape(&body), ordered)
        } else {
            canonical(self.normal.body(body, ordered && line.path.ends_with("/log")), ordered)
        };
        let mut result = json!({
            "status": answer.status, "reason": self.normal.text(&answer.reason),
            "content_type": answer.content_type, "body": body,
        });
        if line.raw["wait"] == true
            && let Some(upid) = whole["data"].as_str().filter(|upid| upid.starts_with("UPID:"))
        {
            let (state, log) = self.finish(upid, limit).await;
            result["task"] = self.task(state, log, line);
        }
        result
    }

    fn task(&self, state: Value, log: Vec<String>, line: &Line) -> Value {
        let log = if line.raw.get("nolog").is_some() { log.last().cloned().into_iter().collect() } else { log };
        json!({"status": self.normal.value(state, "", &Value::Null), "log": self.normal.log(&log)})
    }

    fn remember(&mut self, line: &Line, body: &Value) {
        for (name, path) in line.raw["save"].as_object().into_iter().flatten() {
            let found = dig(body, path.as_str().unwrap_or_default());
            if let Some(text) = found.as_str() {
                self.saved.insert(name.clone(), text.to_owned());
            }
        }
        let word = |key: &str| body["data"][key].as_str().unwrap_or("none").to_owned();
        if let Some(name) = line.raw["login"].as_str() {
            self.tickets.insert(name.to_owned(), (word("ticket"), word("CSRFPreventionToken")));
        }
        if let Some(name) = line.raw["mint"].as_str() {
            self.tokens.insert(name.to_owned(), format!("{}={}", word("full-tokenid"), word("value")));
        }
    }

    async fn finish(&self, upid: &str, limit: u64) -> (Value, Vec<String>) {
        let node = upid.split(':').nth(1).unwrap_or_default();
        let path = format!("/nodes/{node}/tasks/{upid}");
        let end = Instant::now() + Duration::from_secs(limit);
        let get = |path: String, params| {
            self.request(Method::Get, Box::leak(path.into_boxed_str()), params, self.headers("admin"), None)
        };
        let state = loop {
            let state = body_of(&get(format!("{path}/status"), vec![]).await)["data"].clone();
            if state["status"] != "running" || Instant::now() > end {
                break state;
            }
            sleep(Duration::from_millis(200)).await;
        };
        let log = body_of(&get(format!("{path}/log"), vec![("limit".to_owned(), "2000".to_owned())]).await);
        let rows = log["data"].as_array().into_iter().flatten();
        (state, rows.map(|row| row["t"].as_str().unwrap_or_default().to_owned()).collect())
    }
}

fn body_of(answer: &Response) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&answer.body)))
}

fn dig(value: &Value, path: &str) -> Value {
    path.split('.').filter(|part| !part.is_empty()).fold(value.clone(), |value, part| match &value {
        Value::Array(list) => part.parse::<usize>().ok().and_then(|n| list.get(n)).cloned().unwrap_or_default(),
        _ => value.get(part).cloned().unwrap_or_default(),
    })
}

fn without(value: Value, names: &[&str]) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| !names.contains(&key.as_str()))
            .map(|(key, value)| (key, without(value, names)))
            .collect(),
        Value::Array(list) => list.into_iter().map(|value| without(value, names)).collect(),
        other => other,
    }
}

fn decoded_length(text: &str) -> usize {
    text.len() / 4 * 3 - text.bytes().rev().take_while(|byte| *byte == b'=').count()
}
