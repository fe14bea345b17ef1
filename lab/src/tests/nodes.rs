//! The nodes as the lab configures them.
use crate::{net, setup, sites};
use homelab_core::{
    Lab,
    host::Computer,
    plan::{Goal, Selection, Wishes},
    sim::{Computer as SimComputer, Net},
    testing::Bench,
};
use homelab_proxmox::{
    sim::{Pace, Release},
    testing::SimWorld,
};
use std::sync::Arc;

/// The nodes behind something that stands for the name service.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let pihole = lab.add(Computer::named("pihole", net::PIHOLE));
    setup::configure(&mut lab, pihole);
    lab
}

fn bench(pi_is_on: bool) -> Bench<SimWorld> {
    let net = Net::new();
    if pi_is_on {
        net.switch_on("pi/pihole", SimComputer::named("pihole", [net::PIHOLE.ip()]));
    }
    let world = sites::cluster(None).world("home").release(Release::V8_4).pace(Pace::scaled(0.05));
    Bench::new(SimWorld::new(sites::PVE, world).joined(net))
}

fn restarts(bench: &Bench<SimWorld>) -> Vec<String> {
    bench.world.log().into_iter().filter(|line| line.starts_with("POST") && line.ends_with("/status")).collect()
}

#[tokio::test(start_paused = true)]
async fn both_nodes_are_configured_and_restarted_once_and_then_need_nothing() {
    let bench = bench(true);
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    let mut restarts = restarts(&bench);
    restarts.sort();
    assert_eq!(restarts, ["POST /nodes/din/status", "POST /nodes/grogu/status"]);
}

#[tokio::test(start_paused = true)]
async fn one_node_can_be_configured_alone() {
    let bench = bench(true);
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.selection = Selection::new(vec!["node/din".into()], vec![]);
    let run = bench.run(lab(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(restarts(&bench), ["POST /nodes/din/status"]);
}

#[tokio::test(start_paused = true)]
async fn each_node_is_in_two_networks_over_a_bridge_that_knows_their_vlans() {
    let net = Net::new();
    net.switch_on("pi/pihole", SimComputer::named("pihole", [net::PIHOLE.ip()]));
    let world = sites::cluster(None).world("home").release(Release::V8_4).pace(Pace::instant());
    let bench = Bench::new(SimWorld::new(sites::PVE, world).joined(Arc::clone(&net)));
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
