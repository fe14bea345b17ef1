//! VMs.
use crate::fixture::{bench, lab};
use homelab_core::{
    plan::{Goal, Wishes},
    testing::World,
};

#[tokio::test(start_paused = true)]
async fn a_template_and_its_clone_are_made_and_a_second_run_finds_nothing_to_do() {
    let bench = bench();
    let run = bench.deploy(lab(|vm| vm)).await;
    assert!(run.is_success(), "{}", run.story());
    let plan = bench.plan(lab(|vm| vm), &Wishes::new(Goal::Deploy)).await;
    println!("{}\n{plan}", bench.world.inventory());
    for line in bench.world.log() {
        println!("{line}");
    }
    assert!(plan.is_noop(), "{plan}");
    let run = bench.destroy(lab(|vm| vm)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), "");
}
