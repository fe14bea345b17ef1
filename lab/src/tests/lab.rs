//! The lab as its author tests it: it is valid, its addresses make sense, and its plan is the one that is meant.
use super::{network, proxmox};
use crate::{TOLD, Told, net, sites::PVE};
use homelab_core::{
    Claim,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
};
use homelab_proxmox::{sim, testing::SimWorld};
use std::collections::BTreeSet;

fn bench() -> Bench<SimWorld> {
    let cluster = crate::sites::cluster(crate::nodes::MD1200_CONTROLLER).from_single_nodes();
    let world = cluster.world("home").pace(sim::Pace::instant());
    Bench::new(SimWorld::new(PVE, world).joined(network()))
}

#[test]
fn the_lab_is_valid_and_warns_of_nothing() {
    for md1200 in [None, Some("1000:0072")] {
        let graph = crate::with(Told { md1200, ..TOLD }).build().unwrap_or_else(|problems| panic!("{problems}"));
        assert!(graph.warnings().is_empty(), "{:?}", graph.warnings());
    }
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
    let graph = crate::lab().build().unwrap();
    let address = format!("address {}", net::PIHOLE.ip());
    let holds = |claims: &[Claim]| claims.iter().any(|claim| claim.to_string() == address);
    let holders: Vec<_> = graph.resources().filter(|r| holds(r.claims())).map(|r| r.key().to_owned()).collect();
    assert_eq!(holders, ["pi/generation/pihole"], "the Pi-hole runs on the Pi");
    let needs = graph.resource("pi/generation/pihole").expect("it is declared").needs();
    assert!(needs.is_empty(), "{needs:?}");
}

#[test]
fn the_nas_starts_before_its_clients_and_goes_down_after_them() {
    for md1200 in [None, Some("1000:0072")] {
        let graph = crate::with(Told { md1200, ..TOLD }).build().unwrap_or_else(|problems| panic!("{problems}"));
        let order = |key: &str| {
            let startup = graph.resource(key).and_then(|guest| guest.spec().get("startup").map(ToString::to_string));
            startup.unwrap_or_else(|| "-".into())
        };
        assert_eq!(order("proxmox/vm/truenas"), "order=10,down=180,up=60");
        // They watch each other, so neither is first; the films are on the NAS.
        assert_eq!(order("proxmox/vm/jellyfin"), "order=20,down=180");
        assert_eq!(order("proxmox/vm/newservice-server"), "order=20,down=180");
        // Nothing stands on these.
        assert_eq!([order("proxmox/vm/truenas-backup"), order("proxmox/container/newservice-container")], ["-", "-"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_controller_that_nobody_named_is_said_where_it_is_missing() {
    assert!(crate::nodes::MD1200_CONTROLLER.is_none(), "once it is named, this test has done its work");
    let plan = bench().plan(proxmox(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("notes: The controller of the MD1200 shelf is not in the list of hardware"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn the_first_plan_is_the_one_that_is_meant() {
    let plan = bench().plan(proxmox(), &Wishes::new(Goal::Deploy)).await;
    insta::assert_snapshot!(plan);
}

#[tokio::test(start_paused = true)]
async fn what_is_cloned_lets_nobody_in_with_a_password_and_has_docker() {
    let net = network();
    let world = crate::sites::cluster(None).world("home").pace(sim::Pace::instant());
    let bench = Bench::new(SimWorld::new(PVE, world).joined(std::sync::Arc::clone(&net)));
    let run = bench.deploy(proxmox()).await;
    assert!(run.is_success(), "{}", run.story());
    for guest in [201, 210] {
        let machine = net.machine(&format!("proxmox/pve/{guest}")).unwrap();
        let sshd = machine.somebody_runs(&["/usr/sbin/sshd", "-T"]);
        let sshd = String::from_utf8(sshd.stdout).unwrap();
        assert!(sshd.contains("passwordauthentication no\n") && sshd.contains("pubkeyauthentication yes\n"), "{sshd}");
        for unit in ["docker.service", "prometheus-node-exporter.service", "ssh.service"] {
            assert_eq!(machine.unit(unit).active, "active", "{unit} of {guest}");
        }
        assert!(machine.inventory().contains("package docker-compose-v2 "));
    }
}

#[tokio::test(start_paused = true)]
async fn the_lab_is_deployed_once_and_then_needs_nothing_and_leaves_only_what_its_nodes_are_reached_by() {
    let bench = bench();
    let run = bench.deploy(proxmox()).await;
    assert!(run.is_success(), "{}", run.story());
    let writes = bench.world.writes();
    let run = bench.deploy(proxmox()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.writes(), writes, "a second run changes nothing");
    let run = bench.destroy(proxmox()).await;
    assert!(run.is_success(), "{}", run.story());
    // But for what the nodes are reached by.
    let inventory = bench.world.inventory();
    let left: Vec<&str> = inventory.lines().filter_map(|line| line.split_once(':')).map(|(what, _)| what).collect();
    let of = |node: &str| ["vmbr0.20", "vmbr0"].map(|name| format!("interface of {node} {name}"));
    let left: Vec<&str> = left.into_iter().filter(|what| *what != "gone").collect();
    assert_eq!(left, [of("din"), of("grogu")].concat());
    let plan = bench.plan(proxmox(), &Wishes::new(Goal::Destroy)).await;
    assert!(plan.is_noop(), "{plan}");
}
