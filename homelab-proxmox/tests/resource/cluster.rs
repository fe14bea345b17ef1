//! Nodes that stand alone become a cluster, by root's login to them.
use super::fixture::{DIN, GROGU, LAN, PVE, every};
use homelab_core::{
    Lab,
    host::Computer,
    plan::{Goal, Wishes},
    sim::{Computer as SimComputer, Net},
    testing::{Bench, Traffic, sweep_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{Bridge, Cluster, NodeNetwork, NodeReboot, Pool, QDevice},
    sim::{NodeSpec, Pace, Release, World},
    testing::SimWorld,
};
use std::sync::Arc;

/// Two nodes as the installer leaves them.
fn alone() -> World {
    let node = || NodeSpec { cores: 24, memory: 192 << 30, disk: 1 << 40 };
    let world = World::single().with_node("grogu", node()).with_node("din", node()).pace(Pace::instant());
    let world = world.with_machine("grogu", LAN.host(10).ip()).with_machine("din", LAN.host(11).ip());
    world.alone("din")
}

fn net() -> Arc<Net> {
    let net = Net::new();
    net.switch_on("debian", SimComputer::named("debian", [LAN.host(5).ip()]));
    let debian = net.machine("debian").unwrap();
    debian.somebody_writes("/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAAC3-of-debian root@debian\n");
    net
}

fn world_of(world: World) -> SimWorld {
    SimWorld::new(PVE, world).joined(net())
}

fn bench(world: World) -> Bench<SimWorld> {
    Bench::new(world_of(world))
}

fn home() -> Cluster {
    Cluster::create("home").on(GROGU, LAN.host(10)).join(DIN, LAN.host(11))
}

fn lab(cluster: impl Fn() -> Cluster) -> Lab {
    let mut lab = Lab::named("home");
    cluster().add_to(&mut lab);
    lab
}

fn with_a_third_vote() -> Lab {
    let mut lab = Lab::named("home");
    let [grogu, din, debian] = [("grogu", LAN.host(10)), ("din", LAN.host(11)), ("debian", LAN.host(5))]
        .map(|(name, at)| lab.add(Computer::named(name, at).login("root")));
    home().qdevice(QDevice::at(debian, LAN.host(5)).asked_by([grogu, din])).add_to(&mut lab);
    lab
}

async fn planned(bench: &Bench<SimWorld>, lab: Lab) -> String {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await.to_string()
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_nodes_that_stand_alone_become_a_cluster_and_need_nothing_then() {
    for release in [Release::V8_4, Release::V9_2] {
        let bench = bench(alone().release(release));
        let plan = planned(&bench, lab(home)).await;
        has(
            &plan,
            &[
                "+ proxmox/cluster-node/grogu",
                "as root over SSH, for no token may: `pvecm` on 192.168.0.11",
                "din forgets its own users, tokens, storages and firewall: they are those of home then",
            ],
        );
        let run = bench.deploy(lab(home)).await;
        assert!(run.is_success(), "{}", run.story());
        let status = bench.world.client().cluster().await.unwrap();
        assert_eq!((status.name.as_deref(), status.quorate, status.members.len()), (Some("home"), true, 2));
        let plan = bench.plan(lab(home), &Wishes::new(Goal::Deploy)).await;
        assert!(plan.is_noop(), "{plan}");
    }
}

/// Two nodes, of which nothing is to be taken away again: what was made of them is seen by the plan that has nothing left to do.
struct Forming(SimWorld);

impl homelab_core::testing::World for Forming {
    fn providers(&self) -> homelab_core::Providers {
        self.0.providers()
    }
    fn traffic(&self) -> &Traffic {
        self.0.traffic()
    }
    fn inventory(&self) -> String {
        String::new()
    }
}

#[tokio::test(start_paused = true)]
async fn making_a_cluster_may_be_cut_off_anywhere_and_the_next_run_finishes_it() {
    let two = || lab(|| home().without_third_vote("it is a test"));
    for release in [Release::V8_4, Release::V9_2] {
        let world = || Forming(world_of(alone().release(release)).with_machines());
        let runs = sweep_every(every().div_ceil(3), world, &[&two, &with_a_third_vote]).await;
        assert!(runs > 20 / every().div_ceil(3), "only {runs} faulty runs");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_with_guests_is_refused_at_plan_with_the_way_out_and_so_is_one_of_another_cluster() {
    for (world, parts) in [
        (
            alone().with_guest_apart("din", 100),
            ["din has guests and cannot join home: 100", "or have din begin the cluster and grogu join it"],
        ),
        (
            alone().in_another_cluster("din", "old"),
            ["din is in the cluster old, and would be in home", "no deploy takes a node out of a cluster"],
        ),
    ] {
        let bench = bench(world);
        has(&planned(&bench, lab(home)).await, &parts);
        let run = bench.deploy(lab(home)).await;
        assert!(!run.is_success());
        assert!(bench.world.client().cluster().await.unwrap().name.is_none(), "nothing was begun");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_logged_in_to_has_to_be_the_node() {
    let turned = || Cluster::create("home").on(GROGU, LAN.host(11)).join(DIN, LAN.host(10));
    has(&planned(&bench(alone()), lab(turned)).await, &["192.168.0.11 is the address of din, and not of grogu"]);
    let begun_by_din = || Cluster::create("home").on(DIN, LAN.host(11)).join(GROGU, LAN.host(10));
    has(
        &planned(&bench(alone()), lab(begun_by_din)).await,
        &["din would begin the cluster home, and the API is that of grogu", "in `Cluster::at`"],
    );
    let nobody = Bench::new(SimWorld::new(PVE, alone()));
    has(&planned(&nobody, lab(home)).await, &["nobody said how these are logged in to"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_there_is_used_as_it_is_and_neither_renamed_nor_linked_otherwise() {
    let bench = bench(alone());
    assert!(bench.deploy(lab(home)).await.is_success());
    // Of somebody who has made nothing of it.
    let bench = Bench::new(bench.world.clone());
    let plan = bench.plan(lab(home), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    let renamed = || Cluster::create("lab").on(GROGU, LAN.host(10)).join(DIN, LAN.host(11));
    has(&planned(&bench, lab(renamed)).await, &["din is in the cluster home, and would be in lab"]);
    let linked = || home().link([LAN.host(110), LAN.host(111)]);
    has(&planned(&bench, lab(linked)).await, &["the others reach din by 192.168.0.11, and no deploy changes that"]);
    assert!(!bench.deploy(lab(linked)).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn no_deploy_takes_a_node_out_of_its_cluster_whatever_leaves_the_code() {
    let bench = bench(alone());
    assert!(bench.deploy(lab(home)).await.is_success());
    assert!(bench.deploy(Lab::named("home")).await.is_success());
    assert!(bench.deploy(lab(home)).await.is_success());
    assert!(bench.destroy(lab(home)).await.is_success());
    assert_eq!(bench.world.client().cluster().await.unwrap().members.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn whatever_is_made_on_a_node_comes_after_its_joining() {
    let all = || {
        let mut lab = Lab::named("home");
        home().add_to(&mut lab);
        let network = NodeNetwork::of(DIN).part(Bridge::named("vmbr1").port("eno2")).watched_at(LAN.host(11));
        lab.add(network);
        lab.add(NodeReboot::of(DIN).when("one"));
        lab.add(Vm::blank().on(DIN).id(300).named("nas").memory(1.gib()).disk(2.gib()).stopped());
        lab
    };
    let bench = bench(alone());
    has(
        &planned(&bench, all()).await,
        &["din is not a node of the cluster yet: what is on it is looked at when it has joined"],
    );
    let run = bench.deploy(all()).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(all(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_third_vote_lets_one_of_two_nodes_be_away_and_without_it_nothing_can_be_changed() {
    let pool = || {
        let mut lab = Lab::named("home");
        lab.add(Pool::named(PVE, "tank"));
        lab
    };
    let two = || lab(home);
    let bases: [(&dyn Fn() -> Lab, bool); 2] = [(&two, false), (&with_a_third_vote, true)];
    for (base, works) in bases {
        let bench = bench(alone());
        let run = bench.deploy(base()).await;
        assert!(run.is_success(), "{}", run.story());
        assert!(bench.plan(base(), &Wishes::new(Goal::Deploy)).await.is_noop());
        bench.world.sim().trouble(|trouble| trouble.offline.extend(["din".to_owned()]));
        // Of somebody who looks at nothing else.
        let run = Bench::new(bench.world.clone()).deploy(pool()).await;
        assert_eq!(run.is_success(), works, "{}", run.story());
        if !works {
            has(&run.story(), &["nothing can be changed in the cluster home, it has no quorum: din is away"]);
        }
    }
}

#[test]
fn two_nodes_without_a_third_vote_are_warned_of_unless_the_code_says_why() {
    let graph = lab(home).build().unwrap();
    let said: Vec<String> = graph.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    has(
        &said[0],
        &[
            "while one of these two nodes is away, nothing can be changed on the other",
            "proxmox/cluster-node/din",
            ".qdevice(",
        ],
    );
    let meant = lab(|| home().without_third_vote("both are switched on by hand")).build().unwrap();
    assert!(meant.warnings().is_empty());
    assert!(with_a_third_vote().build().unwrap().warnings().is_empty());
}

#[test]
#[should_panic(expected = "a link of cluster home has 1 addresses and 2 nodes")]
fn a_link_has_an_address_of_each_node() {
    lab(|| home().link([LAN.host(110)]));
}
