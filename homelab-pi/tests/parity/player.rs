//! Plays the steps of the recording: the step language is described in docs/dns.md.
use super::{
    masks::{dig, mask, parse, python, shape},
    question::{decoded, query},
};
use hickory_proto::op::Message;
use homelab_pi::{
    dns::{Via, Wire as _},
    pihole::http::{Http as _, Method, Request, Response},
    sim::pihole::Sim,
};
use regex_lite::Regex;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

pub(crate) const PASSWORD: &str = "the tester's own";
const AGAIN: Duration = Duration::from_millis(300);
/// How long a step takes: three logins go into a second of the clock.
const STEP: Duration = Duration::from_millis(400);
pub(crate) struct Player {
    sim: Sim,
    vars: BTreeMap<String, Value>,
    sids: Vec<String>,
}

impl Player {
    pub(crate) fn new(sim: Sim) -> Player {
        Player { sim, vars: BTreeMap::new(), sids: vec![] }
    }

    /// Ends all sessions.
    pub(crate) async fn cleanup(&mut self) {
        for sid in std::mem::take(&mut self.sids) {
            let headers = vec![("X-FTL-SID".to_owned(), sid)];
            self.send(Method::Delete, "/auth".into(), headers, vec![]).await;
        }
        self.vars.clear();
    }

    pub(crate) async fn play(&mut self, step: &Value) -> Value {
        if let Some(seconds) = step["sleep"].as_f64() {
            sleep(Duration::from_secs_f64(seconds)).await;
            return json!({});
        }
        sleep(STEP).await;
        let end = Instant::now() + Duration::from_secs_f64(step["max"].as_f64().unwrap_or(20.0));
        loop {
            let mut got = if step["dns"].is_string() { self.dns(step).await } else { self.api(step).await };
            let until = &step["until"];
            if until.is_null() {
                return got;
            }
            let text = python(&got);
            let all = |name: &str, has: bool| {
                until[name]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .all(|part| text.contains(part) == has)
            };
            let settled = all("has", true) && all("hasnt", false);
            if settled || Instant::now() >= end {
                got["settled"] = json!(settled);
                return got;
            }
            sleep(AGAIN).await;
        }
    }

    async fn send(&self, method: Method, path: String, headers: Vec<(String, String)>, body: Vec<u8>) -> Response {
        // FTL restarts itself after some settings.
        for _ in 0..12 {
            let timeout = Duration::from_secs(30);
            let request = Request { method, path: path.clone(), headers: headers.clone(), body: body.clone(), timeout };
            match self.sim.send(request).await {
                Ok(response) => return response,
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
        Response::default()
    }

    async fn login(&mut self) -> String {
        loop {
            let body = json!({ "password": PASSWORD }).to_string().into_bytes();
            let response = self.send(Method::Post, "/auth".into(), vec![], body).await;
            let sid = parse(&response.body)["session"]["sid"].as_str().map(str::to_owned);
            if let Some(sid) = sid {
                self.sids.push(sid.clone());
                return sid;
            }
            sleep(Duration::from_millis(1100)).await;
        }
    }

    fn fill(&self, text: &str) -> String {
        let mut text = text.replace("${password}", PASSWORD);
        for (name, value) in &self.vars {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let quoted: String = value
                .bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
                        (b as char).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect();
            text = text.replace(&format!("${{{name}_q}}"), &quoted).replace(&format!("${{{name}}}"), &value);
        }
        text
    }

    async fn api(&mut self, step: &Value) -> Value {
        let call = self.fill(step["api"].as_str().unwrap_or_default());
        let (verb, path) = call.split_once(' ').expect("a verb and a path");
        let mut headers: Vec<(String, String)> = vec![];
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            headers.push((name.clone(), self.fill(value.as_str().unwrap_or_default())));
        }
        match step["auth"].as_str().unwrap_or("main") {
            "none" => {}
            "main" => {
                if !self.vars.contains_key("main") {
                    let sid = self.login().await;
                    self.vars.insert("main".into(), json!(sid));
                }
                headers.push(("X-FTL-SID".into(), self.fill("${main}")));
            }
            other => headers.push(("X-FTL-SID".into(), self.fill(other))),
        }
        let body = if let Some(body) = step.get("json") {
            self.fill(&body.to_string()).into_bytes()
        } else if let Some(raw) = step["raw"].as_str() {
            raw.as_bytes().to_vec()
        } else if let Some(upload) = step.get("upload") {
            headers.push(("Content-Type".into(), "multipart/form-data; boundary=----parity".into()));
            form(upload)
        } else {
            vec![]
        };
        let method = Method::parse(verb).expect("a known verb");
        let response = self.send(method, path.to_owned(), headers, body).await;
        self.told(step, &response)
    }

    /// What the recording keeps of an answer.
    fn told(&mut self, step: &Value, response: &Response) -> Value {
        let doc = parse(&response.body);
        for (name, path) in step["save"].as_object().into_iter().flatten() {
            self.vars.insert(name.clone(), dig(&doc, path.as_str().unwrap_or_default()));
        }
        if let Some(sid) = doc["session"]["sid"].as_str() {
            self.sids.push(sid.to_owned());
        }
        let how = step["as"].as_str().unwrap_or("body");
        let mut out = json!({ "status": response.status });
        match how {
            "status" => return out,
            "zip" => {
                out["type"] = json!(response.header("content-type"));
                let disposition = response.header("content-disposition").unwrap_or_default();
                let start = Regex::new("filename=.*?teleporter").expect("a regex");
                let time = Regex::new("_[0-9][0-9A-Za-z_.:+-]*\\.zip").expect("a regex");
                let text = start.replace(disposition, "filename=<host>_teleporter");
                out["disposition"] = json!(time.replace(&text, "_<time>.zip").trim_end_matches('"'));
                let archive = ZipArchive::new(Cursor::new(&response.body)).expect("an archive");
                let mut files: Vec<&str> = archive.file_names().collect();
                files.sort_unstable();
                out["files"] = json!(files);
                return out;
            }
            _ => {}
        }
        let picks: Vec<&str> = step["pick"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        out["body"] = if !picks.is_empty() && doc.is_object() && doc.get("error").is_none() {
            let picked: Map<String, Value> = picks
                .iter()
                .map(|path| {
                    let value = dig(&doc, path);
                    let last = path.rsplit('.').next().unwrap_or_default();
                    ((*path).to_owned(), if how == "shape" { value } else { mask(&value, last) })
                })
                .collect();
            let picked = Value::Object(picked);
            if how == "shape" { shape(&picked) } else { picked }
        } else if how == "shape" {
            shape(&doc)
        } else {
            mask(&doc, "")
        };
        let sid = Regex::new("(sid=)[^;]*").expect("a regex");
        for name in step["keep"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            out["headers"][name] = json!(sid.replace(response.header(name).unwrap_or("<absent>"), "${1}<sid>"));
        }
        for replacement in step["replace"].as_array().into_iter().flatten() {
            let pattern = Regex::new(replacement[0].as_str().unwrap_or_default()).expect("a regex");
            let text = pattern.replace_all(&python(&out), replacement[1].as_str().unwrap_or_default()).into_owned();
            out = serde_json::from_str(&text).expect("still JSON");
        }
        out
    }

    async fn dns(&self, step: &Value) -> Value {
        let wait = step["timeout"].as_f64().unwrap_or(if step["until"].is_null() { 4.0 } else { 1.0 });
        let via = if step["tcp"] == true { Via::Tcp } else { Via::Udp };
        let at = "127.0.0.1:53".parse().expect("an address");
        let message = query(step);
        let asked = self.sim.exchange(at, via, &message);
        match timeout(Duration::from_secs_f64(wait), asked).await {
            Err(_) => json!({ "timeout": true }),
            Ok(Err(_)) => json!({ "broken": "OSError" }),
            Ok(Ok(answer)) => decoded(&Message::from_vec(&answer).expect("a message"), step),
        }
    }
}

fn form(upload: &Value) -> Vec<u8> {
    let content = match upload["hex"].as_str() {
        Some(hex) => (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hex")).collect(),
        None => {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            for (name, text) in upload["zip"].as_object().into_iter().flatten() {
                zip.start_file(name, stored).expect("a file");
                zip.write_all(text.as_str().unwrap_or_default().as_bytes()).expect("its content");
            }
            zip.finish().expect("an archive").into_inner()
        }
    };
    let head = format!(
        "------parity\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        upload["name"].as_str().unwrap_or_default()
    );
    [head.as_bytes(), &content, b"\r\n------parity--\r\n"].concat()
}
