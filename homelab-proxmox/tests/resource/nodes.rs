//! The configuration of a node: over SSH on its machine, and over the API where it is restarted.
use super::fixture::{DIN, GROGU, KEY, LAN, PVE, cluster, every};
use homelab_core::{
    Lab, ResourceExt,
    host::Computer,
    plan::{Goal, Wishes},
    sim::{Net, SimMachine},
    testing::{Bench, Fixture, World as _, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    NodeConfig, Template, Vm,
    resource::NodeReboot,
    sim::{Pace, Release, World},
    testing::SimWorld,
};
use std::{sync::Arc, time::Duration};

const TOOLKIT: &str = "/usr/share/javascript/proxmox-widget-toolkit/proxmoxlib.js";

fn nodes() -> World {
    let world = cluster()
        .release(Release::V8_4)
        .pace(Pace::scaled(0.05))
        .with_machine("din", LAN.host(11).ip())
        .with_machine("grogu", LAN.host(10).ip());
    let world = world.without_iommu("din").without_iommu("grogu");
    world.with_pci("din", "0000:03:00.0", "1000:0097", 30, "SAS3008").with_pci(
        "grogu",
        "0000:04:00.0",
        "8086:56a6",
        32,
        "DG2",
    )
}

fn world() -> SimWorld {
    SimWorld::new(PVE, nodes()).joined(Net::new())
}

fn bench() -> (Bench<SimWorld>, Arc<Net>) {
    let net = Net::new();
    (Bench::new(SimWorld::new(PVE, nodes()).joined(Arc::clone(&net))), net)
}

fn machine(net: &Net, node: &str) -> Arc<SimMachine> {
    net.machine(&format!("proxmox/pve/node/{node}")).unwrap()
}

fn whole() -> NodeConfig {
    let config =
        NodeConfig::release_8().no_subscription().without_notice().ssh().time(["ptbtime1.ptb.de"]).node_exporter();
    config.passthrough().keep_drivers_off(["nouveau"]).claim(["1000:0097"])
}

fn with(config: impl Fn() -> NodeConfig) -> Lab {
    let mut lab = Lab::named("home");
    let din = lab.add(Computer::named("din", LAN.host(11)));
    config().add_to(&mut lab, DIN, din);
    lab
}

#[tokio::test(start_paused = true)]
async fn a_fresh_node_is_configured_and_restarted_once_and_then_needs_nothing() {
    let (bench, net) = bench();
    let plan = bench.plan(with(whole), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("reboot: din is restarted, because rules for its modules change"), "{plan}");
    let run = bench.deploy(with(whole)).await;
    assert!(run.is_success(), "{}", run.story());
    let din = machine(&net, "din");
    assert!(din.text("/proc/cmdline").unwrap().contains("intel_iommu=on iommu=pt"));
    assert!(din.text("/etc/apt/sources.list.d/proxmox.sources").unwrap().contains("Components: pve-no-subscription"));
    assert!(din.text("/etc/apt/sources.list.d/pve-enterprise.list").unwrap().starts_with('#'));
    assert!(din.text("/etc/modprobe.d/90-homelab-passthrough.conf").is_none_or(|text| text.contains("nouveau")));
    assert!(!din.text(TOOLKIT).unwrap().contains("'active'"), "{}", din.text(TOOLKIT).unwrap());
    assert_eq!(din.unit("prometheus-node-exporter.service").active, "active");
    assert!(din.lets_in("root"), "the other nodes log in as root");
    let plan = bench.plan(with(whole), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
    let reboots = bench.world.log().iter().filter(|line| line.starts_with("POST /nodes/din/status")).count();
    assert_eq!(reboots, 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_of_release_9_gets_the_repositories_in_the_form_of_its_installer() {
    let net = Net::new();
    let world = nodes().release(Release::V9_2);
    let bench = Bench::new(SimWorld::new(PVE, world).joined(Arc::clone(&net)));
    let run = bench.deploy(with(|| NodeConfig::release_9().no_subscription())).await;
    assert!(run.is_success(), "{}", run.story());
    let din = machine(&net, "din");
    assert!(din.text("/etc/apt/sources.list.d/pve-enterprise.sources").unwrap().contains("Enabled: no"));
    assert!(din.text("/etc/apt/sources.list.d/proxmox.sources").unwrap().contains("Suites: trixie"));
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_release_than_its_configuration_is_refused_at_plan() {
    let (bench, _net) = bench();
    let plan = bench.plan(with(|| NodeConfig::release_9().passthrough()), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("din runs Proxmox VE 8, and its configuration is of 9"), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn the_notice_stays_away_after_an_upgrade_brings_it_back() {
    let (bench, net) = bench();
    let lab = || with(|| NodeConfig::release_8().no_subscription().without_notice());
    assert!(bench.deploy(lab()).await.is_success());
    let din = machine(&net, "din");
    din.somebody_writes(TOOLKIT, "if (res.data.status.toLowerCase() !== 'active') {\n");
    din.somebody_runs(&["apt-get", "install", "-y", "htop"]);
    assert_eq!(din.text(TOOLKIT).unwrap(), "if (false) {\n");
}

#[tokio::test(start_paused = true)]
async fn guests_are_shut_down_before_a_restart_and_those_that_ran_run_again() {
    let (bench, _net) = bench();
    let lab = |restart: bool| {
        let mut lab = Lab::named("home");
        let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
        let vm = |id, name| Vm::clone_from(ubuntu).on(DIN).id(id).named(name).memory(1.gib());
        lab.add(vm(201, "web").at(LAN.host(201)).authorized_keys([KEY]));
        lab.add(vm(202, "off").at(LAN.host(202)).authorized_keys([KEY]).stopped());
        let din = lab.add(Computer::named("din", LAN.host(11)));
        if restart {
            NodeConfig::release_8().passthrough().add_to(&mut lab, DIN, din);
        }
        lab
    };
    assert!(bench.deploy(lab(false)).await.is_success());
    let run = bench.deploy(lab(true)).await;
    assert!(run.is_success(), "{}", run.story());
    let writes: Vec<String> =
        bench.world.log().into_iter().filter(|line| line.starts_with("POST") && line.contains("/status")).collect();
    let after = &writes[writes
        .iter()
        .position(|line| line.ends_with("/201/status/shutdown"))
        .unwrap_or_else(|| panic!("{writes:?}"))..];
    let words: Vec<&str> = after.iter().map(|line| line.trim_start_matches("POST /nodes/din/")).collect();
    assert_eq!(words, ["qemu/201/status/shutdown", "status", "qemu/201/status/start"]);
    let plan = bench.plan(lab(true), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn guests_that_can_are_moved_away_while_their_node_restarts_and_come_back_in_their_order() {
    let (bench, _net) = bench();
    let lab = |restart: bool| {
        let mut lab = Lab::named("home");
        let vm = |id: u32, name: &str| Vm::blank().uefi().on(DIN).id(id).named(name).memory(1.gib()).disk(2.gib());
        let nas = lab.add(vm(300, "nas"));
        lab.add(vm(201, "web").after(nas));
        let din = lab.add(Computer::named("din", LAN.host(11)));
        if restart {
            let config = NodeConfig::release_8().keep_drivers_off(["nouveau"]).moving_guests_and_disks_to(GROGU);
            config.add_to(&mut lab, DIN, din);
        }
        lab
    };
    let run = bench.deploy(lab(false)).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(true), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("guests that can are moved to grogu meanwhile"), "{plan}");
    let before = bench.world.log().len();
    let run = bench.deploy(lab(true)).await;
    assert!(run.is_success(), "{}", run.story());
    let log = bench.world.log().split_off(before);
    let wanted = |line: &&String| line.ends_with("/migrate") || line.ends_with("din/status");
    let words: Vec<&str> = log
        .iter()
        .filter(|line| line.starts_with("POST"))
        .filter(wanted)
        .map(|line| &line["POST /nodes/".len()..])
        .collect();
    assert_eq!(
        words,
        [
            "din/qemu/201/migrate",
            "din/qemu/300/migrate",
            "din/status",
            "grogu/qemu/300/migrate",
            "grogu/qemu/201/migrate"
        ],
        "who others stand on goes last and comes back first"
    );
    assert!(!log.iter().any(|line| line.ends_with("/shutdown")), "nobody was shut down");
    let plan = bench.plan(lab(true), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_cannot_be_moved_is_shut_down_and_started_again() {
    let (bench, _net) = bench();
    let lab = |restart: bool| {
        let mut lab = Lab::named("home");
        // Its disk is on din alone, and nobody said that it goes along.
        let ubuntu = lab.add(Template::ubuntu_24_04(9000).on(DIN).uefi().cloud_init());
        let nas = Vm::clone_from(ubuntu).on(DIN).id(300).named("nas").memory(1.gib()).at(LAN.host(201));
        lab.add(nas.authorized_keys([KEY]));
        let din = lab.add(Computer::named("din", LAN.host(11)));
        if restart {
            NodeConfig::release_8().keep_drivers_off(["nouveau"]).moving_guests_to(GROGU).add_to(&mut lab, DIN, din);
        }
        lab
    };
    let run = bench.deploy(lab(false)).await;
    assert!(run.is_success(), "{}", run.story());
    let before = bench.world.log().len();
    let run = bench.deploy(lab(true)).await;
    assert!(run.is_success(), "{}", run.story());
    let log = bench.world.log().split_off(before);
    assert!(!log.iter().any(|line| line.ends_with("/migrate")), "{log:?}");
    assert!(log.iter().any(|line| line == "POST /nodes/din/qemu/300/status/shutdown"), "{log:?}");
    assert!(bench.world.inventory().contains("300 on din, running"));
}

#[tokio::test(start_paused = true)]
async fn two_nodes_are_never_away_at_once() {
    let (bench, _net) = bench();
    let mut lab = Lab::named("home");
    for (node, at) in [(DIN, LAN.host(11)), (GROGU, LAN.host(10))] {
        let machine = lab.add(Computer::named(node.name(), at));
        NodeConfig::release_8().passthrough().add_to(&mut lab, node, machine);
    }
    let run = bench.deploy(lab).await;
    assert!(run.is_success(), "{}", run.story());
    let log = bench.world.log();
    let at = |node: &str| log.iter().position(|line| *line == format!("POST /nodes/{node}/status")).unwrap();
    let (first, second) = (at("din").min(at("grogu")), at("din").max(at("grogu")));
    let node = if at("din") < at("grogu") { "din" } else { "grogu" };
    let settled = log[first..second].iter().any(|line| *line == format!("PUT /nodes/{node}/config"));
    assert!(settled, "the first was back and done with before the second was touched: {:?}", &log[first..second]);
}

#[tokio::test(start_paused = true)]
async fn an_iommu_that_stays_off_is_an_error_that_names_the_machines_setup() {
    let (bench, _net) = bench();
    let lab = || {
        let mut lab = Lab::named("home");
        lab.add(NodeReboot::of(DIN).expects_iommu());
        lab
    };
    let run = bench.deploy(lab()).await;
    assert!(run.story().contains("the IOMMU of din is off"), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn the_restart_of_a_node_survives_everything() {
    let lab = |value: &'static str| {
        move || {
            let mut lab = Lab::named("home");
            lab.add(NodeReboot::of(DIN).when(value));
            lab
        }
    };
    let (one, two) = (lab("one"), lab("two"));
    conformance_every(every().div_ceil(3), &Fixture { world: &world, lab: &one, edits: &[("when", &two)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_after_one_that_was_killed_while_its_node_was_away_waits_for_the_node() {
    let (bench, net) = bench();
    let away = async {
        // It is there first.
        while net.at(LAN.host(11).ip()).is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        while net.at(LAN.host(11).ip()).is_some() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        run = bench.deploy(with(whole)) => panic!("it was never away: {}", run.story()),
        () = away => {}
    }
    let run = bench.deploy(with(whole)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.log().iter().filter(|line| *line == "POST /nodes/din/status").count(), 1);
}
