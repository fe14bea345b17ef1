//! A large NAS: what a plan with nothing to do costs.
use crate::world::{bench, with_pool};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    units::Network,
};
use homelab_truenas::{
    Dataset, NfsShare,
    resource::{Preset, StorageNetwork},
};
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

#[tokio::test(start_paused = true)]
async fn a_plan_with_nothing_to_do_asks_each_question_once() {
    let bench = bench();
    let run = bench.deploy(large()).await;
    assert!(run.is_success(), "{}", run.story());
    let before = bench.world.log().len();
    assert!(bench.plan(large(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    for method in bench.world.log().into_iter().skip(before) {
        *asked.entry(method).or_default() += 1;
    }
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
    assert!(asked.len() <= 12, "{asked:?}");
}
