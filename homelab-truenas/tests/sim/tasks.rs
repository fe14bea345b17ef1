//! Snapshot tasks, replication, keys (notes section 9), and the world on disk.
use crate::{Stage, with_pool, words};
use homelab_truenas::{
    rpc::Call,
    sim::{Sim, World},
};
use serde_json::{Value, json};

async fn login(stage: &Stage) -> Value {
    let pair = stage.raw("keychaincredential.generate_ssh_key_pair", json!([])).await;
    assert!(stage.rows("keychaincredential.query").await.is_empty(), "text only, nothing is stored");
    let key = json!([{"name": "key", "type": "SSH_KEY_PAIR", "attributes": pair}]);
    let key = stage.call("keychaincredential.create", key).await.unwrap();
    let attributes = json!({"host": "10.0.10.3", "private_key": key["id"], "remote_host_key": "ssh-ed25519 AAAA"});
    let login = json!([{"name": "backup", "type": "SSH_CREDENTIALS", "attributes": attributes}]);
    stage.call("keychaincredential.create", login).await.unwrap()["id"].clone()
}

fn push(login: &Value) -> Value {
    json!({"name": "r", "direction": "PUSH", "transport": "SSH", "ssh_credentials": login, "source_datasets": ["bulk"],
        "target_dataset": "backup/bulk", "recursive": true, "auto": true, "retention_policy": "SOURCE"})
}

#[tokio::test(start_paused = true)]
async fn a_push_needs_something_that_makes_its_snapshots() {
    let stage = with_pool().await;
    let login = login(&stage).await;
    let said = words(stage.call("replication.create", json!([push(&login)])).await);
    assert!(said.contains("bind a periodic snapshot task"), "{said}");
    let task = stage.call("pool.snapshottask.create", json!([{"dataset": "bulk"}])).await.unwrap();
    assert_eq!(
        (&task["lifetime_value"], &task["schedule"]["hour"]),
        (&json!(2), &json!("*")),
        "defaults are filled in"
    );
    let mut wanted = push(&login);
    wanted["periodic_snapshot_tasks"] = json!([task["id"]]);
    let made = stage.call("replication.create", json!([wanted])).await.unwrap();
    assert_eq!(made["ssh_credentials"]["name"], "backup", "a number in, the whole row out");
    assert_eq!(made["state"]["state"], "PENDING");
    stage.call("replication.run", json!([made["id"]])).await.unwrap();
    assert_eq!(stage.rows("replication.query").await[0]["state"]["state"], "FINISHED");
    let said = words(stage.call("keychaincredential.delete", json!([login])).await);
    assert!(said.contains("is used"), "{said}");
    let said = words(stage.call("pool.snapshottask.delete", json!([task["id"]])).await);
    assert!(said.contains("used by a replication task"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_pull_needs_a_schedule_and_names_and_takes_no_tasks() {
    let stage = with_pool().await;
    let login = login(&stage).await;
    let mut pull = push(&login);
    pull["direction"] = json!("PULL");
    let said = words(stage.call("replication.create", json!([pull.clone()])).await);
    assert!(said.contains("Naming schema is required"), "{said}");
    pull["naming_schema"] = json!(["auto-%Y-%m-%d_%H-%M"]);
    let said = words(stage.call("replication.create", json!([pull])).await);
    assert!(said.contains("Schedule is required"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_target_without_room_fails_the_run_and_the_task_says_so() {
    let stage = with_pool().await;
    stage.pool("small", "STRIPE", &["sdf"]).await.unwrap();
    stage.sim.change(|world| world.content("bulk", 12 << 40)).unwrap();
    let local = json!([{"name": "r", "direction": "PUSH", "transport": "LOCAL", "source_datasets": ["bulk"], "target_dataset": "small/bulk",
        "recursive": true, "auto": false, "retention_policy": "SOURCE", "name_regex": ".*"}]);
    let made = stage.call("replication.create", local).await.unwrap();
    let said = words(stage.call("replication.run", json!([made["id"]])).await);
    assert!(said.contains("out of space"), "{said}");
    assert_eq!(stage.rows("replication.query").await[0]["state"]["state"], "ERROR");
}

#[tokio::test]
async fn the_world_is_on_disk_before_an_answer_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let sim = Sim::persistent(dir.path(), World::new("nas")).unwrap();
    let route = json!({"destination": "10.9.0.0/16", "gateway": "192.168.0.1"});
    sim.link("root").call(&Call::new("staticroute.create", vec![route])).await.unwrap();
    drop(sim);
    let again = Sim::persistent(dir.path(), World::new("another")).unwrap();
    let routes = again.link("root").call(&Call::new("staticroute.query", vec![])).await.unwrap();
    assert_eq!(routes[0]["destination"], "10.9.0.0/16");
}
