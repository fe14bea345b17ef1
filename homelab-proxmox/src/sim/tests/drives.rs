//! Disks, snapshots, clones: what is refused, and what becomes of volumes.
use super::Lab;
use crate::http::Method::{Delete, Get, Post, Put};
use crate::sim::Release;

const QEMU: &str = "/nodes/pve/qemu/100";

async fn lab() -> Lab {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("scsi0", "local:1,format=qcow2"), ("scsi1", "local:1,format=raw")]).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn a_volume_of_a_snapshot_is_not_freed() {
    let lab = lab().await;
    lab.put(&format!("{QEMU}/config"), &[("delete", "scsi1"), ("force", "1")]).await;
    assert_eq!(lab.run(Post, &format!("{QEMU}/snapshot"), &[("snapname", "one")]).await, "OK");
    let told = lab.refusal(Put, &format!("{QEMU}/config"), &[("delete", "scsi0"), ("force", "1")]).await;
    let words = "unable to delete 'local:100/vm-100-disk-0.qcow2' - volume is still in use (snapshot?)";
    assert_eq!(told, format!("400 scsi0: unable to apply pending change scsi0 : {words}"));
    let told = lab
        .refusal(
            Post,
            &format!("{QEMU}/move_disk"),
            &[("disk", "scsi0"), ("storage", "local"), ("format", "raw"), ("delete", "1")],
        )
        .await;
    assert_eq!(told, "500 you can't move a disk with snapshots and delete the source");
}

#[tokio::test(start_paused = true)]
async fn going_back_keeps_later_disks_as_unused_and_the_description() {
    let lab = lab().await;
    lab.put(&format!("{QEMU}/config"), &[("delete", "scsi1")]).await;
    lab.put(&format!("{QEMU}/config"), &[("delete", "unused0")]).await;
    assert_eq!(lab.run(Post, &format!("{QEMU}/snapshot"), &[("snapname", "one"), ("description", "then")]).await, "OK");
    let before = lab.get(&format!("{QEMU}/config")).await["vmgenid"].clone();
    lab.put(&format!("{QEMU}/config"), &[("scsi2", "local:1,format=qcow2"), ("description", "now"), ("cores", "4")])
        .await;
    assert_eq!(lab.run(Post, &format!("{QEMU}/snapshot/one/rollback"), &[]).await, "OK");
    let config = lab.get(&format!("{QEMU}/config")).await;
    assert_eq!((&config["description"], config.get("cores")), (&"now".into(), None));
    assert_eq!(config["unused0"], "local:100/vm-100-disk-1.qcow2");
    assert_ne!(config["vmgenid"], before);
    assert_eq!(lab.get(&format!("{QEMU}/snapshot/one/config")).await["description"], "then");
}

#[tokio::test(start_paused = true)]
async fn each_way_of_giving_a_disk_away_has_its_own_refusal() {
    let lab = lab().await;
    lab.make(&[("vmid", "101"), ("scsi0", "local:1"), ("ide2", "none,media=cdrom")]).await;
    let path = format!("{QEMU}/move_disk");
    for (params, told) in [
        (
            vec![("disk", "scsi0"), ("target-vmid", "100")],
            "400 target-vmid: must be different than source VMID to reassign disk",
        ),
        (vec![("disk", "scsi0"), ("target-vmid", "999")], "500 could not find target VM 999"),
        (vec![("disk", "scsi7"), ("target-vmid", "101")], "500 Disk 'scsi7' for VM '100' does not exist"),
        (vec![("disk", "scsi0"), ("target-vmid", "101")], "500 Target disk key 'scsi0' is already in use for VM '101'"),
        (vec![("disk", "scsi0"), ("target-vmid", "9000")], "500 Can't move disks from or to template VMs"),
        (
            vec![("disk", "scsi0"), ("target-vmid", "101"), ("storage", "local")],
            "400 storage: either set 'storage' or 'target-vmid', but not both; target-vmid: either set 'storage' or 'target-vmid', but not both",
        ),
    ] {
        assert_eq!(lab.refusal(Post, &path, &params).await, told, "{params:?}");
    }
    let given = [("disk", "scsi1"), ("target-vmid", "101"), ("target-disk", "virtio3")];
    assert_eq!(lab.run(Post, &path, &given).await, "OK");
    assert_eq!(lab.get("/nodes/pve/qemu/101/config").await["virtio3"], "local:101/vm-101-disk-1.raw,size=1G");
}

#[tokio::test(start_paused = true)]
async fn what_the_worker_finds_out_stands_in_the_task() {
    let lab = lab().await;
    for (path, params, exit) in [
        (
            "/nodes/pve/qemu/999/status/start",
            vec![],
            "Configuration file 'nodes/pve/qemu-server/999.conf' does not exist",
        ),
        ("/nodes/pve/qemu/999/status/stop", vec![], "unable to find configuration file for VM 999 on node 'pve'"),
        ("/nodes/pve/qemu/9000/snapshot", vec![("snapname", "x1")], "you can't take a snapshot if it's a template"),
        ("/nodes/pve/qemu/100/snapshot", vec![("snapname", "x1")], "snapshot feature is not available"),
        ("/nodes/pve/qemu/100/snapshot/none/rollback", vec![], "snapshot 'none' does not exist"),
    ] {
        assert_eq!(lab.run(Post, path, &params).await, exit, "{path}");
    }
    let exit = lab.run(Put, &format!("{QEMU}/resize"), &[("disk", "scsi0"), ("size", "512M")]).await;
    assert_eq!(exit, "shrinking disks is not supported");
    let exit = lab.run(Post, "/nodes/pve/qemu", &[("vmid", "150"), ("scsi0", "local:150/none.raw")]).await;
    assert_eq!(exit, "unable to create VM 150 - volume 'local:150/none.raw' does not exist");
}

#[tokio::test(start_paused = true)]
async fn a_second_cloud_init_drive_is_refused() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("ide2", "local:cloudinit")]).await;
    let told = lab.refusal(Put, &format!("{QEMU}/config"), &[("sata0", "local:cloudinit")]).await;
    assert_eq!(told, "500 sata0 - cloud-init drive is already attached at 'ide2'");
}

#[tokio::test(start_paused = true)]
async fn contents_of_a_storage_are_named_after_what_they_are() {
    let lab = lab().await;
    let content = "/nodes/pve/storage/local/content";
    let base = [("vmid", "100"), ("size", "1G")];
    for (name, format, told) in [
        ("plain", None, "500 unable to parse volume filename 'plain'"),
        ("x.raw", Some("qcow2"), "400 format: different storage formats (qcow2 != raw)"),
    ] {
        let mut params = base.to_vec();
        params.push(("filename", name));
        params.extend(format.map(|format| ("format", format)));
        assert_eq!(lab.refusal(Post, content, &params).await, told, "{name}");
    }
    let told = lab.refusal(Get, &format!("{content}/iso/none.txt"), &[]).await;
    assert_eq!(told, "500 unable to parse directory volume name 'iso/none.txt'");
    let told = lab.refusal(Put, &format!("{content}/100/vm-100-disk-0.qcow2"), &[("protected", "1")]).await;
    assert_eq!(told, "500 only backups support attribute 'protected'");
    assert_eq!(lab.run(Delete, &format!("{content}/100/vm-100-disk-9.raw"), &[]).await, "OK");
}

#[tokio::test(start_paused = true)]
async fn a_storage_map_says_where_disks_go() {
    let lab = Lab::cluster(Release::V8_4);
    assert_eq!(lab.run(Post, "/nodes/din/qemu", &[("vmid", "100"), ("scsi0", "local-lvm:4")]).await, "OK");
    let path = "/nodes/din/qemu/100/migrate";
    for (map, told) in [
        ("1,nas", "identity mapping cannot be combined with other mappings"),
        ("nas,local", "default target ID can only be provided once"),
        ("a1:nas,a1:local", "duplicate mapping for source 'a1'"),
    ] {
        let told = format!("400 targetstorage: failed to parse storage map: {told}");
        assert_eq!(lab.refusal(Post, path, &[("target", "grogu"), ("targetstorage", map)]).await, told);
    }
    assert_eq!(lab.refusal(Post, path, &[("target", "nobody")]).await, "500 no such cluster node 'nobody'");
    assert_eq!(lab.run(Post, path, &[("target", "grogu"), ("targetstorage", "local-lvm:nas")]).await, "OK");
    let disk = lab.get("/nodes/grogu/qemu/100/config").await["scsi0"].clone();
    assert!(disk.as_str().unwrap().starts_with("nas:"), "{disk}");
}
