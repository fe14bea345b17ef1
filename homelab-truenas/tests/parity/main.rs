//! Replays calls that 25.10.6's own models judged: the simulator must come to the same verdict, about the same attributes.
//! What a match proves and what not: docs/truenas-parity.md.
use homelab_truenas::{
    rpc::{Call, Refusal, RpcError},
    sim::{Sim, World},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const RECORDED: &str = include_str!("../data/recorded-25.10.jsonl");

#[derive(Deserialize)]
struct Row {
    name: String,
    method: String,
    params: Value,
    verdict: String,
    #[serde(default)]
    roots: Option<Vec<String>>,
    #[serde(default)]
    attributes: BTreeSet<String>,
}

/// What the simulator says: only a complaint in the models' own words is one about the shape.
fn shape(row: &Row, refusal: &Refusal) -> (&'static str, BTreeSet<String>) {
    if refusal.code == -32601 || refusal.errname == "ENOMETHOD" {
        return ("nomethod", BTreeSet::new());
    }
    let rooted = |attribute: &str| {
        let first = attribute.split('.').next().unwrap_or_default();
        attribute.is_empty() || row.roots.iter().flatten().any(|root| root == first)
    };
    let from_models = refusal.complaints.iter().all(|c| c.errno == 22 && rooted(&c.attribute));
    if refusal.code != -32602 || refusal.complaints.is_empty() || !from_models {
        return ("accept", BTreeSet::new());
    }
    ("refuse", refusal.complaints.iter().map(|c| c.attribute.clone()).collect())
}

async fn replay(sim: &Sim, row: &Row) -> Option<String> {
    let link = sim.link("root");
    let params = row.params.as_array().cloned()?;
    let answer = link.call(&Call::new(row.method.clone(), params)).await;
    let (verdict, attributes) = match answer {
        Ok(_) => ("accept", BTreeSet::new()),
        Err(RpcError::Refused(refusal)) => match shape(row, &refusal) {
            ("accept", _) if row.verdict == "crash" && refusal.code == -32001 => ("crash", BTreeSet::new()),
            judged => judged,
        },
        Err(other) => return Some(format!("{}: {other}", row.name)),
    };
    let same = verdict == row.verdict || (row.verdict == "crash" && verdict == "refuse");
    let wanted = if row.verdict == "refuse" { &row.attributes } else { &BTreeSet::new() };
    (!same || (row.verdict == "refuse" && attributes != *wanted))
        .then(|| format!("{} {}: want {} {wanted:?}, got {verdict} {attributes:?}", row.name, row.method, row.verdict))
}

#[tokio::test(start_paused = true)]
async fn the_simulator_judges_every_recorded_call_as_the_models_of_25_10_6_did() {
    let sim = Sim::new(World::new("nas").disks("WD-", 6, 8 << 40).shapes_only());
    let (mut wrong, mut count) = (vec![], 0);
    for line in RECORDED.lines() {
        let row: Row = serde_json::from_str(line).unwrap();
        // Not a list: judged by the socket, see tests/socket.
        if !row.params.is_array() || row.method.starts_with("system.shut") {
            continue;
        }
        count += 1;
        if let Some(difference) = replay(&sim, &row).await {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 580, "{count}");
}

#[tokio::test(start_paused = true)]
async fn on_the_current_path_a_job_judges_its_parameters_itself() {
    let sim = Sim::new(World::new("nas"));
    let link = sim.link("root").current();
    let job = link.call(&Call::new("pool.create", vec![json!({"name": "p"})])).await.unwrap();
    let filter = vec![json!([["id", "=", job]])];
    let jobs = link.call(&Call::new("core.get_jobs", filter)).await.unwrap();
    assert_eq!(jobs[0]["state"], "FAILED");
    assert_eq!(jobs[0]["exc_info"]["type"], "VALIDATION");
    assert_eq!(jobs[0]["exc_info"]["extra"], json!([["data.topology", "Field required", 22]]));
}
