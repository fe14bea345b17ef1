//! The gate: nothing passes unless names are answered.
use crate::{PIHOLE, bench, lab, one};
use homelab_core::{
    Lab,
    plan::{Goal, Wishes},
    testing::World as _,
};
use homelab_pi::pihole::{DnsGate, DnsRecord};
use std::{net::IpAddr, time::Duration};
use tokio::time::sleep;

fn declared(patience: u64) -> Lab {
    lab(|lab| {
        let gate = lab.add(DnsGate::of(PIHOLE).patience(Duration::from_secs(patience)));
        lab.add(DnsRecord::on(PIHOLE.behind(gate), "nas.lan", IpAddr::from([192, 168, 0, 13])));
    })
}

#[tokio::test(start_paused = true)]
async fn while_names_are_answered_the_gate_is_open_and_costs_nothing() {
    let bench = bench();
    let plan = bench.plan(declared(10), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.items.len(), 1, "only the record is made: {plan}");
    assert!(bench.deploy(declared(10)).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn a_dead_upstream_keeps_the_gate_shut_with_its_reason_and_nothing_behind_it_is_touched() {
    let bench = bench();
    bench.world.sim().change(|world| world.upstream.alive = false);
    let plan = bench.plan(declared(10), &Wishes::new(Goal::Deploy)).await;
    assert_eq!(plan.items.len(), 2, "{plan}");
    let run = bench.deploy(declared(10)).await;
    let story = run.story();
    assert!(!run.is_success() && story.contains("nothing comes from upstream"), "{story}");
    assert!(story.contains("pi/dns-record/pihole/nas.lan"), "it is skipped: {story}");
    assert_eq!(bench.world.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pi_that_comes_up_in_the_middle_opens_it() {
    let bench = bench();
    bench.world.sim().set_down(true);
    let sim = bench.world.sim().clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(40)).await;
        sim.set_down(false);
    });
    let run = bench.deploy(declared(120)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.world.sim().world().lines("dns.hosts").contains(&"192.168.0.13 nas.lan"));
}

#[tokio::test(start_paused = true)]
async fn a_new_generation_has_to_pass_it_again() {
    let bench = bench();
    let with = |generation: &'static str| one(DnsGate::of(PIHOLE).since(generation).patience(Duration::from_secs(5)));
    assert!(bench.deploy(with("1")).await.is_success());
    bench.world.sim().change(|world| world.upstream.alive = false);
    assert!(!bench.deploy(with("2")).await.is_success());
}
