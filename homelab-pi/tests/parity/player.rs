//! Plays the steps of the recording: the step language is described in docs/dns.md.
use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};
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
    str::FromStr as _,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

pub(crate) const PASSWORD: &str = "the tester's own";
const AGAIN: Duration = Duration::from_millis(300);
/// How long a step takes: three logins go into a second of the clock.
const STEP: Duration = Duration::from_millis(400);
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

fn query(step: &Value) -> Vec<u8> {
    let (name, kind) = step["dns"].as_str().unwrap_or_default().rsplit_once(' ').expect("a name and a type");
    let mut name = Name::from_str(name).expect("a name");
    name.set_fqdn(true);
    let mut query = Query::query(name, RecordType::from_str(kind).expect("a type"));
    if step["class"] == "CH" {
        query.set_query_class(DNSClass::CH);
    }
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = step["rd"] != false;
    message.metadata.authentic_data = step["ad"] == true;
    message.metadata.checking_disabled = step["cd"] == true;
    message.add_query(query);
    let size = step["edns"].as_u64().unwrap_or(1232);
    if size > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(u16::try_from(size).expect("a size")).set_dnssec_ok(step["do"] == true);
        message.set_edns(edns);
    }
    message.to_vec().expect("a message")
}

fn decoded(message: &Message, step: &Value) -> Value {
    let ttl = step["ttl"] == true;
    let row = |record: &Record| {
        let life = if ttl { json!(record.ttl) } else { json!("<ttl>") };
        json!([plain(&record.name), record.record_type().to_string(), life, data(&record.data)])
    };
    let mut answer: Vec<Value> = message.answers.iter().map(row).collect();
    answer.sort_by_key(|row| (row[1] != "CNAME", row.to_string()));
    let meta = &message.metadata;
    let flags = [
        ("qr", meta.message_type == MessageType::Response),
        ("aa", meta.authoritative && ttl),
        ("tc", meta.truncation),
        ("rd", meta.recursion_desired),
        ("ra", meta.recursion_available),
        ("ad", meta.authentic_data),
        ("cd", meta.checking_disabled),
    ];
    let flags: Vec<&str> = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
    let edns = message.edns.as_ref().map(|edns| {
        let ede = edns.options().get_all(EdnsCode::from(15)).into_iter().filter_map(|option| match option {
            EdnsOption::Unknown(_, bytes) => {
                Some(json!([u16::from_be_bytes([bytes[0], bytes[1]]), String::from_utf8_lossy(&bytes[2..])]))
            }
            _ => None,
        });
        json!({ "udp": edns.max_payload(), "do": edns.flags().dnssec_ok, "ede": ede.collect::<Vec<_>>() })
    });
    let rcode = match u16::from(meta.response_code) {
        0 => "NOERROR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "other",
    };
    let authority: Vec<String> = message.authorities.iter().map(|r| r.record_type().to_string()).collect();
    json!({ "answer": answer, "authority": authority, "edns": edns, "flags": flags, "rcode": rcode })
}

fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn data(data: &RData) -> String {
    match data {
        RData::CNAME(name) => plain(&name.0),
        RData::PTR(name) => plain(&name.0),
        RData::MX(mx) => format!("{} {}", mx.preference, plain(&mx.exchange)),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, plain(&srv.target)),
        RData::TXT(txt) => {
            let texts: Vec<String> =
                txt.txt_data.iter().map(|t| format!("\"{}\"", String::from_utf8_lossy(t))).collect();
            texts.join(" ")
        }
        other => other.to_string(),
    }
}

fn parse(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or(Value::Null)
}

/// The text as the recorder writes it: `", "` and `": "` between things.
fn python(value: &Value) -> String {
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

fn dig(value: &Value, path: &str) -> Value {
    path.split('.')
        .try_fold(value, |value, part| match part.parse::<usize>() {
            Ok(n) if value.is_array() => value.get(n),
            _ => value.get(part),
        })
        .cloned()
        .unwrap_or_else(|| json!("<absent>"))
}

fn mask(value: &Value, key: &str) -> Value {
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

fn shape(value: &Value) -> Value {
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
