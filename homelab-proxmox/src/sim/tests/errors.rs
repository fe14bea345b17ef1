//! Errors: which status, which words.
use super::Lab;
use crate::http::Method;
use crate::sim::{NodeSpec, Release, World};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn cloning_a_missing_guest_names_the_guest_and_the_node() {
    let lab = Lab::new();
    let (status, reason, _) = lab.post("/nodes/pve/qemu/999/clone", &[("newid", "120")]).await;
    assert_eq!((status, reason.as_str()), (500, "unable to find configuration file for VM 999 on node 'pve'"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_takes_three_seconds() {
    let lab = Lab::new().as_token("root@pam!ci=wrong");
    let before = Instant::now();
    let (status, reason, _) = lab.call(Method::Get, "/version", &[]).await;
    assert_eq!((status, reason.as_str()), (401, "Authentication failed!"));
    assert_eq!(before.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_missing_privilege_is_told_before_a_missing_guest() {
    let lab = Lab::new();
    lab.post("/access/users", &[("userid", "iac@pve")]).await;
    let (_, _, token) = lab.post("/access/users/iac@pve/token/tok", &[("privsep", "0")]).await;
    let other = lab.as_token(&format!("iac@pve!tok={}", token["value"].as_str().unwrap()));
    let (status, reason, _) = other.call(Method::Get, "/nodes/pve/qemu/999/config", &[]).await;
    assert_eq!((status, reason.as_str()), (403, "Permission check failed (/vms/999, VM.Audit)"));
}

#[tokio::test(start_paused = true)]
async fn a_token_must_have_two_characters() {
    let lab = Lab::new();
    let (status, _, _) = lab.post("/access/users/root@pam/token/t", &[]).await;
    assert_eq!(status, 400);
}

#[tokio::test(start_paused = true)]
async fn running_a_missing_program_in_a_guest_is_answered_with_596_after_five_seconds() {
    let lab = Lab::new();
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/9000/clone", &[("newid", "110")]).await, "OK");
    assert_eq!(lab.run(Method::Post, "/nodes/pve/qemu/110/status/start", &[]).await, "OK");
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    let before = Instant::now();
    let (status, ..) = lab.post("/nodes/pve/qemu/110/agent/exec", &[("command", "/opt/missing")]).await;
    assert_eq!((status, before.elapsed().as_secs()), (596, 5));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_is_answered_with_595_by_the_others() {
    let mut world = World::cluster("lab").with_node("din", NodeSpec::default()).with_node("grogu", NodeSpec::default());
    world.nodes.get_mut("grogu").unwrap().online = false;
    let lab = Lab::of(world);
    let (status, ..) = lab.call(Method::Get, "/nodes/grogu/qemu", &[]).await;
    assert_eq!(status, 595);
    assert_eq!(lab.call(Method::Get, "/nodes/din/qemu", &[]).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn what_only_one_release_has_is_unknown_to_the_other() {
    let (old, new) = (Lab::cluster(Release::V8_4), Lab::cluster(Release::V9_2));
    let params = [("vmid", "100"), ("ha-managed", "0")];
    assert_eq!(old.post("/nodes/din/qemu", &params).await.0, 400);
    assert_eq!(new.post("/nodes/din/qemu", &params).await.0, 200);
    let role = [("roleid", "Agent"), ("privs", "VM.GuestAgent.Audit")];
    assert_eq!(old.post("/access/roles", &role).await.0, 400);
    assert_eq!(new.post("/access/roles", &role).await.0, 200);
    let role = [("roleid", "Monitor"), ("privs", "VM.Monitor")];
    assert_eq!(old.post("/access/roles", &role).await.0, 200);
    assert_eq!(new.post("/access/roles", &role).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_full_storage_refuses_in_the_task_and_leaves_no_guest_behind() {
    let lab = Lab::cluster(Release::V9_2);
    let params = [("vmid", "100"), ("scsi0", "local-lvm:2000")];
    let exit = lab.run(Method::Post, "/nodes/din/qemu", &params).await;
    assert!(exit.contains("not enough free space"), "{exit}");
    assert_eq!(lab.call(Method::Get, "/nodes/din/qemu/100/config", &[]).await.0, 500);
}
