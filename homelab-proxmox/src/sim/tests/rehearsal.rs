//! The simulator as a place to rehearse: faults, counters, the network, a world that outlives its process.
use super::{Lab, ROOT, SECRET};
use crate::http::{Http as _, Method, TransportError};
use crate::sim::{Fault, Faults, NodeSpec, Pace, Sim, World};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_lost_reply_took_effect() {
    let lab = Lab::new();
    lab.sim.plan_faults(Faults::none().at_call(1, Fault::LostReply));
    let lost = lab.sim.send(lab.request(Method::Post, "/pools", &[("poolid", "kept")])).await;
    assert!(matches!(lost, Err(TransportError::Lost { .. })));
    assert_eq!(lab.get("/pools").await[0]["poolid"], "kept");
    assert_eq!((lab.sim.calls(), lab.sim.writes()), (2, 1));
    assert_eq!(lab.sim.log()[0].path, "/pools");
}

#[tokio::test(start_paused = true)]
async fn a_planned_error_took_no_effect() {
    let lab = Lab::new();
    let error = Fault::Error { status: 596, reason: "Connection timed out".to_owned() };
    lab.sim.plan_faults(Faults::none().at_call(1, error));
    let (status, reason, _) = lab.post("/pools", &[("poolid", "gone")]).await;
    assert_eq!((status, reason.as_str()), (596, "Connection timed out"));
    assert_eq!(lab.get("/pools").await.as_array().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_killed_server_answers_nobody_until_it_is_revived() {
    let lab = Lab::new();
    lab.sim.plan_faults(Faults::none().at_call(2, Fault::Kill));
    lab.get("/version").await;
    for _ in 0..2 {
        let dead = lab.sim.send(lab.request(Method::Get, "/version", &[])).await;
        assert!(matches!(dead, Err(TransportError::Unreached { .. })));
    }
    lab.sim.revive();
    lab.get("/version").await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_lost_to_a_client_that_does_not_wait() {
    let lab = Lab::new();
    let slow = Fault::Slow(Duration::from_secs(60));
    lab.sim.plan_faults(Faults::none().at_call(1, slow.clone()).at_call(2, slow));
    lab.get("/version").await;
    let mut request = lab.request(Method::Get, "/version", &[]);
    request.timeout = Duration::from_secs(30);
    assert!(matches!(lab.sim.send(request).await, Err(TransportError::Lost { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_started_guest_is_reachable_at_the_address_that_cloud_init_was_told() {
    let lab = Lab::new();
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/9000/clone", &[("newid", "110")]).await, "OK");
    let told = [("ide2", "local:cloudinit"), ("ipconfig0", "ip=192.0.2.77/24,gw=192.0.2.1")];
    assert_eq!(lab.put("/nodes/pve/qemu/110/config", &told).await.0, 200);
    lab.run(Method::Post, "/nodes/pve/qemu/110/status/start", &[]).await;
    let address = "192.0.2.77".parse().unwrap();
    assert!(!lab.sim.reachable(address));
    sleep(Duration::from_secs(15)).await;
    assert!(lab.sim.reachable(address));
    let interfaces = lab.get("/nodes/pve/qemu/110/agent/network-get-interfaces").await;
    assert_eq!(interfaces["result"][1]["ip-addresses"][0]["ip-address"], "192.0.2.77");
}

#[tokio::test(start_paused = true)]
async fn a_world_in_a_directory_goes_on_after_its_process_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let world = || World::cluster("lab").with_node("din", NodeSpec::default()).with_token(ROOT, SECRET);
    let open = || Lab { sim: Sim::persistent(dir.path(), world()).unwrap(), token: format!("{ROOT}={SECRET}") };
    let (_, _, upid) = open().post("/nodes/din/qemu", &[("vmid", "100"), ("memory", "512")]).await;
    let again = open();
    assert_eq!(again.status(upid.as_str().unwrap()).await["status"], "running");
    assert_eq!(again.wait(&upid).await, "OK");
    assert_eq!(open().get("/nodes/din/qemu/100/config").await["memory"], "512");
}

#[tokio::test(start_paused = true)]
async fn a_directory_with_something_else_in_it_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("world.json"), "no world").unwrap();
    let problem = Sim::persistent(dir.path(), World::parity()).err().unwrap().to_string();
    assert!(problem.contains("world.json holds no simulated Proxmox VE"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn a_cloud_image_becomes_a_template_by_token_alone() {
    let lab = Lab::of(World::cluster("lab").with_node("din", NodeSpec::default()).pace(Pace::realistic()));
    let fetch = [
        ("content", "import"),
        ("filename", "noble.qcow2"),
        ("url", "https://cloud-images.example/noble.img"),
        ("checksum-algorithm", "sha256"),
        ("checksum", "00ff"),
    ];
    let url = "/nodes/din/storage/local/download-url";
    assert_eq!(lab.run(Method::Post, url, &fetch).await, "OK");
    let make = [
        ("vmid", "9000"),
        ("bios", "ovmf"),
        ("efidisk0", "local-lvm:1,efitype=4m"),
        ("scsi0", "local-lvm:0,import-from=local:import/noble.qcow2"),
        ("ide2", "local-lvm:cloudinit"),
    ];
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu", &make).await, "OK");
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu/9000/template", &[]).await, "OK");
    let config = lab.get("/nodes/din/qemu/9000/config").await;
    assert_eq!(config["scsi0"], "local-lvm:base-9000-disk-1,size=3584M");
    assert_eq!(lab.run(Method::Post, url, &fetch).await, "OK", "the same file again is fine");
}
