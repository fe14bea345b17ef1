//! In which order, and how much at once.
use crate::{kinds::vm, world::Toy};
use homelab_core::{
    Lab,
    plan::{Goal, Selection, Wishes},
    testing::{Bench, Run},
};
use tokio::time::Instant;

/// A chain of three beside six that stand alone: with three at once, the chain has to begin first.
fn lab() -> Lab {
    let mut lab = Lab::named("home");
    for n in 1..=6 {
        lab.add(vm(n, &format!("alone-{n}")));
    }
    let a = lab.add(vm(11, "a"));
    let b = lab.add(vm(12, "b").dns(a.ip()));
    lab.add(vm(13, "c").dns(b.ip()));
    lab
}

#[tokio::test(start_paused = true)]
async fn the_longest_way_goes_first_and_semaphores_are_kept() {
    let bench = Bench::new(Toy::default());
    let start = Instant::now();
    let Run::Ended(_, outcome) = bench.deploy(lab()).await else { panic!("nobody kills it") };
    assert!(outcome.is_success());
    // Each clone takes 5 s and three may run at once: nine of them take 15 s if none waits for nothing. Time is paused here, so
    // this is the makespan itself and no measurement.
    let took = start.elapsed().as_secs_f64();
    assert!(took >= 15.0, "{took}");
    assert_eq!(took.floor(), 15.0, "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_only_what_depends_on_it() {
    let bench = Bench::new(Toy::default());
    bench.world.state().names.insert(0, "a stranger appears".into());
    // A stranger takes the number of `b` after it was observed.
    let world = bench.world.clone();
    let meddler = tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let mut state = world.state();
        let mut guest = state.guests.values().next().expect("something is being made").clone();
        (guest.mark, guest.busy_until) = (None, None);
        state.guests.insert(12, guest);
    });
    let Run::Ended(_, outcome) = bench.deploy(lab()).await else { panic!("nobody kills it") };
    meddler.await.unwrap();
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].key, "toy/vm/b");
    assert!(outcome.failed[0].failure.message.contains("already exists"), "{}", outcome.failed[0].failure);
    assert_eq!(outcome.skipped, [("toy/vm/c".to_owned(), Some("toy/vm/b".to_owned()))]);
    assert_eq!(outcome.done.len(), 7);
    // What took our place is still nobody's.
    assert!(bench.world.state().guests[&12].mark.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_and_uses_what_is_made_is_nobodys_failure() {
    let bench = Bench::new(Toy::default());
    let lab = || {
        let mut lab = Lab::named("home");
        let a = lab.add(vm(11, "a"));
        lab.add(vm(12, "b").dns(a.ip()));
        lab
    };
    let mut wishes = Wishes::new(Goal::Deploy);
    wishes.selection = Selection::new(vec!["toy/vm/a".into()], vec![]);
    let run = bench.run(lab(), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(!bench.world.state().guests.contains_key(&12), "it was left out");
}
