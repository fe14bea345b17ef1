//! The exact request of each call about devices.
use super::{
    fake::{Fake, data},
    wire::shown,
};
use homelab_core::Permit;
use homelab_proxmox::{
    api::{Bus, Mapping},
    http::Method,
    sim::{Release, check_request},
};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn every_call_about_devices_sends_exactly_this() {
    let fake = Fake::new(|_, request| data(if request.method == Method::Get { json!([]) } else { Value::Null }));
    let (pve, permit) = (fake.pve(), Permit::for_tests());
    pve.mappings(Bus::Pci).await.unwrap();
    pve.pci_devices("din").await.unwrap();
    pve.usb_devices("din").await.unwrap();
    let map = vec![
        "node=din,path=0000:01:00.0,id=1000:0097".to_owned(),
        "node=grogu,path=0000:02:00.0,id=1000:0097".to_owned(),
    ];
    let mapping = Mapping { id: "h330".into(), description: Some("SAS".into()), map, digest: None };
    pve.create_mapping(&permit, Bus::Pci, &mapping).await.unwrap();
    pve.update_mapping(&permit, Bus::Pci, &Mapping { digest: Some("0123".into()), ..mapping }).await.unwrap();
    pve.delete_mapping(&permit, Bus::Usb, "stick").await.unwrap();
    let requests = fake.sent();
    let lines: Vec<_> = requests.iter().map(shown).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /cluster/mapping/pci
    GET /nodes/din/hardware/pci
    GET /nodes/din/hardware/usb
    POST /cluster/mapping/pci
        id=h330
        map=node=din,path=0000:01:00.0,id=1000:0097
        map=node=grogu,path=0000:02:00.0,id=1000:0097
        description=SAS
    PUT /cluster/mapping/pci/h330
        map=node=din,path=0000:01:00.0,id=1000:0097
        map=node=grogu,path=0000:02:00.0,id=1000:0097
        description=SAS
        digest=0123
    DELETE /cluster/mapping/usb/stick
    ");
    for release in [Release::V8_4, Release::V9_2] {
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
}
