//! The firewalls of the cluster, the nodes and the guests.
use crate::fixture::{DIN, LAN, PVE, cluster, every, world};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    testing::{Bench, Declare, Fixture, conformance_every},
    units::SizeUnits,
};
use homelab_proxmox::{
    Vm,
    resource::{ClusterFirewall, GuestFirewall, IpSet, Nic, NodeFirewall, Rule, SecurityGroup, Verdict},
    testing::SimWorld,
};

/// A cluster that filters, a node, and a guest whose rules use a set and a group.
fn lab(desks: &[&str], web: Vec<Rule>, node: Vec<Rule>, change: impl FnOnce(GuestFirewall) -> GuestFirewall) -> Lab {
    let mut lab = Lab::named("home");
    let management = lab.add(IpSet::management(PVE).with("192.168.0.0/24"));
    let all = desks.iter().fold(IpSet::named(PVE, "desks"), |set, one| set.with((*one).to_owned()));
    lab.add(all.comment("Who sits there."));
    lab.add(SecurityGroup::named(PVE, "web", web).comment("What serves pages."));
    let nic = Nic::at(LAN.host(201)).firewall(true);
    let guest = lab.add(Vm::blank().on(DIN).id(301).named("g301").disk(1.gib()).nic(nic).stopped());
    let firewall = GuestFirewall::of(guest);
    lab.add(change(firewall.rules([Rule::group("web"), Rule::accept().service("SSH").from("+desks")])));
    lab.add(NodeFirewall::of(DIN, node));
    lab.add(
        ClusterFirewall::on(PVE, management.name()).incoming(Verdict::Drop).rules([Rule::accept().service("Ping")]),
    );
    lab
}

fn web() -> Vec<Rule> {
    vec![Rule::accept().tcp("80,443").comment("Pages."), Rule::drop().udp(443).log("info")]
}

fn ssh() -> Vec<Rule> {
    vec![Rule::accept().service("SSH").from("+desks")]
}

#[tokio::test(start_paused = true)]
async fn firewalls_have_just_the_rules_that_are_declared_and_converge_from_anywhere() {
    let desks = ["192.168.0.7", "!192.168.0.9", "192.168.8.0/24"];
    let base = || lab(&desks, web(), ssh(), |guest| guest);
    let more = || {
        let mut rules = web();
        rules.insert(1, Rule::reject().tcp("8000:8010").from("10.0.0.1-10.0.0.9"));
        rules
    };
    let turned = || web().into_iter().rev().collect::<Vec<_>>();
    let edits: [(&str, &Declare<'_>); 5] = [
        ("other addresses", &|| lab(&["192.168.0.8", "192.168.8.0/24"], web(), ssh(), |guest| guest)),
        ("a rule between", &|| lab(&desks, more(), ssh(), |guest| guest)),
        ("another order", &|| lab(&desks, turned(), ssh(), |guest| guest)),
        ("rules of the node", &|| {
            lab(
                &desks,
                web(),
                vec![Rule::drop().outgoing().to("10.0.0.0/8").disabled(), Rule::group("web").by("vmbr0")],
                |guest| guest,
            )
        }),
        ("policies of the guest", &|| {
            lab(&desks, web(), ssh(), |guest| guest.incoming(Verdict::Reject).outgoing(Verdict::Drop))
        }),
    ];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn the_firewall_is_on_only_once_its_rules_and_those_who_may_always_come_in_are_there() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let whole = || lab(&["192.168.0.7"], web(), ssh(), |guest| guest);
    let plan = bench.plan(whole(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("from now on it filters: what reaches the nodes is in the set `management`"), "{plan}");
    assert!(bench.deploy(whole()).await.is_success());
    let writes: Vec<String> = bench.world.log().into_iter().filter(|line| !line.starts_with("GET")).collect();
    let at = |line: &str| writes.iter().position(|one| one == line).unwrap_or_else(|| panic!("{line}: {writes:#?}"));
    let on = at("PUT /cluster/firewall/options");
    assert!(at("POST /cluster/firewall/ipset/management") < on && at("POST /cluster/firewall/rules") < on);
    assert!(at("POST /nodes/din/qemu/301/firewall/rules") < at("PUT /nodes/din/qemu/301/firewall/options"));
    // Taken away again, it is off before its rules go.
    let before = bench.world.log().len();
    assert!(bench.deploy(Lab::named("home")).await.is_success());
    let after: Vec<String> = bench.world.log().split_off(before);
    let at = |line: &str| after.iter().position(|one| one == line).unwrap_or_else(|| panic!("{line}: {after:#?}"));
    assert!(at("PUT /cluster/firewall/options") < at("DELETE /cluster/firewall/rules/0"));
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_network_devices_are_not_filtered_is_told() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let lab = |firewall: bool| {
        let mut lab = Lab::named("home");
        let guest =
            lab.add(Vm::blank().on(DIN).id(301).named("g301").disk(1.gib()).nic(Nic::at(LAN.host(201))).stopped());
        if firewall {
            lab.add(GuestFirewall::of(guest).rules([Rule::accept().service("SSH")]));
        }
        lab
    };
    assert!(bench.deploy(lab(false)).await.is_success());
    let plan = bench.plan(lab(true), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(plan.contains("none of its network devices is filtered, so its rules say nothing yet"), "{plan}");
}
