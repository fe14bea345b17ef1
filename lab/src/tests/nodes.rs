//! The nodes as the lab configures them.
use super::{network, proxmox};
use crate::{TOLD, Told, net, nodes, sites};
use homelab_core::{
    Lab,
    host::Computer,
    plan::{Goal, Selection, Wishes},
    testing::{Bench, World as _},
};
use homelab_proxmox::{
    sim::{Pace, Release, World},
    testing::SimWorld,
};
use std::sync::Arc;

/// The nodes behind something that stands for the name service.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let pihole = lab.add(Computer::named("pihole", net::PIHOLE));
    nodes::ready(&mut lab, pihole);
    lab
}

fn world(pace: Pace) -> World {
    sites::cluster(None).world("home").pace(pace)
}

fn bench() -> Bench<SimWorld> {
    Bench::new(SimWorld::new(sites::PVE, world(Pace::scaled(0.05))).joined(network()))
}

fn restarts(bench: &Bench<SimWorld>) -> Vec<String> {
    bench.world.log().into_iter().filter(|line| line.starts_with("POST") && line.ends_with("/status")).collect()
}

#[tokio::test(start_paused = true)]
async fn both_nodes_are_configured_and_restarted_once_and_then_need_nothing() {
    let bench = bench();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    let mut restarts = restarts(&bench);
    restarts.sort();
    assert_eq!(restarts, ["POST /nodes/din/status", "POST /nodes/grogu/status"]);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_stand_alone_become_the_cluster_of_the_lab_before_anything_is_made_on_them() {
    let world = sites::cluster(None).from_single_nodes().world("home").pace(Pace::scaled(0.05));
    let bench = Bench::new(SimWorld::new(sites::PVE, world).joined(network()));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let cluster = bench.world.client().cluster().await.unwrap();
    let names: Vec<&str> = cluster.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!((cluster.name.as_deref(), cluster.quorate, names), (Some("home"), true, vec!["din", "grogu"]));
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn one_node_can_be_configured_alone() {
    let bench = bench();
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.selection = Selection::new(vec!["node/din".into()], vec![]);
    let run = bench.run(lab(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(restarts(&bench), ["POST /nodes/din/status"]);
}

#[tokio::test(start_paused = true)]
async fn each_node_is_in_two_networks_over_a_bridge_that_knows_their_vlans() {
    let net = network();
    let bench = Bench::new(SimWorld::new(sites::PVE, world(Pace::instant())).joined(Arc::clone(&net)));
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    for (node, lan, storage) in [("grogu", net::GROGU, net::GROGU_STORAGE), ("din", net::DIN, net::DIN_STORAGE)] {
        let machine = net.machine(&format!("proxmox/pve/node/{node}")).unwrap();
        let file = machine.text("/etc/network/interfaces").unwrap();
        for part in [
            "bridge-vlan-aware yes\n".to_owned(),
            "bridge-vids 10 20 30 31 32\n".to_owned(),
            format!("iface vmbr0.20 inet static\n\taddress {lan}\n\tgateway {}\n", net::ROUTER.ip()),
            format!("iface vmbr0.10 inet static\n\taddress {storage}\n"),
        ] {
            assert!(file.contains(&part), "{node} lacks {part}in:\n{file}");
        }
    }
    let reloads: Vec<_> =
        bench.world.log().into_iter().filter(|line| line.ends_with("/network") && line.starts_with("PUT")).collect();
    assert_eq!(reloads.len(), 2, "each is loaded once: {reloads:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_plan_says_that_both_nodes_are_restarted_and_why() {
    let plan = bench().plan(proxmox(), &Wishes::new(Goal::Deploy)).await.to_string();
    for node in ["grogu", "din"] {
        let text = format!(
            "reboot: {node} is restarted, because rules for its modules change and its kernel may lack arguments\n      \
             hint: its guests are shut down before, and those that ran are started after"
        );
        assert!(plan.contains(&text), "{plan}");
        assert!(plan.contains(&format!("downtime: {node} is reached by vmbr0 and vmbr0.20")), "{plan}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_release_is_refused_with_what_to_write() {
    let world = world(Pace::instant()).release(Release::V8_4);
    let bench = Bench::new(SimWorld::new(sites::PVE, world).joined(network()));
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("grogu runs Proxmox VE 8, and its configuration is of 9"), "{plan}");
    assert!(plan.contains("declare `NodeConfig::release_8()`"), "{plan}");
    assert!(!bench.deploy(lab()).await.is_success());
    assert_eq!(bench.world.writes(), 0);
}

#[test]
fn nothing_is_made_on_the_nodes_before_both_are_as_they_should_be() {
    let graph =
        crate::with(Told { md1200: Some("1000:0072"), ..TOLD }).build().unwrap_or_else(|problems| panic!("{problems}"));
    let made = graph.resources().filter(|r| {
        r.kind().starts_with("proxmox/")
            && !["proxmox/node-", "proxmox/cluster-"].iter().any(|own| r.kind().starts_with(own))
    });
    let needs_both = |key: &str| {
        let mut open = vec![key.to_owned()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = open.pop() {
            let needs = graph.resource(&key).map(|r| r.needs()).unwrap_or_default();
            open.extend(needs.into_iter().map(|(key, _)| key.to_owned()).filter(|key| seen.insert(key.clone())));
        }
        ["grogu", "din"].iter().all(|node| seen.contains(&format!("proxmox/node-reboot/{node}")))
    };
    let keys: Vec<String> = made.map(|r| r.key().to_owned()).collect();
    assert!(keys.len() > 9, "{keys:?}");
    for key in keys {
        assert!(needs_both(&key), "{key}");
    }
}

#[test]
fn whatever_is_declared_is_said_to_stand_in_the_code_of_the_lab() {
    let graph = crate::lab().build().unwrap_or_else(|invalid| panic!("{invalid}"));
    let elsewhere = graph.resources().find(|resource| !resource.declared_at().file().starts_with("lab/src/"));
    assert!(elsewhere.is_none(), "{:?}", elsewhere.map(|r| (r.key().to_string(), r.declared_at())));
}
