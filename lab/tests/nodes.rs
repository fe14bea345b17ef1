//! The nodes as the lab configures them.
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
use lab::{net, nodes, sites};

/// The nodes behind something that stands for the name service.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let pihole = lab.add(Computer::named("pihole", net::PIHOLE));
    nodes::configure(&mut lab, pihole);
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
