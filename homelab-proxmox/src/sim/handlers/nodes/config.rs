//! A node's own options.
use crate::sim::answer::{Answer, Fail, Reply};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::{quirks, random};
use serde_json::{Value, json};

/// The handler of a method, if there is one.
pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    Some(match key {
        "GET /nodes/{node}/config" => read(call),
        "PUT /nodes/{node}/config" => update(call),
        _ => return None,
    })
}

/// Nothing set is an empty object; otherwise a digest comes along (recorded).
fn read(call: &mut Call<'_>) -> Answer {
    let node = call.world.node(&call.node())?;
    let mut value = json!({});
    for (key, text) in &node.config {
        let text = if key == "description" { format!("{text}\n") } else { text.clone() };
        value[key] = json!(text);
    }
    if !node.config.is_empty() {
        value["digest"] = json!(random::digest(&format!("{:?}", node.config)));
    }
    if let Some(property) = call.args.get("property") {
        let text = value.get(property).cloned().unwrap_or(Value::Null);
        value = if text.is_null() { json!({}) } else { json!({ property: text }) };
    }
    Ok(value.into())
}

fn update(call: &mut Call<'_>) -> Answer {
    let set = call.args.texts(&["node", "delete", "digest"]);
    let delete: Vec<String> = list(call.args.text("delete")).map(str::to_owned).collect();
    let digest = call.args.get("digest").map(str::to_owned);
    let node = call.world.node_mut(&call.node())?;
    if digest.is_some_and(|digest| digest != random::digest(&format!("{:?}", node.config))) {
        return Err(Fail::die(quirks::STALE_FILE));
    }
    for key in delete {
        node.config.remove(&key);
    }
    node.config.extend(set);
    Reply::done()
}
