//! The datacenter's options.
use crate::sim::answer::{Answer, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use serde_json::{Map, Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /cluster/options" => read(call),
        "PUT /cluster/options" => update(call),
        _ => return None,
    })
}

/// Options that are property strings are shown as objects.
const OBJECTS: &[&str] = &[
    "bwlimit",
    "consent-text-format",
    "crs",
    "ha",
    "migration",
    "next-id",
    "notify",
    "tag-style",
    "user-tag-access",
    "u2f",
    "webauthn",
    "location",
    "replication",
];

fn object(text: &str) -> Value {
    let map: Map<String, Value> = text
        .split(',')
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| {
            let number = value.parse::<i64>().ok().filter(|_| matches!(key, "lower" | "upper" | "case-sensitive"));
            (key.to_owned(), number.map_or_else(|| json!(value), |number| json!(number)))
        })
        .collect();
    Value::Object(map)
}

fn read(call: &mut Call<'_>) -> Answer {
    let mut value = json!({"mac_prefix": "BC:24:11", "description": "", "allowed-tags": []});
    for (key, text) in &call.world.options {
        value[key] = match key.as_str() {
            "description" => json!(format!("{text}\n")),
            "registered-tags" => json!(list(text).collect::<Vec<_>>()),
            "max_workers" | "migration_unsecure" => json!(text.parse::<i64>().unwrap_or_default()),
            key if OBJECTS.contains(&key) => object(text),
            _ => json!(text),
        };
    }
    Ok(value.into())
}

fn update(call: &mut Call<'_>) -> Answer {
    for key in list(call.args.text("delete")) {
        call.world.options.remove(key);
    }
    let set = call.args.texts(&["delete"]);
    call.world.options.extend(set);
    Reply::done()
}
