//! `/cluster/config`: what is read of it. It is changed by `pvecm` on the nodes.
use crate::sim::answer::Answer;
use crate::sim::call::Call;
use serde_json::{Map, Value, json};

pub(super) fn route(call: &mut Call<'_>, key: &str) -> Option<Answer> {
    match key {
        "GET /cluster/config/nodes" => Some(nodes(call)),
        "GET /cluster/config/qdevice" => Some(qdevice(call)),
        _ => None,
    }
}

/// A node that is no cluster has no list of nodes.
fn nodes(call: &mut Call<'_>) -> Answer {
    let world = &*call.world;
    let row = |(place, name): (usize, &String)| {
        let links = world.links.get(name).cloned().unwrap_or_else(|| vec![world.link_of(name)]);
        let mut row = Map::from_iter([
            ("node".to_owned(), json!(name)),
            ("name".to_owned(), json!(name)),
            ("nodeid".to_owned(), json!((place + 1).to_string())),
            ("quorum_votes".to_owned(), json!("1")),
        ]);
        row.extend(links.into_iter().enumerate().map(|(n, address)| (format!("ring{n}_addr"), json!(address))));
        Value::Object(row)
    };
    let rows: Vec<Value> = world.nodes.keys().enumerate().filter(|_| world.cluster.is_some()).map(row).collect();
    Ok(json!(rows).into())
}

/// Nothing, where no machine beside the nodes has a vote.
fn qdevice(call: &mut Call<'_>) -> Answer {
    let Some(address) = &call.world.qdevice else { return Ok(json!({}).into()) };
    Ok(json!({
        "Algorithm": "Fifty-Fifty split", "Model": "Net", "QNetd host": format!("{address}:5403"), "State": "Connected",
        "Tie-breaker": "Node with lowest node ID",
    })
    .into())
}
