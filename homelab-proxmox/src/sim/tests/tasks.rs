//! Tasks: what fails at once, what fails later, how tasks look while they run.
use super::Lab;
use crate::http::Method;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn starting_a_missing_guest_is_a_task_that_fails() {
    let lab = Lab::new();
    let exit = lab.run(Method::Post, "/nodes/pve/qemu/999/status/start", &[]).await;
    assert_eq!(exit, "Configuration file 'nodes/pve/qemu-server/999.conf' does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_a_raw_file_is_a_task_that_fails() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("scsi0", "local:1")]).await;
    let exit = lab.run(Method::Post, "/nodes/pve/qemu/100/snapshot", &[("snapname", "one")]).await;
    assert_eq!(exit, "snapshot feature is not available");
}

#[tokio::test(start_paused = true)]
async fn a_running_task_has_no_exit_status_and_its_log_no_content() {
    let lab = Lab::new();
    let (_, _, upid) = lab.post("/nodes/pve/qemu", &[("vmid", "100")]).await;
    let upid = upid.as_str().unwrap().to_owned();
    let status = lab.status(&upid).await;
    assert_eq!((status["status"].as_str(), status.get("exitstatus")), (Some("running"), None));
    let log = lab.get(&format!("/nodes/pve/tasks/{upid}/log")).await;
    assert_eq!(log[0]["t"], "no content");
}

#[tokio::test(start_paused = true)]
async fn the_active_list_shows_the_whole_id_and_running_in_capitals() {
    let lab = Lab::new();
    lab.post("/nodes/pve/qemu", &[("vmid", "100")]).await;
    let (_, _, rows) = lab.call(Method::Get, "/nodes/pve/tasks", &[("source", "active")]).await;
    let row = &rows[0];
    assert_eq!((&row["user"], &row["status"], &row["saved"]), (&"root@pam!ci".into(), &"RUNNING".into(), &"0".into()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_received_an_interrupt() {
    let lab = Lab::new();
    let (_, _, upid) = lab.post("/nodes/pve/qemu", &[("vmid", "100")]).await;
    lab.call(Method::Delete, &format!("/nodes/pve/tasks/{}", upid.as_str().unwrap()), &[]).await;
    assert_eq!(lab.wait(&upid).await, "received interrupt");
}

#[tokio::test(start_paused = true)]
async fn a_stop_right_after_creating_with_start_does_nothing_and_then_the_guest_comes_up() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("start", "1")]).await;
    assert_eq!(lab.get("/nodes/pve/qemu/100/status/current").await["status"], "stopped");
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/100/status/stop", &[]).await, "OK");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(lab.get("/nodes/pve/qemu/100/status/current").await["status"], "running");
}

#[tokio::test(start_paused = true)]
async fn a_reboot_starts_the_guest_again_in_a_task_by_root_itself() {
    let lab = Lab::new();
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/9000/clone", &[("newid", "110")]).await, "OK");
    lab.run(Method::Post, "/nodes/pve/qemu/110/status/start", &[]).await;
    sleep(Duration::from_secs(20)).await;
    let before = lab.get("/nodes/pve/qemu/110/status/current").await["pid"].clone();
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/110/status/reboot", &[]).await, "OK");
    sleep(Duration::from_secs(10)).await;
    assert_ne!(lab.get("/nodes/pve/qemu/110/status/current").await["pid"], before);
    let (_, _, rows) = lab.call(Method::Get, "/nodes/pve/tasks", &[("typefilter", "qmstart"), ("limit", "1")]).await;
    assert_eq!((&rows[0]["user"], rows[0].get("tokenid")), (&"root@pam".into(), None));
}

#[tokio::test(start_paused = true)]
async fn a_dead_agent_costs_a_shutdown_three_more_seconds() {
    let lab = Lab::new();
    for (vmid, agent) in [("100", "0"), ("101", "1")] {
        lab.make(&[("vmid", vmid), ("agent", agent)]).await;
        lab.run(Method::Post, &format!("/nodes/pve/qemu/{vmid}/status/start"), &[]).await;
    }
    let mut spans = Vec::new();
    for vmid in ["100", "101"] {
        let before = tokio::time::Instant::now();
        let exit = lab.run(Method::Post, &format!("/nodes/pve/qemu/{vmid}/status/shutdown"), &[("timeout", "2")]).await;
        assert_eq!(exit, "VM quit/powerdown failed - got timeout");
        spans.push(before.elapsed().as_secs());
    }
    assert_eq!(spans, [2, 5]);
}

#[tokio::test(start_paused = true)]
async fn the_agent_of_a_small_guest_answers_some_ten_seconds_after_the_start() {
    let lab = Lab::new();
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/9000/clone", &[("newid", "110")]).await, "OK");
    lab.run(Method::Post, "/nodes/pve/qemu/110/status/start", &[]).await;
    assert_eq!(lab.post("/nodes/pve/qemu/110/agent/ping", &[]).await.1, "QEMU guest agent is not running");
    sleep(Duration::from_secs(12)).await;
    assert_eq!(lab.post("/nodes/pve/qemu/110/agent/ping", &[]).await.0, 200);
}
