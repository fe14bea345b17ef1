//! The traps of TrueNAS that the simulator knows: each test is one of the notes on its API.
mod accounts;
mod datasets;
mod network;
mod pools;
mod shares;
mod tasks;

use homelab_truenas::{
    rpc::{Call, Refusal, RpcError},
    sim::{Link, Sim, World},
};
use serde_json::{Value, json};
use std::time::Duration;

const TIB: u64 = 1 << 40;

/// A simulated NAS, and a way to it.
struct Stage {
    sim: Sim,
    link: Link,
}

fn stage(world: World) -> Stage {
    let sim = Sim::new(world);
    Stage { link: sim.link("root"), sim }
}

/// With six disks, `sdb` to `sdg`, and a pool on four of them.
async fn with_pool() -> Stage {
    let stage = stage(World::new("nas").disks("WD-", 6, 8 * TIB));
    stage.pool("bulk", "RAIDZ2", &["sdb", "sdc", "sdd", "sde"]).await.unwrap();
    stage
}

impl Stage {
    /// A call, and the result of its job if it is one.
    async fn call(&self, method: &str, params: Value) -> Result<Value, Refusal> {
        let params = params.as_array().cloned().unwrap();
        let call = Call::new(method, params);
        let answer = match self.link.call(&call).await {
            Ok(answer) => answer,
            Err(RpcError::Refused(refusal)) => return Err(refusal),
            Err(other) => panic!("{other}"),
        };
        let filter = json!(["message_ids", "rin", call.id]);
        for _ in 0..200 {
            let jobs = self.raw("core.get_jobs", json!([[filter], {"extra": {"raw_result": true}}])).await;
            let Some(job) = jobs.get(0) else { return Ok(answer) };
            match job["state"].as_str() {
                Some("SUCCESS") => return Ok(job["result"].clone()),
                Some("FAILED") => {
                    let complaints = job["exc_info"]["extra"].as_array().cloned().unwrap_or_default();
                    let reason = job["error"].as_str().unwrap_or_default().to_owned();
                    let first = complaints.first().and_then(|row| row[0].as_str()).unwrap_or_default().to_owned();
                    return Err(Refusal { code: -32001, errname: first, reason, complaints: vec![] });
                }
                _ => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        panic!("{method} does not end");
    }

    async fn raw(&self, method: &str, params: Value) -> Value {
        self.link.call(&Call::new(method, params.as_array().cloned().unwrap())).await.unwrap()
    }

    async fn pool(&self, name: &str, kind: &str, disks: &[&str]) -> Result<Value, Refusal> {
        self.call("pool.create", json!([{"name": name, "topology": {"data": [{"type": kind, "disks": disks}]}}])).await
    }

    async fn rows(&self, method: &str) -> Vec<Value> {
        self.raw(method, json!([])).await.as_array().cloned().unwrap()
    }

    async fn dataset(&self, name: &str) -> Value {
        self.raw("pool.dataset.get_instance", json!([name])).await
    }
}

/// The words of a refusal.
fn words(refused: Result<Value, Refusal>) -> String {
    let refusal = refused.unwrap_err();
    format!("{refusal}")
}
