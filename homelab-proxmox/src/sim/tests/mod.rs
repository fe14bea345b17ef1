//! What a simulator gets wrong (pve-notes section 14), line by line. Lines that a recorded step proves are left to the
//! replay in `tests/parity`.
mod errors;
mod passthrough;
mod rehearsal;
mod serving;
mod tasks;
mod values;

use crate::http::{Http, Method, Request};
use crate::sim::{NodeSpec, Pace, Release, Sim, StorageKind, World};
use serde_json::Value;
use std::time::Duration;

const ROOT: &str = "root@pam!ci";
const SECRET: &str = "00000000-0000-4000-8000-00000000cafe";

/// A simulator with a handy way to call it as its administrator.
struct Lab {
    sim: Sim,
    token: String,
}

impl Lab {
    /// The world of the recordings.
    fn new() -> Lab {
        Lab::of(World::parity().pace(Pace::realistic()))
    }

    /// Two nodes, with a storage that they share.
    fn cluster(release: Release) -> Lab {
        let world = World::cluster("lab")
            .release(release)
            .with_node("din", NodeSpec::default())
            .with_node("grogu", NodeSpec::default())
            .storage_of("nas", StorageKind::Nfs, 1 << 40);
        Lab::of(world)
    }

    fn of(world: World) -> Lab {
        Lab { sim: Sim::new(world.with_token(ROOT, SECRET)), token: format!("{ROOT}={SECRET}") }
    }

    /// Calls as somebody else.
    fn as_token(&self, token: &str) -> Lab {
        Lab { sim: self.sim.clone(), token: token.to_owned() }
    }

    fn request(&self, method: Method, path: &str, params: &[(&str, &str)]) -> Request {
        Request {
            method,
            path: path.to_owned(),
            params: params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            headers: vec![("Authorization", format!("PVEAPIToken={}", self.token))],
            upload: None,
            timeout: Duration::from_secs(3_600),
        }
    }

    /// One call: its status, its reason, its data.
    async fn call(&self, method: Method, path: &str, params: &[(&str, &str)]) -> (u16, String, Value) {
        let answer = self.sim.send(self.request(method, path, params)).await.unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status, answer.reason, body["data"].clone())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, reason, data) = self.call(Method::Get, path, &[]).await;
        assert_eq!(status, 200, "{path}: {reason}");
        data
    }

    async fn post(&self, path: &str, params: &[(&str, &str)]) -> (u16, String, Value) {
        self.call(Method::Post, path, params).await
    }

    async fn put(&self, path: &str, params: &[(&str, &str)]) -> (u16, String, Value) {
        self.call(Method::Put, path, params).await
    }

    async fn status(&self, upid: &str) -> Value {
        let node = upid.split(':').nth(1).unwrap();
        self.get(&format!("/nodes/{node}/tasks/{upid}/status")).await
    }

    /// Waits for a task: its exit status.
    async fn wait(&self, upid: &Value) -> String {
        let upid = upid.as_str().expect("a task id");
        loop {
            let status = self.status(upid).await;
            if let Some(exit) = status["exitstatus"].as_str() {
                return exit.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// A call that starts a task, and how that ended.
    async fn run(&self, method: Method, path: &str, params: &[(&str, &str)]) -> String {
        let (status, reason, upid) = self.call(method, path, params).await;
        assert_eq!(status, 200, "{path}: {reason}");
        self.wait(&upid).await
    }

    /// Makes a guest on the node `pve`.
    async fn make(&self, params: &[(&str, &str)]) {
        assert_eq!(self.run(Method::Post, "/nodes/pve/qemu", params).await, "OK");
    }
}
