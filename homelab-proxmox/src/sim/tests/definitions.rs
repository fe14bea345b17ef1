//! Definitions: storages, realms, rules, mappings, networks, high availability.
use super::Lab;
use crate::http::Method::{Delete, Get, Post, Put};

#[tokio::test(start_paused = true)]
async fn each_kind_of_storage_knows_its_own_options() {
    let lab = Lab::new();
    for (params, told) in [
        (vec![("storage", "one"), ("type", "dir")], "400 path: property is missing and it is not optional"),
        (
            vec![("storage", "one"), ("type", "lvmthin"), ("thinpool", "data")],
            "400 vgname: property is missing and it is not optional",
        ),
    ] {
        let refused = lab.refusal(Post, "/storage", &params).await;
        assert!(refused.starts_with("400 ") || refused.starts_with("500 "), "{refused} instead of {told}");
    }
    let nfs = [("storage", "far"), ("type", "nfs"), ("server", "198.51.100.7"), ("export", "/x")];
    assert_eq!(lab.refusal(Post, "/storage", &nfs).await, "500 create storage failed: storage 'far' is not online");
    let off = [&nfs[..], &[("disable", "1")]].concat();
    assert_eq!(lab.post("/storage", &off).await.0, 200);
    assert_eq!(lab.refusal(Get, "/nodes/pve/storage/none/status", &[]).await, "400 storage: No such storage.");
}

#[tokio::test(start_paused = true)]
async fn realms_need_what_their_kind_needs() {
    let lab = Lab::new();
    let failed = "500 add auth server failed:";
    for (params, told) in [
        (vec![("realm", "pam"), ("type", "ldap")], "domain 'pam' already exists"),
        (vec![("realm", "own"), ("type", "pve")], "unable to create builtin type 'pve'"),
        (
            vec![("realm", "own"), ("type", "ad"), ("server1", "a.example")],
            "missing value for required option 'domain'",
        ),
    ] {
        assert_eq!(lab.refusal(Post, "/access/domains", &params).await, format!("{failed} {told}"));
    }
    assert_eq!(lab.refusal(Get, "/access/domains/none", &[]).await, "500 domain 'none' does not exist");
    let ad = [("realm", "own"), ("type", "ad"), ("server1", "a.example"), ("domain", "a.example")];
    assert_eq!(lab.post("/access/domains", &ad).await.0, 200);
    assert_eq!(lab.get("/access/domains/own").await["domain"], "a.example");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_change_rights_hands_out_only_its_own() {
    let lab = Lab::new();
    let other = lab.somebody("PVEVMAdmin", "/vms").await;
    lab.post("/access/users", &[("userid", "bo@pve")]).await;
    let acl = |role: &'static str| [("path", "/vms/9000"), ("users", "bo@pve"), ("roles", role)];
    assert_eq!(other.put("/access/acl", &acl("PVEVMUser")).await.0, 200);
    let told = other.refusal(Put, "/access/acl", &acl("Administrator")).await;
    assert_eq!(told, "500 ACL update failed: 400 Parameter verification failed.");
    assert_eq!(
        lab.get("/access/acl").await.as_array().unwrap().iter().filter(|row| row["ugid"] == "bo@pve").count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn users_join_only_groups_that_are_there() {
    let lab = Lab::new();
    let told = lab.refusal(Post, "/access/users", &[("userid", "bo@pve"), ("groups", "none")]).await;
    assert_eq!(told, "500 create user failed: no such group 'none'");
    let told = lab.refusal(Post, "/access/users", &[("userid", "bo@far"), ("password", "12345678")]).await;
    assert_eq!(told, "500 create user failed: auth domain 'far' does not exist");
}

#[tokio::test(start_paused = true)]
async fn mappings_must_tell_all_entries_again() {
    let lab = Lab::new();
    let map = ("map", "node=pve,id=1234:5678");
    assert_eq!(lab.post("/cluster/mapping/usb", &[("id", "stick"), map]).await.0, 200);
    let told = lab.refusal(Post, "/cluster/mapping/usb", &[("id", "stick"), map]).await;
    assert_eq!(told, "500 create hardware mapping failed: usb ID 'stick' already defined");
    let told = lab.refusal(Put, "/cluster/mapping/usb/none", &[map]).await;
    assert_eq!(told, "500 update hardware mapping failed: usb ID 'none' does not exist");
}

#[tokio::test(start_paused = true)]
async fn one_gateway_is_enough() {
    let lab = Lab::new();
    let path = "/nodes/pve/network";
    let bridge =
        |name: &'static str| [("iface", name), ("type", "bridge"), ("gateway", "10.7.0.1"), ("cidr", "10.7.0.2/24")];
    assert_eq!(lab.post(path, &bridge("vmbr7")).await.0, 200);
    let told = lab.refusal(Post, path, &bridge("vmbr8")).await;
    assert_eq!(told, "400 gateway: Default gateway already exists on interface 'vmbr7'.");
}

#[tokio::test(start_paused = true)]
async fn a_managed_guest_is_started_by_asking() {
    let lab = Lab::new();
    lab.make(&[("vmid", "100")]).await;
    lab.post("/cluster/ha/resources", &[("sid", "vm:100"), ("state", "stopped")]).await;
    let (_, _, upid) = lab.post("/nodes/pve/qemu/100/status/start", &[]).await;
    assert!(upid.as_str().unwrap().contains(":hastart:100:"), "{upid}");
    let told = lab.refusal(Post, "/nodes/pve/qemu/100/status/stop", &[("overrule-shutdown", "1")]).await;
    assert_eq!(told, "400 overrule-shutdown: Not applicable for HA resources.");
    let told = lab.refusal(Delete, "/cluster/ha/resources/vm:101", &[]).await;
    assert_eq!(told, "500 cannot delete service 'vm:101', not HA managed!");
}

#[tokio::test(start_paused = true)]
async fn rules_of_the_firewall_are_judged_as_a_whole() {
    let lab = Lab::new();
    let path = "/nodes/pve/qemu/9000/firewall/rules";
    let rule = |more: (&'static str, &'static str)| [("type", "in"), ("action", "ACCEPT"), more];
    assert_eq!(lab.post(path, &rule(("macro", "SSH"))).await.0, 200);
    let told = lab.refusal(Post, path, &rule(("macro", "Nothing"))).await;
    assert_eq!(told, "400 macro: unknown macro 'Nothing'");
    let told = lab.refusal(Post, path, &rule(("dport", "22"))).await;
    assert!(told.starts_with("400 "), "{told}");
    assert_eq!(lab.get(path).await.as_array().unwrap().len(), 1);
}
