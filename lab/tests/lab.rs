//! The lab as its author tests it: it is valid, its addresses make sense, and its plan is the one that is meant.
use homelab_core::{
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
};
use homelab_proxmox::{sim, testing::SimWorld};
use lab::{net, sites::PVE};
use std::collections::BTreeSet;

fn bench() -> Bench<SimWorld> {
    Bench::new(SimWorld::new(PVE, lab::sites::cluster().world("home").pace(sim::Pace::instant())))
}

#[test]
fn the_lab_is_valid_and_warns_of_nothing() {
    let graph = lab::lab().build().unwrap_or_else(|problems| panic!("{problems}"));
    assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
}

#[test]
fn no_two_networks_overlap_or_share_a_vlan() {
    for (n, one) in net::NETWORKS.iter().enumerate() {
        for other in &net::NETWORKS[n + 1..] {
            assert!(!one.overlaps(other), "{one} and {other}");
            assert_ne!(one.tag(), other.tag(), "{} and {}", one.name(), other.name());
        }
    }
}

#[test]
fn everybody_has_an_address_of_their_own_in_a_known_network() {
    let mut seen = BTreeSet::new();
    for (name, host) in net::HOSTS {
        assert!(seen.insert(host.ip()), "{name} has the address of somebody else: {host}");
        assert!(net::NETWORKS.iter().any(|network| network.contains(host.ip())), "{name}: {host}");
    }
}

#[test]
fn name_service_does_not_depend_on_proxmox() {
    let graph = lab::lab().build().unwrap();
    let pihole = net::PIHOLE.ip().to_string();
    let taken = graph.resources().flat_map(|r| r.claims().iter().map(ToString::to_string));
    assert!(!{ taken }.any(|claim| claim == format!("address {pihole}")), "the Pi-hole runs on the Pi");
}

#[tokio::test(start_paused = true)]
async fn the_controller_that_nobody_named_is_said_where_it_is_missing() {
    assert!(lab::nodes::MD1200_CONTROLLER.is_none(), "once it is named, this test has done its work");
    let plan = bench().plan(lab::lab(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("notes: The controller of the MD1200 shelf is not in the list of hardware"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn the_first_plan_is_the_one_that_is_meant() {
    let plan = bench().plan(lab::lab(), &Wishes::new(Goal::Deploy)).await;
    insta::assert_snapshot!(plan);
}

#[tokio::test(start_paused = true)]
async fn the_lab_is_deployed_once_and_then_needs_nothing_and_leaves_nothing() {
    let bench = bench();
    let run = bench.deploy(lab::lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let writes = bench.world.writes();
    let run = bench.deploy(lab::lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.writes(), writes, "a second run changes nothing");
    let run = bench.destroy(lab::lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), "");
}
