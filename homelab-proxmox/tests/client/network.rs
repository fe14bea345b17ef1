//! The exact request of each call about a node's network.
use super::{
    fake::{Fake, UPID, data},
    wire::shown,
};
use homelab_core::Permit;
use homelab_proxmox::{
    client::Params,
    http::Method,
    sim::{Release, check_request},
};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn every_call_about_a_nodes_network_sends_exactly_this() {
    let fake = Fake::new(|_, request| {
        data(match (request.method, request.path.as_str()) {
            (Method::Get, _) => json!([]),
            (Method::Put, "/nodes/din/network") => json!(UPID),
            _ => Value::Null,
        })
    });
    let (pve, permit) = (fake.pve(), Permit::for_tests());
    let there = pve.interfaces("din").await.unwrap();
    assert!(there.all.is_empty() && there.staged.is_none());
    let vlan = Params::new().set("type", "vlan").set("cidr", "192.168.0.11/24").set("gateway", "192.168.0.1");
    pve.stage_new(&permit, "din", "vmbr0.20", vlan).await.unwrap();
    let bridge = Params::new().set("type", "bridge").set("bridge_vids", "10 20").set("delete", "cidr,gateway");
    pve.stage_change(&permit, "din", "vmbr0", bridge).await.unwrap();
    pve.stage_removal(&permit, "din", "bond0").await.unwrap();
    let _task = pve.reload_network(&permit, "din").await.unwrap();
    pve.unstage(&permit, "din").await.unwrap();
    let requests = fake.sent();
    let lines: Vec<_> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /nodes/din/network
    POST /nodes/din/network
        iface=vmbr0.20
        type=vlan
        cidr=192.168.0.11/24
        gateway=192.168.0.1
    PUT /nodes/din/network/vmbr0
        type=bridge
        bridge_vids=10 20
        delete=cidr,gateway
    DELETE /nodes/din/network/bond0
    PUT /nodes/din/network
    DELETE /nodes/din/network
    ");
    for release in [Release::V8_4, Release::V9_2] {
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
}
