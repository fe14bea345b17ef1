//! The network of a node: staged, loaded once, proven, and else taken back by the node itself.
use crate::fixture::{DIN, GROGU, LAN, PVE, STORAGE, cluster, every};
use homelab_core::{
    Lab, ResourceExt,
    plan::{Goal, Wishes},
    sim::{Net, SimMachine},
    testing::{Bench, Declare, Fault, Fixture, Run, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{Bond, Bridge, NodeNetwork, VlanInterface, vm::Nic},
    sim::{Pace, Release, World},
    testing::SimWorld,
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

const BEFORE: &str = "/var/lib/misc/homelab-network.before";

fn nodes(release: Release) -> World {
    let world = cluster().release(release).pace(Pace::instant());
    world.with_machine("din", LAN.host(11).ip()).with_machine("grogu", LAN.host(10).ip())
}

fn bench_of(world: World) -> (Bench<SimWorld>, Arc<Net>) {
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net))), net)
}

fn bench() -> (Bench<SimWorld>, Arc<Net>) {
    bench_of(nodes(Release::V9_2))
}

fn din(net: &Net) -> Arc<SimMachine> {
    net.machine("proxmox/pve/node/din").unwrap()
}

/// The network that the reference lab wants: all VLANs on one bridge, the node itself in two of them.
fn aware(port: &str) -> NodeNetwork {
    NodeNetwork::of(DIN)
        .part(Bridge::named("vmbr0").port(port).vlans([LAN, STORAGE]))
        .part(VlanInterface::on("vmbr0", LAN.host(11)).way_out())
        .part(VlanInterface::on("vmbr0", STORAGE.host(11)))
        .watched_at(LAN.host(11))
}

fn lab(network: NodeNetwork) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(network.adopt());
    lab
}

async fn plan(bench: &Bench<SimWorld>, lab: Lab) -> String {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await.to_string()
}

fn reloads(bench: &Bench<SimWorld>) -> usize {
    bench.world.log().iter().filter(|line| *line == "PUT /nodes/din/network").count()
}

#[tokio::test(start_paused = true)]
async fn the_network_that_the_node_is_reached_by_is_changed_under_a_watchdog_and_loaded_once() {
    let (bench, net) = bench();
    let shown = plan(&bench, lab(aware("eno1"))).await;
    assert!(shown.contains("downtime: din is reached by vmbr0 and vmbr0.20"), "{shown}");
    assert!(shown.contains("interfaces.vmbr0.bridge_vids: 10 20"), "{shown}");
    let run = bench.deploy(lab(aware("eno1"))).await;
    assert!(run.is_success(), "{}", run.story());
    let file = din(&net).text("/etc/network/interfaces").unwrap();
    assert!(file.contains("iface vmbr0.20 inet static\n\taddress 192.168.0.11/24\n\tgateway 192.168.0.1\n"), "{file}");
    assert_eq!(reloads(&bench), 1);
    assert!(
        din(&net).text(BEFORE).is_none() && !din(&net).inventory().contains("timer homelab"),
        "nobody waits any more"
    );
    let again = bench.plan(lab(aware("eno1")), &Wishes::new(Goal::Deploy)).await;
    assert!(again.is_noop(), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_network_that_cuts_the_node_off_is_taken_back_by_the_node_within_its_time() {
    let (bench, net) = bench_of(nodes(Release::V8_4).unplugged("din", "eno2"));
    let before = bench.world.inventory();
    let began = Instant::now();
    let run = bench.deploy(lab(aware("eno2"))).await;
    assert!(!run.is_success() && run.story().contains("has put its old one back"), "{}", run.story());
    assert!(began.elapsed() < Duration::from_secs(240), "{:?}", began.elapsed());
    assert_eq!(bench.world.inventory(), before, "all is as it was");
    assert!(din(&net).text(BEFORE).is_none());
    let run = bench.deploy(lab(aware("eno1"))).await;
    assert!(run.is_success(), "the right port works: {}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_while_the_node_is_cut_off_leaves_the_old_network() {
    let (bench, net) = bench_of(nodes(Release::V9_2).unplugged("din", "eno2"));
    let before = bench.world.inventory();
    let deploy = tokio::time::timeout(Duration::from_secs(30), bench.deploy(lab(aware("eno2"))));
    assert!(deploy.await.is_err(), "it was ended in the middle");
    assert!(net.at(LAN.host(11).ip()).is_none(), "nobody answers");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.world.inventory(), before);
    assert!(net.at(LAN.host(11).ip()).is_some(), "it answers again");
}

#[tokio::test(start_paused = true)]
async fn a_dangerous_change_that_fails_or_is_cut_off_at_any_call_converges_and_leaves_nothing_waiting() {
    let (calm, _net) = bench();
    let start = calm.world.calls();
    assert!(calm.deploy(lab(aware("eno1"))).await.is_success());
    let (calls, wanted) = (calm.world.calls() - start, calm.world.inventory());
    for fault in Fault::ALL {
        for call in (0..calls).step_by(every().div_ceil(3)) {
            let (bench, net) = bench();
            bench.world.fail(call, fault);
            let first = bench.deploy(lab(aware("eno1"))).await;
            assert!(fault == Fault::Kill || !matches!(first, Run::Killed), "{fault} at call {call}");
            bench.world.heal();
            let run = bench.deploy(lab(aware("eno1"))).await;
            assert!(run.is_success(), "{fault} at call {call} of {calls}: {}", run.story());
            assert_eq!(bench.world.inventory(), wanted, "{fault} at call {call} of {calls}");
            assert!(din(&net).text(BEFORE).is_none() && !din(&net).inventory().contains("timer homelab"));
            let plan = bench.plan(lab(aware("eno1")), &Wishes::new(Goal::Deploy)).await;
            assert!(plan.is_noop(), "{fault} at call {call} of {calls}: {plan}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_node_is_reached_by_stays_when_the_rest_of_its_network_goes_and_that_is_the_end_of_it() {
    let (bench, net) = bench();
    assert!(bench.deploy(lab(aware("eno1"))).await.is_success());
    let shown = bench.plan(lab(aware("eno1")), &Wishes::new(Goal::Destroy)).await.to_string();
    assert!(shown.contains("vmbr0.20 stays as it is: din is reached by it"), "{shown}");
    let run = bench.destroy(lab(aware("eno1"))).await;
    assert!(run.is_success(), "{}", run.story());
    let file = din(&net).text("/etc/network/interfaces").unwrap();
    assert!(file.contains("iface vmbr0.20 inet static") && !file.contains("vmbr0.10"), "{file}");
    let rest = bench.plan(lab(aware("eno1")), &Wishes::new(Goal::Destroy)).await;
    assert!(rest.is_noop(), "{rest}");
    // It can be taken up again, also where nothing of ours but that was left.
    assert!(bench.deploy(lab(aware("eno1"))).await.is_success());
    let alone =
        || lab(NodeNetwork::of(DIN).part(Bridge::named("vmbr0").port("eno1").vlans([LAN])).watched_at(LAN.host(11)));
    let run = bench.deploy(alone()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(alone(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_staged_is_shown_and_never_loaded_along() {
    let (bench, _net) = bench();
    let pve = bench.world.client();
    let permit = homelab_core::Permit::for_tests();
    let theirs = homelab_proxmox::client::Params::new().set("type", "bridge").set("autostart", 1);
    pve.stage_new(&permit, "din", "vmbr9", theirs).await.unwrap();
    let shown = plan(&bench, lab(aware("eno1"))).await;
    assert!(shown.contains("changes of the network of din are staged that are not ours"), "{shown}");
    assert!(shown.contains("iface vmbr9") && shown.contains("proxmox call DELETE /nodes/din/network --yes"), "{shown}");
    let run = bench.deploy(lab(aware("eno1"))).await;
    assert!(!run.is_success());
    assert_eq!(reloads(&bench), 0);
    assert!(
        bench.world.inventory().contains("staged interface of din vmbr9"),
        "it is still there for whoever staged it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bridge_that_guests_are_plugged_into_is_not_removed() {
    let (bench, _net) = bench();
    let network = |bridge: &str| NodeNetwork::of(DIN).part(Bridge::named(bridge).vlan_aware());
    let with = |bridge: &'static str| {
        let mut lab = Lab::named("home");
        lab.add(network(bridge));
        lab.add(Vm::blank().on(DIN).id(300).named("nas").disk(32.gib()).nic(Nic::untagged().bridge("vmbr5")).stopped());
        lab
    };
    let run = bench.deploy(with("vmbr5")).await;
    assert!(run.is_success(), "{}", run.story());
    let shown = plan(&bench, with("vmbr6")).await;
    assert!(shown.contains("vmbr5 of din cannot go: guests are plugged into it: nas (300)"), "{shown}");
    assert!(!bench.deploy(with("vmbr6")).await.is_success());
    assert!(bench.world.inventory().contains("interface of din vmbr5"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_comes_after_the_bridge_that_it_is_plugged_into() {
    let (bench, _net) = bench();
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(NodeNetwork::of(DIN).part(Bridge::named("vmbr5")));
        lab.add(Vm::blank().on(DIN).id(300).named("nas").disk(32.gib()).nic(Nic::untagged().bridge("vmbr5")));
        lab
    };
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let log = bench.world.log();
    let at = |call: &str| log.iter().position(|line| line == call).unwrap();
    assert!(at("PUT /nodes/din/network") < at("POST /nodes/din/qemu"));
    assert!(bench.destroy(lab()).await.is_success(), "and goes before it");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_work_is_refused_at_plan_with_the_way_out() {
    let (bench, net) = bench();
    let missing = plan(&bench, lab(aware("enp3s0"))).await;
    assert!(missing.contains("din has no enp3s0") && missing.contains("its ports are: eno1, eno2"), "{missing}");
    let blind = NodeNetwork::of(DIN).part(Bridge::named("vmbr0").port("eno1").vlan_aware().at(LAN.host(11)).way_out());
    let blind = plan(&bench, lab(blind)).await;
    assert!(blind.contains("could not take the change back: nobody said where it is logged in to"), "{blind}");
    let elsewhere = NodeNetwork::of(DIN)
        .part(Bridge::named("vmbr0").port("eno1").vlan_aware().at(LAN.host(12)).way_out())
        .watched_at(LAN.host(11));
    let elsewhere = plan(&bench, lab(elsewhere)).await;
    assert!(elsewhere.contains("din would not have 192.168.0.11 any more"), "{elsewhere}");
    let locked = net.machine("proxmox/pve/node/din").unwrap();
    locked.somebody_writes("/etc/ssh/sshd_config.d/no.conf", "PermitRootLogin no\n");
    locked.somebody_runs(&["systemctl", "restart", "ssh"]);
    let unwatched = plan(&bench, lab(aware("eno1"))).await;
    assert!(
        unwatched.contains("could not take the change back: root cannot log in at root@192.168.0.11"),
        "{unwatched}"
    );
}

#[tokio::test(start_paused = true)]
async fn bridges_bonds_and_vlans_of_a_node_survive_everything() {
    for release in [Release::V8_4, Release::V9_2] {
        let world = || SimWorld::new(PVE, nodes(release)).joined(Net::new());
        let with = |network: NodeNetwork| {
            let mut lab = Lab::named("home");
            lab.add(network);
            lab
        };
        let bridge = || Bridge::named("vmbr5").port("eno2");
        let one = || with(NodeNetwork::of(GROGU).part(bridge()));
        let vlans = || with(NodeNetwork::of(GROGU).part(bridge().vlans([STORAGE, LAN]).mtu(9000)));
        let address = || {
            let vlan = VlanInterface::on("vmbr5", STORAGE.host(10));
            with(NodeNetwork::of(GROGU).part(bridge().vlan_aware()).part(vlan))
        };
        let bond = || {
            let bond = Bond::active_backup("bond5", "eno2", ["eno3"]);
            with(NodeNetwork::of(GROGU).part(Bridge::named("vmbr5").port("bond5")).part(bond))
        };
        let gone = || with(NodeNetwork::of(GROGU).part(Bridge::named("vmbr6").port("eno2").at(STORAGE.host(10))));
        let edits: [(&str, &Declare<'_>); 3] =
            [("vlans and MTU", &vlans), ("an address", &address), ("another bridge", &gone)];
        conformance_every(every(), &Fixture { world: &world, lab: &one, edits: &edits }).await;
        let world = || SimWorld::new(PVE, nodes(release).with_port("grogu", "eno3")).joined(Net::new());
        conformance_every(every(), &Fixture { world: &world, lab: &one, edits: &[("a bond", &bond)] }).await;
    }
}

#[test]
#[should_panic(expected = "eno1 of din is a part of vmbr0 and of bond0: it can be in one")]
fn a_port_is_in_one_bridge_or_bond() {
    let _ = aware("eno1").part(Bond::lacp("bond0", ["eno1", "eno2"]));
}
