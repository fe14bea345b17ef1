//! The exact request of each call about containers.
use super::{
    fake::{Fake, data},
    wire::{shown, started},
};
use homelab_core::Permit;
use homelab_proxmox::{
    api::{
        DiskSize,
        lxc::Mount,
        qemu::{Change, DestroyOptions, ShutdownOptions},
    },
    client::Params,
    http::Request,
    sim::{Release, check_request},
};
use serde_json::{Value, json};

fn plausible(request: &Request) -> Value {
    let ends = |end: &str| request.path.ends_with(end);
    match request.method.as_str() {
        "GET" if ends("/config") => json!({}),
        "GET" if ends("/current") => json!({ "status": "stopped" }),
        // A container that is off has none.
        "GET" if ends("/interfaces") => Value::Null,
        "GET" => json!([]),
        "PUT" if ends("/config") => Value::Null,
        _ => json!(super::fake::UPID),
    }
}

async fn requests() -> Vec<Request> {
    let fake = Fake::new(|_, request| data(plausible(request)));
    let (pve, permit) = (fake.pve(), Permit::for_tests());
    pve.appliances("din").await.unwrap();
    pve.container_config("din", 202).await.unwrap();
    pve.container_pending("din", 202).await.unwrap();
    pve.container_status("din", 202).await.unwrap();
    assert!(pve.container_interfaces("din", 202).await.unwrap().is_empty());
    started(pve.fetch_appliance(&permit, "din", "local", "debian-12-standard_12.12-1_amd64.tar.zst").await);
    let options = Params::new()
        .set("ostemplate", "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst")
        .set("rootfs", Mount::allocate("local-lvm", DiskSize::gib(8), None));
    started(pve.create_container(&permit, "din", 202, options).await);
    let change = Change::new().set("cores", 2).delete("mp0").if_still(Some("0123"));
    pve.configure_container(&permit, "din", 202, &change).await.unwrap();
    started(pve.resize_container(&permit, "din", 202, "rootfs", DiskSize::gib(12), Some("0123")).await);
    started(pve.move_volume(&permit, "din", 202, "mp0", "tank", None).await);
    started(pve.start_container(&permit, "din", 202).await);
    let options = ShutdownOptions { timeout: Some(60), force_stop: true };
    started(pve.shut_container_down(&permit, "din", 202, options).await);
    started(pve.migrate_container(&permit, "din", 202, "grogu").await);
    let options = DestroyOptions { purge: true, unreferenced_disks: true };
    started(pve.destroy_container(&permit, "din", 202, options).await);
    fake.sent()
}

#[tokio::test(start_paused = true)]
async fn every_call_about_containers_sends_exactly_this() {
    let requests = requests().await;
    let shown: Vec<_> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    GET /nodes/din/aplinfo
    GET /nodes/din/lxc/202/config
    GET /nodes/din/lxc/202/pending
    GET /nodes/din/lxc/202/status/current
    GET /nodes/din/lxc/202/interfaces
    POST /nodes/din/aplinfo
        storage=local
        template=debian-12-standard_12.12-1_amd64.tar.zst
    POST /nodes/din/lxc
        vmid=202
        ostemplate=local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst
        rootfs=local-lvm:8
    PUT /nodes/din/lxc/202/config
        cores=2
        delete=mp0
        digest=0123
    PUT /nodes/din/lxc/202/resize
        disk=rootfs
        size=12G
        digest=0123
    POST /nodes/din/lxc/202/move_volume
        volume=mp0
        storage=tank
        delete=1
    POST /nodes/din/lxc/202/status/start
    POST /nodes/din/lxc/202/status/shutdown
        timeout=60
        forceStop=1
    POST /nodes/din/lxc/202/migrate
        target=grogu
        restart=1
    DELETE /nodes/din/lxc/202
        purge=1
        destroy-unreferenced-disks=1
    ");
    for release in [Release::V8_4, Release::V9_2] {
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
}
