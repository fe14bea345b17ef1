//! Power cuts and lost connections at every step: the old or the new system answers, never none, and what was not confirmed is the old.
use super::{LAN, PINS, deployed, dns, lab_of, pi};
use homelab_core::{Lab, testing::World};
use std::time::Duration;

fn next() -> Lab {
    lab_of(pi(PINS, dns().record("nas", LAN.host(13))))
}

/// How many calls the deploy of [`next`] makes when nothing goes wrong.
async fn calls() -> u64 {
    let bench = deployed().await;
    let start = bench.world.calls();
    assert!(bench.deploy(next()).await.is_success());
    bench.world.calls() - start
}

#[tokio::test(start_paused = true)]
async fn the_power_may_go_at_every_step() {
    for call in 0..calls().await {
        let bench = deployed().await;
        let [old, ..] = bench.world.pi().systems();
        bench.world.cut_power(call);
        bench.deploy(next()).await;
        assert!(bench.world.pi().answers(), "power cut at call {call}: nobody answers");
        let [_, confirmed, _] = bench.world.pi().systems();
        // Once more at the end: what boots now must answer too.
        bench.world.pi().cut_power();
        let [current, ..] = bench.world.pi().systems();
        assert!(bench.world.pi().answers(), "power cut at call {call} and again");
        assert!(confirmed != old || current == old, "power cut at call {call}: an unconfirmed system boots");
        bench.world.heal();
        let run = bench.deploy(next()).await;
        assert!(run.is_success(), "power cut at call {call}: {}", run.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_power_may_go_within_each_command() {
    for words in
        ["homelab-rollback --on", "homelab-activate", "sh -c test", "--set", "configuration boot", "systemctl stop"]
    {
        let bench = deployed().await;
        bench.world.pi().cut_power_at(words);
        bench.deploy(next()).await;
        assert!(bench.world.pi().answers(), "`{words}`: nobody answers");
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!(bench.world.pi().answers(), "`{words}`: nobody answers later");
        let run = bench.deploy(next()).await;
        assert!(run.is_success(), "`{words}`: {}", run.story());
    }
}

#[tokio::test(start_paused = true)]
async fn the_line_may_be_cut_at_every_step_and_for_good() {
    for call in 0..calls().await {
        let bench = deployed().await;
        bench.world.traffic().cut_off(call);
        bench.deploy(next()).await;
        assert!(bench.world.pi().answers(), "line cut at call {call}: nobody answers");
        tokio::time::advance(Duration::from_secs(600)).await;
        let [current, profile, loader] = bench.world.pi().systems();
        assert!(bench.world.pi().answers(), "line cut at call {call}: nobody answers later");
        assert!(profile == loader && current == profile, "line cut at call {call}: {current} runs, {loader} boots");
        bench.world.heal();
        let run = bench.deploy(next()).await;
        assert!(run.is_success(), "line cut at call {call}: {}", run.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_system_and_a_lost_line_together_leave_the_old_one() {
    let bad = || lab_of(pi(PINS, dns().record("no-names", LAN.host(99))));
    for call in 0..24 {
        let bench = deployed().await;
        let before = bench.world.pi().systems();
        bench.world.traffic().cut_off(call);
        assert!(!bench.deploy(bad()).await.is_success());
        tokio::time::advance(Duration::from_secs(600)).await;
        assert_eq!(bench.world.pi().systems(), before, "line cut at call {call}");
        assert!(bench.world.pi().answers());
    }
}
