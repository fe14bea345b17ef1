//! What Pi-hole says of itself. Counts that nobody reads here are of the right names and kinds, and zero.
use super::{
    call::{Call, Reply, error, reply},
    domains,
    front::not_found,
    simulator::State,
};
use crate::pihole::http::Method;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// Answers of the recorded one with their names and kinds, their values replaced by zeros.
pub(super) fn recorded() -> &'static Value {
    static ANSWERS: OnceLock<Value> = OnceLock::new();
    ANSWERS.get_or_init(|| serde_json::from_str(include_str!("../data/answers.json")).unwrap_or_default())
}

pub(super) fn login() -> Reply {
    reply(200, json!({ "https_port": 0, "dns": true }))
}

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let parts: Vec<&str> = call.parts.iter().map(String::as_str).collect();
    match (call.method, parts.as_slice()) {
        (Method::Get, ["dns", "blocking"]) => Ok(blocking(state)),
        (Method::Post, ["dns", "blocking"]) => set_blocking(state, call),
        (Method::Get, ["stats", "summary"]) => Ok(summary(state)),
        (Method::Get, ["stats", "database", "summary"])
            if call.query("from").is_none() || call.query("until").is_none() =>
        {
            let message = "You need to specify both \"from\" and \"until\" in the request.";
            Err(error(400, "bad_request", message, None))
        }
        (Method::Get, ["info", "messages", "count"]) => Ok(reply(200, json!({ "count": 0 }))),
        (Method::Get, ["search", name]) => Ok(search(state, call, name)),
        (Method::Get, ["queries"]) => Ok(queries(state)),
        (Method::Get, ["stats", "top_domains"]) => {
            Ok(reply(200, json!({ "domains": [{ "domain": state.asked.1, "count": state.asked.0 }] })))
        }
        (Method::Get, ["stats", "top_clients"]) => {
            Ok(reply(200, json!({ "clients": [{ "ip": "127.0.0.1", "name": "localhost", "count": state.asked.0 }] })))
        }
        (Method::Get, ["stats", "upstreams"]) => Ok(reply(
            200,
            json!({ "upstreams": [{
            "ip": "127.0.0.1", "name": "localhost", "port": 5335, "count": 0,
            "statistics": { "response": 0, "variance": 0 } }] }),
        )),
        (Method::Get, _) => {
            let path = format!("/{}", parts.join("/"));
            match recorded().get(&path) {
                Some(body) if path.starts_with('/') => Ok(reply(200, body.clone())),
                _ => Err(not_found(call)),
            }
        }
        _ => Err(not_found(call)),
    }
}

fn blocking(state: &State) -> Reply {
    let active = state.world.setting("dns.blocking.active") == true;
    let timer = state.world.timer.map(|(at, _)| (at - state.now()).max(0.0));
    reply(200, json!({ "blocking": if active { "enabled" } else { "disabled" }, "timer": timer }))
}

/// A timer switches to the other state when it ends, whichever that is.
fn set_blocking(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let body = call.json()?;
    let Some(active) = body["blocking"].as_bool() else {
        return Err(error(400, "body_error", "No \"blocking\" boolean in body data", None));
    };
    let seconds = body["timer"].as_f64().filter(|seconds| *seconds > 0.0);
    state.world.timer = seconds.map(|seconds| (state.now() + seconds, !active));
    state.world.config["dns"]["blocking"]["active"] = active.into();
    state.told.clear();
    Ok(blocking(state))
}

fn summary(state: &State) -> Reply {
    let mut body = recorded()["/stats/summary"].clone();
    let domains: usize = state.world.lists.iter().map(|list| list.domains.len()).sum();
    let updated = state.world.lists.iter().map(|list| list.updated).max().unwrap_or(0);
    body["gravity"] = json!({ "domains_being_blocked": domains, "last_update": updated });
    body["queries"]["total"] = json!(state.asked.0);
    reply(200, body)
}

fn queries(state: &State) -> Reply {
    let query = json!({
        "id": state.asked.0, "time": state.now(), "type": state.asked.2, "status": "FORWARDED", "dnssec": "UNKNOWN",
        "domain": state.asked.1, "upstream": null, "reply": { "type": "IP", "time": 0.001 },
        "client": { "ip": "127.0.0.1", "name": null }, "list_id": null, "ede": { "code": 0, "text": null }, "cname": null,
    });
    reply(200, json!({ "queries": [query], "cursor": 1, "recordsTotal": 1, "recordsFiltered": 1, "draw": 0 }))
}

fn search(state: &State, call: &Call<'_>, name: &str) -> Reply {
    let partial = call.query("partial") == Some("true");
    let limit = call.query("N").and_then(|n| n.parse::<usize>().ok()).unwrap_or(20);
    let matches = |domain: &super::Domain| match domain.form.as_str() {
        "exact" => domain.domain == name || (partial && domain.domain.contains(name)),
        _ => domains::compile(&domain.domain).is_ok_and(|regex| regex.is_match(name)),
    };
    let rows = |form: &str| -> Vec<Value> {
        let found = state.world.domains.iter().filter(|d| d.form == form && matches(d)).take(limit);
        let without = |mut row: Value| {
            if let Some(row) = row.as_object_mut() {
                row.shift_remove("unicode");
            }
            row
        };
        found.map(|d| without(domains::row(d))).collect()
    };
    let (exact, regex) = (rows("exact"), rows("regex"));
    let on = |kind: &str| -> Vec<Value> {
        let lists = state.world.lists.iter().filter(|l| l.kind == kind && l.domains.iter().any(|d| d == name));
        lists.take(limit).map(super::lists::row).collect()
    };
    let (allow, block) = (on("allow"), on("block"));
    let counts = json!({
        "domains": { "exact": exact.len(), "regex": regex.len() },
        "gravity": { "allow": allow.len(), "block": block.len() },
        "total": exact.len() + regex.len() + allow.len() + block.len(),
    });
    let found: Vec<Value> = exact.into_iter().chain(regex).collect();
    let gravity: Vec<Value> = block.into_iter().chain(allow).collect();
    let mut search = Map::new();
    search.insert("domains".into(), json!(found));
    search.insert("gravity".into(), json!(gravity));
    search.insert("parameters".into(), json!({ "N": limit, "partial": partial, "domain": name, "debug": false }));
    search.insert("results".into(), counts);
    reply(200, json!({ "search": search }))
}
