//! What the whole lab asks of Proxmox VE: how often, and in words that the API knows.
use super::{network, on_ready_nodes, proxmox};
use crate::sites::PVE;
use homelab_core::{
    Lab,
    testing::{Bench, World as _},
};
use homelab_proxmox::{
    sim::{Pace, Release, check_request},
    testing::SimWorld,
};
use std::collections::BTreeMap;

fn bench(release: Release) -> Bench<SimWorld> {
    let world = crate::sites::cluster(crate::nodes::MD1200_CONTROLLER).world("home").release(release);
    Bench::new(SimWorld::new(PVE, world.pace(Pace::scaled(0.05))).joined(network()))
}

#[tokio::test(start_paused = true)]
async fn every_request_of_the_labs_life_is_one_that_its_release_knows() {
    // The nodes are configured as those of release 9 are.
    let all: [(Release, fn() -> Lab); 2] = [(Release::V8_4, on_ready_nodes), (Release::V9_2, proxmox)];
    for (release, lab) in all {
        let bench = bench(release);
        for run in [bench.deploy(lab()).await, bench.deploy(lab()).await, bench.destroy(lab()).await] {
            assert!(run.is_success(), "{release:?}: {}", run.story());
        }
        let requests = bench.world.requests();
        assert!(requests.len() > 50, "{}", requests.len());
        let wrong: Vec<_> = requests.iter().filter_map(|request| check_request(release, request).err()).collect();
        assert!(wrong.is_empty(), "{release:?}:\n{}", wrong.join("\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_deploy_without_changes_lists_once_and_reads_each_guest_once() {
    let bench = bench(Release::V9_2);
    assert!(bench.deploy(proxmox()).await.is_success());
    // The listing knows what runs some seconds after it was started.
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let (calls, writes) = (bench.world.log().len(), bench.world.writes());
    assert!(bench.deploy(proxmox()).await.is_success());
    assert_eq!(bench.world.writes(), writes);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in &bench.world.log()[calls..] {
        *counts.entry(call.clone()).or_default() += 1;
    }
    let text: Vec<String> = counts.iter().map(|(call, count)| format!("{count} {call}")).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    1 GET /cluster/config/nodes
    1 GET /cluster/mapping/pci
    1 GET /cluster/resources
    1 GET /cluster/status
    1 GET /nodes/din/config
    1 GET /nodes/din/hardware/pci
    1 GET /nodes/din/network
    1 GET /nodes/din/qemu/300/config
    1 GET /nodes/din/status
    1 GET /nodes/din/time
    1 GET /nodes/grogu/config
    1 GET /nodes/grogu/hardware/pci
    1 GET /nodes/grogu/lxc/202/config
    1 GET /nodes/grogu/network
    1 GET /nodes/grogu/qemu/201/config
    1 GET /nodes/grogu/qemu/210/config
    1 GET /nodes/grogu/qemu/301/config
    1 GET /nodes/grogu/qemu/9000/config
    1 GET /nodes/grogu/status
    1 GET /nodes/grogu/storage/local/content
    1 GET /nodes/grogu/time
    1 GET /version
    ");
}
