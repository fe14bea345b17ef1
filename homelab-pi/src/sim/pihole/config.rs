//! The settings.
use super::{
    call::{Call, Reply, error, missing, nothing, reply},
    front::not_found,
    schema::{self, KNOWN, Known, Type},
    simulator::State,
    world::digest,
};
use crate::pihole::http::Method;
use serde_json::{Map, Value, json};

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    match call.method {
        Method::Get => Ok(get(state, &call.parts[1..].join("."), call.query("detailed") == Some("true"))),
        Method::Patch => patch(state, call),
        Method::Put | Method::Delete => item(state, call),
        Method::Post => Err(not_found(call)),
    }
}

fn get(state: &State, path: &str, detailed: bool) -> Reply {
    let inside = |known: &&Known| {
        path.is_empty() || known.path == path || known.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
    };
    let mut tree = json!({});
    for known in KNOWN.iter().filter(inside) {
        let value = shown(state, known);
        put(&mut tree, known.path, if detailed { detail(state, known, value) } else { value });
    }
    let mut body = json!({ "config": tree });
    if detailed {
        let more = super::facts::recorded();
        body["dns_servers"] = more["dns_servers"].clone();
        body["topics"] = more["topics"].clone();
    }
    reply(200, body)
}

/// The password itself is never shown; its hash is, to every session.
fn shown(state: &State, known: &Known) -> Value {
    let set = |held: &Option<String>, text: &str| if held.is_some() { json!(text) } else { json!("") };
    match known.path {
        "webserver.api.password" => set(&state.world.password, "********"),
        "webserver.api.pwhash" => json!(state.world.password.clone().unwrap_or_default()),
        "webserver.api.app_pwhash" => json!(state.world.app_password.clone().unwrap_or_default()),
        path => state.world.setting(path).clone(),
    }
}

fn detail(state: &State, known: &Known, value: Value) -> Value {
    let allowed = match known.ty {
        Type::Choice(all) => {
            json!(all.iter().map(|item| json!({ "item": item, "description": "" })).collect::<Vec<_>>())
        }
        _ => json!("any value of the type"),
    };
    json!({
        "description": "a setting of the simulator", "allowed": allowed, "type": known.word(),
        "modified": value != known.default(), "default": known.default(), "value": value,
        "flags": {
            "restart_dnsmasq": known.restarts, "session_reset": known.ends_sessions,
            "env_var": state.world.forced.iter().any(|path| path == known.path),
        },
    })
}

fn put(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    for name in path.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(map) = at else { unreachable!("made above") };
        at = map.entry(name).or_insert(Value::Null);
    }
    *at = value;
}

fn patch(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let body = call.json()?;
    let Some(wanted) = body.get("config").filter(|config| config.is_object()) else {
        return Err(error(400, "body_error", "No \"config\" object in body data", None));
    };
    writable(state)?;
    // What it does not know it does not see.
    let changes: Vec<(&Known, Value)> = KNOWN
        .iter()
        .filter_map(|known| Some((known, known.path.split('.').try_fold(wanted, |tree, name| tree.get(name))?.clone())))
        .collect();
    let bad = |message: &str, hint: &str| error(400, "bad_request", message, Some(hint));
    for (known, value) in &changes {
        if let Some(hint) = known.wrong(value) {
            return Err(bad("Config item is invalid", &hint));
        }
        if let Some(hint) = known.senseless(value) {
            return Err(bad("Config item validation failed", &hint));
        }
        if state.world.forced.iter().any(|path| path == known.path) && state.world.setting(known.path) != value {
            let message = "Config items set via environment variables cannot be changed via the API";
            return Err(bad(message, known.path));
        }
        if known.is_refused_by_dnsmasq(value) {
            return Err(bad("Invalid configuration", &format!("the simulated dnsmasq refuses {}", known.path)));
        }
    }
    for (known, value) in changes {
        change(state, known, value);
    }
    Ok(get(state, "", false))
}

/// With `misc.readOnly`, as NixOS sets it, nothing is changed by the API.
fn writable(state: &State) -> Result<(), Reply> {
    if state.world.setting("misc.readOnly") == true {
        let hint = "The config is currently in read-only mode (misc.readOnly)";
        return Err(error(403, "forbidden", "Unable to change configuration (read-only)", Some(hint)));
    }
    Ok(())
}

fn change(state: &mut State, known: &Known, value: Value) {
    let text = value.as_str().unwrap_or_default();
    match known.path {
        // It comes back masked when a whole configuration is sent again.
        "webserver.api.password" if text != "********" => {
            state.world.password = (!text.is_empty()).then(|| digest(text));
            state.sessions.clear();
        }
        "webserver.api.password" => {}
        "webserver.api.pwhash" => {
            state.world.password = (!text.is_empty()).then(|| text.to_owned());
            state.sessions.clear();
        }
        "webserver.api.app_pwhash" => {
            state.world.app_password = (!text.is_empty()).then(|| text.to_owned());
            state.sessions.clear();
        }
        path => {
            let Some(at) = schema::at_mut(&mut state.world.config, path) else { return };
            let changed = *at != value;
            *at = value;
            if changed && known.restarts {
                state.restart();
            }
            if changed && path == "dns.blocking.active" {
                state.told.clear();
            }
        }
    }
}

/// One item of a setting that is a list.
fn item(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let [_, path @ .., item] = call.parts.as_slice() else { return Err(too_short()) };
    if path.is_empty() {
        return Err(too_short());
    }
    let Some(known) = schema::find(&path.join(".")).filter(|known| known.ty == Type::Texts) else {
        return Err(missing());
    };
    writable(state)?;
    let mut lines: Vec<Value> = state.world.setting(known.path).as_array().cloned().unwrap_or_default();
    let found = lines.iter().position(|line| line.as_str() == Some(item));
    let bad = |message: &str, hint: &str| error(400, "bad_request", message, Some(hint));
    let answer = match (call.method, found) {
        (Method::Put, Some(_)) => return Err(bad("Item already present", "Uniqueness of items is enforced")),
        (Method::Put, None) => {
            lines.push(json!(item));
            if let Some(hint) = known.senseless(&Value::Array(lines.clone())) {
                return Err(bad("Invalid value", &hint));
            }
            reply(201, json!({}))
        }
        (_, None) => return Err(missing()),
        (_, Some(n)) => {
            lines.remove(n);
            nothing()
        }
    };
    let value = Value::Array(lines);
    if known.is_refused_by_dnsmasq(&value) {
        return Err(bad("Invalid configuration", &format!("the simulated dnsmasq refuses {}", known.path)));
    }
    change(state, known, value);
    Ok(answer)
}

fn too_short() -> Reply {
    let hint =
        "Use, e.g., DELETE /api/config/dns/upstreams/127.0.0.1 to remove \"127.0.0.1\" from config.dns.upstreams";
    error(400, "bad_request", "Invalid path depth", Some(hint))
}
