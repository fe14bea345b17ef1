//! A large NAS: what a plan with nothing to do costs.
use crate::world::{bench, call, with_pool};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    units::Network,
};
use homelab_truenas::{
    Dataset, NfsShare,
    resource::{Preset, StorageNetwork},
    testing::SimNas,
};
use serde_json::json;
use std::collections::BTreeMap;

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));

/// 200 datasets, each second of which is shared.
fn large() -> Lab {
    with_pool(|lab, bulk| {
        for n in 0..200 {
            let dataset = lab.add(Dataset::of(bulk, format!("d{n}")).preset(Preset::Media));
            if n % 2 == 0 {
                lab.add(NfsShare::of(dataset).for_network(STORAGE));
            }
        }
    })
}

/// What a deploy of it would have made, without the wait for its 300 steps.
async fn made(nas: &SimNas) {
    for n in 0..200 {
        let mark = format!("home truenas/dataset/nas/bulk/d{n}");
        let dataset = json!({
            "name": format!("bulk/d{n}"), "type": "FILESYSTEM", "recordsize": "1M", "compression": "LZ4", "atime": "OFF",
            "user_properties": [{"key": "homelab:mark", "value": mark}],
        });
        call(nas, "pool.dataset.create", vec![dataset]).await;
        if n % 2 == 0 {
            let comment = format!("homelab: home truenas/nfs/nas/bulk/d{n}/nfs");
            let share = json!({"path": format!("/mnt/bulk/d{n}"), "networks": ["10.10.10.0/24"], "comment": comment});
            call(nas, "sharing.nfs.create", vec![share]).await;
        }
    }
    call(nas, "service.update", vec![json!("nfs"), json!({"enable": true})]).await;
    call(nas, "service.control", vec![json!("START"), json!("nfs")]).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_nothing_to_do_asks_each_question_once() {
    let bench = bench();
    assert!(bench.deploy(with_pool(|_, _| ())).await.is_success());
    made(&bench.world).await;
    let before = bench.world.log().len();
    assert!(bench.plan(large(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    for method in bench.world.log().into_iter().skip(before) {
        *asked.entry(method).or_default() += 1;
    }
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
}
