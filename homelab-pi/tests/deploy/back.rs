//! Going back to an older generation, and the rehearsal of the way that a Pi goes by itself.
use super::{LAN, PINS, deployed, dns, lab_of, pi};
use homelab_core::{
    Permit,
    testing::{Bench, World},
};
use homelab_pi::{PIS, testing::PiWorld, verbs};
use std::time::Duration;

/// A Pi with three generations: the flashed one, and two that were deployed.
async fn bench() -> Bench<PiWorld> {
    let bench = deployed().await;
    let run = bench.deploy(lab_of(pi(PINS, dns().record("nas", LAN.host(13))))).await;
    assert!(run.is_success(), "{}", run.story());
    bench
}

async fn rollback(bench: &Bench<PiWorld>, to: Option<u32>) -> Result<Vec<String>, homelab_core::Failure> {
    let providers = bench.world.providers();
    verbs::rollback(providers.get(PIS).unwrap(), &pi(PINS, dns()), &Permit::for_tests(), to).await
}

async fn rehearse(bench: &Bench<PiWorld>) -> Result<Vec<String>, homelab_core::Failure> {
    let providers = bench.world.providers();
    verbs::rehearse(providers.get(PIS).unwrap(), &pi(PINS, dns()), &Permit::for_tests(), &|_| {}).await
}

#[tokio::test(start_paused = true)]
async fn the_generation_before_runs_and_boots_after_a_rollback_and_answers() {
    let bench = bench().await;
    let before = bench.world.pi().systems();
    assert!(rollback(&bench, None).await.unwrap()[0].contains("generation 2"));
    let after = bench.world.pi().systems();
    assert!(after[0] == after[1] && after[1] == after[2] && after != before);
    assert!(bench.world.pi().answers() && !bench.world.pi().is_armed());
    assert!(rollback(&bench, Some(3)).await.unwrap()[0].contains("generation 3"));
    assert_eq!(bench.world.pi().systems(), before);
    let failure = rollback(&bench, Some(7)).await.unwrap_err();
    assert!(failure.hint.unwrap().contains("1, 2, 3"));
}

/// How many calls a rollback makes when nothing goes wrong.
async fn calls() -> u64 {
    let bench = bench().await;
    let start = bench.world.traffic().calls();
    rollback(&bench, None).await.unwrap();
    bench.world.traffic().calls() - start
}

#[tokio::test(start_paused = true)]
async fn power_or_line_may_go_at_every_step_of_a_rollback() {
    for call in 0..calls().await {
        for power in [true, false] {
            let bench = bench().await;
            let what = format!("call {call}, power {power}");
            match power {
                true => bench.world.cut_power(call),
                false => bench.world.traffic().cut_off(call),
            }
            let _ended = rollback(&bench, None).await;
            assert!(bench.world.pi().answers(), "{what}: nobody answers");
            tokio::time::advance(Duration::from_secs(600)).await;
            let [current, profile, loader] = bench.world.pi().systems();
            assert!(bench.world.pi().answers(), "{what}: nobody answers later");
            assert!(current == profile && profile == loader, "{what}: {current} runs, {loader} boots");
            bench.world.traffic().heal();
            assert!(rollback(&bench, Some(2)).await.is_ok(), "{what}: the next one");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_leaves_everything_as_it_was_and_tells_how_long_the_way_back_took() {
    let bench = bench().await;
    let before = bench.world.pi().systems();
    let said = rehearse(&bench).await.unwrap();
    assert!(
        said[0].contains("went to generation 2") && said[1].starts_with("it came back by itself after 6"),
        "{said:?}"
    );
    assert_eq!(bench.world.pi().systems(), before);
    assert!(bench.world.pi().answers() && !bench.world.pi().is_armed());
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_that_is_cut_off_ends_by_itself_too() {
    for call in 0..12 {
        for power in [true, false] {
            let bench = bench().await;
            let before = bench.world.pi().systems();
            match power {
                true => bench.world.cut_power(call),
                false => bench.world.traffic().cut_off(call),
            }
            let _ended = rehearse(&bench).await;
            tokio::time::advance(Duration::from_secs(600)).await;
            assert_eq!(bench.world.pi().systems(), before, "call {call}, power {power}");
            assert!(bench.world.pi().answers(), "call {call}, power {power}");
        }
    }
}
