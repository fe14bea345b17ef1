//! Pools and disks (notes section 6).
use crate::{Stage, TIB, stage, with_pool, words};
use homelab_truenas::{
    rpc::Call,
    sim::{DiskSpec, World},
};
use serde_json::{Value, json};
use std::time::Duration;

fn field<'a>(rows: &'a [Value], by: &str, value: &str, name: &str) -> &'a Value {
    &rows.iter().find(|row| row[by] == value).unwrap()[name]
}

async fn boot(stage: &Stage) {
    stage.sim.reboot();
    tokio::time::sleep(Duration::from_secs(120)).await;
}

#[tokio::test(start_paused = true)]
async fn names_of_disks_move_at_a_boot_and_identifiers_stay() {
    let stage = with_pool().await;
    let before = stage.rows("disk.query").await;
    boot(&stage).await;
    let after = stage.rows("disk.query").await;
    let name = |rows: &[Value]| field(rows, "identifier", "{serial}WD-1", "name").clone();
    assert_ne!(name(&before), name(&after));
    assert_eq!(field(&after, "identifier", "{serial}WD-1", "pool"), "bulk", "the pool knows its disks by themselves");
}

#[tokio::test(start_paused = true)]
async fn virtual_disks_without_serials_cannot_make_a_pool() {
    let stage = stage(World::new("nas").disk(DiskSpec::virtual_disk(TIB)).disk(DiskSpec::virtual_disk(TIB)));
    let said = words(stage.pool("p", "MIRROR", &["sdb", "sdc"]).await);
    assert!(said.contains("duplicate serial numbers: None (sdb, sdc)"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_on_two_paths_is_one_disk() {
    let twin = || DiskSpec::new("WD-9", TIB).lun("5000c5");
    let stage = stage(World::new("nas").disk(twin()).disk(twin()).disks("WD-", 1, TIB));
    let said = words(stage.pool("p", "MIRROR", &["sdb", "sdc"]).await);
    assert!(said.contains("duplicate serial numbers: WD-9 (sdb, sdc)"), "{said}");
    let said = words(stage.pool("p", "STRIPE", &["sdb"]).await);
    assert!(said.contains("duplicate serial numbers"), "also when only one of them is named: {said}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_with_a_foreign_pool_counts_as_unused_and_says_so_only_in_its_details() {
    let stage = stage(
        World::new("nas").disk(DiskSpec::new("OLD", TIB).foreign("attic")).disk(DiskSpec::new("P", TIB).partitioned()),
    );
    let details = stage.raw("disk.details", json!([{"type": "UNUSED"}])).await;
    let details = details.as_array().unwrap();
    assert_eq!(field(details, "serial", "OLD", "exported_zpool"), "attic");
    assert_eq!(field(details, "serial", "P", "partitions").as_array().unwrap().len(), 1);
    stage.pool("p", "STRIPE", &["sdb"]).await.expect("creating asks nobody: whoever calls has to look");
}

#[tokio::test(start_paused = true)]
async fn making_a_pool_wipes_its_disks_first_and_a_restart_then_leaves_them_blank() {
    let stage = stage(World::new("nas").disk(DiskSpec::new("OLD", TIB).foreign("attic")));
    let data = json!({"name": "p", "topology": {"data": [{"type": "STRIPE", "disks": ["sdb"]}]}});
    stage.link.call(&Call::new("pool.create", vec![data])).await.unwrap();
    boot(&stage).await;
    assert!(stage.rows("pool.query").await.is_empty());
    let details = stage.raw("disk.details", json!([{"type": "UNUSED"}])).await;
    assert_eq!(details[0]["exported_zpool"], Value::Null);
    assert!(stage.rows("core.get_jobs").await.is_empty(), "and the job is forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_pool_brings_its_own_scrub_task() {
    let stage = with_pool().await;
    assert_eq!(stage.rows("pool.scrub.query").await[0]["pool_name"], "bulk");
    let said = words(stage.call("pool.scrub.create", json!([{"pool": 1}])).await);
    assert!(said.contains("already exists"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn export_and_import_change_the_number_and_keep_the_guid() {
    let stage = with_pool().await;
    let before = stage.rows("pool.query").await[0].clone();
    stage.call("sharing.nfs.create", json!([{"path": "/mnt/bulk"}])).await.unwrap();
    stage.call("pool.export", json!([1])).await.unwrap();
    assert!(stage.rows("pool.dataset.query").await.is_empty());
    assert_eq!(stage.rows("sharing.nfs.query").await[0]["enabled"], false, "switched off, not deleted");
    let found = stage.call("pool.import_find", json!([])).await.unwrap();
    assert_eq!(found[0]["guid"], before["guid"]);
    stage.call("pool.import_pool", json!([{"guid": before["guid"]}])).await.unwrap();
    let after = stage.rows("pool.query").await[0].clone();
    assert_eq!(after["guid"], before["guid"]);
    assert_ne!(after["id"], before["id"]);
    assert_eq!(stage.rows("sharing.nfs.query").await[0]["enabled"], true);
}

#[tokio::test(start_paused = true)]
async fn replacing_takes_an_identifier_and_attaching_a_name() {
    let stage = with_pool().await;
    let pool = stage.rows("pool.query").await[0].clone();
    let label = &pool["topology"]["data"][0]["children"][0]["guid"];
    let said = words(stage.call("pool.replace", json!([1, {"label": label, "disk": "sdf"}])).await);
    assert!(said.contains("Disk not found"), "{said}");
    stage.call("pool.replace", json!([1, {"label": label, "disk": "{serial}WD-5"}])).await.unwrap();
    let row = &pool["topology"]["data"][0]["guid"];
    stage.call("pool.attach", json!([1, {"target_vdev": row, "new_disk": "sdg"}])).await.unwrap();
    let pool = stage.rows("pool.query").await[0].clone();
    let disks: Vec<&str> =
        pool["topology"]["data"][0]["children"].as_array().unwrap().iter().filter_map(|d| d["disk"].as_str()).collect();
    assert_eq!(disks, ["sdf", "sdc", "sdd", "sde", "sdg"], "a RAIDZ is widened by attaching");
}

#[tokio::test(start_paused = true)]
async fn shapes_are_read_otherwise_than_they_are_written() {
    let stage = stage(World::new("nas").disks("WD-", 12, TIB));
    let draid = json!({"type": "DRAID1", "disks": ["sdb", "sdc", "sdd", "sde", "sdf"], "draid_data_disks": 3, "draid_spare_disks": 1});
    let topology = json!({"data": [draid], "cache": [{"type": "STRIPE", "disks": ["sdg"]}]});
    stage.call("pool.create", json!([{"name": "d", "topology": topology}])).await.unwrap();
    let topology = stage.rows("pool.query").await[0]["topology"].clone();
    assert_eq!(topology["data"][0]["type"], "DRAID");
    assert_eq!(topology["data"][0]["name"], "draid1:3d:5c:1s-0", "its shape is only in the name");
    assert_eq!(topology["cache"][0]["type"], "DISK");
    let caches = json!([{"type": "STRIPE", "disks": ["sdh"]}, {"type": "STRIPE", "disks": ["sdi"]}]);
    let two = json!([{"name": "e", "topology": {"data": [{"type": "STRIPE", "disks": ["sdj"]}], "cache": caches}}]);
    assert!(words(stage.call("pool.create", two).await).contains("Only one row of cache"));
}

#[tokio::test(start_paused = true)]
async fn vdevs_are_never_removed_from_a_pool_with_raidz_and_spares_are_not_too_small() {
    let stage = with_pool().await;
    let row = stage.rows("pool.query").await[0]["topology"]["data"][0]["guid"].clone();
    let said = words(stage.call("pool.remove", json!([1, {"label": row}])).await);
    assert!(said.contains("not be raidz"), "{said}");
    stage.sim.change(|world| world.disk(DiskSpec::new("TINY", TIB))).unwrap();
    let said = words(stage.call("pool.update", json!([1, {"topology": {"spares": ["sdh"]}}])).await);
    assert!(said.contains("smaller than the smallest data disk"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn pools_are_made_one_after_the_other() {
    let stage = stage(World::new("nas").disks("WD-", 4, TIB));
    for (name, disk) in [("a", "sdb"), ("b", "sdc")] {
        let data = json!({"name": name, "topology": {"data": [{"type": "STRIPE", "disks": [disk]}]}});
        stage.link.call(&Call::new("pool.create", vec![data])).await.unwrap();
    }
    let states: Vec<Value> = stage.rows("core.get_jobs").await.iter().map(|job| job["state"].clone()).collect();
    assert_eq!(states, ["RUNNING", "WAITING"]);
}

#[tokio::test(start_paused = true)]
async fn lost_disks_degrade_a_pool_until_it_is_offline() {
    let stage = with_pool().await;
    for (serial, status) in [("WD-1", "DEGRADED"), ("WD-2", "DEGRADED"), ("WD-3", "OFFLINE")] {
        stage.sim.change(|world| world.pull(serial)).unwrap();
        assert_eq!(stage.rows("pool.query").await[0]["status"], status, "{serial}");
    }
    assert_eq!(stage.rows("pool.query").await[0]["topology"], Value::Null, "nothing more is known of it then");
}
