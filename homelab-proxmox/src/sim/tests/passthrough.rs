//! Passing devices through by an ordinary token: accepted early, judged at the start.
use super::Lab;
use crate::http::Method;
use crate::sim::{Pace, World};

fn lab() -> Lab {
    let world = World::parity().pace(Pace::realistic());
    Lab::of(world.with_pci("pve", "0000:03:00.0", "1000:0097", 12, "SAS3008"))
}

const MAP: (&str, &str) = ("map", "node=pve,path=0000:03:00.0,id=1000:0097,iommugroup=12");

#[tokio::test(start_paused = true)]
async fn a_mapping_of_a_device_that_is_not_there_is_accepted_and_its_check_tells() {
    let lab = lab();
    let missing = ("map", "node=pve,path=0000:09:00.0,id=1000:0097");
    assert_eq!(lab.post("/cluster/mapping/pci", &[("id", "gone"), missing]).await.0, 200);
    let (_, _, rows) = lab.call(Method::Get, "/cluster/mapping/pci", &[("check-node", "pve")]).await;
    let check = &rows[0]["checks"][0];
    assert_eq!(check["message"], "Invalid configuration: pci device '0000:09:00.0' not found\n");
    assert_eq!(check["severity"], "error");
}

#[tokio::test(start_paused = true)]
async fn a_missing_mapping_is_only_noticed_when_the_guest_starts() {
    let lab = lab();
    lab.make(&[("vmid", "100"), ("machine", "q35"), ("hostpci0", "mapping=h330,pcie=1")]).await;
    let start = "/nodes/pve/qemu/100/status/start";
    assert_eq!(lab.run(Method::Post, start, &[]).await, "PCI device mapping not found for 'h330'");
    let wrong = ("map", "node=pve,path=0000:03:00.0,id=1000:0072");
    lab.post("/cluster/mapping/pci", &[("id", "h330"), wrong]).await;
    let exit = lab.run(Method::Post, start, &[]).await;
    assert!(exit.starts_with("PCI device mapping invalid (hardware probably changed): "), "{exit}");
    lab.put("/cluster/mapping/pci/h330", &[MAP]).await;
    assert_eq!(lab.run(Method::Post, start, &[]).await, "OK");
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_token_may_pass_a_mapped_device_and_no_token_a_raw_one() {
    let lab = lab();
    let privs = "VM.Allocate,VM.Audit,VM.Config.HWType,VM.Config.Options,Mapping.Use,Mapping.Audit,Mapping.Modify";
    lab.post("/access/roles", &[("roleid", "Iac"), ("privs", privs)]).await;
    lab.post("/access/users", &[("userid", "iac@pve")]).await;
    lab.put("/access/acl", &[("path", "/"), ("users", "iac@pve"), ("roles", "Iac")]).await;
    let (_, _, token) = lab.post("/access/users/iac@pve/token/tok", &[("privsep", "0")]).await;
    let iac = lab.as_token(&format!("iac@pve!tok={}", token["value"].as_str().unwrap()));
    assert_eq!(iac.post("/cluster/mapping/pci", &[("id", "h330"), MAP]).await.0, 200);
    let mapped = [("vmid", "100"), ("machine", "q35"), ("hostpci0", "mapping=h330,pcie=1")];
    assert_eq!(iac.run(Method::Post, "/nodes/pve/qemu", &mapped).await, "OK");
    for caller in [&iac, &lab] {
        let raw = [("vmid", "101"), ("hostpci1", "0000:03:00.0")];
        let (status, reason, _) = caller.post("/nodes/pve/qemu", &raw).await;
        assert_eq!((status, reason.as_str()), (500, "only root can set 'hostpci1' config for non-mapped devices"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_devices_of_a_node_are_listed_with_their_group() {
    let rows = lab().get("/nodes/pve/hardware/pci").await;
    let device = rows.as_array().unwrap().iter().find(|row| row["id"] == "0000:03:00.0").cloned().unwrap();
    assert_eq!((&device["vendor"], &device["device"]), (&"0x1000".into(), &"0x0097".into()));
    assert_eq!(device["iommugroup"], 12);
}
