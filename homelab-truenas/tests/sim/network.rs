//! Interfaces: what is changed is tried, and taken back unless somebody confirms it (notes section 8).
use crate::{Stage, stage};
use homelab_truenas::sim::World;
use serde_json::json;
use std::time::Duration;

async fn vlan() -> Stage {
    let stage = stage(World::new("nas"));
    let vlan = json!([{"type": "VLAN", "name": "vlan10", "vlan_parent_interface": "enp1s0", "vlan_tag": 10,
        "aliases": [{"address": "10.0.10.2", "netmask": 24}]}]);
    stage.call("interface.create", vlan).await.unwrap();
    stage.call("interface.commit", json!([{"rollback": true, "checkin_timeout": 60}])).await.unwrap();
    stage
}

async fn has_vlan(stage: &Stage) -> bool {
    stage.rows("interface.query").await.iter().any(|row| row["id"] == "vlan10")
}

#[tokio::test(start_paused = true)]
async fn what_nobody_confirms_is_taken_back() {
    let stage = vlan().await;
    assert!(has_vlan(&stage).await);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(!has_vlan(&stage).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_confirmed_stays() {
    let stage = vlan().await;
    assert_eq!(stage.raw("interface.checkin_waiting", json!([])).await, 60);
    stage.call("interface.checkin", json!([])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(has_vlan(&stage).await);
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_before_it_is_committed() {
    let stage = stage(World::new("nas"));
    stage.call("interface.update", json!(["enp2s0", {"description": "storage"}])).await.unwrap();
    assert_eq!(stage.raw("interface.has_pending_changes", json!([])).await, true);
    stage.call("interface.rollback", json!([])).await.unwrap();
    let row = stage.raw("interface.get_instance", json!(["enp2s0"])).await;
    assert_eq!(row["description"], "");
}
