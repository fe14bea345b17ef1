//! Users, groups, keys, and what somebody with few rights sees (notes sections 2 and 8).
use crate::{stage, with_pool, words};
use homelab_truenas::{
    rpc::{Call, RpcError},
    sim::World,
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn groups_are_named_by_their_row_and_go_with_their_user() {
    let stage = stage(World::new("nas"));
    let bob = json!({"username": "bob", "full_name": "Bob", "password": "example", "group_create": true});
    let made = stage.call("user.create", json!([bob])).await.unwrap();
    assert_eq!((&made["uid"], &made["group"]["bsdgrp_gid"]), (&json!(3000), &json!(3000)));
    assert_ne!(made["group"]["id"], made["group"]["bsdgrp_gid"]);
    let eve = json!({"username": "eve", "full_name": "Eve", "password": "example", "group": 3000});
    let refused = stage.call("user.create", json!([eve])).await.unwrap_err();
    assert_eq!(refused.complaints[0].attribute, "user_create.group");
    stage.call("user.delete", json!([made["id"]])).await.unwrap();
    assert!(!stage.rows("group.query").await.iter().any(|row| row["name"] == "bob"));
}

#[tokio::test(start_paused = true)]
async fn without_a_home_there_are_no_ssh_keys_and_without_a_password_no_user() {
    let stage = with_pool().await;
    let user = |more: serde_json::Value| {
        let mut user = json!({"username": "bob", "full_name": "Bob", "group_create": true, "password": "example"});
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([user])
    };
    let said = words(stage.call("user.create", user(json!({"sshpubkey": "ssh-ed25519 AAAA"}))).await);
    assert!(said.contains("home directory is not writable"), "{said}");
    let said = words(stage.call("user.create", user(json!({"password": null}))).await);
    assert!(said.contains("Password is required"), "{said}");
    let home = json!({"home": "/mnt/bulk", "home_create": true, "sshpubkey": "ssh-ed25519 AAAA"});
    assert_eq!(stage.call("user.create", user(home)).await.unwrap()["home"], "/mnt/bulk/bob");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_and_a_reset_gives_another() {
    let stage = stage(World::new("nas").key("1-first"));
    let made = stage.call("api_key.create", json!([{"name": "iac", "username": "truenas_admin"}])).await.unwrap();
    assert!(made["key"].as_str().unwrap().starts_with("2-"));
    assert!(stage.rows("api_key.query").await.iter().all(|row| row.get("key").is_none()));
    let reset = stage.call("api_key.update", json!([made["id"], {"reset": true}])).await.unwrap();
    assert_ne!(reset["key"], made["key"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_first_becomes_the_administrator_and_nobody_after_him() {
    let stage = stage(World::new("nas"));
    assert_eq!(stage.raw("user.has_local_administrator_set_up", json!([])).await, false);
    stage.call("user.setup_local_administrator", json!(["truenas_admin", "example"])).await.unwrap();
    assert_eq!(stage.raw("user.has_local_administrator_set_up", json!([])).await, true);
    let said = words(stage.call("user.setup_local_administrator", json!(["truenas_admin", "mine"])).await);
    assert!(said.contains("already set up"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_blotted_out_for_those_with_few_rights_who_cannot_write_either() {
    let stage = stage(World::new("nas"));
    stage.call("mail.update", json!([{"pass": "s3cret"}])).await.unwrap();
    let group = stage.call("group.create", json!([{"name": "readers"}])).await.unwrap();
    let privilege =
        json!([{"name": "reading", "local_groups": [group["gid"]], "roles": ["READONLY_ADMIN"], "web_shell": false}]);
    stage.call("privilege.create", privilege).await.unwrap();
    let user = json!([{"username": "r", "full_name": "R", "password": "example", "group_create": true, "groups": [group["id"]]}]);
    stage.call("user.create", user).await.unwrap();
    let link = stage.sim.link("r");
    let config = link.call(&Call::new("mail.config", vec![])).await.unwrap();
    assert_eq!(config["pass"], "********");
    assert_eq!(stage.raw("mail.config", json!([])).await["pass"], "s3cret");
    let refused = link.call(&Call::new("ups.update", vec![json!({"mode": "SLAVE"})])).await.unwrap_err();
    assert!(matches!(refused, RpcError::Refused(refusal) if refusal.errname == "EACCES"));
}
