//! Ctrl-C.
use crate::{kinds::vm, world::Toy};
use homelab_core::{
    Lab,
    engine::Interrupt,
    plan::{Goal, Wishes},
    report::Silent,
    testing::{Bench, Run},
};
use std::time::Duration;

fn chain() -> Lab {
    let mut lab = Lab::named("home");
    let a = lab.add(vm(1, "a"));
    let b = lab.add(vm(2, "b").dns(a.ip()));
    lab.add(vm(3, "c").dns(b.ip()));
    lab
}

async fn pressed(bench: &Bench<Toy>, at: &[u64]) -> Box<homelab_core::engine::Outcome> {
    let (presser, interrupt) = Interrupt::pair();
    let at = at.to_owned();
    let finger = tokio::spawn(async move {
        let mut before = 0;
        for second in at {
            tokio::time::sleep(Duration::from_secs(second - before)).await;
            presser.press();
            before = second;
        }
    });
    let run = bench.run_with(chain(), &Wishes::new(Goal::Deploy), &Silent, interrupt).await;
    finger.await.unwrap();
    let Run::Ended(_, outcome) = run else { panic!("nobody kills it") };
    outcome
}

#[tokio::test(start_paused = true)]
async fn the_first_press_finishes_what_runs_and_begins_nothing_new() {
    let bench = Bench::new(Toy::default());
    let outcome = pressed(&bench, &[7]).await;
    assert!(outcome.interrupted);
    assert_eq!(outcome.done.iter().map(|d| d.key.as_str()).collect::<Vec<_>>(), ["toy/vm/a", "toy/vm/b"]);
    assert_eq!(outcome.skipped, [("toy/vm/c".to_owned(), None)]);
    assert!(outcome.in_flight.is_empty());
    assert!(bench.deploy(chain()).await.is_success());
}

#[tokio::test(start_paused = true)]
async fn the_second_press_leaves_what_runs_to_the_next_run() {
    let bench = Bench::new(Toy::default());
    let outcome = pressed(&bench, &[6, 7]).await;
    assert_eq!(outcome.in_flight, ["toy/vm/b"]);
    assert_eq!(outcome.skipped, [("toy/vm/c".to_owned(), None)]);
    assert!(bench.deploy(chain()).await.is_success());
    assert_eq!(bench.world.state().guests.len(), 3);
}
