//! Values: what the server rewrites, adds and shows.
use super::Lab;
use crate::http::Method;
use crate::sim::Release;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn empty_tags_are_stored_as_a_blank() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("tags", "a")]).await;
    assert_eq!(lab.put("/nodes/pve/qemu/100/config", &[("tags", "")]).await.0, 200);
    assert_eq!(lab.get("/nodes/pve/qemu/100/config").await["tags"], " ");
}

#[tokio::test(start_paused = true)]
async fn adding_a_cd_drive_appends_it_to_the_boot_order() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("scsi0", "local:1")]).await;
    lab.put("/nodes/pve/qemu/100/config", &[("ide2", "none,media=cdrom")]).await;
    assert_eq!(lab.get("/nodes/pve/qemu/100/config").await["boot"], "order=scsi0;ide2");
}

#[tokio::test(start_paused = true)]
async fn a_network_device_without_its_mac_gets_a_new_one() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("net0", "virtio,bridge=vmbr0")]).await;
    let before = lab.get("/nodes/pve/qemu/100/config").await["net0"].clone();
    lab.put("/nodes/pve/qemu/100/config", &[("net0", "virtio,bridge=vmbr0")]).await;
    let after = lab.get("/nodes/pve/qemu/100/config").await["net0"].clone();
    assert_ne!(before, after);
    assert!(after.as_str().unwrap().starts_with("virtio=BC:24:11:"), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_gigabyte_and_a_hundred_megabytes_show_in_megabytes() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("scsi0", "local:1")]).await;
    let resize = [("disk", "scsi0"), ("size", "+100M")];
    assert_eq!(lab.run(Method::Put, "/nodes/pve/qemu/100/resize", &resize).await, "OK");
    let disk = lab.get("/nodes/pve/qemu/100/config").await["scsi0"].clone();
    assert_eq!(disk, "local:100/vm-100-disk-0.raw,size=1124M");
}

#[tokio::test(start_paused = true)]
async fn a_new_guest_shows_as_unknown_among_the_resources_for_some_seconds() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("name", "fresh")]).await;
    let find =
        |rows: serde_json::Value| rows.as_array().unwrap().iter().find(|row| row["vmid"] == 100).cloned().unwrap();
    let row = find(lab.get("/cluster/resources").await);
    assert_eq!((&row["status"], row.get("name")), (&"unknown".into(), None));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let row = find(lab.get("/cluster/resources").await);
    assert_eq!((&row["status"], &row["name"]), (&"stopped".into(), &"fresh".into()));
}

#[tokio::test(start_paused = true)]
async fn a_linked_clone_on_thin_volumes_stands_on_its_own() {
    let lab = Lab::cluster(Release::V8_4);
    let make = [("vmid", "100"), ("scsi0", "local-lvm:4"), ("ide2", "local-lvm:cloudinit")];
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu", &make).await, "OK");
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu/100/template", &[]).await, "OK");
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu/100/clone", &[("newid", "101")]).await, "OK");
    let config = lab.get("/nodes/din/qemu/101/config").await;
    assert_eq!(config["scsi0"], "local-lvm:vm-101-disk-0,size=4G");
    assert_eq!(config["ide2"], "local-lvm:vm-101-cloudinit,media=cdrom");
    assert_eq!(lab.run(Method::Delete, "/nodes/din/qemu/100", &[]).await, "OK");
}

#[tokio::test(start_paused = true)]
async fn a_clone_to_another_node_needs_shared_storage() {
    let lab = Lab::cluster(Release::V9_2);
    for (vmid, disk) in [("100", "local-lvm:4"), ("101", "nas:4")] {
        assert_eq!(lab.run(Method::Post, "/nodes/din/qemu", &[("vmid", vmid), ("scsi0", disk)]).await, "OK");
    }
    let (status, reason, _) = lab.post("/nodes/din/qemu/100/clone", &[("newid", "200"), ("target", "grogu")]).await;
    assert_eq!((status, reason.as_str()), (500, "can't clone VM to node 'grogu' (VM uses local storage)"));
    let shared = [("newid", "201"), ("target", "grogu")];
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu/101/clone", &shared).await, "OK");
    assert_eq!(lab.get("/nodes/grogu/qemu/201/config").await["scsi0"], "nas:201/vm-201-disk-0.raw,size=4G");
}

#[tokio::test(start_paused = true)]
async fn a_migrated_guest_takes_its_local_disks_along() {
    let lab = Lab::cluster(Release::V9_2);
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu", &[("vmid", "100"), ("scsi0", "local-lvm:4")]).await, "OK");
    assert_eq!(lab.run(Method::Post, "/nodes/din/qemu/100/migrate", &[("target", "grogu")]).await, "OK");
    assert_eq!(lab.get("/nodes/grogu/qemu/100/config").await["scsi0"], "local-lvm:vm-100-disk-0,size=4G");
    assert_eq!(lab.get("/nodes/din/storage/local-lvm/content").await.as_array().unwrap().len(), 0);
    assert_eq!(lab.get("/nodes/grogu/storage/local-lvm/content").await.as_array().unwrap().len(), 1);
}
