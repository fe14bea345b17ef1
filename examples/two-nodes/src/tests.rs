//! What the authors of this lab want to be sure of before anything is deployed.
use super::{ALICE, BOB, Debian, PVE, SERVERS, guest, lab, rules};
use homelab_core::{
    Lab,
    plan::{Goal, Plan, Selection, Wishes},
    testing::{Bench, World as _},
};
use homelab_proxmox::{
    Template,
    sim::{NodeSpec, Pace, World},
    testing::SimWorld,
};

/// The cluster that this lab expects, simulated, where everything is done at once.
fn bench() -> Bench<SimWorld> {
    let nodes = World::cluster("home").with_node("alice", NodeSpec::default()).with_node("bob", NodeSpec::default());
    Bench::new(SimWorld::new(PVE, nodes.with_bridge("bob", "vmbr1").pace(Pace::instant())))
}

fn signs_and_keys(plan: &Plan) -> Vec<String> {
    plan.items.iter().map(|item| format!("{} {}", item.action.sign(), item.key)).collect()
}

#[test]
fn the_web_server_comes_after_both_name_servers() {
    let graph = lab().build().expect("this lab is valid");
    let web = graph.resource("proxmox/vm/web").expect("it is declared");
    let mut needs: Vec<&str> = web.needs().into_iter().map(|(key, _)| key).collect();
    needs.dedup();
    assert_eq!(needs, ["proxmox/template/debian-bob", "proxmox/vm/ns1", "proxmox/vm/ns2"]);
}

#[test]
fn two_name_servers_on_one_node_are_refused_with_both_places() {
    let mut lab = Lab::named("wrong");
    lab.check(rules::name_servers_are_on_different_nodes);
    let debian: Debian = lab.add(Template::debian_13(9000).on(ALICE).uefi().cloud_init());
    lab.group("dns", |lab| {
        lab.add(guest(debian, ALICE, "ns1", SERVERS.host(11)));
        lab.add(guest(debian, ALICE, "ns2", SERVERS.host(12)));
    });
    let invalid = lab.build().err().expect("the rule is broken").to_string();
    assert!(invalid.starts_with("error: two name servers are on alice\n"), "{invalid}");
    assert!(invalid.contains("proxmox/vm/ns1") && invalid.contains("proxmox/vm/ns2"), "{invalid}");
}

#[test]
fn an_address_that_is_given_twice_is_refused() {
    let mut lab = lab();
    let debian: Debian = lab.add(Template::debian_13(9002).named("spare").on(BOB).uefi().cloud_init());
    lab.add(guest(debian, BOB, "copy", SERVERS.host(20)));
    let invalid = lab.build().err().expect("two guests want 10.20.0.20").to_string();
    assert!(invalid.starts_with("error: address 10.20.0.20 is claimed twice\n"), "{invalid}");
}

#[tokio::test(start_paused = true)]
async fn the_first_plan_makes_everything_and_the_group_takes_what_it_needs_along() {
    let bench = bench();
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    insta::assert_snapshot!(signs_and_keys(&plan).join("\n"), @r"
    + proxmox/template/debian-alice
    + proxmox/template/debian-bob
    + proxmox/vm/ns1
    + proxmox/vm/ns2
    + proxmox/vm/web
    ");

    let only_dns = Selection::new(vec!["dns".into()], vec![]);
    let plan = bench.plan(lab(), &Wishes { selection: only_dns, ..Wishes::new(Goal::Deploy) }).await;
    insta::assert_snapshot!(plan.summary(), @"4 to create; 1 left out by the selection");
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_finds_nothing_to_do_and_destroy_leaves_nothing() {
    let bench = bench();
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());

    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "{plan}");

    let run = bench.destroy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), "");
}
