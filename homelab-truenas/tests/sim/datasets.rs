//! Datasets and zvols (notes section 7).
use crate::{Stage, TIB, stage, with_pool, words};
use homelab_truenas::sim::World;
use serde_json::{Value, json};

async fn create(stage: &Stage, data: Value) -> Value {
    stage.call("pool.dataset.create", json!([data])).await.unwrap()
}

async fn update(stage: &Stage, name: &str, data: Value) -> Value {
    stage.call("pool.dataset.update", json!([name, data])).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_property_is_set_inherited_or_default_and_inherit_takes_it_back() {
    let stage = with_pool().await;
    let made = create(&stage, json!({"name": "bulk/media", "recordsize": "1M"})).await;
    assert_eq!((&made["recordsize"]["source"], &made["recordsize"]["value"]), (&json!("LOCAL"), &json!("1M")));
    assert_eq!(made["recordsize"]["rawvalue"], "1048576");
    assert_eq!(
        (&made["compression"]["source"], &made["compression"]["source_info"]),
        (&json!("INHERITED"), &json!("bulk"))
    );
    assert_eq!(made["sync"]["source"], "DEFAULT");
    let made = update(&stage, "bulk/media", json!({"recordsize": "INHERIT"})).await;
    assert_eq!(made["recordsize"]["source"], "DEFAULT");
    let made = update(&stage, "bulk/media", json!({"compression": "LZ4"})).await;
    assert_eq!(made["compression"]["source"], "LOCAL", "sending what is inherited makes it local for ever");
}

#[tokio::test(start_paused = true)]
async fn comments_take_the_word_inherit_literally() {
    let stage = with_pool().await;
    create(&stage, json!({"name": "bulk/a"})).await;
    let made = update(&stage, "bulk/a", json!({"comments": "INHERIT"})).await;
    assert_eq!(made["comments"]["value"], "INHERIT");
}

#[tokio::test(start_paused = true)]
async fn deleting_takes_shares_and_tasks_first_and_a_busy_dataset_stays_without_them() {
    let stage = with_pool().await;
    create(&stage, json!({"name": "bulk/a"})).await;
    stage.call("sharing.nfs.create", json!([{"path": "/mnt/bulk/a"}])).await.unwrap();
    stage.sim.change(|world| world.busy("bulk/a")).unwrap();
    let said = words(stage.call("pool.dataset.delete", json!(["bulk/a"])).await);
    assert!(said.contains("busy"), "{said}");
    assert_eq!(stage.dataset("bulk/a").await["id"], "bulk/a");
    assert!(stage.rows("sharing.nfs.query").await.is_empty(), "its share is gone already");
}

#[tokio::test(start_paused = true)]
async fn children_are_not_deleted_without_being_asked_for() {
    let stage = with_pool().await;
    create(&stage, json!({"name": "bulk/a/b", "create_ancestors": true})).await;
    let refused = stage.call("pool.dataset.delete", json!(["bulk/a"])).await.unwrap_err();
    assert_eq!(refused.errname, "ENOTEMPTY");
    stage.call("pool.dataset.delete", json!(["bulk/a", {"recursive": true}])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_zvol_takes_most_of_the_room_only_by_force_and_never_shrinks() {
    let stage = stage(World::new("nas").disks("WD-", 1, TIB));
    stage.pool("p", "STRIPE", &["sdb"]).await.unwrap();
    let big = |force: bool| json!([{"name": "p/v", "type": "VOLUME", "volsize": TIB / 10 * 9, "sparse": true, "force_size": force}]);
    let odd = json!([{"name": "p/v", "type": "VOLUME", "volsize": 1000}]);
    assert!(words(stage.call("pool.dataset.create", odd).await).contains("multiple of volume block size"));
    let exact = json!([{"name": "p/v", "type": "VOLUME", "volsize": 1 << 30}]);
    assert!(!words(stage.call("pool.dataset.create", big(false)).await).is_empty());
    stage.call("pool.dataset.create", exact).await.unwrap();
    let said = words(stage.call("pool.dataset.update", json!(["p/v", {"volsize": 1 << 29}])).await);
    assert!(said.contains("cannot shrink"), "{said}");
    update(&stage, "p/v", json!({"volsize": 2_u64 << 30})).await;
}

#[tokio::test(start_paused = true)]
async fn a_share_type_sets_acls_silently_and_an_acl_mode_needs_its_type() {
    let stage = with_pool().await;
    let made = create(&stage, json!({"name": "bulk/s", "share_type": "SMB"})).await;
    assert_eq!((&made["acltype"]["value"], &made["aclmode"]["value"]), (&json!("NFSV4"), &json!("RESTRICTED")));
    let wrong = json!([{"name": "bulk/t", "acltype": "POSIX", "aclmode": "PASSTHROUGH"}]);
    assert!(words(stage.call("pool.dataset.create", wrong).await).contains("Must be set to DISCARD"));
}

#[tokio::test(start_paused = true)]
async fn datasets_of_the_system_are_not_listed_and_children_are_nested_unless_that_is_switched_off() {
    let stage = with_pool().await;
    create(&stage, json!({"name": "bulk/a/b", "create_ancestors": true})).await;
    create(&stage, json!({"name": "bulk/ix-apps"})).await;
    let names = |rows: &Value| {
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let flat = stage.raw("pool.dataset.query", json!([[], {"extra": {"retrieve_children": false}}])).await;
    assert_eq!(names(&flat), ["bulk", "bulk/a", "bulk/a/b"]);
    assert_eq!(flat[0]["children"], json!([]));
    let nested = stage.raw("pool.dataset.query", json!([[], {"extra": {"flat": false}}])).await;
    assert_eq!(names(&nested), ["bulk"]);
    assert_eq!(nested[0]["children"][0]["children"][0]["id"], "bulk/a/b");
}

#[tokio::test(start_paused = true)]
async fn what_is_below_an_encrypted_dataset_is_encrypted_too() {
    let stage = with_pool().await;
    let phrase = json!({"passphrase": "correct horse"});
    let made = create(
        &stage,
        json!({"name": "bulk/e", "encryption": true, "inherit_encryption": false, "encryption_options": phrase}),
    )
    .await;
    assert_eq!((&made["encrypted"], &made["encryption_root"]), (&json!(true), &json!("bulk/e")));
    let plain = json!([{"name": "bulk/e/p", "inherit_encryption": false}]);
    assert!(words(stage.call("pool.dataset.create", plain).await).contains("unencrypted dataset within an encrypted"));
    let key = json!([{"name": "bulk/e/k", "encryption": true, "inherit_encryption": false, "encryption_options": {"generate_key": true}}]);
    assert!(words(stage.call("pool.dataset.create", key).await).contains("below one with a passphrase"));
    stage.call("pool.dataset.lock", json!(["bulk/e"])).await.unwrap();
    let locked = stage.dataset("bulk/e").await;
    assert_eq!((&locked["locked"], &locked["mountpoint"]), (&json!(true), &Value::Null));
    let wrong = json!(["bulk/e", {"datasets": [{"name": "bulk/e", "passphrase": "wrong horse"}]}]);
    assert_eq!(stage.call("pool.dataset.unlock", wrong).await.unwrap()["unlocked"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_a_user_property_and_survives_export_and_import() {
    let stage = with_pool().await;
    create(&stage, json!({"name": "bulk/a", "user_properties": [{"key": "iac:id", "value": "home"}]})).await;
    let guid = stage.rows("pool.query").await[0]["guid"].clone();
    stage.call("pool.export", json!([1])).await.unwrap();
    stage.call("pool.import_pool", json!([{"guid": guid}])).await.unwrap();
    assert_eq!(stage.dataset("bulk/a").await["user_properties"]["iac:id"]["value"], "home");
    update(&stage, "bulk/a", json!({"user_properties_update": [{"key": "iac:id", "remove": true}]})).await;
    assert_eq!(stage.dataset("bulk/a").await["user_properties"], json!({}));
}
