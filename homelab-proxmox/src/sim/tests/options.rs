//! Changing the options of virtual machines: what contradicts, who may, and what a running one takes over.
use super::Lab;
use crate::http::Method::{Post, Put};
use serde_json::json;

const CONFIG: &str = "/nodes/pve/qemu/100/config";

async fn lab() -> Lab {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("scsi0", "local:1"), ("net0", "virtio,bridge=vmbr0")]).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn an_option_cannot_be_set_reverted_and_deleted_at_once() {
    let lab = lab().await;
    for (params, told) in [
        (
            vec![("cores", "2"), ("delete", "cores")],
            "400 delete: you can't use '-cores' and -delete cores' at the same time",
        ),
        (
            vec![("cores", "2"), ("revert", "cores")],
            "400 delete: you can't use '-cores' and -revert cores' at the same time",
        ),
        (
            vec![("delete", "cores"), ("revert", "cores")],
            "400 revert: you can't use '-delete cores' and -revert cores' at the same time",
        ),
        (vec![("delete", "colour")], "400 delete: unknown option 'colour'"),
        (vec![("revert", "colour")], "400 revert: unknown option 'colour'"),
        (vec![], "500 no options specified"),
        (vec![("boot", "order=scsi7")], "500 invalid bootorder: device 'scsi7' does not exist'"),
        (vec![("machine", "pc,viommu=intel")], "500 to use Intel vIOMMU please set the machine type to q35"),
        (
            vec![("memory", "512"), ("balloon", "1024")],
            "500 balloon value too large (must be smaller than assigned memory)",
        ),
    ] {
        assert_eq!(lab.refusal(Put, CONFIG, &params).await, told, "{params:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_drive_does_not_know_is_told_before_who_may() {
    let lab = lab().await;
    let other = lab.somebody("PVEVMUser", "/vms").await;
    for (value, told) in [
        ("local:1,mbps=10,mbps_rd=5", "400 scsi1: unable to parse drive options"),
        ("/tmp/disk.raw", "400 scsi1: unable to associate path '/tmp/disk.raw' to any storage"),
        ("local:iso/x.iso", "400 scsi1: explicit 'media=cdrom' is required for iso images"),
        (
            "local:7,import-from=local:import/x.qcow2",
            "400 scsi1: 'import-from' requires special syntax - use <storage ID>:0,import-from=<source>",
        ),
        ("local:1", "403 Permission check failed (/storage/local, Datastore.AllocateSpace)"),
    ] {
        assert_eq!(other.refusal(Put, CONFIG, &[("scsi1", value)]).await, told, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn devices_of_the_host_are_roots_own() {
    let lab = lab().await;
    let other = lab.somebody("PVEAdmin", "/").await;
    for (key, value, told) in [
        ("serial0", "/dev/ttyS0", "500 only root can modify 'serial0' config for real devices"),
        ("usb0", "host=1-2", "500 only root can set 'usb0' config for real devices"),
        ("hostpci0", "host=0000:00:01.0", "500 only root can set 'hostpci0' config for non-mapped devices"),
        ("hookscript", "local:snippets/x", "400 hookscript: script 'local:snippets/x' does not exist"),
        ("args", "-no-reboot", "500 only root can set 'args' config"),
    ] {
        assert_eq!(other.refusal(Put, CONFIG, &[(key, value)]).await, told, "{key}");
    }
    assert_eq!(other.put(CONFIG, &[("serial0", "socket")]).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn empty_values_become_blanks_and_tags_are_sorted_once() {
    let lab = lab().await;
    lab.put(CONFIG, &[("tags", "b;A;b"), ("description", "two lines \n\n"), ("searchdomain", "")]).await;
    let config = lab.get(CONFIG).await;
    assert_eq!((&config["tags"], &config["description"]), (&json!("a;b"), &json!("two lines")));
    assert_eq!(config["searchdomain"], " ");
}

#[tokio::test(start_paused = true)]
async fn deleting_what_is_not_set_is_only_a_remark() {
    let lab = lab().await;
    let (_, _, upid) = lab.post(CONFIG, &[("delete", "cores")]).await;
    assert_eq!(lab.wait(&upid).await, "OK");
    let log = lab.get(&format!("/nodes/pve/tasks/{}/log", upid.as_str().unwrap())).await;
    assert_eq!(log[1]["t"], "cannot delete 'cores' - not set in current configuration!");
}

#[tokio::test(start_paused = true)]
async fn a_running_guest_keeps_what_it_boots_from() {
    let lab = lab().await;
    assert_eq!(lab.run(Post, "/nodes/pve/qemu/100/status/start", &[]).await, "OK");
    let told = lab.refusal(Put, CONFIG, &[("delete", "scsi0")]).await;
    assert_eq!(told, "400 scsi0: hotplug problem - can't unplug bootdisk 'scsi0'");
    for (key, value, waits) in
        [("cores", "2", true), ("name", "now", false), ("cpuunits", "200", false), ("bios", "ovmf", true)]
    {
        assert_eq!(lab.put(CONFIG, &[(key, value)]).await.0, 200, "{key}");
        let pending = lab.get("/nodes/pve/qemu/100/pending").await;
        let row = pending.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
        assert_eq!(row.get("pending").is_some(), waits, "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn cloud_init_remembers_what_a_running_guest_was_not_told_yet() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100"), ("ide2", "local:cloudinit"), ("ciuser", "ada"), ("nameserver", "1.1.1.1")]).await;
    let path = "/nodes/pve/qemu/100/cloudinit";
    let find = |rows: &serde_json::Value, key: &str| -> serde_json::Value {
        rows.as_array().unwrap().iter().find(|row| row["key"] == key).cloned().unwrap_or_default()
    };
    assert_eq!(lab.run(Post, "/nodes/pve/qemu/100/status/start", &[]).await, "OK");
    lab.put(CONFIG, &[("ciuser", "bob"), ("searchdomain", "example.org"), ("delete", "nameserver")]).await;
    let rows = lab.get(path).await;
    assert_eq!(find(&rows, "ciuser"), json!({"key": "ciuser", "value": "ada", "pending": "bob"}));
    assert_eq!(find(&rows, "searchdomain"), json!({"key": "searchdomain", "pending": "example.org"}));
    assert_eq!(find(&rows, "nameserver"), json!({"key": "nameserver", "delete": 1}));
    lab.put(path, &[]).await;
    assert_eq!(find(&lab.get(path).await, "ciuser"), json!({"key": "ciuser", "value": "bob"}));
}

#[tokio::test(start_paused = true)]
async fn windows_is_told_its_network_in_another_format() {
    let lab = Lab::new();
    let net = ("net0", "virtio=52:54:00:00:00:01,bridge=vmbr0");
    lab.make(&[("vmid", "100"), ("ostype", "win11"), net, ("ipconfig0", "ip=10.0.0.5/16,gw=10.0.0.1")]).await;
    let dump = lab.call(crate::http::Method::Get, "/nodes/pve/qemu/100/cloudinit/dump", &[("type", "network")]).await.2;
    let text = dump.as_str().unwrap();
    assert!(text.starts_with("auto lo\niface lo inet loopback\n\n"), "{text}");
    assert!(
        text.ends_with("        address 10.0.0.5\n        netmask 255.255.0.0\n        gateway 10.0.0.1\n"),
        "{text}"
    );
}
