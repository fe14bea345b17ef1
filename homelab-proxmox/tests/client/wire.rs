//! The exact request of each call.
use super::fake::{Fake, data};
use homelab_core::Permit;
use homelab_proxmox::{
    api::{
        Checksum, DiskSize, Download, Upload, VolumeId,
        qemu::{
            Boot, Change, CloneOptions, DestroyOptions, Disk, EfiDisk, IpConfig, MigrateOptions, MoveOptions, Net,
            ShutdownOptions, Slot, SshKeys,
        },
    },
    client::{Params, Task, silent},
    http::Request,
};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// An answer of the right shape for every path, so that each call gets to its end.
fn plausible(request: &Request) -> Value {
    let path = request.path.as_str();
    let ends = |end: &str| path.ends_with(end);
    match request.method.as_str() {
        "GET" if path == "/version" => json!({ "version": "8.4.21", "release": "8.4" }),
        "GET" if path == "/cluster/nextid" => json!("100"),
        "GET" if path == "/access/permissions" || ends("/config") => json!({}),
        "GET" if ends("/status/current") => json!({ "status": "stopped" }),
        "GET"
            if ends(
                "/tasks/UPID%3Adin%3A0003B2C1%3A00A1B2C3%3A6650A1B2%3Aqmclone%3A9000%3Aroot%40pam%21terraform%3A/status",
            ) =>
        {
            json!({ "status": "stopped", "exitstatus": "WARNINGS: 1" })
        }
        "GET" if ends("/network-get-interfaces") => json!({ "result": [] }),
        "GET" if ends("/status") && path.contains("/storage/") => json!({ "type": "dir" }),
        "GET" if ends("/status") && path.starts_with("/nodes") => json!({}),
        "GET" if path.contains("/content/") => json!({}),
        "GET" => json!([]),
        "PUT" if ends("/config") || ends("/unlink") || ends("/cloudinit") => Value::Null,
        _ => json!(super::fake::UPID),
    }
}

/// Every call of the client once, with all that can be said along with it. What they are is checked against the API's
/// schema too.
pub(crate) async fn all_wire_requests() -> Vec<Request> {
    let fake = Fake::new(|_, request| data(plausible(request)));
    let pve = fake.pve();
    reads(&pve).await;
    writes(&pve, &Permit::for_tests()).await;
    fake.sent()
}

async fn reads(pve: &homelab_proxmox::Pve) {
    pve.version().await.unwrap();
    pve.resources().await.unwrap();
    pve.cluster().await.unwrap();
    pve.next_id().await.unwrap();
    pve.permissions().await.unwrap();
    pve.nodes().await.unwrap();
    pve.node_status("din").await.unwrap();
    pve.storages("din").await.unwrap();
    pve.storage_status("din", "local-lvm").await.unwrap();
    pve.storage_definitions().await.unwrap();
    pve.volumes("din", "local", Some("import")).await.unwrap();
    pve.volume("din", &VolumeId::new("local", "iso/debian 12.iso")).await.unwrap();
    pve.config("din", 201).await.unwrap();
    pve.current_config("din", 201).await.unwrap();
    pve.pending("din", 201).await.unwrap();
    pve.status("din", 201).await.unwrap();
    pve.agent_interfaces("din", 201).await.unwrap();
    pve.running_tasks("din", 201).await.unwrap();
    pve.cloud_init_pending("din", 201).await.unwrap();
    pve.get("/cluster/tasks", Params::new()).await.unwrap();
    let upid = super::fake::UPID.parse().unwrap();
    pve.task(upid).wait(&silent).await.unwrap();
}

pub(crate) fn started(task: homelab_proxmox::Result<Task>) {
    assert_eq!(task.unwrap().upid().unwrap().to_string(), super::fake::UPID);
}

async fn writes(pve: &homelab_proxmox::Pve, permit: &Permit) {
    let image = VolumeId::new("local", "import/noble.qcow2");
    let options = Params::new()
        .set("name", "ubuntu-24.04")
        .set("bios", "ovmf")
        .set("efidisk0", EfiDisk::allocate("local-lvm", false))
        .set("scsi0", Disk { discard: Some(true), ssd: Some(true), ..Disk::import("local-lvm", &image) })
        .set("ide2", Disk::cloud_init("local-lvm"))
        .set("net0", Net { tag: Some(20), ..Net::on("vmbr0") })
        .set("boot", Boot::order([Slot::scsi(0)]))
        .flag("onboot", true);
    started(pve.create(permit, "din", 9000, options).await);
    let clone = CloneOptions {
        name: Some("newservice-server".into()),
        full: Some(true),
        storage: Some("local-lvm".into()),
        format: Some("raw".into()),
        target: Some("grogu".into()),
        pool: Some("lab".into()),
        description: Some("made by homelab".into()),
    };
    started(pve.clone_guest(permit, "din", 9000, 201, &clone).await);
    started(pve.clone_guest(permit, "din", 9000, 202, &CloneOptions::default()).await);
    let (address, gateway) = (Ipv4Addr::new(192, 168, 0, 202), Ipv4Addr::new(192, 168, 0, 1));
    let change = Change::new()
        .set("cores", 2)
        .set("description", "50% + more; a=b & c\nümlaut")
        .set("ipconfig0", IpConfig::fixed(address, 24, Some(gateway)))
        .set("sshkeys", SshKeys::new(["ssh-ed25519 AAAA+/ ada@home"]))
        .flag("onboot", false)
        .delete("tags")
        .delete(Slot::scsi(1))
        .revert("memory")
        .if_still(Some("0123456789012345678901234567890123456789"))
        .destroying_disks();
    pve.configure(permit, "din", 201, &change).await.unwrap();
    started(
        pve.reconfigure(
            permit,
            "din",
            201,
            &Change::new().set("scsi1", Disk::allocate("local-lvm", DiskSize::gib(10))),
        )
        .await,
    );
    started(pve.resize(permit, "din", 201, Slot::scsi(0), DiskSize::gib(50), Some("0123")).await);
    let options =
        MoveOptions { disk: Slot::scsi(0), storage: "fast".into(), format: Some("qcow2".into()), delete: true };
    started(pve.move_disk(permit, "din", 201, &options, Some("0123")).await);
    pve.unlink(permit, "din", 201, &[Slot::scsi(1), "unused0".parse().unwrap()], true).await.unwrap();
    started(pve.make_template(permit, "din", 9000).await);
    started(pve.start_guest(permit, "din", 201).await);
    started(pve.stop_guest(permit, "din", 201).await);
    started(pve.shutdown(permit, "din", 201, ShutdownOptions { timeout: Some(60), force_stop: true }).await);
    started(pve.reboot(permit, "din", 201, Some(60)).await);
    let options = MigrateOptions {
        target: "grogu".into(),
        online: true,
        with_local_disks: true,
        target_storage: Some("local-lvm".into()),
    };
    started(pve.migrate(permit, "din", 201, &options).await);
    started(pve.destroy(permit, "din", 201, DestroyOptions { purge: true, unreferenced_disks: true }).await);
    pve.regenerate_cloud_init(permit, "din", 201).await.unwrap();
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let file = Download {
        content: "import".into(),
        filename: "noble.qcow2".into(),
        url: "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img".into(),
        checksum: Some(Checksum::sha256(digest)),
    };
    started(pve.download(permit, "din", "local", &file).await);
    let file = Upload {
        content: "iso".into(),
        filename: "seed.iso".into(),
        bytes: b"0123456789abcdef".to_vec(),
        checksum: Some(Checksum::sha256(digest)),
    };
    started(pve.upload(permit, "din", "local", file).await);
    started(pve.delete_volume(permit, "din", &VolumeId::new("local", "iso/seed.iso")).await);
    pve.stop_task(permit, &super::fake::UPID.parse().unwrap()).await.unwrap();
    pve.put(permit, "/storage/local", Params::new().set("content", "iso,vztmpl,import")).await.unwrap();
    pve.post(permit, "/pools", Params::new().set("poolid", "lab")).await.unwrap();
    pve.delete(permit, "/pools/lab", Params::new()).await.unwrap();
}

/// One request as a person reads it: parameters not yet encoded, one a line.
pub(crate) fn shown(request: &Request) -> String {
    let mut text = format!("{} {}", request.method.as_str(), request.path);
    for (key, value) in &request.params {
        text.push_str(&format!("\n    {key}={}", value.replace('\n', "\\n")));
    }
    if let Some(file) = &request.upload {
        text.push_str(&format!("\n    filename: {} ({} bytes)", file.name, file.content.len()));
    }
    text
}

#[tokio::test(start_paused = true)]
async fn every_call_sends_exactly_this() {
    let requests = all_wire_requests().await;
    let shown: Vec<_> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    GET /version
    GET /cluster/resources
    GET /cluster/status
    GET /cluster/nextid
    GET /access/permissions
    GET /nodes
    GET /nodes/din/status
    GET /nodes/din/storage
    GET /nodes/din/storage/local-lvm/status
    GET /storage
    GET /nodes/din/storage/local/content
        content=import
    GET /nodes/din/storage/local/content/local:iso/debian%2012.iso
    GET /nodes/din/qemu/201/config
    GET /nodes/din/qemu/201/config
        current=1
    GET /nodes/din/qemu/201/pending
    GET /nodes/din/qemu/201/status/current
    GET /nodes/din/qemu/201/agent/network-get-interfaces
    GET /nodes/din/tasks
        source=active
        vmid=201
    GET /nodes/din/qemu/201/cloudinit
    GET /cluster/tasks
    GET /nodes/din/tasks/UPID%3Adin%3A0003B2C1%3A00A1B2C3%3A6650A1B2%3Aqmclone%3A9000%3Aroot%40pam%21terraform%3A/status
    GET /nodes/din/tasks/UPID%3Adin%3A0003B2C1%3A00A1B2C3%3A6650A1B2%3Aqmclone%3A9000%3Aroot%40pam%21terraform%3A/log
        start=0
        limit=500
    POST /nodes/din/qemu
        vmid=9000
        name=ubuntu-24.04
        bios=ovmf
        efidisk0=local-lvm:1,efitype=4m,pre-enrolled-keys=0
        scsi0=local-lvm:0,discard=on,import-from=local:import/noble.qcow2,ssd=1
        ide2=local-lvm:cloudinit
        net0=virtio,bridge=vmbr0,tag=20
        boot=order=scsi0
        onboot=1
    POST /nodes/din/qemu/9000/clone
        newid=201
        name=newservice-server
        full=1
        storage=local-lvm
        format=raw
        target=grogu
        pool=lab
        description=made by homelab
    POST /nodes/din/qemu/9000/clone
        newid=202
    PUT /nodes/din/qemu/201/config
        cores=2
        description=50% + more; a=b & c\nümlaut
        ipconfig0=gw=192.168.0.1,ip=192.168.0.202/24
        sshkeys=ssh-ed25519%20AAAA%2B%2F%20ada%40home%0A
        onboot=0
        delete=tags,scsi1
        revert=memory
        force=1
        digest=0123456789012345678901234567890123456789
    POST /nodes/din/qemu/201/config
        scsi1=local-lvm:10
    PUT /nodes/din/qemu/201/resize
        disk=scsi0
        size=50G
        digest=0123
    POST /nodes/din/qemu/201/move_disk
        disk=scsi0
        storage=fast
        format=qcow2
        delete=1
        digest=0123
    PUT /nodes/din/qemu/201/unlink
        idlist=scsi1,unused0
        force=1
    POST /nodes/din/qemu/9000/template
    POST /nodes/din/qemu/201/status/start
    POST /nodes/din/qemu/201/status/stop
    POST /nodes/din/qemu/201/status/shutdown
        timeout=60
        forceStop=1
    POST /nodes/din/qemu/201/status/reboot
        timeout=60
    POST /nodes/din/qemu/201/migrate
        target=grogu
        online=1
        with-local-disks=1
        targetstorage=local-lvm
    DELETE /nodes/din/qemu/201
        purge=1
        destroy-unreferenced-disks=1
    PUT /nodes/din/qemu/201/cloudinit
    POST /nodes/din/storage/local/download-url
        content=import
        filename=noble.qcow2
        url=https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img
        checksum-algorithm=sha256
        checksum=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    POST /nodes/din/storage/local/upload
        content=iso
        checksum-algorithm=sha256
        checksum=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
        filename: seed.iso (16 bytes)
    DELETE /nodes/din/storage/local/content/local:iso/seed.iso
    DELETE /nodes/din/tasks/UPID%3Adin%3A0003B2C1%3A00A1B2C3%3A6650A1B2%3Aqmclone%3A9000%3Aroot%40pam%21terraform%3A
    PUT /storage/local
        content=iso,vztmpl,import
    POST /pools
        poolid=lab
    DELETE /pools/lab
    ");
}

#[tokio::test(start_paused = true)]
async fn every_call_carries_the_token_and_nothing_else() {
    for request in all_wire_requests().await {
        let expected = "PVEAPIToken=root@pam!terraform=secret-of-the-token".to_owned();
        assert_eq!(request.headers, [("Authorization", expected)], "{}", request.path);
    }
}

#[tokio::test(start_paused = true)]
async fn only_uploads_may_take_long() {
    for request in all_wire_requests().await {
        let seconds = if request.upload.is_some() { 3600 } else { 40 };
        assert_eq!(request.timeout.as_secs(), seconds, "{}", request.path);
    }
}
