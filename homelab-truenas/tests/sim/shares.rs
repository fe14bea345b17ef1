//! Shares, services and ACLs (notes section 8).
use crate::{with_pool, words};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_share_does_not_start_its_service() {
    let stage = with_pool().await;
    stage.call("sharing.nfs.create", json!([{"path": "/mnt/bulk"}])).await.unwrap();
    let state = async || {
        let rows = stage.rows("service.query").await;
        rows.iter().find(|row| row["service"] == "nfs").unwrap()["state"].clone()
    };
    assert_eq!(state().await, "STOPPED");
    stage.call("service.control", json!(["START", "nfs"])).await.unwrap();
    assert_eq!(state().await, "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn a_path_is_exported_again_only_to_others() {
    let stage = with_pool().await;
    let share = |network: &str| json!([{"path": "/mnt/bulk", "networks": [network]}]);
    stage.call("sharing.nfs.create", share("10.0.10.0/24")).await.unwrap();
    stage.call("sharing.nfs.create", share("10.0.20.0/24")).await.unwrap();
    assert!(words(stage.call("sharing.nfs.create", share("10.0.10.0/24")).await).contains("already exports"));
    let everyone = json!([{"path": "/mnt/bulk"}]);
    assert!(words(stage.call("sharing.nfs.create", everyone).await).contains("already exports"));
    let gone = json!([{"path": "/mnt/bulk/gone"}]);
    let refused = stage.call("sharing.nfs.create", gone).await.unwrap_err();
    assert_eq!(refused.complaints[0].errno, 2, "told by its number");
}

#[tokio::test(start_paused = true)]
async fn names_of_smb_shares_are_unique_whatever_their_letters() {
    let stage = with_pool().await;
    stage.call("sharing.smb.create", json!([{"name": "Media", "path": "/mnt/bulk"}])).await.unwrap();
    let refused = stage.call("sharing.smb.create", json!([{"name": "MEDIA", "path": "/mnt/bulk"}])).await.unwrap_err();
    assert_eq!((refused.complaints[0].attribute.as_str(), refused.complaints[0].errno), ("sharingsmb_create.name", 17));
}

#[tokio::test(start_paused = true)]
async fn flat_fields_of_old_shares_are_dropped_where_a_purpose_is_given() {
    let stage = with_pool().await;
    let share = json!([{"name": "s", "path": "/mnt/bulk", "purpose": "LEGACY_SHARE", "guestok": true, "ro": true}]);
    let made = stage.call("sharing.smb.create", share).await.unwrap();
    assert_eq!(made["options"]["guestok"], false, "silently");
    assert_eq!(made["readonly"], true, "but this one is translated");
}

#[tokio::test(start_paused = true)]
async fn an_acl_comes_back_in_the_servers_order_with_names_for_numbers() {
    let stage = with_pool().await;
    stage.call("pool.dataset.create", json!([{"name": "bulk/s", "share_type": "SMB"}])).await.unwrap();
    stage.call("group.create", json!([{"name": "media", "gid": 3100}])).await.unwrap();
    let entry = |tag: &str, kind: &str| json!({"tag": tag, "type": kind, "perms": {"BASIC": "MODIFY"}, "flags": {"BASIC": "INHERIT"}});
    let mut group = entry("GROUP", "ALLOW");
    group["who"] = json!("media");
    let acl = json!([{"path": "/mnt/bulk/s", "dacl": [group, entry("everyone@", "DENY")]}]);
    let set = stage.call("filesystem.setacl", acl).await.unwrap();
    assert_eq!((&set["acl"][0]["type"], &set["acl"][0]["id"]), (&json!("DENY"), &json!(-1)));
    assert_eq!((&set["acl"][1]["id"], &set["acl"][1]["who"]), (&json!(3100), &json!("media")));
    let posix = json!([{"path": "/mnt/bulk", "dacl": [entry("owner@", "ALLOW")]}]);
    assert!(words(stage.call("filesystem.setacl", posix).await).contains("does not fit"));
    let mode = json!([{"path": "/mnt/bulk/s", "mode": "750"}]);
    assert!(words(stage.call("filesystem.setperm", mode).await).contains("non-trivial ACL"));
}

#[tokio::test(start_paused = true)]
async fn what_iscsi_uses_is_not_deleted() {
    let stage = with_pool().await;
    stage.call("pool.dataset.create", json!([{"name": "bulk/v", "type": "VOLUME", "volsize": 1 << 30}])).await.unwrap();
    let portal = stage.call("iscsi.portal.create", json!([{"listen": [{"ip": "10.0.10.2"}]}])).await.unwrap();
    let target = json!([{"name": "vm", "groups": [{"portal": portal["id"]}]}]);
    let target = stage.call("iscsi.target.create", target).await.unwrap();
    let extent = stage.call("iscsi.extent.create", json!([{"name": "vm", "disk": "zvol/bulk/v"}])).await.unwrap();
    let both = json!([{"target": target["id"], "extent": extent["id"]}]);
    assert_eq!(stage.call("iscsi.targetextent.create", both).await.unwrap()["lunid"], 0);
    assert!(words(stage.call("iscsi.extent.delete", json!([extent["id"]])).await).contains("in use"));
    assert!(words(stage.call("iscsi.portal.delete", json!([portal["id"]])).await).contains("used by a target"));
}
