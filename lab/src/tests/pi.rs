//! The Pi of the lab: what it is told, and that it is deployed without anybody losing the name service.
use crate::{net, pi};
use homelab_core::{
    Lab, ResourceExt,
    plan::{Goal, Wishes},
    testing::{Bench, World as _},
};
use homelab_pi::{nix::generate, sim::Flaw, testing::PiWorld};

/// What is open while names are answered.
const GATE: &str = "pi/dns-gate/pihole/dns";

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    lab.add(pi::pihole().adopt());
    lab
}

fn addresses() -> homelab_pi::nix::Addresses {
    let full = |name: &str| format!("{}.lan", name.replace(" (", "-").replace(')', ""));
    net::HOSTS.iter().map(|(name, host)| (full(name), host.ip())).collect()
}

#[test]
fn every_host_of_the_lab_has_a_name() {
    let tree = generate(&pi::pihole(), &addresses());
    for (name, address) in addresses() {
        assert!(tree["pihole.nix"].contains(&format!("\"{address} {name}\"")), "{name}");
    }
}

#[test]
fn the_sources_are_pinned_and_follow_the_release() {
    let locked = pi::PINS.locked().unwrap();
    assert_eq!(locked[0].branch.as_deref(), Some("nixos-25.11"));
    assert!(pi::PINS.file().is_some(), "`pi update` finds the file that it writes");
}

#[tokio::test(start_paused = true)]
async fn the_pi_is_deployed_once_and_then_needs_nothing() {
    let bench = Bench::new(PiWorld::new(net::PIHOLE.ip(), |_| Flaw::None));
    // A card that was flashed with something else has other boot files: that is accepted by name, once.
    let accepted = || {
        let mut lab = Lab::named("home");
        lab.add(pi::pihole().accept_boot_changes().adopt());
        lab
    };
    let run = bench.deploy(accepted()).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    assert!(bench.world.pi().answers() && bench.world.writes() > 0);
}

#[test]
fn no_node_is_restarted_and_no_network_of_one_is_loaded_unless_names_are_answered() {
    let graph = crate::lab().build().unwrap_or_else(|problems| panic!("{problems}"));
    for kind in ["proxmox/node-reboot", "proxmox/node-network"] {
        let all: Vec<_> = graph.resources().filter(|r| r.kind() == kind).collect();
        assert_eq!(all.len(), 2, "one for each node");
        for one in all {
            let needs: Vec<&str> = one.needs().into_iter().map(|(key, _)| key).collect();
            assert!(needs.contains(&GATE), "{}: {needs:?}", one.key());
        }
    }
    let needs: Vec<&str> = graph.resource(GATE).unwrap().needs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(needs, ["pi/generation/pihole"], "it is passed anew with each system of the Pi");
}
