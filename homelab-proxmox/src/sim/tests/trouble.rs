//! Lasting troubles that tests can switch on and off.
use super::Lab;
use crate::http::Method::{Get, Post, Put};
use crate::sim::{Firmware, Image, Release, World};
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn without_a_quorum_nothing_of_the_cluster_changes() {
    let lab = Lab::cluster(Release::V8_4);
    lab.sim.trouble(|trouble| trouble.no_quorum = true);
    for (method, path, params, told) in [
        (Post, "/nodes/din/qemu", vec![("vmid", "100")], "500 cluster not ready - no quorum?"),
        (Post, "/pools", vec![("poolid", "p1")], "500 create pool failed: cfs-lock 'file-user_cfg' error: no quorum!"),
    ] {
        assert_eq!(lab.refusal(method, path, &params).await, told);
    }
    assert_eq!(lab.call(Get, "/nodes/din/qemu", &[]).await.0, 200);
    let status = lab.get("/cluster/status").await;
    assert_eq!(status[0]["quorate"], 0);
    lab.sim.trouble(|trouble| trouble.no_quorum = false);
    assert_eq!(lab.run(Post, "/nodes/din/qemu", &[("vmid", "100")]).await, "OK");
}

#[tokio::test(start_paused = true)]
async fn a_storage_whose_lock_is_held_makes_no_volumes() {
    let lab = Lab::cluster(Release::V8_4);
    lab.sim.trouble(|trouble| trouble.locked_storages.extend(["nas".to_owned(), "local-lvm".to_owned()]));
    for (storage, told) in [
        ("nas", "cfs-lock 'storage-nas' error: got lock request timeout"),
        ("local-lvm", "can't lock file '/var/lock/pve-manager/pve-storage-local-lvm' - got timeout"),
    ] {
        let disk = format!("{storage}:1");
        let exit = lab.run(Post, "/nodes/din/qemu", &[("vmid", "100"), ("scsi0", &disk)]).await;
        assert_eq!(exit, format!("unable to create VM 100 - {told}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_offline_node_comes_back() {
    let lab = Lab::cluster(Release::V8_4);
    lab.sim.trouble(|trouble| {
        trouble.offline.insert("grogu".to_owned());
    });
    assert_eq!(lab.call(Get, "/nodes/grogu/qemu", &[]).await.0, 595);
    lab.sim.trouble(|trouble| trouble.offline.clear());
    assert_eq!(lab.call(Get, "/nodes/grogu/qemu", &[]).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_answered_with_596_and_takes_effect() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100")]).await;
    lab.sim.trouble(|trouble| {
        trouble.slow.insert("PUT /nodes/pve/qemu/100/config".to_owned(), 45);
    });
    let before = Instant::now();
    let (status, reason, _) = lab.call(Put, "/nodes/pve/qemu/100/config", &[("name", "slow")]).await;
    assert_eq!((status, reason.as_str(), before.elapsed()), (596, "Connection timed out", Duration::from_secs(30)));
    assert_eq!(lab.get("/nodes/pve/qemu/100/config").await["name"], "slow");
}

#[tokio::test(start_paused = true)]
async fn a_disk_for_another_firmware_stays_at_the_firmwares_screen() {
    let image = Image { agent: true, firmware: Firmware::Uefi, ..Image::default() };
    let lab = Lab::of(World::parity().with_import("local:import/uefi.qcow2", &image));
    let disk = ("scsi0", "local:0,import-from=local:import/uefi.qcow2");
    for (vmid, bios, answers) in [("100", "seabios", false), ("101", "ovmf", true)] {
        lab.make(&[("vmid", vmid), disk, ("bios", bios), ("agent", "1"), ("boot", "order=scsi0")]).await;
        assert_eq!(lab.run(Post, &format!("/nodes/pve/qemu/{vmid}/status/start"), &[]).await, "OK");
        tokio::time::sleep(Duration::from_secs(20)).await;
        let status = lab.get(&format!("/nodes/pve/qemu/{vmid}/status/current")).await["status"].clone();
        assert_eq!(status, "running");
        let (code, ..) = lab.post(&format!("/nodes/pve/qemu/{vmid}/agent/ping"), &[]).await;
        assert_eq!(code == 200, answers, "{bios}");
    }
}
